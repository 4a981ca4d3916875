use domain::{
    signing_keys::{StoredKey, WebKey},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

use super::list::Item;

/// A key pair that signs an account's webhooks, without its private half.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
pub struct SigningKey {
    /// Distinguishes it from the account's others.
    #[cfg_attr(feature = "document", schemars(with = "domain::schema::SigningKeyId"))]
    pub id: String,
    /// Its public half.
    #[cfg_attr(feature = "document", schemars(with = "domain::schema::PublicKey"))]
    pub public_key: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// Until when it signs; null for the newest.
    pub expires_at: Option<Timestamp>,
}

impl From<&StoredKey> for SigningKey {
    fn from(key: &StoredKey) -> Self {
        Self {
            id: key.id.clone(),
            public_key: key.public_key.clone(),
            created_at: key.created_at,
            expires_at: key.expires_at,
        }
    }
}

impl Item for SigningKey {
    const PLURAL: &'static str = "SigningKeys";
}

/// A JSON Web Key Set (RFC 7517).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
pub struct PublicKeys {
    /// The public keys.
    pub keys: Vec<WebKey>,
}
