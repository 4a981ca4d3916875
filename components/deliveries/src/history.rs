//! `GET /v1/accounts/{account}/deliveries[/{delivery}]`

use domain::{
    delivery::Status,
    id::{ActionId, DeliveryId, EventId, TriggerId},
    page,
};
use platform::{
    catalogue,
    http::{Request, Response, account},
    ledger::{self, DeliveryFilter},
    problem::Problem,
};

pub(crate) fn list(request: &Request, account_id: &str) -> Result<Response, Problem> {
    let account = account(account_id)?;
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
    let more = deliveries.len() > page.limit;
    deliveries.truncate(page.limit);
    let last = deliveries.last().filter(|_| more);
    let next = last.map(|delivery| page::cursor(&delivery.id.to_string()));
    Ok(Response::list(&deliveries, next))
}

pub(crate) fn show(
    request: &Request,
    account_id: &str,
    delivery_id: &str,
) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let account = account(account_id)?;
    let missing = || Problem::not_found(format!("{account} has no delivery {delivery_id:?}"));
    let id = DeliveryId::parse(delivery_id).map_err(|_| missing())?;
    Ok(Response::ok(
        &ledger::open()?
            .delivery(&account, id)?
            .ok_or_else(missing)?,
    ))
}

fn status(name: &str) -> Result<Status, String> {
    Status::parse(name).ok_or_else(|| {
        let names: Vec<_> = Status::ALL.into_iter().map(Status::as_str).collect();
        format!("is one of {}", names.join(", "))
    })
}
