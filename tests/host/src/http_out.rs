//! Outgoing HTTP requests of guests: which may be sent, and how.
//!
//! As under Spin, connections are pooled for the whole application, HTTPS negotiates HTTP/2, no redirect is followed, and
//! what goes wrong reaches the guest as one of wasi:http's error codes.

use std::future::Future;
use std::sync::Arc;

use http::header::HOST;
use http::uri::{Authority, Scheme};
use http::{Request, Response, Uri};
use http_body_util::BodyExt;
use tokio::sync::mpsc::UnboundedSender;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::allowed_hosts::chaining_target;
use crate::app::{App, Component};
use crate::body::TimedBody;
use crate::connect::DEFAULT_TIMEOUT;
use crate::http_in;

/// A host name that is a way of saying "this application" where a URL needs one.
const SELF_HOST: &str = "self.alt";

/// The outgoing side of one guest instance.
pub(crate) struct Outgoing {
    pub(crate) app: Arc<App>,
    pub(crate) component: Arc<Component>,
    /// Ends the guest with a trap: how a chained request that cannot be routed ends under Spin.
    pub(crate) trap: UnboundedSender<wasmtime::Error>,
}

type Sent = (
    Response<WasiBody>,
    Box<dyn Future<Output = Result<(), Error>> + Send>,
);

impl WasiHttpHooks for Outgoing {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _processed: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<Sent, Error>> + Send> {
        let app = self.app.clone();
        let component = self.component.clone();
        let trap = self.trap.clone();
        Box::new(async move {
            let response = send(
                &app,
                &component,
                &trap,
                request,
                options.unwrap_or_default(),
            )
            .await?;
            let done: Box<dyn Future<Output = _> + Send> = Box::new(async { Ok(()) });
            Ok((response, done))
        })
    }
}

async fn send(
    app: &Arc<App>,
    component: &Component,
    trap: &UnboundedSender<wasmtime::Error>,
    mut request: Request<WasiBody>,
    options: RequestOptions,
) -> Result<Response<WasiBody>, Error> {
    let between_bytes = options.between_bytes_timeout.unwrap_or(DEFAULT_TIMEOUT);
    admit(app, component, &mut request)?;
    let target = request.uri().host().and_then(chaining_target);
    let response = if let Some(target) = target {
        let target = target.to_owned();
        match http_in::chained(app, target, request).await {
            Ok(response) => response,
            Err(error) => {
                // The instance is ended by whoever drives it; this future is dropped with it.
                let _ = trap.send(wasmtime::Error::from_anyhow(error));
                return std::future::pending().await;
            }
        }
    } else {
        app.clients.send(request, options).await?
    };
    Ok(response.map(|body| TimedBody::new(body, between_bytes).boxed_unsync()))
}

/// Refuses what the component may not send, and turns a request to the application itself into one to its address.
fn admit(app: &App, component: &Component, request: &mut Request<WasiBody>) -> Result<(), Error> {
    // wasmtime-wasi-http gives a relative URL an empty authority; without one it is easier to tell apart.
    if request.uri().host().is_some_and(str::is_empty) {
        let mut relative = http::uri::Builder::new();
        if let Some(path) = request.uri().path_and_query() {
            relative = relative.path_and_query(path.clone());
        }
        *request.uri_mut() = relative.build().map_err(|_| Error::HttpRequestUriInvalid)?;
    }
    let uri = request.uri();
    let to_self = uri.host().is_none_or(|host| host == SELF_HOST);
    let allowed = match component.allowed_hosts(app) {
        Ok(hosts) if to_self => hosts.allow_app(),
        Ok(hosts) => hosts.allow(&uri.to_string()) && app.allows_chaining_to(uri.host()),
        Err(message) => {
            eprintln!("Error resolving allowed outbound hosts: {message}");
            false
        }
    };
    if !allowed {
        let destination = match (uri.scheme(), uri.authority()) {
            (Some(scheme), Some(authority)) if !to_self => format!("{scheme}://{authority}"),
            _ => "http://self".to_owned(),
        };
        eprintln!(
            "A component tried to make an outbound network connection to disallowed destination '{destination}'."
        );
        return Err(Error::HttpRequestDenied);
    }
    if to_self {
        *request.uri_mut() = to_origin(&app.origin, uri)?;
    }
    // The client derives it from the URI; a second one would confuse an HTTP/2 server.
    request.headers_mut().remove(HOST);
    Ok(())
}

fn to_origin(origin: &Authority, uri: &Uri) -> Result<Uri, Error> {
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(origin.clone());
    parts.path_and_query = uri.path_and_query().cloned();
    Uri::from_parts(parts).map_err(|_| Error::HttpRequestUriInvalid)
}
