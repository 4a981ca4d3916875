//! The server: connections in, answers out.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use jiff::Timestamp;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

use crate::act;
use crate::behaviour::{Act, Answer, Behaviour, LONGEST, Plan};
use crate::log::{self, Log, Received};
use crate::render;
use crate::signature::Keys;

/// The longest body that is read, in bytes.
const LONGEST_BODY: usize = 1024 * 1024;

/// The longest head of a request that is read, in bytes.
const LONGEST_HEAD: usize = 64 * 1024;

/// How long a body may take to come.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long to wait where no connection can be accepted: there are no file descriptors left, and some come
/// free when other connections end.
const RECOVERY: Duration = Duration::from_millis(100);

/// What a receiver is to do.
#[derive(Default)]
pub struct Settings {
    /// What signatures are checked with.
    pub keys: Keys,
    /// How much it takes on.
    pub limits: Limits,
    /// Whether headers and bodies are printed, too.
    pub verbose: bool,
    /// What prints a line, or several; nothing is printed without.
    pub print: Option<Printer>,
}

/// What prints.
type Printer = Box<dyn Fn(&str) + Send + Sync>;

/// How much a receiver takes on.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How many connections it has at once. More wait until it has fewer.
    pub connections: usize,
    /// The longest that one answer takes.
    pub longest: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            longest: Duration::from_secs(LONGEST),
        }
    }
}

/// A receiver that runs, in the runtime that it was started in. It is gone when it is dropped, with all of
/// its connections.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    listening: AbortHandle,
}

/// What the connections share.
struct Shared {
    settings: Settings,
    log: watch::Sender<Log>,
    places: Arc<Semaphore>,
}

impl Server {
    /// Starts a receiver at `listen`, e.g. `127.0.0.1:4000`; port 0 is a free one.
    ///
    /// # Errors
    ///
    /// When it can't listen there.
    pub async fn start(listen: &str, settings: Settings) -> Result<Self> {
        let listener = TcpListener::bind(listen).await;
        let listener = listener.with_context(|| format!("cannot listen on {listen}"))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            places: Arc::new(Semaphore::new(settings.limits.connections)),
            settings,
            log: watch::Sender::default(),
        });
        let listening = tokio::spawn(listen_to(listener, Arc::clone(&shared)));
        Ok(Self {
            address,
            shared,
            listening: listening.abort_handle(),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a path of it.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What it received so far and keeps, the oldest first.
    pub fn so_far(&self) -> Vec<Received> {
        in_order(&self.shared.log.borrow())
    }

    /// Waits until `count` requests came, and returns what it keeps of all that came, the oldest first.
    pub async fn received(&self, count: u64) -> Vec<Received> {
        let mut log = self.shared.log.subscribe();
        let enough = log.wait_for(|log| log.totals().received >= count);
        let log = enough.await.expect("we hold the sender ourselves");
        in_order(&log)
    }

    /// Waits until no connection is open.
    pub async fn idle(&self) {
        let connections = u32::try_from(self.shared.settings.limits.connections);
        let connections = connections.expect("as many as a semaphore has is few");
        let all = self.shared.places.acquire_many(connections).await;
        drop(all.expect("it is never closed"));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The connections are the task's own, and end with it.
        self.listening.abort();
    }
}

fn in_order(log: &Log) -> Vec<Received> {
    let mut received: Vec<_> = log.newest(None).cloned().collect();
    received.reverse();
    received
}

async fn listen_to(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((connection, _)) = listener.accept().await else {
            sleep(RECOVERY).await;
            continue;
        };
        let place = Arc::clone(&shared.places).acquire_owned().await;
        let place = place.expect("it is never closed");
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            serve(connection, shared).await;
            drop(place);
        });
        // Those that are over are not to pile up.
        while connections.try_join_next().is_some() {}
    }
}

/// Answers the requests of one connection, until one of them asks for what is no answer.
async fn serve(connection: TcpStream, shared: Arc<Shared>) {
    let longest = shared.settings.limits.longest;
    let (takeover, mut taken_over) = mpsc::channel(1);
    let answer = service_fn(|request| answer(request, Arc::clone(&shared), takeover.clone()));
    // Who sends no head, or no next one, is not waited for: that is hyper's own time limit.
    let mut serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .max_buf_size(LONGEST_HEAD)
        .serve_connection(TokioIo::new(connection), answer);
    let act = tokio::select! {
        // The other end may go away at any time.
        _ = &mut serving => return,
        act = taken_over.recv() => act,
    };
    if let Some(act) = act {
        let connection = serving.into_parts().io.into_inner();
        act::perform(act, connection, longest).await;
    }
}

async fn answer(
    request: Request<Incoming>,
    shared: Arc<Shared>,
    takeover: mpsc::Sender<Act>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path();
    Ok(match (request.method(), path) {
        (&Method::GET | &Method::HEAD, "/") => text(StatusCode::OK, shared.page()),
        (&Method::GET | &Method::HEAD, "/received") => {
            json(shared.list(request.uri().query().unwrap_or_default()))
        }
        (&Method::DELETE, "/received") => {
            shared.log.send_modify(|log| *log = Log::default());
            respond(&Answer::status(204))
        }
        (_, "/received") => {
            let said = "GET lists what came, DELETE forgets it\n".to_owned();
            let mut refused = text(StatusCode::METHOD_NOT_ALLOWED, said);
            let allowed = HeaderValue::from_static("GET, HEAD, DELETE");
            refused.headers_mut().insert(header::ALLOW, allowed);
            refused
        }
        _ => match receive(request, &shared).await {
            Plan::Answer(answer) => {
                sleep(answer.delay.min(shared.settings.limits.longest)).await;
                respond(&answer)
            }
            Plan::Act(act) => {
                // Whoever takes over drops this.
                let _ = takeover.send(act).await;
                std::future::pending().await
            }
        },
    })
}

/// Reads a webhook, and decides what it gets.
async fn receive(request: Request<Incoming>, shared: &Shared) -> Plan {
    let (head, body) = request.into_parts();
    let body = match read(body).await {
        Ok(body) => body,
        // It is none of those that were received: nothing of it can be looked at.
        Err(unread) => {
            shared.print(&render::unread(&head.method, &head.uri, &unread));
            return Plan::Answer(unread);
        }
    };
    let at = Timestamp::now();
    let verdict = (shared.settings.keys).check(&head.headers, &body, at.as_second());
    let behaviour = Behaviour::parse(head.uri.path(), head.uri.query().unwrap_or_default());
    let request = log::Request {
        at,
        method: head.method,
        path: head.uri.to_string(),
        headers: head.headers,
        body,
    };
    let mut received = None;
    shared
        .log
        .send_modify(|log| received = Some(log.add(request, verdict, behaviour)));
    let received = received.expect("what modifies is called once");
    shared.print(&render::line(&received));
    if shared.settings.verbose {
        shared.print(&render::details(&received));
    }
    received.plan
}

/// Reads a body; or says what is answered where it can't be read.
async fn read(body: Incoming) -> Result<Bytes, Answer> {
    let too_long = || Answer::status(413).saying("the body is longer than 1 MiB\n");
    // One that is announced is not waited for.
    if body.size_hint().lower() > LONGEST_BODY as u64 {
        return Err(too_long());
    }
    match timeout(PATIENCE, Limited::new(body, LONGEST_BODY).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_long()),
        Ok(Err(_)) => Err(Answer::status(400).saying("the body broke off\n")),
        Err(_) => Err(Answer::status(408).saying("the body did not come\n")),
    }
}

impl Shared {
    fn page(&self) -> String {
        render::page(&self.log.borrow())
    }

    fn list(&self, query: &str) -> String {
        let mut parameters = form_urlencoded::parse(query.as_bytes());
        let id = parameters.find(|(name, _)| name == "id");
        let id = id.map(|(_, id)| id);
        render::list(&self.log.borrow(), id.as_deref())
    }

    fn print(&self, text: &str) {
        if let Some(print) = &self.settings.print {
            print(text);
        }
    }
}

fn respond(answer: &Answer) -> Response<Full<Bytes>> {
    let status = StatusCode::from_u16(answer.status).expect("it is of 200 to 599");
    let mut response = text(status, answer.text.clone());
    if let Some((name, value)) = &answer.header {
        let value = value.parse().expect("it was checked when it was parsed");
        response.headers_mut().insert(*name, value);
    }
    response
}

fn json(body: String) -> Response<Full<Bytes>> {
    let mut response = text(StatusCode::OK, body);
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

fn text(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response
}
