//! `GET /v1/health`: whether the service can do its work.

use std::time::Duration;

use api::wire::{Health, ServiceState, StoreState};
use domain::time::Timestamp;
use http::StatusCode;
use platform::{
    clock, config,
    http::{Request, Response},
    ledger,
    problem::Problem,
    store::TriggerStore,
};

/// 200 while both stores answer and nothing that is due waits for longer than the setting says; else 503 with the reasons.
pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let limit = config::health_backlog()?;
    let store = TriggerStore::open().and_then(|store| store.reachable());
    let age = backlog_age(clock::now());

    let mut reasons = Vec::new();
    let mut state = |failed: Option<String>, name: &str| match failed {
        None => StoreState::Ok,
        Some(cause) => {
            // The cause may tell where things are; whoever asks here is nobody in particular.
            eprintln!("error health {name} cause={cause:?}");
            reasons.push(format!("{name} does not answer"));
            StoreState::Unreachable
        }
    };
    let key_value_store = state(
        store.err().map(|error| error.to_string()),
        "the key-value store",
    );
    let ledger = state(
        age.as_ref().err().map(|problem| format!("{problem:?}")),
        "the ledger",
    );
    let age = age.ok();
    if let Some(age) = age.filter(|age| *age > limit) {
        reasons.push(format!(
            "a delivery has been due for {} s, more than {} s: is the run route being called?",
            age.as_secs(),
            limit.as_secs()
        ));
    }
    let (status, state) = if reasons.is_empty() {
        (StatusCode::OK, ServiceState::Ok)
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, ServiceState::Failing)
    };
    let health = Health {
        status: state,
        reasons,
        key_value_store,
        ledger,
        backlog_age_seconds: age.map(|age| age.as_secs()),
    };
    Ok(Response::json(status, &health).header("cache-control", "no-store"))
}

fn backlog_age(now: Timestamp) -> Result<Duration, Problem> {
    let due = ledger::open()?.owed(now)?.oldest_due_at;
    Ok(due.map_or(Duration::ZERO, |due| now.since(due)))
}
