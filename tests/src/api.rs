//! A client of the service's API.

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use crate::contract::{self, Exchange};

/// A client with one API key, or none.
///
/// Its connections belong to the test's runtime, so every test makes its own.
#[derive(Debug, Clone)]
pub struct Api {
    client: Client<HttpConnector, Full<Bytes>>,
    base: String,
    key: Option<String>,
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Reply {
    /// What was asked, for messages.
    asked: String,
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// A problem (RFC 9457), with what every problem of this service has.
#[derive(Debug)]
pub struct Problem {
    /// What went wrong, in words.
    pub detail: String,
    /// The problem's name for programs.
    pub code: String,
    /// JSON pointer and detail of each thing that is wrong.
    pub errors: Vec<(String, String)>,
    /// The headers of the answer.
    pub headers: HeaderMap,
    /// The whole problem.
    pub body: Value,
}

impl Api {
    /// A client of the service at `base`.
    pub(crate) fn new(base: &str, key: Option<&str>) -> Self {
        Self {
            client: Client::builder(TokioExecutor::new()).build_http(),
            base: base.to_owned(),
            key: key.map(Into::into),
        }
    }

    /// The same without the key.
    #[must_use]
    pub fn without_key(&self) -> Self {
        Self {
            key: None,
            ..self.clone()
        }
    }

    /// `GET`.
    ///
    /// # Errors
    ///
    /// When no answer comes.
    pub async fn get(&self, path: &str) -> Result<Reply> {
        self.send(Method::GET, path, &[], Bytes::new()).await
    }

    /// `POST` with a JSON body.
    ///
    /// # Errors
    ///
    /// When no answer comes.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Reply> {
        self.send(Method::POST, path, &JSON, body.to_string()).await
    }

    /// `PUT` with a JSON body.
    ///
    /// # Errors
    ///
    /// When no answer comes.
    pub async fn put(&self, path: &str, body: &Value) -> Result<Reply> {
        self.send(Method::PUT, path, &JSON, body.to_string()).await
    }

    /// `PATCH` with a JSON merge patch.
    ///
    /// # Errors
    ///
    /// When no answer comes.
    pub async fn patch(&self, path: &str, patch: &Value) -> Result<Reply> {
        let headers = [("content-type", "application/merge-patch+json")];
        self.send(Method::PATCH, path, &headers, patch.to_string())
            .await
    }

    /// `DELETE`.
    ///
    /// # Errors
    ///
    /// When no answer comes.
    pub async fn delete(&self, path: &str) -> Result<Reply> {
        self.send(Method::DELETE, path, &[], Bytes::new()).await
    }

    /// Any request; its headers are these and the key.
    ///
    /// # Errors
    ///
    /// When it can't be made or no answer comes, or when the OpenAPI document does not have it so.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<Reply> {
        let asked = format!("{method} {path}");
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base));
        if let Some(key) = &self.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let sent = body.into();
        let request = request.body(Full::new(sent.clone()))?;
        let (method, sent_headers) = (request.method().clone(), request.headers().clone());
        let reply = self
            .client
            .request(request)
            .await
            .with_context(|| asked.clone())?;
        let (head, body) = reply.into_parts();
        let body = body
            .collect()
            .await
            .with_context(|| asked.clone())?
            .to_bytes();
        let reply = Reply {
            asked,
            status: head.status,
            headers: head.headers,
            body,
        };
        reply.check()?;
        contract::check(&Exchange {
            method: &method,
            path,
            sent_headers: &sent_headers,
            sent: &sent,
            status: reply.status,
            headers: &reply.headers,
            body: &reply.body,
        })
        .with_context(|| reply.asked.clone())?;
        Ok(reply)
    }

    /// Works off what is due now, and answers the run's summary. What others do on the same service
    /// counts, too.
    ///
    /// # Errors
    ///
    /// When the run fails.
    pub async fn run(&self) -> Result<Value> {
        let reply = self
            .post("/v1/deliveries/run?budget_seconds=0", &Value::Null)
            .await?;
        reply.json(200)
    }
}

/// The header of a JSON body.
const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

impl Reply {
    /// What every answer of the service has, whatever it was asked.
    fn check(&self) -> Result<()> {
        ensure!(
            self.header("transfer-encoding").is_none(),
            "{}: chunked",
            self.asked
        );
        // Where there can't be a body, there need not be a length of it.
        if !matches!(
            self.status,
            StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
        ) {
            let length = self.header("content-length").map(str::to_owned);
            let actual = self.body.len().to_string();
            ensure!(
                length == Some(actual),
                "{}: content-length is {length:?}",
                self.asked
            );
        }
        Ok(())
    }

    /// The value of a header, where it is there.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The answer's entity tag.
    ///
    /// # Errors
    ///
    /// When it has none.
    pub fn etag(&self) -> Result<String> {
        let etag = self
            .header("etag")
            .with_context(|| format!("{}: no etag", self.asked))?;
        ensure!(
            etag.len() > 2 && etag.starts_with('"') && etag.ends_with('"'),
            "etag {etag}"
        );
        Ok(etag.to_owned())
    }

    /// The body, which has to be JSON, of an answer with this status.
    ///
    /// # Errors
    ///
    /// When the status or the content type is another, with the body.
    pub fn json(&self, status: u16) -> Result<Value> {
        self.of(status, "application/json")
    }

    /// Checks that this is an answer of this status, without a body.
    ///
    /// # Errors
    ///
    /// When it is not.
    pub fn empty(&self, status: u16) -> Result<()> {
        let text = String::from_utf8_lossy(&self.body);
        ensure!(
            self.status == status,
            "{}: {} {text}",
            self.asked,
            self.status
        );
        ensure!(
            self.body.is_empty(),
            "{}: {text:?} in place of nothing",
            self.asked
        );
        Ok(())
    }

    /// The problem that this answer has to be.
    ///
    /// # Errors
    ///
    /// When it is something else, or is not in the form of RFC 9457.
    pub fn problem(&self, status: u16) -> Result<Problem> {
        let body = self.of(status, "application/problem+json")?;
        let text = |name: &str| match body.get(name).and_then(Value::as_str) {
            Some(text) if !text.is_empty() => Ok(text.to_owned()),
            _ => bail!("{}: a problem without {name}: {body}", self.asked),
        };
        ensure!(
            body["status"] == status,
            "{}: the status inside is another: {body}",
            self.asked
        );
        let phrase = self.status.canonical_reason().unwrap_or_default();
        ensure!(
            text("title")? == phrase,
            "{}: the title is not {phrase:?}: {body}",
            self.asked
        );
        ensure!(text("type")? == "about:blank", "{}: {body}", self.asked);
        let mut errors = Vec::new();
        for error in body
            .get("errors")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let member = |name: &str| error[name].as_str().map(str::to_owned);
            errors.push(
                member("pointer")
                    .zip(member("detail"))
                    .with_context(|| format!("{}: {error} is no error of a member", self.asked))?,
            );
        }
        Ok(Problem {
            detail: text("detail")?,
            code: text("code")?,
            errors,
            headers: self.headers.clone(),
            body: body.clone(),
        })
    }

    fn of(&self, status: u16, content_type: &str) -> Result<Value> {
        let text = String::from_utf8_lossy(&self.body);
        let asked = &self.asked;
        ensure!(
            self.status == status,
            "{asked}: {} in place of {status}: {text}",
            self.status
        );
        let given = self.header("content-type").unwrap_or_default();
        ensure!(
            given == content_type,
            "{asked}: {given:?} in place of {content_type}: {text}"
        );
        serde_json::from_slice(&self.body).with_context(|| format!("{asked}: {text}"))
    }
}

impl Problem {
    /// The pointers of the members that are wrong, in the answer's order.
    pub fn pointers(&self) -> Vec<&str> {
        self.errors
            .iter()
            .map(|(pointer, _)| pointer.as_str())
            .collect()
    }

    /// Checks that the detail has each of `parts` in it.
    ///
    /// # Errors
    ///
    /// When it lacks one.
    pub fn says(&self, parts: &[&str]) -> Result<()> {
        for part in parts {
            ensure!(
                self.detail.contains(part),
                "{:?} does not say {part:?}",
                self.detail
            );
        }
        Ok(())
    }

    /// Checks that exactly one member is wrong, and that its detail has each of `parts` in it.
    ///
    /// # Errors
    ///
    /// When another member is wrong, or several are, or the detail lacks a part.
    pub fn names(&self, pointer: &str, parts: &[&str]) -> Result<()> {
        ensure!(
            self.pointers() == [pointer],
            "{pointer} was wrong, and told is {}",
            self.body
        );
        let (_, detail) = &self.errors[0];
        for part in parts {
            ensure!(detail.contains(part), "{detail:?} does not say {part:?}");
        }
        Ok(())
    }
}
