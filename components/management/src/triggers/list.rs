//! Lists triggers.

use domain::id::TriggerId;
use platform::{
    catalogue,
    http::{Request, Response},
    problem::Problem,
    triggers::{TriggerFilter, Triggers},
};

use crate::view::Lens;

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    let account = request.account()?;
    let query = request
        .head
        .query(&["type", "enabled", "q", "ids", "limit", "cursor"])?;
    let filter = TriggerFilter {
        event_type: catalogue::wanted(&query)?,
        enabled: query.flag("enabled")?,
        text: query.get("q"),
        ids: query.trigger_ids("ids")?,
    };
    let page = query.page(|id| TriggerId::parse(id).is_ok())?;

    let triggers = Triggers::of(account)?;
    let (found, next) = triggers.list(&filter, &page)?;
    let actions = found.iter().flat_map(|trigger| &trigger.actions);
    let lens = Lens::on(actions, &triggers, &request.head)?;
    let views = found.iter().map(|trigger| lens.trigger(trigger));
    Ok(Response::list(views.collect::<Result<Vec<_>, _>>()?, next))
}
