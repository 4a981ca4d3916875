//! That the contract holds: every exchange of every suite goes through it, so here is only that it
//! finds what is wrong.

use anyhow::{Context as _, Result, ensure};
use e2e::{
    Service,
    contract::{Exchange, check},
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::{Value, json};

/// A request and its answer, to be made wrong.
struct Made {
    method: Method,
    path: String,
    sent: Value,
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

impl Made {
    /// The making of a trigger.
    async fn trigger() -> Result<Self> {
        let account = Service::shared().account();
        let path = account.path("/triggers");
        let action = json!({ "name": "A", "url": "http://127.0.0.1:9/" });
        let sent = json!({ "type": "message.sent", "name": "T", "actions": [action] });
        let reply = account.api.post(&path, &sent).await?;
        Ok(Self {
            method: Method::POST,
            path,
            sent,
            status: reply.status,
            body: reply.json(201)?,
            headers: reply.headers,
        })
    }

    fn check(&self) -> Result<()> {
        let mut sent_headers = HeaderMap::new();
        sent_headers.insert("content-type", HeaderValue::from_static("application/json"));
        check(&Exchange {
            method: &self.method,
            path: &self.path,
            sent_headers: &sent_headers,
            sent: self.sent.to_string().as_bytes(),
            status: self.status,
            headers: &self.headers,
            body: self.body.to_string().as_bytes(),
        })
    }

    /// Checks that the exchange is refused, and that it is said with each of `parts`.
    fn is_refused(&self, parts: &[&str]) -> Result<()> {
        let error = self.check().err().context("it passes")?;
        let said = format!("{error:#}");
        for part in parts {
            ensure!(said.contains(part), "{said} does not say {part:?}");
        }
        Ok(())
    }
}

#[tokio::test]
async fn an_answer_is_held_against_its_operation() -> Result<()> {
    Made::trigger().await?.check()?;

    let mut made = Made::trigger().await?;
    made.body["secret"] = json!("whsec_x");
    made.is_refused(&["createTrigger (201)", "secret"])?;

    let mut made = Made::trigger().await?;
    made.body["actions"][0]["health"] = json!({});
    made.is_refused(&["createTrigger (201)", "/actions/0/health"])?;

    let mut made = Made::trigger().await?;
    made.body["created_at"] = json!("yesterday");
    made.is_refused(&["createTrigger (201)", "/created_at"])?;

    let mut made = Made::trigger().await?;
    made.headers.remove("location");
    made.is_refused(&["createTrigger (201)", "location is missing"])?;

    let mut made = Made::trigger().await?;
    made.headers
        .insert("etag", HeaderValue::from_static("W/\"1\""));
    made.is_refused(&["createTrigger (201)", "etag"])?;

    let mut made = Made::trigger().await?;
    made.headers
        .insert("content-type", HeaderValue::from_static("text/plain"));
    made.is_refused(&["createTrigger (201)", "content type"])?;

    let mut made = Made::trigger().await?;
    made.status = StatusCode::OK;
    made.is_refused(&["createTrigger (200)", "this status is not there"])
}

#[tokio::test]
async fn a_request_that_succeeds_is_held_against_its_operation() -> Result<()> {
    let mut made = Made::trigger().await?;
    made.sent["colour"] = json!("red");
    made.is_refused(&[
        "createTrigger (201)",
        "does not allow the request",
        "colour",
    ])?;

    let mut made = Made::trigger().await?;
    made.sent["actions"][0]["timeout_seconds"] = json!(21);
    made.is_refused(&["/actions/0/timeout_seconds"])?;

    let mut made = Made::trigger().await?;
    made.path.push_str("?colour=red");
    made.is_refused(&["the query parameter \"colour\""])
}

#[tokio::test]
async fn what_the_document_does_not_have_is_not_answered() -> Result<()> {
    let mut made = Made::trigger().await?;
    made.path = "/v1/nothing".to_owned();
    made.is_refused(&["a path that is not in the document is answered 201"])?;

    let mut made = Made::trigger().await?;
    made.method = Method::PUT;
    made.is_refused(&["a method that is not in the document is answered 201"])?;

    // A problem of another form than all have.
    let api = Service::shared().api();
    let reply = api.get("/v1/nothing").await?;
    let mut made = Made {
        method: Method::GET,
        path: "/v1/nothing".to_owned(),
        sent: Value::Null,
        status: reply.status,
        body: reply.problem(404)?.body,
        headers: reply.headers,
    };
    made.check()?;
    made.body["code"] = json!("lost");
    made.is_refused(&["/code"])?;
    // One of another status.
    made.body["code"] = json!("conflict");
    made.is_refused(&["the problem says 404 conflict"])
}
