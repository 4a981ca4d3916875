//! Replaces an action's settings.

use domain::trigger::ActionInput;
use platform::{
    http::{Request, Response},
    problem::Problem,
    triggers::Triggers,
};

use super::{place, shown};

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let account = request.account()?;
    let input: ActionInput = request.json()?;
    let triggers = Triggers::of(account)?;
    let action = triggers
        .replace_action(place(request), input, &request.preconditions()?)
        .await?;
    shown(request, &action, &triggers)
}
