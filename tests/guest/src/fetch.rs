//! Outgoing requests of the probe: plain wasi:http, because the SDK's `send` has no timeouts.

use std::time::Duration;

use spin_sdk::http::{Headers, IncomingResponse, Method, OutgoingRequest, Scheme};
use spin_sdk::wit::wasi::http0_2_0::outgoing_handler::handle;
use spin_sdk::wit::wasi::http0_2_0::types::{
    ErrorCode, IncomingBody, RequestOptions, http_error_code,
};
use wasi::io::streams::StreamError;

use crate::Command;

/// The most that one read takes.
const ONE_READ: u64 = 64 * 1024;

/// Sends a GET and tells status, headers and body, or which error came instead.
pub(crate) fn fetch(command: &Command) -> Result<Vec<u8>, String> {
    let request = request(command.text("url"))?;
    let options = options(command);
    let response = send(request, options).map_err(|error| format!("{error:?}"))?;
    let mut text = format!("status: {}\n", response.status());
    for (name, value) in response.headers().entries() {
        text += &format!("{name}: {}\n", String::from_utf8_lossy(&value));
    }
    text += "\n";
    let mut told = text.into_bytes();
    read(&response, &mut told)?;
    Ok(told)
}

/// The URL goes in as its parts, which need no parser and let a test send odd ones.
fn request(url: &str) -> Result<OutgoingRequest, String> {
    let request = OutgoingRequest::new(Headers::new());
    let refused = |()| format!("the host does not take {url}");
    request.set_method(&Method::Get).map_err(refused)?;
    let Some((scheme, rest)) = url.split_once("://") else {
        request.set_path_with_query(Some(url)).map_err(refused)?;
        return Ok(request);
    };
    let scheme = match scheme {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        other => Scheme::Other(other.to_owned()),
    };
    let (authority, path) = match rest.find('/') {
        Some(start) => rest.split_at(start),
        None => (rest, "/"),
    };
    request.set_scheme(Some(&scheme)).map_err(refused)?;
    request.set_authority(Some(authority)).map_err(refused)?;
    request.set_path_with_query(Some(path)).map_err(refused)?;
    Ok(request)
}

fn options(command: &Command) -> RequestOptions {
    let nanoseconds = |limit: Duration| u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
    let options = RequestOptions::new();
    let limits = [
        options.set_connect_timeout(command.duration("connect").map(nanoseconds)),
        options.set_first_byte_timeout(command.duration("first").map(nanoseconds)),
        options.set_between_bytes_timeout(command.duration("between").map(nanoseconds)),
    ];
    assert!(limits.iter().all(Result::is_ok), "the host takes timeouts");
    options
}

fn send(request: OutgoingRequest, options: RequestOptions) -> Result<IncomingResponse, ErrorCode> {
    let response = handle(request, Some(options))?;
    response.subscribe().block();
    response
        .get()
        .expect("ready, as was waited for")
        .expect("taken once")
}

fn read(response: &IncomingResponse, told: &mut Vec<u8>) -> Result<(), String> {
    let body: IncomingBody = response.consume().expect("the body, asked for once");
    let stream = body.stream().expect("the stream, asked for once");
    loop {
        match stream.blocking_read(ONE_READ) {
            Ok(bytes) => told.extend(bytes),
            Err(StreamError::Closed) => return Ok(()),
            Err(StreamError::LastOperationFailed(error)) => {
                return Err(format!("body: {:?}", http_error_code(&error)));
            }
        }
    }
}
