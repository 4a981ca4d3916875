//! The customers' endpoint: answers 200 at once and counts what comes by its `webhook-id`.

use std::{
    cell::Cell,
    collections::{HashMap, HashSet},
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpListener,
    task::AbortHandle,
    time::{sleep, timeout},
};

/// How often the record is looked at while somebody waits for the rest.
const GLANCE: Duration = Duration::from_millis(10);

/// How long after the last webhook no other is expected any more. Longer than the first two delays
/// of no retry schedule, so what is missing then was lost or is not sent in time.
const SILENCE: Duration = Duration::from_secs(15);

/// A receiver on a free port of the loopback interface, gone when it is dropped.
pub(crate) struct Receiver {
    port: u16,
    record: Arc<Mutex<HashMap<String, Arrival>>>,
    /// How many webhooks were awaited so far.
    awaited: Cell<usize>,
    listening: AbortHandle,
}

/// A webhook, as it came.
#[derive(Clone, Copy)]
struct Arrival {
    first: Instant,
    times: u32,
}

/// What came of the webhooks that were owed.
pub(crate) struct Received {
    /// When each came first, in the order in which they were asked for.
    pub(crate) at: Vec<Instant>,
    /// How many came another time.
    pub(crate) duplicates: usize,
}

impl Receiver {
    /// Starts a receiver in this runtime.
    pub(crate) async fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let record = Arc::default();
        let listening = tokio::spawn(listen(listener, Arc::clone(&record))).abort_handle();
        Ok(Self {
            port,
            record,
            awaited: Cell::new(0),
            listening,
        })
    }

    /// Where webhooks go to.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    /// Waits until each of these webhooks has come. No others may come meanwhile.
    ///
    /// # Errors
    ///
    /// When some are missing and nothing has come for a while, or when one came that is not owed.
    pub(crate) async fn await_all(&self, owed: &[String]) -> Result<Received> {
        let mut missing: HashSet<&str> = owed.iter().map(String::as_str).collect();
        let mut last = Instant::now();
        loop {
            let before = missing.len();
            {
                let record = record(&self.record);
                missing.retain(|id| !record.contains_key(*id));
            }
            if missing.is_empty() {
                break;
            }
            if missing.len() < before {
                last = Instant::now();
            } else if last.elapsed() > SILENCE {
                let (missing, all) = (missing.len(), owed.len());
                bail!("{missing} of {all} webhooks that were owed have not come");
            }
            sleep(GLANCE).await;
        }
        let record = record(&self.record);
        self.awaited.set(self.awaited.get() + owed.len());
        let (came, awaited) = (record.len(), self.awaited.get());
        ensure!(came == awaited, "{came} webhooks came, {awaited} were owed");
        let arrivals = owed
            .iter()
            .map(|id| record.get(id).copied().context("it has come"));
        let arrivals = arrivals.collect::<Result<Vec<_>>>()?;
        Ok(Received {
            duplicates: arrivals
                .iter()
                .map(|arrival| arrival.times as usize - 1)
                .sum(),
            at: arrivals.into_iter().map(|arrival| arrival.first).collect(),
        })
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn listen(listener: TcpListener, record: Arc<Mutex<HashMap<String, Arrival>>>) {
    // Only a process without file descriptors left can't accept; then webhooks are missed.
    while let Ok((stream, _)) = listener.accept().await {
        // Answers are tiny: nothing is gained by collecting them.
        let _ = stream.set_nodelay(true);
        let record = Arc::clone(&record);
        let service = service_fn(move |request| receive(request, Arc::clone(&record)));
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        // A client that goes away in the middle has counted as far as it came.
        tokio::spawn(async move { drop(connection.await) });
    }
}

async fn receive(
    request: Request<Incoming>,
    arrivals: Arc<Mutex<HashMap<String, Arrival>>>,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    let now = Instant::now();
    let id = request
        .headers()
        .get("webhook-id")
        .and_then(|id| id.to_str().ok());
    let id = id.unwrap_or_default().to_owned();
    // A webhook whose body does not arrive whole has not arrived.
    let whole = timeout(SILENCE, request.into_body().collect()).await;
    if matches!(whole, Ok(Ok(_))) {
        let mut record = record(&arrivals);
        let arrival = record.entry(id).or_insert(Arrival {
            first: now,
            times: 0,
        });
        arrival.times += 1;
    }
    Ok(Response::new(Empty::new()))
}

fn record(record: &Mutex<HashMap<String, Arrival>>) -> MutexGuard<'_, HashMap<String, Arrival>> {
    record.lock().unwrap_or_else(PoisonError::into_inner)
}
