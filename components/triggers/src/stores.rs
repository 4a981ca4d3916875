//! The two stores, and the one lookup that everything starts with.

use domain::{account::AccountId, id::TriggerId, trigger::Trigger};
use platform::{clock, entropy, http::Response, ledger, problem::Problem, store::TriggerStore};
use serde_json::json;

/// Whether the stores answer.
pub(crate) fn health() -> Result<Response, Problem> {
    TriggerStore::open()?.reachable()?;
    ledger::open()?.next_due_at()?;
    Ok(Response::ok(&json!({ "status": "ok" })))
}

/// The trigger of a path.
pub(crate) fn trigger(
    store: &TriggerStore,
    account: &AccountId,
    segment: &str,
) -> Result<Trigger, Problem> {
    // What is no trigger id names no trigger.
    let found = match TriggerId::parse(segment) {
        Ok(id) => store.trigger(account, id)?,
        Err(_) => None,
    };
    found.ok_or_else(|| Problem::not_found(format!("{account} has no trigger {segment:?}")))
}

/// A new id's parts.
pub(crate) fn fresh() -> (domain::time::Timestamp, u128) {
    (clock::now(), entropy::bits())
}
