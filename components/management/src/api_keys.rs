//! Scoped API keys.

pub(crate) mod create;
pub(crate) mod list;
pub(crate) mod revoke;
pub(crate) mod show;

use domain::{
    access::{ApiKey, Scope},
    account::AccountId,
    id::ApiKeyId,
    time::Timestamp,
};
use platform::api_keys::Listed;
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
