//! Whether the service can do its work.

use platform::{http::Response, ledger, problem::Problem, store::TriggerStore};
use serde_json::json;

/// Whether the stores answer.
pub(crate) fn show() -> Result<Response, Problem> {
    TriggerStore::open()?.reachable()?;
    ledger::open()?.next_due_at()?;
    Ok(Response::ok(&json!({ "status": "ok" })))
}
