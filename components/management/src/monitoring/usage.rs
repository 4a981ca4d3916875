//! `GET /v1/usage`: what the service uses, beside what it may.

use domain::time::Timestamp;
use platform::{
    clock, config,
    http::{Request, Response},
    ledger::{self, Budget},
    problem::Problem,
    resealing,
    store::TriggerStore,
};
use serde::Serialize;

#[derive(Serialize)]
struct Usage {
    at: Timestamp,
    /// Keys of the key-value store, of everything.
    key_value_keys: u64,
    ledger: Rows,
    /// Since the ledger is there, or since it counts.
    events_accepted: u64,
    requests: Requests,
    encryption: resealing::State,
}

/// Rows of the ledger, near enough.
#[derive(Serialize)]
struct Rows {
    version: i64,
    events: u64,
    deliveries: u64,
    attempts: u64,
}

/// Requests to receivers.
#[derive(Serialize)]
struct Requests {
    total: u64,
    this_hour: u64,
    /// The most in an hour, where that is limited; and how many of them are spoken for.
    max_per_hour: Option<usize>,
    max_per_hour_per_account: Option<usize>,
    reserved_this_hour: usize,
}

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let now = clock::now();
    let ledger = ledger::open()?;
    let outbound = config::outbound()?;
    ledger.count_up(1)?;
    let tallies = ledger.tallies(now)?;
    let rows = ledger.row_counts()?;
    let store = TriggerStore::open()?;
    Ok(Response::ok(&Usage {
        at: now,
        key_value_keys: store.count_keys()?,
        encryption: resealing::state(&store, &config::sealer()?)?,
        ledger: Rows {
            version: ledger.version(),
            events: rows.events,
            deliveries: rows.deliveries,
            attempts: rows.attempts,
        },
        events_accepted: tallies.events.values().sum(),
        requests: Requests {
            total: tallies.attempts.values().sum(),
            this_hour: tallies.requests_this_hour,
            max_per_hour: outbound.per_hour,
            max_per_hour_per_account: outbound.per_hour_per_account,
            reserved_this_hour: ledger.reserved(Budget::Service, now)?,
        },
    }))
}
