//! Deletes an action.

use http::StatusCode;
use platform::{
    http::{Request, Response},
    problem::Problem,
    triggers::Triggers,
};

use super::place;

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let triggers = Triggers::of(request.account()?)?;
    triggers
        .delete_action(place(request), &request.preconditions()?)
        .await?;
    Ok(Response::empty(StatusCode::NO_CONTENT))
}
