use api::wire::List;
use http::StatusCode;
use serde::Serialize;
use spin_sdk::http::{Fields, OutgoingBody, OutgoingResponse, ResponseOutparam};

use crate::{ledger, nudge::nudge, problem::Problem, stream};

/// An answer: status, headers and a body that is written whole.
#[derive(Debug)]
pub struct Response {
    pub(super) status: StatusCode,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    pub(super) after: After,
}

/// What is left to do when the answer is out: it costs the caller nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// Nothing.
    Nothing,
    /// Wake a dispatcher for what was made due.
    Wake,
    /// Keep the ledger open for a moment: something was written, and no dispatcher has it open.
    StayOpen,
}

impl After {
    pub(super) async fn run(self) {
        match self {
            Self::Nothing => {}
            Self::Wake => nudge().await,
            Self::StayOpen => ledger::stay_open().await,
        }
    }
}

impl Response {
    /// An answer without a body, and without headers of its own.
    pub fn empty(status: StatusCode) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
            after: After::Nothing,
        }
    }

    /// An answer with this body.
    pub fn new(status: StatusCode, content_type: &str, body: Vec<u8>) -> Self {
        Self {
            body,
            ..Self::empty(status).header("content-type", content_type)
        }
    }

    /// A JSON answer.
    pub fn json(status: StatusCode, body: &impl Serialize) -> Self {
        let body = serde_json::to_vec(body).expect("answers have string keys");
        Self::new(status, "application/json", body)
    }

    /// 200 with JSON.
    pub fn ok(body: &impl Serialize) -> Self {
        Self::json(StatusCode::OK, body)
    }

    /// A page of a list.
    pub fn list<T: Serialize>(data: Vec<T>, next_cursor: Option<String>) -> Self {
        Self::ok(&List { data, next_cursor })
    }

    /// The same answer with one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers
            .push((name.to_owned(), value.into().into_bytes()));
        self
    }

    /// The same answer with this left to do when it is out.
    #[must_use]
    pub fn then(self, after: After) -> Self {
        Self { after, ..self }
    }

    /// Sends the answer.
    ///
    /// As much of the body as the host takes is written, and the body finished, before the answer
    /// is handed over: headers and body then leave in one TCP segment. Handing over first makes
    /// two, and a keep-alive client that delays its ACKs wait for 40 ms.
    pub(super) async fn send(self, out: ResponseOutparam) {
        if let Err(error) = self.try_send(out).await {
            eprintln!("error answer could not be sent: {error}");
        }
    }

    async fn try_send(mut self, out: ResponseOutparam) -> Result<(), String> {
        // RFC 9110, 8.6: a 204 has no length, and that of a 304 would be another answer's.
        if !matches!(
            self.status,
            StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
        ) {
            let length = self.body.len().to_string();
            self = self.header("content-length", length);
        }
        let fields = Fields::from_list(&self.headers).map_err(|error| error.to_string())?;
        let response = OutgoingResponse::new(fields);
        response
            .set_status_code(self.status.as_u16())
            .map_err(|()| format!("{} is no status", self.status))?;
        let body = response.body().map_err(|()| "the body is taken")?;
        let stream = body.write().map_err(|()| "the body's stream is taken")?;

        let room = usize::try_from(stream.check_write().unwrap_or(0)).unwrap_or(usize::MAX);
        let (first, rest) = self.body.split_at(self.body.len().min(room));
        if !first.is_empty() {
            stream.write(first).map_err(|error| error.to_string())?;
        }
        if rest.is_empty() {
            drop(stream);
            OutgoingBody::finish(body, None).map_err(|error| error.to_string())?;
            out.set(response);
            return Ok(());
        }

        out.set(response);
        stream::write(&stream, rest)
            .await
            .map_err(|error| error.to_string())?;
        drop(stream);
        OutgoingBody::finish(body, None).map_err(|error| error.to_string())
    }
}

impl From<Problem> for Response {
    fn from(mut problem: Problem) -> Self {
        let (status, headers) = (problem.status(), std::mem::take(&mut problem.headers));
        let response = Self::new(status, "application/problem+json", problem.into_body());
        headers
            .into_iter()
            .fold(response, |response, (name, value)| {
                response.header(name, value)
            })
    }
}
