//! Shows an event with its deliveries.

use api::wire::EventDetails;
use domain::{id::EventId, page};
use platform::{
    http::{Request, Response},
    ledger::{self, DeliveryFilter},
    problem::Problem,
};

/// The most deliveries that an event is shown with; `GET …/deliveries?event=` has them all.
const MAX_SHOWN: usize = page::MAX_LIMIT;

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let account = request.account()?;
    let event_id = request.named("event");
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
    Ok(Response::ok(&EventDetails {
        event,
        data,
        deliveries,
    }))
}
