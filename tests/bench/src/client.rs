//! A caller of the API: one keep-alive connection, one request at a time.

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header, request};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    body::Incoming,
    client::conn::http1::{SendRequest, handshake},
};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::service::API_KEY;

/// One connection to the service.
pub(crate) struct Client {
    sender: SendRequest<Full<Bytes>>,
    host: String,
    /// The session of whoever signed in.
    cookie: String,
}

/// What the service answers to an event.
#[derive(Deserialize)]
pub(crate) struct Accepted {
    /// What it is owed to.
    pub(crate) deliveries: Vec<Owed>,
    /// Whether it was there before.
    pub(crate) duplicate: bool,
}

/// A delivery of an accepted event.
#[derive(Deserialize)]
pub(crate) struct Owed {
    /// Its id, the webhook's `webhook-id`.
    pub(crate) id: String,
}

impl Client {
    /// Connects to a port of the loopback interface.
    pub(crate) async fn connect(port: u16) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // What goes wrong with the connection, the request that waits for it is told.
        tokio::spawn(connection);
        Ok(Self {
            sender,
            host: format!("127.0.0.1:{port}"),
            cookie: String::new(),
        })
    }

    /// Signs in to the dashboard.
    pub(crate) async fn sign_in(&mut self) -> Result<()> {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("key", API_KEY)
            .finish();
        let request = self.request(Method::POST, "/sign-in", FORM);
        let response = self.exchange(request.body(Full::new(form.into()))?).await?;
        let cookie = response.headers().get(header::SET_COOKIE);
        let cookie = cookie.and_then(|cookie| cookie.to_str().ok()?.split(';').next());
        cookie
            .context("signing in began no session")?
            .clone_into(&mut self.cookie);
        Ok(())
    }

    /// Gets a page of the dashboard.
    pub(crate) async fn page(&mut self, path: &str) -> Result<()> {
        let (status, body) = self.send(Method::GET, path, Bytes::new()).await?;
        ensure!(
            status == StatusCode::OK && body.starts_with(b"<!doctype html>"),
            "GET {path} was answered {}",
            shown(status, &body)
        );
        Ok(())
    }

    /// Posts what was prepared and returns the webhooks' ids it is owed to.
    pub(crate) async fn post(&mut self, prepared: &Prepared) -> Result<Vec<String>> {
        let (status, body) = self
            .send(Method::POST, &prepared.path, prepared.body.clone())
            .await?;
        let expected = match prepared.events {
            Events::One | Events::Array(_) => StatusCode::ACCEPTED,
            Events::Refused => StatusCode::UNPROCESSABLE_ENTITY,
        };
        ensure!(
            status == expected,
            "events were answered {}",
            shown(status, &body)
        );
        let accepted: Vec<Accepted> = match prepared.events {
            Events::One => vec![serde_json::from_slice(&body)?],
            Events::Array(_) => serde_json::from_slice(&body)?,
            Events::Refused => return Ok(Vec::new()),
        };
        let (posted, taken) = (prepared.events.count(), accepted.len());
        ensure!(taken == posted, "{taken} of {posted} events were accepted");
        ensure!(
            accepted.iter().all(|accepted| !accepted.duplicate),
            "a new event was taken for a repetition"
        );
        let owed = accepted.into_iter().flat_map(|event| event.deliveries);
        Ok(owed.map(|owed| owed.id).collect())
    }

    /// Posts what was prepared, whatever the answer is, as long as the service is there.
    pub(crate) async fn try_post(&mut self, prepared: &Prepared) -> Result<()> {
        let path = &prepared.path;
        let (status, body) = self.send(Method::POST, path, prepared.body.clone()).await?;
        ensure!(
            !status.is_server_error(),
            "POST {path} was answered {}",
            shown(status, &body)
        );
        Ok(())
    }

    /// Posts JSON that makes something, and returns what was made.
    pub(crate) async fn create(&mut self, path: &str, body: &Value) -> Result<Value> {
        let (status, body) = self
            .send(Method::POST, path, body.to_string().into())
            .await?;
        ensure!(
            status == StatusCode::CREATED,
            "POST {path} was answered {}",
            shown(status, &body)
        );
        Ok(serde_json::from_slice(&body)?)
    }

    /// Gets what is at this path.
    pub(crate) async fn get(&mut self, path: &str) -> Result<Value> {
        let (status, body) = self.send(Method::GET, path, Bytes::new()).await?;
        ensure!(
            status == StatusCode::OK,
            "GET {path} was answered {}",
            shown(status, &body)
        );
        Ok(serde_json::from_slice(&body)?)
    }

    /// Starts a run, without waiting for it.
    pub(crate) async fn start_run(&mut self) -> Result<()> {
        let path = "/v1/deliveries/run?wait=false";
        let (status, body) = self.send(Method::POST, path, Bytes::new()).await?;
        ensure!(
            status == StatusCode::ACCEPTED,
            "a run was answered {}",
            shown(status, &body)
        );
        Ok(())
    }

    async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes)> {
        let request = self.request(method, path, "application/json");
        let response = self.exchange(request.body(Full::new(body))?).await?;
        let status = response.status();
        let body = response
            .into_body()
            .collect()
            .await
            .context("half an answer")?;
        Ok((status, body.to_bytes()))
    }

    fn request(&self, method: Method, path: &str, media_type: &str) -> request::Builder {
        Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, &self.host)
            .header(header::AUTHORIZATION, format!("Bearer {API_KEY}"))
            .header(header::COOKIE, &self.cookie)
            .header(header::CONTENT_TYPE, media_type)
    }

    async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>> {
        if let Err(error) = self.sender.ready().await {
            bail!("the service closed a connection: {error}");
        }
        self.sender.send_request(request).await.context("no answer")
    }
}

/// The media type of what a form brings.
const FORM: &str = "application/x-www-form-urlencoded";

/// How many events a request posts.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Events {
    /// One, by itself.
    One,
    /// An array of so many.
    Array(usize),
    /// One that the service is to refuse.
    Refused,
}

impl Events {
    /// How many they are.
    pub(crate) fn count(self) -> usize {
        match self {
            Self::One | Self::Refused => 1,
            Self::Array(count) => count,
        }
    }
}

/// A request that posts events, ready to be sent any number of times.
#[derive(Clone)]
pub(crate) struct Prepared {
    path: String,
    body: Bytes,
    /// How many events it posts.
    pub(crate) events: Events,
}

impl Prepared {
    /// A request with so many times the same event.
    pub(crate) fn new(account: &str, event: &Value, events: Events) -> Self {
        let body = match events {
            Events::One | Events::Refused => event.to_string(),
            Events::Array(count) => Value::from(vec![event.clone(); count]).to_string(),
        };
        Self {
            path: format!("/v1/accounts/{account}/events"),
            body: body.into(),
            events,
        }
    }
}

fn shown(status: StatusCode, body: &[u8]) -> String {
    format!("{status}: {}", String::from_utf8_lossy(body))
}
