//! `POST /v1/accounts/{account}/portal-links`: the dashboard for an account's own users.

use domain::{
    portal::{LinkInput, Role},
    time::Timestamp,
};
use http::StatusCode;
use platform::{
    clock, config, entropy,
    http::{Head, Request, Response, account},
    problem::Problem,
};
use serde::Serialize;

#[derive(Serialize)]
struct View {
    url: String,
    role: Role,
    expires_at: Timestamp,
}

pub(crate) fn create(request: &Request, account_id: &str) -> Result<Response, Problem> {
    let account = account(account_id)?;
    request.head.query(&[])?;
    let input: LinkInput = request.json_if_any()?;
    let link = input.check(account, clock::now())?;
    let base = match config::public_url()? {
        Some(url) => url,
        None => called_at(&request.head)?,
    };
    let token = link.seal(&config::sealer()?, entropy::bytes());
    let view = View {
        url: format!("{base}/portal?token={token}"),
        role: link.role,
        expires_at: link.expires_at,
    };
    Ok(Response::json(StatusCode::CREATED, &view).header("cache-control", "no-store"))
}

/// Where the caller reached the service: without a `public_url`, users reach it there, too.
fn called_at(head: &Head) -> Result<String, Problem> {
    let unknown = || {
        Problem::misconfigured(
            "the setting public_url is not set, and the host does not tell where it was called"
                .into(),
        )
    };
    let url = head.header("spin-full-url").ok_or_else(unknown)?;
    let (scheme, rest) = url.split_once("://").ok_or_else(unknown)?;
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    Ok(format!("{scheme}://{authority}"))
}
