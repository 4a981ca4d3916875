//! `/v1/accounts/{account}/portal-sessions`: sessions of the dashboard.

use domain::{input::FieldError, portal::Role, time::Timestamp};
use http::StatusCode;
use platform::{
    http::{Request, Response, account},
    portal,
    problem::Problem,
};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with token")]
struct Input {
    token: Option<String>,
}

#[derive(Serialize)]
struct View {
    session: String,
    role: Role,
    expires_at: Timestamp,
}

/// `POST …/portal-sessions`: opens a link. The dashboard calls it, and keeps the session in a cookie.
pub(crate) fn create(request: &Request, account_id: &str) -> Result<Response, Problem> {
    let account = account(account_id)?;
    request.head.query(&[])?;
    let input: Input = request.json()?;
    let token = input
        .token
        .ok_or_else(|| Problem::invalid(vec![FieldError::new("/token", "is required")]))?;
    let begun = portal::open_link(&account, &token)?;
    let view = View {
        session: begun.token,
        role: begun.role,
        expires_at: begun.expires_at,
    };
    Ok(Response::json(StatusCode::CREATED, &view).header("cache-control", "no-store"))
}

/// `POST …/portal-sessions/revoke`: ends all sessions of the account, and all links.
pub(crate) fn revoke(request: &Request, account_id: &str) -> Result<Response, Problem> {
    request.head.query(&[])?;
    portal::revoke(&account(account_id)?)?;
    Ok(Response::empty(StatusCode::NO_CONTENT))
}
