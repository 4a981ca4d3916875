//! Everything that goes wrong, as callers are told: RFC 9457's `application/problem+json`.

use std::borrow::Cow;

use api::{Operation, Route, problem::Code, wire};
use domain::{
    hops::Stopped,
    input::{FieldError, Unreadable},
    preconditions::Failed,
    quota::next_hour,
    sealing::OpenError,
    secret::TooManyPrevious,
    time::Timestamp,
};
use http::StatusCode;

use crate::entropy;

/// A problem to answer with.
#[derive(Debug)]
pub struct Problem {
    /// Headers that belong to it, e.g. `allow`.
    pub headers: Vec<(&'static str, String)>,
    /// A stable name for programs.
    code: Code,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    /// What is logged and never shown.
    cause: Option<String>,
}

impl Problem {
    fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        let detail = detail.into();
        Self {
            headers: Vec::new(),
            code,
            detail,
            errors: Vec::new(),
            cause: None,
        }
    }

    /// 400: the request itself is malformed.
    pub fn bad_request(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::BadRequest, detail)
    }

    /// 401: no key, or a wrong one; the two are not told apart.
    pub fn unauthorized() -> Self {
        let detail = "this needs the header `Authorization: Bearer <api key>` with a valid key";
        let mut problem = Self::new(Code::Unauthorized, detail);
        problem.headers.push(("www-authenticate", "Bearer".into()));
        problem
    }

    /// 403: the caller is known, and may not do this.
    pub fn forbidden(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Forbidden, detail)
    }

    /// 404: there is no such route or thing.
    pub fn not_found(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::NotFound, detail)
    }

    /// 404: the path is no route's.
    pub(crate) fn no_route(path: &str) -> Self {
        Self::not_found(format!("there is no route {path}"))
    }

    /// 405, with the methods of the path's routes.
    pub(crate) fn method_not_allowed<R: Route>(routes: &[R]) -> Self {
        let methods: Vec<_> = routes
            .iter()
            .map(|route| route.method().to_string())
            .collect();
        let allowed = methods.join(", ");
        let detail = format!("this route takes {allowed}");
        let mut problem = Self::new(Code::MethodNotAllowed, detail);
        problem.headers.push(("allow", allowed));
        problem
    }

    /// 409: the thing is in a state that does not allow this now.
    pub fn conflict(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Conflict, detail)
    }

    /// 413: the body is larger than `limit` bytes.
    pub fn too_large(limit: usize) -> Self {
        let detail = format!("the body is larger than {limit} bytes");
        Self::new(Code::BodyTooLarge, detail)
    }

    /// 415: the body is of another media type than is wanted.
    pub fn unsupported_media_type(wanted: &str) -> Self {
        let detail = format!("the body has to be sent with `Content-Type: {wanted}`");
        Self::new(Code::UnsupportedMediaType, detail)
    }

    /// 415: the body is compressed.
    pub fn encoded_body() -> Self {
        let detail = "the body has a Content-Encoding; send it as it is, without one";
        let mut problem = Self::new(Code::UnsupportedMediaType, detail);
        problem.headers.push(("accept-encoding", "identity".into()));
        problem
    }

    /// 415: the body is in another charset than UTF-8.
    pub fn unsupported_charset(charset: &str) -> Self {
        let detail = format!("the body has to be sent in UTF-8, not with charset={charset}");
        Self::new(Code::UnsupportedMediaType, detail)
    }

    /// 422: well-formed, and wrong in the members named.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [FieldError { pointer, detail }] if pointer.is_empty() => detail.clone(),
            [FieldError { pointer, detail }] => format!("{pointer} {detail}"),
            several => format!("{} things are wrong, see errors", several.len()),
        };
        let problem = Self::new(Code::Invalid, detail);
        Self { errors, ..problem }
    }

    /// 422: an idempotency key was used before, with another body; in an array, of these items.
    pub fn key_reused(detail: &'static str, errors: Vec<FieldError>) -> Self {
        let problem = Self::new(Code::IdempotencyKeyReused, detail);
        Self { errors, ..problem }
    }

    /// 401: the portal session ended, with its time, its API key or by a revocation.
    pub fn session_ended() -> Self {
        let detail = "this session has ended; open the page again from the app";
        Self {
            detail: detail.into(),
            ..Self::unauthorized()
        }
    }

    /// 429: a rate limit is reached for so many more seconds.
    pub fn too_many_requests(detail: String, seconds: u64) -> Self {
        let mut problem = Self::new(Code::TooManyRequests, detail);
        problem.headers.push(("retry-after", seconds.to_string()));
        problem
    }

    /// 429: nothing is sent any more in this hour of the clock.
    pub fn budget_used_up(detail: String, now: Timestamp) -> Self {
        let left = next_hour(now).since(now);
        let mut problem = Self::new(Code::BudgetUsedUp, detail);
        let seconds = left.as_millis().div_ceil(1_000);
        problem.headers.push(("retry-after", seconds.to_string()));
        problem
    }

    /// 429: as many requests to receivers are in flight as may be at once.
    pub fn too_many_in_flight() -> Self {
        let detail = "as many requests as are allowed at once are in flight, of this account, of \
                      it to this host, or in all; try again in a moment";
        let mut problem = Self::new(Code::TooManyInFlight, detail);
        problem.headers.push(("retry-after", "1".into()));
        problem
    }

    /// 500: our fault. The cause is logged, never shown.
    pub fn internal(cause: impl ToString) -> Self {
        let detail = "something went wrong on this side; the log has the cause";
        let problem = Self::new(Code::Internal, detail);
        Self {
            cause: Some(cause.to_string()),
            ..problem
        }
    }

    /// 500: `spin.toml` leads this operation to a component that does not have it.
    pub fn misrouted(operation: Operation) -> Self {
        Self::internal(format!("{operation:?} is not this component's"))
    }

    /// 500: a setting is missing or malformed, and which.
    pub fn misconfigured(detail: String) -> Self {
        let problem = Self::new(Code::Misconfigured, detail.clone());
        Self {
            cause: Some(detail),
            ..problem
        }
    }

    /// 503: a store does not answer, or others are busy with the same thing; try again.
    pub fn unavailable(cause: impl ToString) -> Self {
        let detail = "a store is busy or out of reach; try again";
        let mut problem = Self::new(Code::Unavailable, detail);
        problem.headers.push(("retry-after", "1".into()));
        Self {
            cause: Some(cause.to_string()),
            ..problem
        }
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        self.code.status()
    }

    /// What is wrong, in words.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Logs the cause, once, where there is one to hide. Returns what the log names it by.
    pub fn log(&mut self) -> Option<String> {
        let cause = self.cause.take()?;
        let request_id = format!("req_{}", entropy::token());
        eprintln!(
            "error request_id={request_id} code={} cause={cause:?}",
            self.code.as_str()
        );
        Some(request_id)
    }

    /// The body of the answer; logs the cause.
    pub(crate) fn into_body(mut self) -> Vec<u8> {
        let request_id = self.log();
        let status = self.status();
        let title = status.canonical_reason().unwrap_or("Problem");
        let body = wire::Problem {
            problem_type: "about:blank".to_owned(),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: self.detail.into_owned(),
            code: self.code,
            errors: self.errors,
            request_id,
        };
        serde_json::to_vec(&body).expect("a problem has string keys")
    }
}

impl From<Unreadable> for Problem {
    fn from(error: Unreadable) -> Self {
        match error {
            Unreadable::Syntax {
                line,
                column,
                detail,
            } => Self::new(
                Code::InvalidJson,
                format!("the body is not JSON: {detail} at line {line}, column {column}"),
            ),
            Unreadable::Shape(error) => Self::invalid(vec![error]),
        }
    }
}

impl From<Vec<FieldError>> for Problem {
    fn from(errors: Vec<FieldError>) -> Self {
        Self::invalid(errors)
    }
}

impl From<Failed> for Problem {
    fn from(failed: Failed) -> Self {
        Self::new(Code::PreconditionFailed, failed.to_string())
    }
}

impl From<Stopped> for Problem {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::NotANumber => Self::bad_request(stopped.to_string()),
            // Not 508: what fails on this side is tried again, and this should not be.
            Stopped::TooMany(_) => Self::new(Code::LoopDetected, stopped.to_string()),
        }
    }
}

impl From<TooManyPrevious> for Problem {
    fn from(error: TooManyPrevious) -> Self {
        Self::conflict(error.to_string())
    }
}

impl From<OpenError> for Problem {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::UnknownKey(_) => {
                Self::misconfigured(format!("a stored secret can't be opened: {error}"))
            }
            OpenError::Forged => Self::internal(error),
        }
    }
}
