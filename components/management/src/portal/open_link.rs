//! Opens a portal link. The dashboard calls it, and keeps the session in a cookie.

use domain::{input::FieldError, portal::Role, time::Timestamp};
use http::StatusCode;
use platform::{
    http::{Request, Response},
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

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    let account = request.account()?;
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
