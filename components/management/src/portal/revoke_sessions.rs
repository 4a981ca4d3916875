//! Ends all sessions of an account, and all its links.

use http::StatusCode;
use platform::{
    http::{Request, Response},
    portal,
    problem::Problem,
};

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    request.head.query(&[])?;
    portal::revoke(&request.account()?)?;
    Ok(Response::empty(StatusCode::NO_CONTENT))
}
