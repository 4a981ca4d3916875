//! Lists events.

use domain::{id::EventId, page};
use platform::{
    catalogue,
    http::{Request, Response},
    ledger::{self, EventFilter},
    problem::Problem,
};

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    let account = request.account()?;
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
    Ok(Response::list(events, next))
}
