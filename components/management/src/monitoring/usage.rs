//! `GET /v1/usage`: what the service uses, beside what it may.

use api::wire::{LedgerUsage, RequestUsage, Usage};
use platform::{
    clock, config,
    http::{Request, Response},
    ledger::{self, Budget},
    problem::Problem,
    resealing,
    store::TriggerStore,
};

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
        ledger: LedgerUsage {
            version: ledger.version(),
            events: rows.events,
            deliveries: rows.deliveries,
            attempts: rows.attempts,
        },
        events_accepted: tallies.events.values().sum(),
        requests: RequestUsage {
            total: tallies.attempts.values().sum(),
            this_hour: tallies.requests_this_hour,
            max_per_hour: outbound.per_hour,
            max_per_hour_per_account: outbound.per_hour_per_account,
            reserved_this_hour: ledger.reserved(Budget::Service, now)?,
        },
    }))
}
