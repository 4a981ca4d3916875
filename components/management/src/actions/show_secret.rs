//! Shows an action's signing secret.

use platform::{
    http::{Request, Response},
    problem::Problem,
    triggers::{Triggers, find_action},
};

use super::secrets;

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let triggers = Triggers::of(request.account()?)?;
    let trigger = triggers.find(request.named("trigger"))?;
    let action = find_action(&trigger, request.named("action"))?;
    Ok(secrets(action.secrets(&triggers.vault())?))
}
