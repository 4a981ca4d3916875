use domain::{
    access::{self, Scope},
    account::AccountId,
    id::ApiKeyId,
    time::Timestamp,
};
use serde::{Deserialize, Deserializer, Serialize};

use super::list::{Item, split};

/// A key that may do less than everything.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
pub struct ApiKey {
    /// The key's id.
    pub id: ApiKeyId,
    /// What people call it.
    #[cfg_attr(feature = "document", schemars(with = "domain::schema::Name"))]
    pub name: String,
    /// What it may do.
    #[cfg_attr(feature = "document", schemars(with = "domain::schema::Scopes"))]
    pub scopes: Vec<Scope>,
    /// The accounts that it is for; null for all.
    #[cfg_attr(
        feature = "document",
        schemars(length(min = 1, max = domain::access::MAX_ACCOUNTS))
    )]
    pub accounts: Option<Vec<AccountId>>,
    /// How many requests a minute it may make; beyond them it is answered 429. Each session of its
    /// portal links may make as many. Null where that is not limited.
    #[cfg_attr(
        feature = "document",
        schemars(range(min = 1, max = domain::access::MAX_PER_MINUTE))
    )]
    pub requests_per_minute: Option<u32>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it ends; null when it does not end by itself.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, within ten minutes; null while it was never used.
    pub last_used_at: Option<Timestamp>,
}

impl ApiKey {
    /// A stored key.
    pub fn of(key: &access::ApiKey, last_used_at: Option<Timestamp>) -> Self {
        Self {
            id: key.id,
            name: key.name.clone(),
            scopes: key.scopes.clone(),
            accounts: key.accounts.clone(),
            requests_per_minute: key.requests_per_minute,
            created_at: key.created_at,
            expires_at: key.expires_at,
            last_used_at,
        }
    }
}

impl Item for ApiKey {
    const PLURAL: &'static str = "ApiKeys";
}

/// A new key, with the key itself.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
pub struct NewApiKey {
    /// The key's description.
    #[serde(flatten)]
    pub api_key: ApiKey,
    /// The key itself, for `Authorization: Bearer`. It is never shown again.
    #[cfg_attr(
        feature = "document",
        schemars(regex(pattern = r"^key_[0-7][0-9A-HJKMNP-TV-Z]{25}\.[A-Za-z0-9_-]{43}$"))
    )]
    pub key: String,
}

impl<'de> Deserialize<'de> for NewApiKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Rest {
            key: String,
        }
        let (api_key, Rest { key }) = split(deserializer)?;
        Ok(Self { api_key, key })
    }
}
