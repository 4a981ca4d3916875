//! Changes an action by a merge patch.

use platform::{
    http::{Request, Response},
    problem::Problem,
    triggers::Triggers,
};

use super::{place, shown};

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let account = request.account()?;
    let patch = request.merge_patch()?;
    let triggers = Triggers::of(account)?;
    let action = triggers
        .change_action(place(request), patch, &request.preconditions()?)
        .await?;
    shown(request, &action, &triggers)
}
