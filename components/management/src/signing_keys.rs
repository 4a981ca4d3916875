//! The key pairs that sign an account's webhooks.

pub(crate) mod create;
pub(crate) mod list;
pub(crate) mod show_public;

use domain::{signing_keys::StoredKey, time::Timestamp};
use serde::Serialize;

#[derive(Serialize)]
struct View<'a> {
    id: &'a str,
    public_key: &'a str,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
}

impl<'a> View<'a> {
    fn of(key: &'a StoredKey) -> Self {
        Self {
            id: &key.id,
            public_key: &key.public_key,
            created_at: key.created_at,
            expires_at: key.expires_at,
        }
    }
}
