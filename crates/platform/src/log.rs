//! Where log lines go: standard error, which the host keeps.

pub use domain::log::Line;

use domain::{
    account::AccountId,
    log::route,
    trace::{self, TraceParent},
};

use crate::{config, http::Head};

/// Writes a line, in one piece, unless the setting `log_requests` is `false`.
pub fn write(line: Line) {
    if config::log_requests() {
        eprint!("{}", line.finish());
    }
}

/// What a request's line says while the answer is not known. Only of a caller who was `admitted` is the account named that the
/// path names.
pub(crate) fn of_request(head: &Head, admitted: bool) -> Line {
    let segments = head.segments();
    let account = match segments.as_slice() {
        ["v1", "accounts", account, ..] if admitted => AccountId::parse(account).ok(),
        _ => None,
    };
    let trace = head.header(trace::HEADER).and_then(TraceParent::parse);
    Line::info("request")
        .with("method", &head.method)
        .with("route", route(&segments))
        .with_any("account", account)
        .with_any("trace", trace)
}
