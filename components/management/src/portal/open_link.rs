//! Opens a portal link. The dashboard calls it, and keeps the session in a cookie.

use api::wire::{PortalLinkToken, PortalSession};
use domain::input::FieldError;
use http::StatusCode;
use platform::{
    http::{Request, Response},
    portal,
    problem::Problem,
};

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    let account = request.account()?;
    request.head.query(&[])?;
    let input: PortalLinkToken = request.json()?;
    let token = input
        .token
        .ok_or_else(|| Problem::invalid(vec![FieldError::new("/token", "is required")]))?;
    let begun = portal::open_link(&account, &token)?;
    let session = PortalSession {
        session: begun.token,
        role: begun.role,
        expires_at: begun.expires_at,
    };
    Ok(Response::json(StatusCode::CREATED, &session).header("cache-control", "no-store"))
}
