//! `/v1/api-keys[/{key}]`: keys for what needs less than everything.

use domain::{
    access::{ApiKey, ApiKeyInput, Scope},
    account::AccountId,
    id::ApiKeyId,
    time::Timestamp,
};
use http::StatusCode;
use platform::{
    api_keys::{self, Listed},
    http::{Request, Response},
    idempotency::Once,
    problem::Problem,
};
use serde::Serialize;

#[derive(Serialize)]
struct View<'a> {
    id: ApiKeyId,
    name: &'a str,
    scopes: &'a [Scope],
    /// Null for all.
    accounts: Option<&'a [AccountId]>,
    requests_per_minute: Option<u32>,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
    last_used_at: Option<Timestamp>,
    /// The key itself: in the answer that made it, and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

impl<'a> View<'a> {
    fn of(key: &'a ApiKey, last_used_at: Option<Timestamp>) -> Self {
        Self {
            id: key.id,
            name: &key.name,
            scopes: &key.scopes,
            accounts: key.accounts.as_deref(),
            requests_per_minute: key.requests_per_minute,
            created_at: key.created_at,
            expires_at: key.expires_at,
            last_used_at,
            key: None,
        }
    }

    fn listed(listed: &'a Listed) -> Self {
        Self::of(&listed.key, listed.last_used_at)
    }
}

pub(crate) async fn create(request: &Request) -> Result<Response, Problem> {
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

pub(crate) fn list(request: &Request) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let keys = api_keys::list()?;
    let views: Vec<_> = keys.iter().map(View::listed).collect();
    Ok(Response::list(&views, None))
}

pub(crate) fn show(request: &Request, id: &str) -> Result<Response, Problem> {
    request.head.query(&[])?;
    Ok(Response::ok(&View::listed(&api_keys::find(id)?)))
}

pub(crate) async fn revoke(request: &Request, id: &str) -> Result<Response, Problem> {
    request.head.query(&[])?;
    api_keys::revoke(id).await?;
    Ok(Response::empty(StatusCode::NO_CONTENT))
}
