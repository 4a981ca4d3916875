//! Adds an action to a trigger.

use domain::trigger::ActionInput;
use platform::{
    http::{Request, Response, etag},
    idempotency::Once,
    problem::Problem,
    triggers::Triggers,
};

use crate::{created, view::Lens};

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let account = request.account()?;
    let trigger_id = request.named("trigger");
    let input: ActionInput = request.json()?;
    let triggers = Triggers::of(account)?;
    let once = Once::of(request, Some(triggers.account()))?;
    let action = triggers.add_action(trigger_id, input, &once).await?;
    let account = triggers.account();
    Ok(created(
        &format!(
            "/v1/accounts/{account}/triggers/{trigger_id}/actions/{}",
            action.id
        ),
        &etag(action.revision),
        &Lens::on([&action], &triggers, &request.head)?.action(&action)?,
    ))
}
