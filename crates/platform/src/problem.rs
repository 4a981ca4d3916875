//! Everything that goes wrong, as callers are told: RFC 9457's `application/problem+json`.

use std::borrow::Cow;

use api::{Operation, Route};
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
use serde::Serialize;

use crate::entropy;

/// A problem to answer with.
#[derive(Debug)]
pub struct Problem {
    /// The status of the answer.
    pub status: StatusCode,
    /// Headers that belong to it, e.g. `allow`.
    pub headers: Vec<(&'static str, String)>,
    /// A stable name for programs.
    code: &'static str,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    /// What is logged and never shown.
    cause: Option<String>,
}

#[derive(Serialize)]
struct Body<'a> {
    /// RFC 9457: `about:blank` says that the title is the status's own phrase.
    #[serde(rename = "type")]
    problem_type: &'static str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        let detail = detail.into();
        Self {
            status,
            headers: Vec::new(),
            code,
            detail,
            errors: Vec::new(),
            cause: None,
        }
    }

    /// 400: the request itself is malformed.
    pub fn bad_request(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", detail)
    }

    /// 401: no key, or a wrong one; the two are not told apart.
    pub fn unauthorized() -> Self {
        let detail = "this needs the header `Authorization: Bearer <api key>` with a valid key";
        let mut problem = Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail);
        problem.headers.push(("www-authenticate", "Bearer".into()));
        problem
    }

    /// 403: the caller is known, and may not do this.
    pub fn forbidden(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// 404: there is no such route or thing.
    pub fn not_found(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
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
        let mut problem = Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail);
        problem.headers.push(("allow", allowed));
        problem
    }

    /// 409: the thing is in a state that does not allow this now.
    pub fn conflict(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", detail)
    }

    /// 413: the body is larger than `limit` bytes.
    pub fn too_large(limit: usize) -> Self {
        let detail = format!("the body is larger than {limit} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
    }

    /// 415: the body is of another media type than is wanted.
    pub fn unsupported_media_type(wanted: &str) -> Self {
        let detail = format!("the body has to be sent with `Content-Type: {wanted}`");
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            detail,
        )
    }

    /// 415: the body is compressed.
    pub fn encoded_body() -> Self {
        let detail = "the body has a Content-Encoding; send it as it is, without one";
        let mut problem = Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            detail,
        );
        problem.headers.push(("accept-encoding", "identity".into()));
        problem
    }

    /// 415: the body is in another charset than UTF-8.
    pub fn unsupported_charset(charset: &str) -> Self {
        let detail = format!("the body has to be sent in UTF-8, not with charset={charset}");
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            detail,
        )
    }

    /// 422: well-formed, and wrong in the members named.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [FieldError { pointer, detail }] if pointer.is_empty() => detail.clone(),
            [FieldError { pointer, detail }] => format!("{pointer} {detail}"),
            several => format!("{} things are wrong, see errors", several.len()),
        };
        let problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail);
        Self { errors, ..problem }
    }

    /// 422: an idempotency key was used before, with another body; in an array, of these items.
    pub fn key_reused(detail: &'static str, errors: Vec<FieldError>) -> Self {
        let problem = Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency_key_reused",
            detail,
        );
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
        let mut problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", detail);
        problem.headers.push(("retry-after", seconds.to_string()));
        problem
    }

    /// 429: nothing is sent any more in this hour of the clock.
    pub fn budget_used_up(detail: String, now: Timestamp) -> Self {
        let left = next_hour(now).since(now);
        let mut problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "budget_used_up", detail);
        let seconds = left.as_millis().div_ceil(1_000);
        problem.headers.push(("retry-after", seconds.to_string()));
        problem
    }

    /// 429: as many requests to receivers are in flight as may be at once.
    pub fn too_many_in_flight() -> Self {
        let detail = "as many requests as are allowed at once are in flight, of this account, of \
                      it to this host, or in all; try again in a moment";
        let mut problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_in_flight", detail);
        problem.headers.push(("retry-after", "1".into()));
        problem
    }

    /// 500: our fault. The cause is logged, never shown.
    pub fn internal(cause: impl ToString) -> Self {
        let detail = "something went wrong on this side; the log has the cause";
        let problem = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail);
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
        let problem = Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "misconfigured",
            detail.clone(),
        );
        Self {
            cause: Some(detail),
            ..problem
        }
    }

    /// 503: a store does not answer, or others are busy with the same thing; try again.
    pub fn unavailable(cause: impl ToString) -> Self {
        let detail = "a store is busy or out of reach; try again";
        let mut problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail);
        problem.headers.push(("retry-after", "1".into()));
        Self {
            cause: Some(cause.to_string()),
            ..problem
        }
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
            self.code
        );
        Some(request_id)
    }

    /// The body of the answer; logs the cause.
    pub(crate) fn into_body(mut self) -> Vec<u8> {
        let request_id = self.log();
        let body = Body {
            problem_type: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Problem"),
            status: self.status.as_u16(),
            detail: &self.detail,
            code: self.code,
            errors: &self.errors,
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
                StatusCode::BAD_REQUEST,
                "invalid_json",
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
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            "precondition_failed",
            failed.to_string(),
        )
    }
}

impl From<Stopped> for Problem {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::NotANumber => Self::bad_request(stopped.to_string()),
            // Not 508: what fails on this side is tried again, and this should not be.
            Stopped::TooMany(_) => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "loop_detected",
                stopped.to_string(),
            ),
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
