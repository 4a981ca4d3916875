//! Changes a trigger by a merge patch.

use platform::{
    http::{Request, Response},
    problem::Problem,
    triggers::Triggers,
};

use super::shown;

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let account = request.account()?;
    let patch = request.merge_patch()?;
    let triggers = Triggers::of(account)?;
    let trigger = triggers
        .change(request.named("trigger"), patch, &request.preconditions()?)
        .await?;
    shown(request, &trigger, &triggers)
}
