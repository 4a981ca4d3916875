//! Replaces a trigger's settings.

use domain::trigger::TriggerInput;
use platform::{
    http::{Request, Response},
    problem::Problem,
    triggers::Triggers,
};

use super::shown;

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let account = request.account()?;
    let input: TriggerInput = request.json()?;
    let triggers = Triggers::of(account)?;
    let trigger = triggers
        .replace(request.named("trigger"), input, &request.preconditions()?)
        .await?;
    shown(request, &trigger, &triggers)
}
