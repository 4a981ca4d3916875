//! Scoped API keys.

pub(crate) mod create;
pub(crate) mod list;
pub(crate) mod revoke;
pub(crate) mod show;

use api::wire::ApiKey;
use platform::api_keys::Listed;

/// A key as it is listed.
fn shown(listed: &Listed) -> ApiKey {
    ApiKey::of(&listed.key, listed.last_used_at)
}
