//! Responses of the probe.

use std::time::Duration;

use spin_sdk::http::{Headers, OutgoingBody, ResponseOutparam};
use spin_sdk::wit::wasi::http0_2_0::types::OutgoingResponse;

/// What one write may hand to the host while nobody reads yet.
const ONE_WRITE: usize = 1 << 20;

/// What one blocking write may hand to the host.
const ONE_BLOCKING_WRITE: usize = 4096;

fn response(status: u16) -> (OutgoingResponse, OutgoingBody) {
    let response = OutgoingResponse::new(Headers::new());
    response.set_status_code(status).expect("a valid status");
    let body = response.body().expect("the body, asked for once");
    (response, body)
}

/// Answers. A small body is written and finished before the response is handed over, so that it leaves in one piece.
pub(crate) fn answer(out: ResponseOutparam, status: u16, bytes: &[u8]) {
    let (response, body) = response(status);
    let stream = body.write().expect("the stream, asked for once");
    if bytes.len() <= ONE_WRITE {
        stream.check_write().expect("room for a write");
        stream.write(bytes).expect("a write");
        drop(stream);
        OutgoingBody::finish(body, None).expect("a finished body");
        out.set(response);
        return;
    }
    out.set(response);
    for part in bytes.chunks(ONE_BLOCKING_WRITE) {
        // The client may be gone, or the host refuse to go on: nothing is left to tell then.
        if stream.blocking_write_and_flush(part).is_err() {
            return;
        }
    }
    drop(stream);
    let _ = OutgoingBody::finish(body, None);
}

/// Hands the response over and only then writes its body, half of it after a wait.
pub(crate) fn answer_in_halves(out: ResponseOutparam, wait: Duration) {
    let (response, body) = response(200);
    let stream = body.write().expect("the stream, asked for once");
    out.set(response);
    for (half, wait) in [("first ", wait), ("second", Duration::ZERO)] {
        if stream.blocking_write_and_flush(half.as_bytes()).is_err() {
            return;
        }
        std::thread::sleep(wait);
    }
    drop(stream);
    let _ = OutgoingBody::finish(body, None);
}
