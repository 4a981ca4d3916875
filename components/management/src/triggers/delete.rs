//! Deletes a trigger.

use http::StatusCode;
use platform::{
    http::{Request, Response},
    problem::Problem,
    triggers::Triggers,
};

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let triggers = Triggers::of(request.account()?)?;
    triggers
        .delete(request.named("trigger"), &request.preconditions()?)
        .await?;
    Ok(Response::empty(StatusCode::NO_CONTENT))
}
