//! Shows a trigger.

use platform::{
    http::{Request, Response, etag},
    problem::Problem,
    triggers::Triggers,
};

use super::view;

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let triggers = Triggers::of(request.account()?)?;
    let trigger = triggers.find(request.named("trigger"))?;
    request.preconditions()?.read(&etag(trigger.revision), || {
        view(request, &trigger, &triggers)
    })
}
