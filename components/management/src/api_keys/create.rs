//! Creates an API key.

use domain::access::ApiKeyInput;
use http::StatusCode;
use platform::{
    api_keys,
    http::{Request, Response},
    idempotency::Once,
    problem::Problem,
};

use super::View;

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let input: ApiKeyInput = request.json()?;
    let once = Once::of(request, None)?;
    let (key, token) = api_keys::create(input, &once).await?;
    let view = View {
        key: Some(token),
        ..View::of(&key, None)
    };
    Ok(Response::json(StatusCode::CREATED, &view)
        .header("location", format!("/v1/api-keys/{}", key.id))
        .header("cache-control", "no-store"))
}
