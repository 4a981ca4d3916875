//! Signing secrets in the form Standard Webhooks gives them.
//!
//! Source: [Standard Webhooks, "Signature scheme"](https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md):
//! `whsec_` and the base64 of 24 to 64 random bytes.

use std::{fmt, time::Duration};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    input::{FieldError, Whole},
    time::Timestamp,
};

const PREFIX: &str = "whsec_";

/// The length of a secret that this service makes, in bytes.
pub const LENGTH: usize = 32;

/// How long a secret that was rotated out goes on signing when the caller does not say.
pub const DEFAULT_OVERLAP: Duration = Duration::from_secs(24 * 60 * 60);
/// The longest that it goes on signing.
pub const MAX_OVERLAP: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How a new secret, or key pair, takes the place of those before.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(
    feature = "document",
    derive(schemars::JsonSchema),
    schemars(rename = "Rotation")
)]
#[serde(deny_unknown_fields, expecting = "an object with overlap_seconds")]
pub struct RotationInput {
    /// How long the one before goes on signing; 0 retires all older ones at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schemars(
        range(min = 0, max = MAX_OVERLAP.as_secs()),
        extend("default" = DEFAULT_OVERLAP.as_secs())
    ))]
    pub overlap_seconds: Option<Whole>,
}

impl RotationInput {
    /// How long those before go on signing.
    ///
    /// # Errors
    ///
    /// When it is longer than [`MAX_OVERLAP`].
    pub fn overlap(&self) -> Result<Duration, FieldError> {
        let Some(seconds) = &self.overlap_seconds else {
            return Ok(DEFAULT_OVERLAP);
        };
        let seconds = seconds.within(0..=MAX_OVERLAP.as_secs());
        let overlap = seconds.map(Duration::from_secs);
        overlap.map_err(|detail| FieldError::new("/overlap_seconds", detail))
    }
}

/// The most secrets, or key pairs, that go on signing beside the newest one.
pub const MAX_PREVIOUS: usize = 4;

/// Another rotation would stop one that was promised to go on signing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{MAX_PREVIOUS} older ones still sign, and each goes on until its expires_at: rotate again from \
     {next} on, or with \"overlap_seconds\": 0, which retires all older ones at once"
)]
pub struct TooManyPrevious {
    /// When the first of them ends.
    pub next: Timestamp,
}

/// Makes room for another one that goes on signing for `overlap`: those that ended are dropped, and
/// without an overlap all of them are. `end` is when one of them ends.
///
/// # Errors
///
/// When there is no room. Nothing that still signs is dropped for it.
pub(crate) fn make_room<T>(
    previous: &mut Vec<T>,
    overlap: Duration,
    now: Timestamp,
    end: impl Fn(&T) -> Timestamp,
) -> Result<(), TooManyPrevious> {
    previous.retain(|one| !overlap.is_zero() && end(one) > now);
    match previous.iter().map(end).min() {
        Some(next) if previous.len() >= MAX_PREVIOUS => Err(TooManyPrevious { next }),
        _ => Ok(()),
    }
}

/// A symmetric signing secret. It is shown only through [`SigningSecret::reveal`].
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret(Vec<u8>);

/// The text is no signing secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a signing secret is whsec_ and the base64 of 24 to 64 bytes")]
pub struct InvalidSecret;

impl SigningSecret {
    /// A new secret out of [`LENGTH`] random bytes.
    pub fn new(entropy: [u8; LENGTH]) -> Self {
        Self(entropy.to_vec())
    }

    /// Parses `whsec_…`.
    ///
    /// # Errors
    ///
    /// When the prefix, the base64 or the length is wrong.
    pub fn parse(text: &str) -> Result<Self, InvalidSecret> {
        let bytes = text
            .strip_prefix(PREFIX)
            .and_then(|rest| STANDARD.decode(rest).ok())
            .filter(|bytes| (24..=64).contains(&bytes.len()))
            .ok_or(InvalidSecret)?;
        Ok(Self(bytes))
    }

    /// Tells it from other secrets and says nothing else of it.
    pub fn fingerprint(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(&self.0))
    }

    /// The secret as its owner needs it: `whsec_…`.
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }

    pub(crate) fn key(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_survives_its_text_and_hides_in_debug_output() {
        let secret = SigningSecret::new([7; LENGTH]);
        assert_eq!(SigningSecret::parse(&secret.reveal()), Ok(secret.clone()));
        assert!(!format!("{secret:?}").contains("BwcH"));
    }

    #[test]
    fn anything_else_is_refused() {
        for bad in [
            "",
            "whsec_",
            "whsec_AAAA",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_!",
        ] {
            assert_eq!(SigningSecret::parse(bad), Err(InvalidSecret), "{bad:?}");
        }
    }
}
