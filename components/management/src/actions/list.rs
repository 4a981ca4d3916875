//! Lists a trigger's actions.

use domain::id::ActionId;
use platform::{
    http::{Request, Response},
    problem::Problem,
    triggers::Triggers,
};

use crate::view::Lens;

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    let account = request.account()?;
    let page = request
        .head
        .query(&["limit", "cursor"])?
        .page(|id| ActionId::parse(id).is_ok())?;
    let triggers = Triggers::of(account)?;
    let trigger = triggers.find(request.named("trigger"))?;
    let after = page
        .after
        .as_deref()
        .and_then(|id| ActionId::parse(id).ok());
    let mut actions: Vec<_> = trigger.actions.iter().collect();
    actions.sort_by_key(|action| action.id);
    actions.retain(|action| after.is_none_or(|after| action.id > after));
    let next = page.cut(&mut actions, |action| action.id);

    let lens = Lens::on(actions.iter().copied(), &triggers, &request.head)?;
    let views = actions.into_iter().map(|action| lens.action(action));
    Ok(Response::list(views.collect::<Result<Vec<_>, _>>()?, next))
}
