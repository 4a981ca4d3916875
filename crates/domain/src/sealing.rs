//! Encryption of what is secret at rest: signing secrets and header values.
//!
//! XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha): its 24-byte nonces may be drawn at random without
//! a counter to keep. What a ciphertext belongs to is authenticated with it, so that nobody who
//! can write to the store can move one action's secret to another.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Random bytes that sealing one value takes.
pub const NONCE_LENGTH: usize = 24;
const KEY_LENGTH: usize = 32;

/// The keys that are in use: the first seals, each opens what it sealed.
pub struct Sealer {
    keys: Vec<Key>,
}

struct Key {
    id: String,
    cipher: XChaCha20Poly1305,
}

/// An encrypted value as it stands in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// Which key sealed it: the first bytes of the key's SHA-256, in hex.
    key: String,
    /// Nonce and ciphertext, base64.
    box_: String,
}

impl Sealed {
    /// The sealed value as a text that URLs and cookies carry as it is.
    pub fn to_token(&self) -> String {
        let bytes = STANDARD.decode(&self.box_).unwrap_or_default();
        format!("{}.{}", self.key, URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The sealed value that a token stands for; `None` for what is no token.
    pub fn from_token(token: &str) -> Option<Self> {
        let (key, bytes) = token.split_once('.')?;
        Some(Self {
            key: key.to_owned(),
            box_: STANDARD.encode(URL_SAFE_NO_PAD.decode(bytes).ok()?),
        })
    }
}

/// The setting `encryption_key` can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "encryption_key has to be the base64 of {KEY_LENGTH} bytes, or several of those separated by \
     commas; `openssl rand -base64 32` makes one"
)]
pub struct InvalidKey;

/// A sealed value does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The key that sealed it is not among the keys in use.
    #[error("it was sealed with the encryption key {0}, which is not among those configured")]
    UnknownKey(String),
    /// It was altered, or sealed for something else.
    #[error("the sealed value does not belong here or was altered")]
    Forged,
}

impl Sealer {
    /// Parses the setting: base64 of 32 bytes; while rotating, several separated by commas, the
    /// newest first.
    ///
    /// # Errors
    ///
    /// When it is empty or a part of it is not the base64 of 32 bytes.
    pub fn parse(setting: &str) -> Result<Self, InvalidKey> {
        let keys = setting
            .split(',')
            .map(|text| {
                let bytes = STANDARD.decode(text.trim()).map_err(|_| InvalidKey)?;
                let cipher = XChaCha20Poly1305::new_from_slice(&bytes).map_err(|_| InvalidKey)?;
                let digest = Sha256::new()
                    .chain_update(b"key id")
                    .chain_update(&bytes)
                    .finalize();
                let id = digest[..4]
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect();
                Ok(Key { id, cipher })
            })
            .collect::<Result<Vec<_>, InvalidKey>>()?;
        Ok(Self { keys })
    }

    /// The id of the newest key, which seals.
    pub fn newest(&self) -> &str {
        &self.keys[0].id
    }

    /// The ids of all keys, the newest first.
    pub fn ids(&self) -> Vec<String> {
        self.keys.iter().map(|key| key.id.clone()).collect()
    }

    /// Whether the newest key sealed this.
    pub fn is_newest(&self, sealed: &Sealed) -> bool {
        sealed.key == self.keys[0].id
    }

    /// Seals under the newest key what an older one sealed for `owner`. What does not open stays as it
    /// is.
    pub fn reseal(&self, owner: &str, sealed: &mut Sealed, nonce: [u8; NONCE_LENGTH]) {
        if !self.is_newest(sealed)
            && let Ok(plain) = self.open(owner, sealed)
        {
            *sealed = self.seal(owner, &plain, nonce);
        }
    }

    /// Seals `plain` for `owner`: a text that says what the value belongs to.
    pub fn seal(&self, owner: &str, plain: &[u8], nonce: [u8; NONCE_LENGTH]) -> Sealed {
        let key = &self.keys[0];
        Sealed {
            key: key.id.clone(),
            box_: seal_with(&key.cipher, owner, plain, nonce),
        }
    }

    /// As [`Sealer::open`], with the newest key alone: for what nobody who has an older key may make.
    ///
    /// # Errors
    ///
    /// When another key sealed it, or the value was altered or sealed for another owner.
    pub fn open_newest(&self, owner: &str, sealed: &Sealed) -> Result<Vec<u8>, OpenError> {
        if self.keys[0].id != sealed.key {
            return Err(OpenError::UnknownKey(sealed.key.clone()));
        }
        open_with(&self.keys[0].cipher, owner, &sealed.box_)
    }

    /// Opens what was sealed for `owner`.
    ///
    /// # Errors
    ///
    /// When the key is gone, or the value was altered or sealed for another owner.
    pub fn open(&self, owner: &str, sealed: &Sealed) -> Result<Vec<u8>, OpenError> {
        let key = self
            .keys
            .iter()
            .find(|key| key.id == sealed.key)
            .ok_or_else(|| OpenError::UnknownKey(sealed.key.clone()))?;
        open_with(&key.cipher, owner, &sealed.box_)
    }
}

/// Nonce and ciphertext of `plain`, sealed for `owner`, in base64.
pub(crate) fn seal_with(
    cipher: &XChaCha20Poly1305,
    owner: &str,
    plain: &[u8],
    nonce: [u8; NONCE_LENGTH],
) -> String {
    let ciphertext = cipher
        .encrypt(
            &XNonce::from(nonce),
            Payload {
                msg: plain,
                aad: owner.as_bytes(),
            },
        )
        .expect("a value is far smaller than the 256 GiB that the cipher takes");
    let mut bytes = nonce.to_vec();
    bytes.extend_from_slice(&ciphertext);
    STANDARD.encode(bytes)
}

/// Opens what [`seal_with`] sealed for `owner`.
pub(crate) fn open_with(
    cipher: &XChaCha20Poly1305,
    owner: &str,
    sealed: &str,
) -> Result<Vec<u8>, OpenError> {
    let bytes = STANDARD.decode(sealed).map_err(|_| OpenError::Forged)?;
    let (nonce, ciphertext) = bytes
        .split_first_chunk::<NONCE_LENGTH>()
        .ok_or(OpenError::Forged)?;
    cipher
        .decrypt(
            &XNonce::from(*nonce),
            Payload {
                msg: ciphertext,
                aad: owner.as_bytes(),
            },
        )
        .map_err(|_| OpenError::Forged)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const NEW: &str = "Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA=";

    #[test]
    fn what_was_sealed_opens_for_its_owner_alone() {
        let sealer = Sealer::parse(OLD).unwrap();
        let sealed = sealer.seal("acme/act_1", b"whsec_x", [9; NONCE_LENGTH]);
        assert_eq!(sealer.open("acme/act_1", &sealed), Ok(b"whsec_x".to_vec()));
        assert_eq!(sealer.open("acme/act_2", &sealed), Err(OpenError::Forged));
        assert!(!serde_json::to_string(&sealed).unwrap().contains("whsec"));
    }

    #[test]
    fn an_altered_value_does_not_open() {
        let sealer = Sealer::parse(OLD).unwrap();
        let sealed = sealer.seal("a", b"value", [9; NONCE_LENGTH]);
        let mut bytes = STANDARD.decode(&sealed.box_).unwrap();
        for at in 0..bytes.len() {
            bytes[at] ^= 1;
            let altered = Sealed {
                box_: STANDARD.encode(&bytes),
                ..sealed.clone()
            };
            assert_eq!(
                sealer.open("a", &altered),
                Err(OpenError::Forged),
                "byte {at}"
            );
            bytes[at] ^= 1;
        }
        let cut = Sealed {
            box_: STANDARD.encode(&bytes[..10]),
            ..sealed
        };
        assert_eq!(sealer.open("a", &cut), Err(OpenError::Forged));
    }

    #[test]
    fn a_key_can_be_rotated() {
        let sealed = Sealer::parse(OLD)
            .unwrap()
            .seal("a", b"value", [1; NONCE_LENGTH]);
        let rotating = Sealer::parse(&format!("{NEW}, {OLD}")).unwrap();
        assert_eq!(rotating.open("a", &sealed), Ok(b"value".to_vec()));
        assert!(rotating.open_newest("a", &sealed).is_err());
        let resealed = rotating.seal("a", b"value", [2; NONCE_LENGTH]);
        assert_eq!(rotating.open_newest("a", &resealed), Ok(b"value".to_vec()));
        assert_eq!(
            Sealer::parse(NEW).unwrap().open("a", &resealed),
            Ok(b"value".to_vec())
        );
        let gone = Sealer::parse(NEW).unwrap().open("a", &sealed);
        assert!(matches!(gone, Err(OpenError::UnknownKey(_))));
    }

    #[test]
    fn what_an_older_key_sealed_is_resealed_under_the_newest() {
        let mut sealed = Sealer::parse(OLD)
            .unwrap()
            .seal("a", b"value", [1; NONCE_LENGTH]);
        let rotating = Sealer::parse(&format!("{NEW},{OLD}")).unwrap();
        assert!(rotating.ids().len() == 2 && !rotating.is_newest(&sealed));
        // Sealed for somebody else: it does not open, and stays.
        let before = sealed.clone();
        rotating.reseal("b", &mut sealed, [2; NONCE_LENGTH]);
        assert_eq!(sealed, before);
        rotating.reseal("a", &mut sealed, [2; NONCE_LENGTH]);
        assert!(rotating.is_newest(&sealed));
        let newest = Sealer::parse(NEW).unwrap();
        assert_eq!(newest.open("a", &sealed), Ok(b"value".to_vec()));
        let before = sealed.clone();
        rotating.reseal("a", &mut sealed, [3; NONCE_LENGTH]);
        assert_eq!(sealed, before);
    }

    #[test]
    fn what_has_to_be_of_the_newest_key_does_not_open_with_an_older_one() {
        let sealed = Sealer::parse(OLD)
            .unwrap()
            .seal("a", b"value", [1; NONCE_LENGTH]);
        let rotating = Sealer::parse(&format!("{NEW},{OLD}")).unwrap();
        assert!(rotating.open("a", &sealed).is_ok());
        let refused = rotating.open_newest("a", &sealed);
        assert!(matches!(refused, Err(OpenError::UnknownKey(_))));
        let sealed = rotating.seal("a", b"value", [2; NONCE_LENGTH]);
        assert_eq!(rotating.open_newest("a", &sealed), Ok(b"value".to_vec()));
        assert_eq!(rotating.open_newest("b", &sealed), Err(OpenError::Forged));
    }

    #[test]
    fn a_setting_that_is_no_key_is_refused() {
        for bad in ["", "short", "AAAA", &format!("{OLD},"), &OLD[..40]] {
            assert!(Sealer::parse(bad).is_err(), "{bad:?}");
        }
    }
}
