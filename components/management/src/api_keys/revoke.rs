//! Revokes an API key.

use http::StatusCode;
use platform::{
    api_keys,
    http::{Request, Response},
    problem::Problem,
};

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    request.head.query(&[])?;
    api_keys::revoke(request.named("api_key")).await?;
    Ok(Response::empty(StatusCode::NO_CONTENT))
}
