//! Creates an API key.

use api::wire::{ApiKey, NewApiKey};
use domain::access::ApiKeyInput;
use http::StatusCode;
use platform::{
    api_keys,
    http::{Request, Response},
    idempotency::Once,
    problem::Problem,
};

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let input: ApiKeyInput = request.json()?;
    let once = Once::of(request, None)?;
    let (key, token) = api_keys::create(input, &once).await?;
    let made = NewApiKey {
        api_key: ApiKey::of(&key, None),
        key: token,
    };
    Ok(Response::json(StatusCode::CREATED, &made)
        .header("location", format!("/v1/api-keys/{}", key.id))
        .header("cache-control", "no-store"))
}
