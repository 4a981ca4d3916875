//! Incoming HTTP requests: from the socket to a fresh guest instance, and its response back.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;
use wasmtime_wasi_http::{Error, WasiBody, WasiHttpView};

use crate::app::App;
use crate::body::{full, limit};
use crate::headers;

use crate::routes::Match;

/// Paths that the host answers itself.
const WELL_KNOWN: &str = "/.well-known/spin/";

/// The client address that a chained request shows.
const CHAINED_CLIENT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// Serves connections until it is dropped, and they with it.
pub(crate) async fn serve(app: Arc<App>, listener: TcpListener) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            // Keeps the set as small as the number of open connections.
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((stream, client)) => {
                connections.spawn(serve_connection(app.clone(), stream, client));
            }
            // Out of file descriptors, most likely: let some connections end first.
            Err(error) => {
                eprintln!("Error accepting a connection: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Nothing is set on socket or protocol, `TCP_NODELAY` neither, because Spin sets nothing: how a response is cut into
/// segments is part of what a client measures.
async fn serve_connection(app: Arc<App>, stream: TcpStream, client: SocketAddr) {
    let service = service_fn(move |request: Request<hyper::body::Incoming>| {
        let app = app.clone();
        let request = request.map(|body| {
            body.map_err(|error| match error.is_timeout() {
                true => Error::HttpResponseTimeout,
                false => error.into(),
            })
            .boxed_unsync()
        });
        async move { handle(&app, request, client).await }
    });
    let served = Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        eprintln!("Error serving HTTP connection: {error}");
    }
}

/// An error, as opposed to an error response, closes the connection.
async fn handle(
    app: &Arc<App>,
    mut request: Request<WasiBody>,
    client: SocketAddr,
) -> anyhow::Result<Response<WasiBody>> {
    headers::strip_chaining_host(&mut request);
    let path = request.uri().path();
    if let Some(name) = path.strip_prefix(WELL_KNOWN) {
        return well_known(app, name);
    }
    match app.router.find(path) {
        Some(found) => route(app, request, found, client).await,
        None => Ok(empty(StatusCode::NOT_FOUND)),
    }
}

/// Sends a guest's request straight to another component of the application.
pub(crate) fn chained(
    app: &Arc<App>,
    component: String,
    request: Request<WasiBody>,
) -> Pin<Box<dyn Future<Output = anyhow::Result<Response<WasiBody>>> + Send + '_>> {
    let found = Match::chained(component, request.uri().path().to_owned());
    Box::pin(route(app, request, found, CHAINED_CLIENT))
}

fn well_known(app: &App, name: &str) -> anyhow::Result<Response<WasiBody>> {
    match name {
        "health" => Ok(Response::new(full(Bytes::from_static(b"OK")))),
        "info" => {
            let mut info = serde_json::json!({ "name": app.name });
            if !app.version.is_empty() {
                info["version"] = app.version.as_str().into();
            }
            let body = serde_json::to_vec_pretty(&info)?;
            Ok(Response::builder()
                .header(CONTENT_TYPE, "application/json")
                .body(full(body.into()))?)
        }
        _ => Ok(empty(StatusCode::NOT_FOUND)),
    }
}

async fn route(
    app: &Arc<App>,
    mut request: Request<WasiBody>,
    found: Match,
    client: SocketAddr,
) -> anyhow::Result<Response<WasiBody>> {
    headers::set_absolute_uri(&mut request)?;
    if app.component(&found.component).is_none() {
        return Err(anyhow!("unknown routing destination '{}'", found.component));
    }
    let request = match &app.quotas {
        Some(quotas) => match limit_request(request, quotas.body_bytes) {
            Some(request) => request,
            None => return Ok(empty(StatusCode::PAYLOAD_TOO_LARGE)),
        },
        None => request,
    };
    match run(app, request, &found, client).await {
        Ok(response) => Ok(match &app.quotas {
            Some(quotas) => response.map(|body| limit(body, quotas.body_bytes)),
            None => response,
        }),
        Err(error) => {
            eprintln!("Error processing request: {error:#}");
            Ok(empty(StatusCode::INTERNAL_SERVER_ERROR))
        }
    }
}

/// Runs a fresh instance on `request`. It goes on after its response is handed over, and after the client is gone.
async fn run(
    app: &Arc<App>,
    mut request: Request<WasiBody>,
    found: &Match,
    client: SocketAddr,
) -> anyhow::Result<Response<WasiBody>> {
    let component = app
        .component(&found.component)
        .context("the component is not loaded")?;
    headers::add_spin_headers(&mut request, found, client)?;

    let (trap, mut trapped) = mpsc::unbounded_channel();
    let mut store = app.store(component, trap);
    let proxy = component.proxy.instantiate_async(&mut store).await?;
    let request = store
        .data_mut()
        .http()
        .new_incoming_request(Scheme::Http, request)?;
    let (respond, responded) = oneshot::channel();
    let outparam = store.data_mut().http().new_response_outparam(respond)?;

    let limit = app.quotas.as_ref().map(|quotas| quotas.request);
    let mut running = app.running.clone();
    // A task of its own: dropping this function's future, as happens when a client hangs up, must not end the guest.
    let guest = tokio::spawn(async move {
        let handler = proxy.wasi_http_incoming_handler();
        tokio::select! {
            result = handler.call_handle(&mut store, request, outparam) => result,
            Some(error) = trapped.recv() => Err(error),
            // The sender tells nothing; that it is dropped is what is waited for.
            _ = running.changed() => Err(wasmtime::format_err!("the host has stopped")),
            () = expire(limit) => Err(wasmtime::format_err!("quota: the request handler is out of time")),
        }
    });
    match responded.await {
        Ok(response) => {
            tokio::spawn(async move {
                if let Err(error) = outcome(guest.await) {
                    eprintln!("Component error after response started: {error:#}");
                }
            });
            response.context("guest failed to produce a response")
        }
        Err(_) => {
            outcome(guest.await)?;
            Err(anyhow!(
                "guest failed to produce a response prior to returning"
            ))
        }
    }
}

fn outcome(guest: Result<wasmtime::Result<()>, tokio::task::JoinError>) -> anyhow::Result<()> {
    guest
        .context("guest invocation panicked")?
        .map_err(anyhow::Error::from)
        .context("guest invocation failed")
}

async fn expire(limit: Option<Duration>) {
    match limit {
        Some(limit) => tokio::time::sleep(limit).await,
        None => std::future::pending().await,
    }
}

/// `None` when the request announces more than is allowed.
fn limit_request(request: Request<WasiBody>, bytes: usize) -> Option<Request<WasiBody>> {
    let announced = request
        .headers()
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    match announced {
        Some(announced) if announced > bytes => None,
        _ => Some(request.map(|body| limit(body, bytes))),
    }
}

fn empty(status: StatusCode) -> Response<WasiBody> {
    let mut response = Response::new(full(Bytes::new()));
    *response.status_mut() = status;
    response
}
