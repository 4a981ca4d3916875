//! A caller of the API: one keep-alive connection, one request at a time.

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::service::API_KEY;

/// One connection to the service.
pub(crate) struct Client {
    sender: SendRequest<Full<Bytes>>,
    host: String,
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
        })
    }

    /// Posts an event and returns the webhooks' ids it is owed to.
    pub(crate) async fn post_event(&mut self, event: &PreparedEvent) -> Result<Vec<String>> {
        let (status, body) = self
            .send(Method::POST, &event.path, event.body.clone())
            .await?;
        ensure!(
            status == StatusCode::ACCEPTED,
            "an event was answered {}",
            shown(status, &body)
        );
        let accepted: Accepted = serde_json::from_slice(&body)?;
        ensure!(
            !accepted.duplicate,
            "a new event was taken for a repetition"
        );
        Ok(accepted
            .deliveries
            .into_iter()
            .map(|owed| owed.id)
            .collect())
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
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, &self.host)
            .header(header::AUTHORIZATION, format!("Bearer {API_KEY}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))?;
        if let Err(error) = self.sender.ready().await {
            bail!("the service closed a connection: {error}");
        }
        let response = self
            .sender
            .send_request(request)
            .await
            .context("no answer")?;
        let status = response.status();
        let body = response
            .into_body()
            .collect()
            .await
            .context("half an answer")?;
        Ok((status, body.to_bytes()))
    }
}

/// An event, ready to be posted any number of times.
#[derive(Clone)]
pub(crate) struct PreparedEvent {
    path: String,
    body: Bytes,
}

impl PreparedEvent {
    /// An event of an account.
    pub(crate) fn new(account: &str, body: &Value) -> Self {
        Self {
            path: format!("/v1/accounts/{account}/events"),
            body: body.to_string().into(),
        }
    }
}

fn shown(status: StatusCode, body: &[u8]) -> String {
    format!("{status}: {}", String::from_utf8_lossy(body))
}
