//! Lists deliveries.

use domain::{
    delivery::Status,
    id::{ActionId, DeliveryId, EventId, TriggerId},
};
use platform::{
    catalogue,
    http::{Request, Response},
    ledger::{self, DeliveryFilter},
    problem::Problem,
};

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    let account = request.account()?;
    let query = request.head.query(&[
        "status", "trigger", "action", "event", "type", "test", "since", "until", "limit", "cursor",
    ])?;
    let filter = DeliveryFilter {
        status: query.parse("status", status)?,
        trigger: query.parse("trigger", TriggerId::parse)?,
        action: query.parse("action", ActionId::parse)?,
        event: query.parse("event", EventId::parse)?,
        event_type: catalogue::wanted(&query)?,
        test: query.flag("test")?,
        since: query.time("since")?,
        until: query.time("until")?,
    };
    let page = query.page(|id| DeliveryId::parse(id).is_ok())?;
    let mut deliveries = ledger::open()?.deliveries(&account, &filter, &page)?;
    let next = page.cut(&mut deliveries, |delivery| delivery.id);
    Ok(Response::list(deliveries, next))
}

fn status(name: &str) -> Result<Status, String> {
    Status::parse(name).ok_or_else(|| {
        let names: Vec<_> = Status::ALL.into_iter().map(Status::as_str).collect();
        format!("is one of {}", names.join(", "))
    })
}
