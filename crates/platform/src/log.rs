//! Where log lines go: standard error, which the host keeps.

pub use domain::log::Line;

use domain::{
    account::AccountId,
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
/// path names. A path that no route has is not in it.
pub(crate) fn of_request(head: &Head, admitted: bool) -> Line {
    let account = head.named("account").filter(|_| admitted);
    let account = account.and_then(|account| AccountId::parse(account).ok());
    let trace = head.header(trace::HEADER).and_then(TraceParent::parse);
    Line::info("request")
        .with("method", &head.method)
        .with_any("route", head.template)
        .with_any("account", account)
        .with_any("trace", trace)
}
