//! A receiver of webhooks: records what comes and answers as it is told.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Result, bail};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::Value;
use tokio::{net::TcpListener, sync::watch, task::AbortHandle};

use crate::DEADLINE;

/// A request that came.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// Its method.
    pub method: Method,
    /// Its path and query.
    pub path: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Webhook {
    /// The value of a header; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// The body, which has to be JSON.
    ///
    /// # Errors
    ///
    /// When it is not.
    pub fn json(&self) -> Result<Value> {
        Ok(serde_json::from_slice(&self.body)?)
    }
}

/// What the receiver answers.
#[derive(Debug, Clone)]
pub struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
    delay: Duration,
}

impl Answer {
    /// An answer of this status, without a body.
    pub fn status(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Bytes::new(),
            delay: Duration::ZERO,
        }
    }

    /// The same with one more header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The same with this body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// The same, given this long after the request.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

/// A receiver on a free port of the loopback interface. It answers 200 until it is told otherwise,
/// and is gone when it is dropped.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    state: Arc<State>,
    listening: AbortHandle,
}

#[derive(Debug, Default)]
struct State {
    received: watch::Sender<Vec<Webhook>>,
    answers: Mutex<HashMap<String, Vec<Answer>>>,
}

impl Receiver {
    /// Starts a receiver. It runs in the test's own runtime.
    ///
    /// # Errors
    ///
    /// When there is no port for it.
    pub async fn start() -> Result<Self> {
        Self::start_on(0).await
    }

    /// Starts a receiver on this port.
    ///
    /// # Errors
    ///
    /// When the port is taken.
    pub async fn start_on(port: u16) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State::default());
        let listening = tokio::spawn(listen(listener, Arc::clone(&state))).abort_handle();
        Ok(Self {
            address,
            state,
            listening,
        })
    }

    /// The URL of a path of the receiver.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Answers this at `path` from now on.
    pub fn answer(&self, path: &str, answer: Answer) {
        self.answer_in_turn(path, vec![answer]);
    }

    /// Answers these at `path` from now on, one after the other, and then the last for good.
    pub fn answer_in_turn(&self, path: &str, mut answers: Vec<Answer>) {
        answers.reverse();
        self.state.answers().insert(path.to_owned(), answers);
    }

    /// What came so far, in the order in which it came whole.
    pub fn so_far(&self) -> Vec<Webhook> {
        self.state.received.borrow().clone()
    }

    /// Forgets what came so far.
    pub fn forget(&self) {
        self.state.received.send_modify(Vec::clear);
    }

    /// Waits until `count` requests came, and returns all that came.
    ///
    /// # Errors
    ///
    /// When they do not come; with what came instead.
    pub async fn received(&self, count: usize) -> Result<Vec<Webhook>> {
        self.received_within(count, DEADLINE).await
    }

    /// Waits until `count` requests came, this long at most, and returns all that came.
    ///
    /// # Errors
    ///
    /// When they do not come; with what came instead.
    pub async fn received_within(&self, count: usize, within: Duration) -> Result<Vec<Webhook>> {
        let mut received = self.state.received.subscribe();
        let enough = received.wait_for(|received| received.len() >= count);
        if let Ok(Ok(received)) = tokio::time::timeout(within, enough).await {
            return Ok(received.clone());
        }
        let came = self.so_far();
        bail!(
            "{} of {count} webhooks came within {within:?}: {came:?}",
            came.len()
        )
    }

    /// Waits for the one request that is to come.
    ///
    /// # Errors
    ///
    /// When none came, or several did.
    pub async fn only(&self) -> Result<Webhook> {
        match <[Webhook; 1]>::try_from(self.received(1).await?) {
            Ok([webhook]) => Ok(webhook),
            Err(several) => bail!("{} webhooks came: {several:?}", several.len()),
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl State {
    fn answers(&self) -> MutexGuard<'_, HashMap<String, Vec<Answer>>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_answer(&self, path: &str) -> Answer {
        match self.answers().get_mut(path) {
            Some(answers) if answers.len() > 1 => answers.pop(),
            Some(answers) => answers.last().cloned(),
            None => None,
        }
        .unwrap_or_else(|| Answer::status(200))
    }
}

async fn listen(listener: TcpListener, state: Arc<State>) {
    // Accepting fails when the test is out of file descriptors; the test then tells.
    while let Ok((connection, _)) = listener.accept().await {
        let state = Arc::clone(&state);
        tokio::spawn(async move {
            let answer = service_fn(|request| answer(request, Arc::clone(&state)));
            // The other end may go away at any time; the test looks at what came.
            let _ = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(connection), answer)
                .await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    state: Arc<State>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    if let Ok(body) = body.collect().await {
        let webhook = Webhook {
            method: head.method,
            path: head.uri.to_string(),
            headers: head.headers,
            body: body.to_bytes(),
        };
        state
            .received
            .send_modify(|received| received.push(webhook));
    }
    let Answer {
        status,
        headers,
        body,
        delay,
    } = state.next_answer(&path);
    tokio::time::sleep(delay).await;
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    let response = response.body(Full::new(body));
    Ok(response.expect("tests answer with valid headers"))
}
