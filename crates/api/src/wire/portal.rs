use domain::{id::ApiKeyId, portal::Role, time::Timestamp};
use serde::{Deserialize, Serialize};

/// A link that opens the dashboard for an account's user.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
pub struct PortalLink {
    /// The link.
    #[cfg_attr(feature = "document", schemars(length(min = 1)))]
    pub url: String,
    /// Whether its user may change things, or only look.
    pub role: Role,
    /// Whether it works more than once.
    pub reusable: bool,
    /// The API key that it ends with; null for a key of the setting `api_key`.
    pub key: Option<ApiKeyId>,
    /// Until when it is good.
    pub expires_at: Timestamp,
}

/// The token of a portal link.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, expecting = "an object with token")]
pub struct PortalLinkToken {
    /// The `token` of the link's URL.
    #[cfg_attr(feature = "document", schemars(required))]
    pub token: Option<String>,
}

/// A session of the dashboard.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
pub struct PortalSession {
    /// The session's token.
    #[cfg_attr(feature = "document", schemars(length(min = 1)))]
    pub session: String,
    /// Whether its user may change things, or only look.
    pub role: Role,
    /// When the session ends.
    pub expires_at: Timestamp,
}
