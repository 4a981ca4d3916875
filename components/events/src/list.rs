//! Lists events.

use domain::id::EventId;
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
    let next = page.cut(&mut events, |event| event.id);
    Ok(Response::list(events, next))
}
