//! Requests to the outside, each bounded in time and in what is read of the answer.

use std::time::Duration;

use domain::{
    delivery::{Failure, Outcome, judge},
    trigger::Method,
    url_policy::EndpointUrl,
    webhook::WebhookRequest,
};
use futures::future::{Either, select};
use wasi::{
    http::{
        outgoing_handler,
        types::{
            ErrorCode, Fields, FutureIncomingResponse, IncomingBody, IncomingResponse,
            OutgoingBody, OutgoingRequest, RequestOptions, Scheme,
        },
    },
    io::streams::{OutputStream, StreamError},
};

use crate::{
    clock::{self, Moment},
    stream, wait,
};

/// How much of a response's body is kept, in bytes. What follows is never read.
const MAX_RESPONSE_BODY: usize = 16 * 1024;
/// How much of a response's headers is kept, in bytes of names and values.
const MAX_RESPONSE_HEADERS: usize = 8 * 1024;

/// How soon after a request was sent its connection has to end for the request to be sent again. A
/// connection that was closed before answers within a round trip; a receiver that took longer was
/// working on the request.
const AT_ONCE: Duration = Duration::from_secs(1);
/// How much of a request is sent at once when it is sent again, in bytes: sockets' buffers hold that
/// much.
const AT_FIRST: usize = 16 * 1024;
/// How long the rest of a request that is sent again is held back for an early answer.
const EARLY_ANSWER: Duration = Duration::from_millis(500);

/// What came of an attempt, and what was seen of the response.
#[derive(Debug)]
pub struct Exchange {
    /// Success, or why it failed.
    pub outcome: Outcome,
    /// What came, as far as it came.
    pub response: Response,
}

/// A response, as much of it as is kept.
#[derive(Debug, Default)]
pub struct Response {
    /// Its status, once it came.
    pub status: Option<u16>,
    /// Its headers, names in lower case; bytes that are no UTF-8 replaced.
    pub headers: Vec<(String, String)>,
    /// Its `Retry-After`, whatever headers stand before it.
    pub retry_after: Option<String>,
    /// The beginning of its body.
    pub body: Vec<u8>,
}

impl Response {
    /// The value of a header that is kept.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Sends a webhook and reads the answer; the whole takes no longer than `timeout_seconds`.
pub async fn send(url: &EndpointUrl, request: &WebhookRequest, timeout_seconds: u32) -> Exchange {
    let timeout = Duration::from_secs(timeout_seconds.into());
    let deadline = Moment::now().after(timeout);
    let mut response = Response::default();
    let finished = {
        let exchange = std::pin::pin!(exchange(url, request, timeout, &mut response));
        let timer = std::pin::pin!(clock::sleep_until(deadline));
        match select(exchange, timer).await {
            Either::Left((finished, _)) => finished,
            Either::Right(_) => Err(Failure::Timeout(timeout_seconds)),
        }
    };
    // The host's own timers may fire a moment before ours.
    let finished = finished.map_err(|failure| match failure {
        Failure::Timeout(_) => Failure::Timeout(timeout_seconds),
        other => other,
    });
    let outcome = match (finished, response.status) {
        (Ok(()), Some(status)) => judge(status),
        // A receiver that refuses and then breaks off has refused all the same.
        (Err(failure), Some(status)) => judge(status).and(Err(failure)),
        (Err(failure), None) => Err(failure),
        (Ok(()), None) => Err(Failure::Protocol("no status")),
    };
    Exchange { outcome, response }
}

async fn exchange(
    url: &EndpointUrl,
    request: &WebhookRequest,
    timeout: Duration,
    response: &mut Response,
) -> Result<(), Failure> {
    let sent_at = Moment::now();
    let mut answer = respond(url, url.authority(), request, timeout, None).await;
    // A kept connection may have been closed by the receiver as the request left. Receivers know a
    // repeated webhook by its id.
    let ended = answer.as_ref().is_err_and(NoAnswer::is_end_of_connection);
    if ended && sent_at.elapsed() < AT_ONCE {
        let authority = url.respelt_authority();
        answer = respond(url, &authority, request, timeout, Some(EARLY_ANSWER)).await;
    }
    let Answer { incoming, unsent } = answer?;
    response.status = Some(incoming.status());
    response.headers = headers(&incoming);
    response.retry_after = retry_after(&response.headers);
    cut(&mut response.headers);
    let body = incoming
        .consume()
        .map_err(|()| internal("the response's body is taken"))?;
    match read(&body, &mut response.body).await {
        // Who answers before the request has ended may close the connection, too.
        Err(failure) if unsent.is_some() && !matches!(failure, Failure::Timeout(_)) => Ok(()),
        read => read,
    }
}

/// A response whose head came.
struct Answer {
    incoming: IncomingResponse,
    /// The request's body, unless all of it was sent before the head came. Dropping it ends the
    /// exchange.
    unsent: Option<(OutputStream, OutgoingBody)>,
}

/// Why no head of a response came.
enum NoAnswer {
    /// The host says so.
    Host(ErrorCode),
    /// The host does not do as it should.
    Internal(Failure),
}

impl NoAnswer {
    /// Whether the connection ended. Hosts have one code for that and for an answer that is not
    /// HTTP.
    fn is_end_of_connection(&self) -> bool {
        matches!(
            self,
            Self::Host(ErrorCode::HttpProtocolError | ErrorCode::ConnectionTerminated)
        )
    }
}

impl From<ErrorCode> for NoAnswer {
    fn from(code: ErrorCode) -> Self {
        Self::Host(code)
    }
}

impl From<Failure> for NoAnswer {
    fn from(failure: Failure) -> Self {
        Self::Internal(failure)
    }
}

impl From<NoAnswer> for Failure {
    fn from(why: NoAnswer) -> Self {
        match why {
            NoAnswer::Host(code) => failure(&code),
            NoAnswer::Internal(failure) => failure,
        }
    }
}

/// Sends the request and waits for the response's head. With `held_back`, most of a long body waits
/// that long for an answer: a host that is writing when the connection is closed may lose the answer.
async fn respond(
    url: &EndpointUrl,
    authority: &str,
    request: &WebhookRequest,
    timeout: Duration,
    held_back: Option<Duration>,
) -> Result<Answer, NoAnswer> {
    let (outgoing, body) = outgoing(url, authority, request)?;
    let options = options(timeout)?;

    // A body that fits the host's buffer is complete before the request is handed over, and
    // leaves together with the head.
    let stream = body
        .write()
        .map_err(|()| internal("the request's body is taken"))?;
    let closed = |_| internal("the request's body is closed");
    let room = usize::try_from(stream.check_write().map_err(closed)?).unwrap_or(usize::MAX);
    let room = room.min(held_back.map_or(usize::MAX, |_| AT_FIRST));
    let (first, rest) = request.body.split_at(room.min(request.body.len()));
    if !first.is_empty() {
        stream.write(first).map_err(closed)?;
    }
    if rest.is_empty() {
        drop(stream);
        OutgoingBody::finish(body, None)?;
        let response = outgoing_handler::handle(outgoing, Some(options))?;
        let incoming = head(&response).await?;
        return Ok(Answer {
            incoming,
            unsent: None,
        });
    }
    let response = outgoing_handler::handle(outgoing, Some(options))?;
    // A receiver may answer without reading to the end.
    let early = {
        let write = std::pin::pin!(async {
            if let Some(pause) = held_back {
                clock::sleep_until(Moment::now().after(pause)).await;
            }
            stream::write(&stream, rest).await
        });
        match select(std::pin::pin!(head(&response)), write).await {
            Either::Left((head, _)) => Some(head?),
            // The answer tells more than a broken stream does.
            Either::Right((Err(_), head)) => Some(head.await?),
            Either::Right((Ok(()), _)) => None,
        }
    };
    if let Some(incoming) = early {
        return Ok(Answer {
            incoming,
            unsent: Some((stream, body)),
        });
    }
    drop(stream);
    OutgoingBody::finish(body, None)?;
    let incoming = head(&response).await?;
    Ok(Answer {
        incoming,
        unsent: None,
    })
}

fn outgoing(
    url: &EndpointUrl,
    authority: &str,
    request: &WebhookRequest,
) -> Result<(OutgoingRequest, OutgoingBody), Failure> {
    let mut headers: Vec<_> = request
        .headers
        .iter()
        .map(|(name, value)| (name.clone(), value.clone().into_bytes()))
        .collect();
    headers.push((
        "content-length".to_owned(),
        request.body.len().to_string().into_bytes(),
    ));
    let fields = Fields::from_list(&headers).map_err(internal)?;
    let outgoing = OutgoingRequest::new(fields);
    let method = match request.method {
        Method::Post => wasi::http::types::Method::Post,
        Method::Put => wasi::http::types::Method::Put,
        Method::Patch => wasi::http::types::Method::Patch,
        Method::Delete => wasi::http::types::Method::Delete,
    };
    let scheme = if url.is_https() {
        Scheme::Https
    } else {
        Scheme::Http
    };
    let refused = |()| internal("the request's head is refused");
    outgoing.set_method(&method).map_err(refused)?;
    outgoing.set_scheme(Some(&scheme)).map_err(refused)?;
    outgoing.set_authority(Some(authority)).map_err(refused)?;
    outgoing
        .set_path_with_query(Some(url.path_and_query()))
        .map_err(refused)?;
    let body = outgoing.body().map_err(refused)?;
    Ok((outgoing, body))
}

fn options(timeout: Duration) -> Result<RequestOptions, Failure> {
    let nanos = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
    let refused = |()| internal("the host takes no timeouts");
    let options = RequestOptions::new();
    options.set_connect_timeout(Some(nanos)).map_err(refused)?;
    options
        .set_first_byte_timeout(Some(nanos))
        .map_err(refused)?;
    options
        .set_between_bytes_timeout(Some(nanos))
        .map_err(refused)?;
    Ok(options)
}

async fn head(response: &FutureIncomingResponse) -> Result<IncomingResponse, NoAnswer> {
    let head = wait::until(|| response.get(), || response.subscribe()).await;
    let head = head.map_err(|()| internal("the response is taken"))?;
    Ok(head?)
}

fn headers(incoming: &IncomingResponse) -> Vec<(String, String)> {
    let entries = incoming.headers().entries().into_iter();
    let text = |value: Vec<u8>| String::from_utf8_lossy(&value).into_owned();
    entries
        .map(|(name, value)| (name.to_ascii_lowercase(), text(value)))
        .collect()
}

/// The first `Retry-After`.
fn retry_after(headers: &[(String, String)]) -> Option<String> {
    let mut headers = headers.iter();
    let found = headers.find(|(name, _)| name == "retry-after");
    found.map(|(_, value)| value.clone())
}

/// Drops the headers that are not kept.
fn cut(headers: &mut Vec<(String, String)>) {
    let mut room = MAX_RESPONSE_HEADERS;
    let fits = |(name, value): &(String, String)| {
        let size = name.len() + value.len();
        let fits = size <= room;
        room = room.saturating_sub(size);
        fits
    };
    let kept = headers.iter().map(fits).take_while(|fits| *fits).count();
    headers.truncate(kept);
}

/// Reads the body up to the cap; what follows is dropped with the connection.
async fn read(body: &IncomingBody, kept: &mut Vec<u8>) -> Result<(), Failure> {
    let stream = body
        .stream()
        .map_err(|()| internal("the response's stream is taken"))?;
    while kept.len() < MAX_RESPONSE_BODY {
        let room = MAX_RESPONSE_BODY - kept.len();
        let chunk = wait::until(
            || match stream.read(room as u64) {
                Ok(chunk) if chunk.is_empty() => None,
                read => Some(read),
            },
            || stream.subscribe(),
        );
        match chunk.await {
            Ok(chunk) => kept.extend_from_slice(&chunk),
            Err(StreamError::Closed) => break,
            Err(StreamError::LastOperationFailed(error)) => {
                let code = wasi::http::types::http_error_code(&error);
                return Err(code.map_or(Failure::ConnectionClosed, |code| failure(&code)));
            }
        }
    }
    Ok(())
}

fn internal(what: impl std::fmt::Display) -> Failure {
    Failure::Internal(what.to_string())
}

/// The host's error, as people know it.
fn failure(error: &ErrorCode) -> Failure {
    match error {
        ErrorCode::DnsTimeout | ErrorCode::DnsError(_) | ErrorCode::DestinationNotFound => {
            Failure::Dns
        }
        ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionReadTimeout
        | ErrorCode::ConnectionWriteTimeout
        | ErrorCode::HttpResponseTimeout => Failure::Timeout(0),
        ErrorCode::ConnectionRefused
        | ErrorCode::DestinationUnavailable
        | ErrorCode::DestinationIpUnroutable => Failure::ConnectionRefused,
        // Spin says so when the runtime configuration blocks every address of the name.
        ErrorCode::DestinationIpProhibited => Failure::PrivateName,
        ErrorCode::HttpRequestDenied => {
            Failure::Blocked("this deployment does not let requests go there".into())
        }
        ErrorCode::TlsCertificateError => Failure::Tls("the certificate is not valid"),
        ErrorCode::TlsProtocolError | ErrorCode::TlsAlertReceived(_) => {
            Failure::Tls("no secure connection could be made")
        }
        ErrorCode::ConnectionTerminated
        | ErrorCode::ConnectionLimitReached
        | ErrorCode::HttpResponseIncomplete => Failure::ConnectionClosed,
        // Hosts say this of a connection that broke off, too.
        ErrorCode::HttpProtocolError => {
            Failure::Protocol("the connection broke off, or what came is not HTTP")
        }
        ErrorCode::HttpResponseHeaderSectionSize(_)
        | ErrorCode::HttpResponseHeaderSize(_)
        | ErrorCode::HttpResponseBodySize(_)
        | ErrorCode::HttpResponseTrailerSectionSize(_)
        | ErrorCode::HttpResponseTrailerSize(_)
        | ErrorCode::HttpResponseTransferCoding(_)
        | ErrorCode::HttpResponseContentCoding(_)
        | ErrorCode::HttpUpgradeFailed => Failure::Protocol("it breaks the rules of HTTP"),
        other => internal(other),
    }
}
