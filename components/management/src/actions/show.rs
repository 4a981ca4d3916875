//! Shows an action.

use platform::{
    http::{Request, Response, etag},
    problem::Problem,
    triggers::{Triggers, find_action},
};

use super::view;

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let triggers = Triggers::of(request.account()?)?;
    let trigger = triggers.find(request.named("trigger"))?;
    let action = find_action(&trigger, request.named("action"))?;
    request
        .preconditions()?
        .read(&etag(action.revision), || view(request, action, &triggers))
}
