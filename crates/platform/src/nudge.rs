//! Waking a runner: a request of the application to itself.

use std::time::Duration;

use http::{Method, StatusCode};

use crate::own_api::Call;

/// The path of the run route that answers before it works.
pub const PATH: &str = "/v1/deliveries/run?wait=false";

/// How long the run route may take to answer that it has begun.
const PATIENCE: Duration = Duration::from_secs(5);

/// Wakes a runner. Call it after the answer is out: nothing is lost when it fails, any later run
/// finds the work, so the failure is only logged.
pub async fn nudge() {
    let call = Call {
        method: Method::POST,
        target: PATH,
        body: None,
        if_match: None,
        visitor: None,
        patience: PATIENCE,
    };
    let failed = match call.send().await {
        Ok(answer) if answer.status == StatusCode::ACCEPTED => return,
        Ok(answer) => format!("status {}", answer.status),
        Err(problem) => format!("{problem:?}"),
    };
    eprintln!("warning no runner could be woken, the next run finds the work: {failed}");
}
