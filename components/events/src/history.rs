//! `GET /v1/accounts/{account}/events[/{event}]`

use domain::{id::EventId, page};
use platform::{
    catalogue,
    http::{Request, Response, account},
    ledger::{self, DeliveryFilter, DeliveryRow, EventFilter, EventRow},
    problem::Problem,
};
use serde::Serialize;
use serde_json::value::RawValue;

#[derive(Serialize)]
struct Details {
    #[serde(flatten)]
    event: EventRow,
    data: Box<RawValue>,
    deliveries: Vec<DeliveryRow>,
}

/// The most deliveries that an event is shown with; `GET …/deliveries?event=` has them all.
const MAX_SHOWN: usize = page::MAX_LIMIT;

pub(crate) fn list(request: &Request, account_id: &str) -> Result<Response, Problem> {
    let account = account(account_id)?;
    let query = request
        .head
        .query(&["type", "test", "since", "until", "limit", "cursor"])?;
    let filter = EventFilter {
        event_type: catalogue::wanted(&query)?,
        test: query.flag("test")?,
        since: query.time("since")?,
        until: query.time("until")?,
    };
    let page = query.page(|id| EventId::parse(id).is_ok())?;
    let mut events = ledger::open()?.events(&account, &filter, &page)?;
    let more = events.len() > page.limit;
    events.truncate(page.limit);
    let last = events.last().filter(|_| more);
    let next = last.map(|event| page::cursor(&event.id.to_string()));
    Ok(Response::list(&events, next))
}

pub(crate) fn show(
    request: &Request,
    account_id: &str,
    event_id: &str,
) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let account = account(account_id)?;
    let missing = || Problem::not_found(format!("{account} has no event {event_id:?}"));
    let id = EventId::parse(event_id).map_err(|_| missing())?;
    let ledger = ledger::open()?;
    let (event, data) = ledger.event(&account, id)?.ok_or_else(missing)?;
    let filter = DeliveryFilter {
        event: Some(id),
        ..DeliveryFilter::default()
    };
    let all = page::Page {
        limit: MAX_SHOWN,
        after: None,
    };
    let mut deliveries = ledger.deliveries(&account, &filter, &all)?;
    deliveries.truncate(MAX_SHOWN);
    Ok(Response::ok(&Details {
        event,
        data,
        deliveries,
    }))
}
