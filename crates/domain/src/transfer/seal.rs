//! The seal of a document: whether it is, as a whole, what an export made.
//!
//! It authenticates every member but itself, whatever their order and spacing. A document with a
//! passphrase is sealed under that, so that it can be checked wherever it is imported. One without is
//! sealed under the newest key of `encryption_key`, so that only the deployment that made it can
//! check it, and whoever got hold of an older key can seal none.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::lock::Lock;
use crate::{
    sealing::{NONCE_LENGTH, Sealed, Sealer},
    trigger::Vault,
};

/// The member of a document that is its seal.
const MEMBER: &str = "seal";

/// What the seal of a document says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema), schemars(inline))]
#[serde(rename_all = "lowercase")]
pub enum Seal {
    /// The document is what an export made.
    Intact,
    /// It was altered, or sealed under a key that is not the newest one here.
    Broken,
    /// It has none.
    Missing,
}

/// A seal for this document.
pub(super) fn seal(document: &Value, lock: Option<&Lock>, vault: &Vault<'_>) -> String {
    let nonce: [u8; NONCE_LENGTH] = (vault.nonce)();
    let whole = whole(document);
    match lock {
        Some(lock) => lock.seal(&whole, b"", nonce),
        None => vault.sealer.seal(&whole, b"", nonce).to_token(),
    }
}

/// What the seal of this document says.
pub(super) fn check(document: &Value, lock: Option<&Lock>, sealer: &Sealer) -> Seal {
    let Some(seal) = document.get(MEMBER).filter(|seal| !seal.is_null()) else {
        return Seal::Missing;
    };
    let seal = seal.as_str().unwrap_or_default();
    let whole = whole(document);
    let opened = match lock {
        Some(lock) => lock.open(&whole, seal).is_ok(),
        None => {
            Sealed::from_token(seal).is_some_and(|seal| sealer.open_newest(&whole, &seal).is_ok())
        }
    };
    if opened { Seal::Intact } else { Seal::Broken }
}

/// A text that stands for all of the document but its seal.
fn whole(document: &Value) -> String {
    let mut document = sorted(document);
    if let Some(members) = document.as_object_mut() {
        members.remove(MEMBER);
    }
    let digest = Sha256::digest(document.to_string());
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("webhook-triggers/export/1/seal/{digest}")
}

/// The value with the members of its objects in the order of their names.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.iter();
            let sorted: BTreeMap<_, _> = members
                .map(|(name, value)| (name.clone(), sorted(value)))
                .collect();
            Value::Object(sorted.into_iter().collect())
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}
