//! `POST /v1/accounts/{account}/events/{event}/replay`: owes an event again to what matches now.

use domain::{id::EventId, trigger};
use http::StatusCode;
use platform::{
    clock,
    http::{Request, Response, account},
    ledger,
    problem::Problem,
};

use crate::ingest::{Ingested, answer, owed, owed_to};

pub(crate) fn replay(
    request: &Request,
    account_id: &str,
    event_id: &str,
) -> Result<Ingested, Problem> {
    request.head.query(&[])?;
    let account = account(account_id)?;
    let missing = || Problem::not_found(format!("{account} has no event {event_id:?}"));
    let id = EventId::parse(event_id).map_err(|_| missing())?;
    let ledger = ledger::open()?;
    let (event, data) = ledger.event(&account, id)?.ok_or_else(missing)?;
    let event_type = trigger::event_type(&event.event_type).map_err(Problem::conflict)?;
    let now = clock::now();
    let deliveries = owed_to(&account, event_type, &data, now)?;
    // An event that is pruned in this very moment is missing, too.
    if !ledger.replay(&account, id, &deliveries, now)? {
        return Err(missing());
    }
    let owed = owed(&deliveries);
    let wake = !owed.is_empty();
    let response: Response = answer(StatusCode::ACCEPTED, event_type, id, owed, false);
    Ok(Ingested { response, wake })
}
