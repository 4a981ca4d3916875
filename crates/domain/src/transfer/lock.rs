//! Encryption with a passphrase: Argon2id makes a key of it, XChaCha20-Poly1305 seals.
//!
//! Source: [RFC 9106](https://www.rfc-editor.org/rfc/rfc9106) (Argon2); the cost that new
//! documents have is the [OWASP recommendation](https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html)
//! of 19 MiB and two passes.

use std::{fmt, ops::RangeInclusive};

use argon2::{Algorithm, Argon2, Params, Version};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305};
use serde::{Deserialize, Deserializer, Serialize};

#[cfg(feature = "document")]
use crate::schema;
use crate::{
    input::{self, FieldError},
    sealing::{NONCE_LENGTH, OpenError, open_with, seal_with},
};

/// The shortest passphrase, in characters.
pub const MIN_PASSPHRASE: usize = 12;
/// The longest passphrase, in bytes.
pub const MAX_PASSPHRASE: usize = 1_024;
/// Random bytes that make the key of a document another one than that of every other document.
pub const SALT_LENGTH: usize = 16;
const KEY_LENGTH: usize = 32;

/// The memory that a document may ask for, in KiB. With the passes and lanes, at most seven times the
/// cost of a new document, whoever wrote it.
pub const MEMORY_KIB: RangeInclusive<u32> = 8 * 1_024..=64 * 1_024;
/// The passes that a document may ask for.
pub const PASSES: RangeInclusive<u32> = 1..=4;
/// The lanes that a document may ask for.
pub const LANES: RangeInclusive<u32> = 1..=4;

/// A passphrase that is in order. It is never shown.
#[derive(Clone)]
pub struct Passphrase(String);

/// The text is no passphrase.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("has to have at least {MIN_PASSPHRASE} characters, and at most {MAX_PASSPHRASE} bytes")]
pub struct InvalidPassphrase;

impl Passphrase {
    /// Parses a passphrase. It is taken byte by byte: nothing is trimmed or normalised.
    ///
    /// # Errors
    ///
    /// When it is too short or too long.
    pub fn parse(text: &str) -> Result<Self, InvalidPassphrase> {
        if text.chars().count() < MIN_PASSPHRASE || text.len() > MAX_PASSPHRASE {
            return Err(InvalidPassphrase);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(…)")
    }
}

/// How the secrets of a document are encrypted.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
#[serde(
    deny_unknown_fields,
    expecting = "how the document is encrypted: an object with kdf, cipher and what they need"
)]
pub(super) struct Encryption {
    #[cfg_attr(feature = "document", schemars(with = "schema::Argon2id"))]
    kdf: Kdf,
    #[cfg_attr(feature = "document", schemars(range(min = *MEMORY_KIB.start(), max = *MEMORY_KIB.end())))]
    memory_kib: u32,
    #[cfg_attr(feature = "document", schemars(range(min = *PASSES.start(), max = *PASSES.end())))]
    passes: u32,
    #[cfg_attr(feature = "document", schemars(range(min = *LANES.start(), max = *LANES.end())))]
    lanes: u32,
    /// Base64.
    salt: String,
    #[cfg_attr(feature = "document", schemars(with = "schema::XChaCha20Poly1305"))]
    cipher: Cipher,
    /// Nothing, sealed: opens with the right passphrase.
    check: String,
}

#[derive(Debug, Clone, Copy, Serialize)]
enum Kdf {
    #[serde(rename = "argon2id")]
    Argon2id,
}

impl<'de> Deserialize<'de> for Kdf {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        input::word(deserializer, &[Self::Argon2id])
    }
}

#[derive(Debug, Clone, Copy, Serialize)]
enum Cipher {
    #[serde(rename = "xchacha20-poly1305")]
    XChaCha20Poly1305,
}

impl<'de> Deserialize<'de> for Cipher {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        input::word(deserializer, &[Self::XChaCha20Poly1305])
    }
}

/// What seals and opens the secrets of one document.
pub struct Lock {
    cipher: XChaCha20Poly1305,
    encryption: Encryption,
}

/// What the check value is sealed for.
const CHECK: &str = "webhook-triggers/export/1/check";

impl Lock {
    /// A lock for a new document. Takes time, on purpose.
    pub fn new(
        passphrase: &Passphrase,
        salt: [u8; SALT_LENGTH],
        nonce: [u8; NONCE_LENGTH],
    ) -> Self {
        let params = Params::default();
        let cipher = derive(passphrase, params.clone(), &salt)
            .expect("Argon2's default parameters are valid");
        let encryption = Encryption {
            kdf: Kdf::Argon2id,
            memory_kib: params.m_cost(),
            passes: params.t_cost(),
            lanes: params.p_cost(),
            salt: STANDARD.encode(salt),
            cipher: Cipher::XChaCha20Poly1305,
            check: seal_with(&cipher, CHECK, b"", nonce),
        };
        Self { cipher, encryption }
    }

    /// The lock of a document. Takes as much time as the document asks for, within bounds.
    ///
    /// # Errors
    ///
    /// When the document asks for too much, or the passphrase is not the one it was made with;
    /// pointers lead from the import's body.
    pub(super) fn of(
        encryption: Encryption,
        passphrase: &Passphrase,
    ) -> Result<Self, Vec<FieldError>> {
        let error = |member: &str, detail: String| {
            vec![FieldError::new(
                format!("/document/encryption/{member}"),
                detail,
            )]
        };
        for (member, given, allowed) in [
            ("memory_kib", encryption.memory_kib, MEMORY_KIB),
            ("passes", encryption.passes, PASSES),
            ("lanes", encryption.lanes, LANES),
        ] {
            if !allowed.contains(&given) {
                let (least, most) = allowed.into_inner();
                return Err(error(member, format!("is {least} to {most}, not {given}")));
            }
        }
        let salt = STANDARD.decode(&encryption.salt).ok();
        let salt = salt.filter(|salt| salt.len() == SALT_LENGTH);
        let salt =
            salt.ok_or_else(|| error("salt", format!("is not the base64 of {SALT_LENGTH} bytes")))?;
        let params = Params::new(
            encryption.memory_kib,
            encryption.passes,
            encryption.lanes,
            Some(KEY_LENGTH),
        );
        let cipher = params
            .and_then(|params| derive(passphrase, params, &salt))
            .map_err(|refusal| error("memory_kib", format!("cannot be used: {refusal}")))?;
        if open_with(&cipher, CHECK, &encryption.check).is_err() {
            let detail = "is not the one that the document was exported with";
            return Err(vec![FieldError::new("/passphrase", detail)]);
        }
        Ok(Self { cipher, encryption })
    }

    /// How the document is encrypted.
    pub(super) fn encryption(&self) -> &Encryption {
        &self.encryption
    }

    /// Seals `plain` for `place`: a text that says where it stands.
    pub(super) fn seal(&self, place: &str, plain: &[u8], nonce: [u8; NONCE_LENGTH]) -> String {
        seal_with(&self.cipher, place, plain, nonce)
    }

    /// Opens what was sealed for `place`.
    pub(super) fn open(&self, place: &str, sealed: &str) -> Result<Vec<u8>, OpenError> {
        open_with(&self.cipher, place, sealed)
    }
}

fn derive(
    passphrase: &Passphrase,
    params: Params,
    salt: &[u8],
) -> Result<XChaCha20Poly1305, argon2::Error> {
    let mut key = [0; KEY_LENGTH];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into(
        passphrase.0.as_bytes(),
        salt,
        &mut key,
    )?;
    Ok(XChaCha20Poly1305::new(&key.into()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PASSPHRASE: &str = "correct horse battery";

    fn passphrase(text: &str) -> Passphrase {
        Passphrase::parse(text).unwrap()
    }

    /// As cheap as can be: these tests are about something else than cost.
    fn encryption(change: serde_json::Value) -> Encryption {
        let lock = Lock::new(&passphrase(PASSPHRASE), [7; SALT_LENGTH], [9; NONCE_LENGTH]);
        let mut value = serde_json::to_value(lock.encryption).unwrap();
        crate::merge_patch::apply(&mut value, change);
        serde_json::from_value(value).unwrap()
    }

    fn refusal(encryption: Encryption, text: &str) -> (String, String) {
        let Err(mut errors) = Lock::of(encryption, &passphrase(text)) else {
            panic!("it opens")
        };
        let error = errors.remove(0);
        (error.pointer, error.detail)
    }

    #[test]
    fn the_key_is_that_of_rfc_9106_and_owasp() {
        // Computed with the reference implementation, through PyPI's argon2-cffi.
        let expected = "3cbd356a63f2794bb11bb1f4bc8af95fea87919bd69c79860465c562f87ccf61";
        let mut key = [0; KEY_LENGTH];
        let params = Params::default();
        assert_eq!(
            (params.m_cost(), params.t_cost(), params.p_cost()),
            (19 * 1_024, 2, 1)
        );
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(b"password", b"somesalt", &mut key)
            .unwrap();
        let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, expected);
    }

    #[test]
    fn what_was_sealed_opens_with_the_passphrase_in_its_place_alone() {
        let lock = Lock::new(&passphrase(PASSPHRASE), [7; SALT_LENGTH], [9; NONCE_LENGTH]);
        let sealed = lock.seal("here", b"value", [3; NONCE_LENGTH]);
        let again = Lock::of(lock.encryption, &passphrase(PASSPHRASE))
            .ok()
            .unwrap();
        assert_eq!(again.open("here", &sealed), Ok(b"value".to_vec()));
        assert_eq!(again.open("there", &sealed), Err(OpenError::Forged));
    }

    #[test]
    fn another_passphrase_is_told_and_so_is_another_salt() {
        let wrong = refusal(encryption(json!({})), "correct horse batter");
        assert_eq!(wrong.0, "/passphrase");
        let salt = STANDARD.encode([8; SALT_LENGTH]);
        let other = refusal(encryption(json!({ "salt": salt })), PASSPHRASE);
        assert_eq!(other.0, "/passphrase");
    }

    #[test]
    fn a_document_cannot_ask_for_more_than_is_reasonable() {
        for (change, member, part) in [
            (json!({"memory_kib": 65_537}), "memory_kib", "65536"),
            (json!({"memory_kib": u32::MAX}), "memory_kib", "65536"),
            (json!({"memory_kib": 8}), "memory_kib", "8192"),
            (json!({"passes": 0}), "passes", "1 to 4"),
            (json!({"passes": u32::MAX}), "passes", "1 to 4"),
            (json!({"lanes": 5}), "lanes", "1 to 4"),
            (json!({"lanes": 0}), "lanes", "1 to 4"),
            (json!({"salt": "AAAA"}), "salt", "base64"),
            (json!({"salt": "!"}), "salt", "base64"),
        ] {
            let (pointer, detail) = refusal(encryption(change), PASSPHRASE);
            assert_eq!(pointer, format!("/document/encryption/{member}"));
            assert!(detail.contains(part), "{detail}");
        }
    }

    #[test]
    fn short_and_endless_passphrases_are_refused() {
        for bad in ["", "elevenchars", "éééééééééé", &"x".repeat(1_025)] {
            assert!(Passphrase::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Passphrase::parse("twelve chars").is_ok());
        assert!(!format!("{:?}", passphrase(PASSPHRASE)).contains("horse"));
    }
}
