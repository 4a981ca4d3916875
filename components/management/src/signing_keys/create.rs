//! Makes a new signing key for an account.

use api::wire::SigningKey;
use http::StatusCode;
use platform::{
    http::{Request, Response},
    idempotency::Once,
    problem::Problem,
    signing_keys,
};

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let account = request.account()?;
    let once = Once::of(request, Some(&account))?;
    let key = signing_keys::rotate(&account, &request.json_if_any()?, &once).await?;
    Ok(Response::json(StatusCode::CREATED, &SigningKey::from(&key)))
}
