//! Deletes an event type of the deployment's own.

use http::StatusCode;
use platform::{
    catalogue::EventTypes,
    http::{Request, Response},
    problem::Problem,
};

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    request.head.query(&[])?;
    EventTypes::open()?
        .delete(request.named("key"), &request.preconditions()?)
        .await?;
    Ok(Response::empty(StatusCode::NO_CONTENT))
}
