//! Makes a link that opens the dashboard for an account's user.

use api::wire::PortalLink;
use domain::portal::{LinkInput, loopback_origin};
use http::StatusCode;
use platform::{
    auth, clock, config, entropy,
    http::{Head, Request, Response},
    idempotency::Once,
    portal,
    problem::Problem,
};

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    let account = request.account()?;
    request.head.query(&[])?;
    let input: LinkInput = request.json_if_any()?;
    let once = Once::of(request, Some(&account))?;
    let key = auth::key_of(&request.head)?;
    let link = input.check(account.clone(), key, entropy::token(), clock::now())?;
    let origin = match config::public_url()? {
        Some(url) => url,
        None => called_at(&request.head)?,
    };
    let (link, token) = portal::make_link(link, &once)?;
    let made = PortalLink {
        url: format!("{origin}/portal?token={token}"),
        role: link.user.role,
        reusable: link.reusable,
        key: link.user.key.id(),
        expires_at: link.expires_at,
    };
    Ok(Response::json(StatusCode::CREATED, &made).header("cache-control", "no-store"))
}

/// Where the caller reached the service, when it is on the same machine.
fn called_at(head: &Head) -> Result<String, Problem> {
    let header_names = head.headers().map(|(name, _)| name);
    loopback_origin(head.scheme(), head.authority(), header_names).ok_or_else(|| {
        Problem::conflict(
            "the setting public_url is missing: set it to the address at which people reach the service, such as \
             https://hooks.example.com; portal links lead there. Without it, links can only be made by requests that \
             go straight to a loopback address, such as http://127.0.0.1:3000",
        )
    })
}
