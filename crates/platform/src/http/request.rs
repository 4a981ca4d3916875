use std::borrow::Cow;

use domain::{
    account::AccountId,
    event,
    id::TriggerId,
    input::{self, MAX_BODY},
    merge_patch::Document,
    page::{self, Page},
    time::Timestamp,
};
use http::{Method, StatusCode};
use serde::de::DeserializeOwned;
use spin_sdk::http::{IncomingRequest, Scheme};
use wasi::io::streams::StreamError;

use super::Response;
use crate::{clock::Moment, problem::Problem, wait};

/// How much of a body that is too large is read and dropped before it is refused, in bytes. A
/// caller that is still writing when the answer comes may never see it.
const MAX_DRAINED: usize = 8 * MAX_BODY;

/// A request without its body.
#[derive(Debug)]
pub struct Head {
    /// The method.
    pub method: Method,
    /// Whether it is a HEAD request, which is answered like GET and must change nothing.
    pub is_head: bool,
    scheme: &'static str,
    authority: String,
    path: String,
    query: String,
    headers: Vec<(String, Vec<u8>)>,
    /// The template of the path, where a route has it.
    pub(crate) template: Option<&'static str>,
}

/// A request, read whole.
#[derive(Debug)]
pub struct Request {
    /// All but the body.
    pub head: Head,
    /// When it began.
    pub started: Moment,
    body: Vec<u8>,
}

impl Head {
    pub(super) fn read(incoming: &IncomingRequest) -> Result<Self, Problem> {
        let method = Method::from_bytes(incoming.method().to_string().as_bytes())
            .map_err(|_| Problem::bad_request("the method can't be understood"))?;
        // HEAD is GET without the body (RFC 9110, 9.3.2), and the host leaves the body out.
        let is_head = method == Method::HEAD;
        let method = if is_head { Method::GET } else { method };
        let scheme = match incoming.scheme() {
            Some(Scheme::Https) => "https",
            _ => "http",
        };
        let target = incoming.path_with_query().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        Ok(Self {
            method,
            is_head,
            scheme,
            authority: incoming.authority().unwrap_or_default(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: incoming.headers().entries(),
            template: None,
        })
    }

    /// The path as it came, percent-encoding and all.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The scheme that the server took the request by.
    pub fn scheme(&self) -> &'static str {
        self.scheme
    }

    /// The authority that the caller named (its `Host` header): not to be trusted.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Path and query as they came: where the request was sent to.
    pub fn target(&self) -> String {
        if self.query.is_empty() {
            self.path.clone()
        } else {
            format!("{}?{}", self.path, self.query)
        }
    }

    /// The first value of a parameter of the query, whatever else is in it.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let mut parameters = form_urlencoded::parse(self.query.as_bytes());
        let (_, value) = parameters.find(|(present, _)| present == name)?;
        Some(value.into_owned())
    }

    /// The path's parameter of this name in the route's template.
    pub(crate) fn named(&self, name: &str) -> Option<&str> {
        let parameters = api::route::parameters(self.template?, &self.path)?;
        let mut parameters = parameters.into_iter();
        let (_, value) = parameters.find(|(present, _)| *present == name)?;
        Some(value)
    }

    /// The value of a header, where it is there and text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self
            .headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(value).ok()
    }

    /// The values of all lines of a header, in their order.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.headers()
            .filter(move |(present, _)| present.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// All headers, in the order they came in: name and value.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_slice()))
    }

    /// The request's idempotency key.
    ///
    /// # Errors
    ///
    /// 400 when it is malformed, or when there are two different ones.
    pub fn idempotency_key(&self) -> Result<Option<&str>, Problem> {
        let mut lines = self.values("idempotency-key");
        let Some(first) = lines.next() else {
            return Ok(None);
        };
        if lines.any(|other| other != first) {
            let detail = "Idempotency-Key is there twice, with two values; send one";
            return Err(Problem::bad_request(detail));
        }
        let key = std::str::from_utf8(first).unwrap_or("\u{fffd}");
        event::check_key(key)
            .map_err(|error| Problem::bad_request(format!("Idempotency-Key {error}")))?;
        Ok(Some(key))
    }

    /// What kind of body comes: `Content-Type` without its parameters; empty where it is not said.
    pub fn media_type(&self) -> &str {
        let given = self.header("content-type").unwrap_or_default();
        given.split(';').next().unwrap_or_default().trim()
    }

    /// The query's parameters, all of which have to be among `known`.
    ///
    /// # Errors
    ///
    /// 400 that names a parameter that is unknown or there twice.
    pub fn query(&self, known: &[&'static str]) -> Result<Query<'_>, Problem> {
        let mut parameters: Vec<(Cow<'_, str>, Cow<'_, str>)> = Vec::new();
        for (name, value) in form_urlencoded::parse(self.query.as_bytes()) {
            if !known.contains(&name.as_ref()) {
                let takes = match known {
                    [] => "this route takes none".to_owned(),
                    known => format!("there are {}", known.join(", ")),
                };
                let detail = format!("the query parameter {name:?} is unknown; {takes}");
                return Err(Problem::bad_request(detail));
            }
            if parameters.iter().any(|(present, _)| *present == name) {
                let detail = format!("the query parameter {name:?} is there twice");
                return Err(Problem::bad_request(detail));
            }
            parameters.push((name, value));
        }
        Ok(Query { parameters })
    }
}

/// The parameters of a query, each known and there once.
#[derive(Debug)]
pub struct Query<'a> {
    parameters: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl Query<'_> {
    /// The parameter's value.
    pub fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self
            .parameters
            .iter()
            .find(|(present, _)| present == name)?;
        Some(value)
    }

    /// The parameter, parsed.
    ///
    /// # Errors
    ///
    /// 400 that names the parameter and says what `parse` found wrong.
    pub fn parse<T, E: std::fmt::Display>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, Problem> {
        self.get(name)
            .map(|value| {
                parse(value).map_err(|error| {
                    Problem::bad_request(format!("the query parameter {name} {error}"))
                })
            })
            .transpose()
    }

    /// The parameter as a time.
    ///
    /// # Errors
    ///
    /// 400 that shows the value, and says how a `+` is written, when it is no RFC 3339 time.
    pub fn time(&self, name: &str) -> Result<Option<Timestamp>, Problem> {
        self.parse(name, |text| {
            Timestamp::parse(text).map_err(|error| {
                let plus = match Timestamp::parse(&text.replace(' ', "+")) {
                    Ok(_) => "; a + in a query stands for a space, so write it as %2B",
                    Err(_) => "",
                };
                format!("is {text:?}, which {error}{plus}")
            })
        })
    }

    /// The parameter as a yes or no.
    ///
    /// # Errors
    ///
    /// 400 that names the parameter when it is neither.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, Problem> {
        self.parse(name, |text| match text {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err("is true or false"),
        })
    }

    /// The parameter as ids of triggers, with commas between them: no more than a page can show.
    ///
    /// # Errors
    ///
    /// 400 that names the parameter when it is something else.
    pub fn trigger_ids(&self, name: &str) -> Result<Option<Vec<TriggerId>>, Problem> {
        self.parse(name, |text| {
            let ids: Vec<_> = text.split(',').map(TriggerId::parse).collect();
            if ids.len() > page::MAX_LIMIT {
                return Err(format!("has more than {} ids", page::MAX_LIMIT));
            }
            ids.into_iter()
                .collect::<Result<_, _>>()
                .map_err(|_| "is trigger ids with commas between them".to_owned())
        })
    }

    /// The page that `limit` and `cursor` ask for; `is_id` tells the ids of the list's items.
    ///
    /// # Errors
    ///
    /// 400 when one of them can't be used.
    pub fn page(&self, is_id: impl Fn(&str) -> bool) -> Result<Page, Problem> {
        Page::parse(self.get("limit"), self.get("cursor"), is_id)
            .map_err(|error| Problem::bad_request(error.to_string()))
    }
}

impl Request {
    pub(super) async fn read(
        head: Head,
        incoming: IncomingRequest,
        started: Moment,
    ) -> Result<Self, Problem> {
        let body = read_body(&incoming).await?;
        Ok(Self {
            head,
            started,
            body,
        })
    }

    /// The path's parameter of this name, percent-encoded as it came.
    ///
    /// # Panics
    ///
    /// When the route's template has no such parameter.
    pub fn named(&self, name: &str) -> &str {
        let value = self.head.named(name);
        value.expect("the route has the parameter that its handler asks for")
    }

    /// The account that the path names.
    ///
    /// # Errors
    ///
    /// 400 that says what an account id is made of.
    pub fn account(&self) -> Result<AccountId, Problem> {
        account(self.named("account"))
    }

    /// The body as it came.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body, which has to be a JSON object of the shape of `T`.
    ///
    /// # Errors
    ///
    /// 415 for another content type, 400 for broken JSON, 422 for another shape or a member that is
    /// there twice.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        self.require_content_type(&["application/json"])?;
        let input::Object(value) = input::parse_exact(&self.body)?;
        Ok(value)
    }

    /// As [`Request::json`], where every member is optional, and so is the body.
    ///
    /// # Errors
    ///
    /// As [`Request::json`], for a body that is there.
    pub fn json_if_any<T: DeserializeOwned + Default>(&self) -> Result<T, Problem> {
        if self.body.is_empty() {
            Ok(T::default())
        } else {
            self.json()
        }
    }

    /// The body, which has to be a JSON merge patch (RFC 7396).
    ///
    /// # Errors
    ///
    /// 415 for another content type, 400 for broken JSON, 422 for a member that is there twice.
    pub fn merge_patch(&self) -> Result<Document, Problem> {
        self.require_content_type(&["application/merge-patch+json", "application/json"])?;
        Ok(Document::parse(&self.body)?)
    }

    /// Checks that the body is of one of the media types, the first of which is named when not.
    ///
    /// # Errors
    ///
    /// 415 for another content type, or none.
    pub fn require_content_type(&self, wanted: &[&'static str]) -> Result<(), Problem> {
        self.require_plain_text()?;
        let given = self.head.media_type();
        if wanted
            .iter()
            .any(|wanted| given.eq_ignore_ascii_case(wanted))
        {
            return Ok(());
        }
        Err(Problem::unsupported_media_type(
            wanted.first().unwrap_or(&"application/json"),
        ))
    }

    /// Checks that the body is UTF-8 as it is, not compressed.
    ///
    /// # Errors
    ///
    /// 415 for a content coding (RFC 7694), or another charset than UTF-8.
    pub fn require_plain_text(&self) -> Result<(), Problem> {
        let codings = self.head.values("content-encoding");
        let mut codings = codings.flat_map(|line| line.split(|byte| *byte == b','));
        let is_plain =
            |coding: &[u8]| coding.is_empty() || coding.eq_ignore_ascii_case(b"identity");
        if !codings.all(|coding| is_plain(coding.trim_ascii())) {
            return Err(Problem::encoded_body());
        }
        let content_type = self.head.header("content-type").unwrap_or_default();
        match input::charset(content_type) {
            Some(other) if !input::is_utf8(other) => Err(Problem::unsupported_charset(other)),
            _ => Ok(()),
        }
    }

    /// The conditions under which the request is to be answered.
    ///
    /// # Errors
    ///
    /// 400 when `If-Match` or `If-None-Match` is malformed.
    pub fn preconditions(&self) -> Result<Preconditions, Problem> {
        let lines = |name| self.head.values(name);
        let parsed =
            domain::preconditions::Preconditions::parse(lines("if-match"), lines("if-none-match"));
        parsed
            .map(Preconditions)
            .map_err(|error| Problem::bad_request(error.to_string()))
    }
}

/// `If-Match` and `If-None-Match` (RFC 9110, 13.1).
#[derive(Debug, Clone, Default)]
pub struct Preconditions(domain::preconditions::Preconditions);

impl Preconditions {
    /// Checks the conditions of a change against a resource's revision.
    ///
    /// # Errors
    ///
    /// 412 when one of them does not hold.
    pub fn check(&self, revision: u64) -> Result<(), Problem> {
        self.check_or_missing(Some(revision))
    }

    /// As [`Preconditions::check`], for a resource that may not be there yet, and then has no
    /// revision.
    ///
    /// # Errors
    ///
    /// 412 when one of them does not hold.
    pub fn check_or_missing(&self, revision: Option<u64>) -> Result<(), Problem> {
        Ok(self.0.check_change(revision.map(etag).as_deref())?)
    }

    /// Answers a `GET` of a resource with this entity tag: 304 where the caller has that version,
    /// else what `whole` makes. Both have the tag.
    ///
    /// # Errors
    ///
    /// 412 when `If-Match` names another version, or the problem of `whole`.
    pub fn read(
        &self,
        etag: &str,
        whole: impl FnOnce() -> Result<Response, Problem>,
    ) -> Result<Response, Problem> {
        let response = if self.0.check_read(etag)? {
            Response::empty(StatusCode::NOT_MODIFIED)
        } else {
            whole()?
        };
        Ok(response.header("etag", etag))
    }
}

/// The entity tag of something with this revision (RFC 9110, 8.8.3).
pub fn etag(revision: u64) -> String {
    format!("\"{revision}\"")
}

/// The account of this id.
///
/// # Errors
///
/// 400 that says what an account id is made of.
pub fn account(id: &str) -> Result<AccountId, Problem> {
    AccountId::parse(id).map_err(|error| Problem::bad_request(error.to_string()))
}

async fn read_body(incoming: &IncomingRequest) -> Result<Vec<u8>, Problem> {
    const CHUNK: u64 = 64 * 1024;
    let broken = |_| Problem::bad_request("the body could not be read to its end");

    let body = incoming.consume().map_err(broken)?;
    let stream = body.stream().map_err(broken)?;
    let mut bytes = Vec::new();
    let mut length = 0;
    loop {
        let chunk = wait::until(
            || match stream.read(CHUNK) {
                Ok(chunk) if chunk.is_empty() => None,
                read => Some(read),
            },
            || stream.subscribe(),
        );
        match chunk.await {
            Ok(chunk) => {
                length += chunk.len();
                if length > MAX_DRAINED {
                    return Err(Problem::too_large(MAX_BODY));
                } else if length > MAX_BODY {
                    bytes = Vec::new();
                } else {
                    bytes.extend_from_slice(&chunk);
                }
            }
            Err(StreamError::Closed) if length > MAX_BODY => {
                return Err(Problem::too_large(MAX_BODY));
            }
            Err(StreamError::Closed) => return Ok(bytes),
            Err(StreamError::LastOperationFailed(_)) => return Err(broken(())),
        }
    }
}
