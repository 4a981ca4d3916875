//! Accounts: the customers of the main app, named by it and never created here.

use std::{fmt, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

/// The longest account id, in bytes. It keeps every key of the trigger store under 255 bytes.
pub const MAX_LEN: usize = 64;

/// How long a purge of an account may go on in one request: under the 30 seconds that Fermyon Cloud
/// gives it, with room for a step that takes long.
pub const PURGE_BUDGET: Duration = Duration::from_secs(20);

/// An account's id: 1 to 64 characters of `[A-Za-z0-9_-]`, as the main app chose it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct AccountId(String);

/// The text is no account id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an account id has 1 to {MAX_LEN} characters out of A-Z, a-z, 0-9, _ and -")]
pub struct InvalidAccountId;

impl AccountId {
    /// Parses an account id as it stands in a path.
    ///
    /// # Errors
    ///
    /// When it is empty, too long, or has a character outside `[A-Za-z0-9_-]`.
    pub fn parse(text: &str) -> Result<Self, InvalidAccountId> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if text.is_empty() || text.len() > MAX_LEN || !text.bytes().all(allowed) {
            return Err(InvalidAccountId);
        }
        Ok(Self(text.to_owned()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for AccountId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_the_allowed_characters_are_taken_as_they_are() {
        for id in ["a", "acme", "ACME_7-x", &"z".repeat(64)] {
            assert_eq!(
                AccountId::parse(id).map(|a| a.to_string()),
                Ok(id.to_owned())
            );
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for id in [
            "",
            "a b",
            "a/b",
            "a.b",
            "é",
            "a%20b",
            "a:b",
            &"z".repeat(65),
        ] {
            assert_eq!(AccountId::parse(id), Err(InvalidAccountId), "{id:?}");
        }
    }
}
