//! The key pairs of an account: Standard Webhooks' asymmetric scheme, `v1a`.
//!
//! An action's secret is known to its receiver, who could sign with it, too. A key pair's public half
//! is known to everybody, and its private half to nobody but the service: one pair serves all of an
//! account's receivers.
//!
//! Source: [Standard Webhooks, "Signature scheme"](https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md):
//! Ed25519 (RFC 8032), `whpk_` and the base64 of the public key.

use std::{borrow::Cow, time::Duration};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use ed25519_compact::{KeyPair, Seed};
use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest as _, Sha256};

#[cfg(feature = "document")]
use crate::schema;
use crate::{
    input,
    sealing::{OpenError, Sealed, Sealer},
    secret::{self, TooManyPrevious},
    time::Timestamp,
    trigger::Vault,
};

/// Random bytes that a key pair takes.
pub const SEED_LENGTH: usize = Seed::BYTES;

const PUBLIC_PREFIX: &str = "whpk_";

/// How an action's webhooks are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema), schemars(inline))]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// HMAC-SHA256 under the action's own secret.
    V1,
    /// Ed25519 under the account's key pair.
    V1a,
}

impl<'de> Deserialize<'de> for Scheme {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        input::word(deserializer, &Self::ALL)
    }
}

impl Scheme {
    /// All schemes.
    pub const ALL: [Self; 2] = [Self::V1, Self::V1a];

    /// The scheme as signatures begin with it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V1a => "v1a",
        }
    }
}

/// A key pair, ready to sign.
pub struct SigningKey(KeyPair);

impl SigningKey {
    /// The pair that follows from a seed.
    pub fn new(seed: [u8; SEED_LENGTH]) -> Self {
        Self(KeyPair::from_seed(Seed::new(seed)))
    }

    /// The public half, as receivers need it: `whpk_…`.
    pub fn public(&self) -> String {
        format!("{PUBLIC_PREFIX}{}", STANDARD.encode(*self.0.pk))
    }

    /// `v1a,` and the base64 of the signature.
    pub fn sign(&self, signed: &[u8]) -> String {
        let signature = self.0.sk.sign(signed, None);
        format!("{},{}", Scheme::V1a.as_str(), STANDARD.encode(*signature))
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({}, …)", self.public())
    }
}

/// An account's key pairs as they are stored, the newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningKeys(Vec<StoredKey>);

/// A pair as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredKey {
    /// Tells it from the account's others: the first bytes of the public key's SHA-256, in hex.
    pub id: String,
    /// `whpk_…`.
    pub public_key: String,
    seed: Sealed,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it signs; without an end for the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// A public key, as a member of a JSON Web Key Set (RFC 7517, RFC 8037).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema), schemars(inline))]
pub struct WebKey {
    #[cfg_attr(feature = "document", schemars(with = "schema::Okp"))]
    kty: Cow<'static, str>,
    #[cfg_attr(feature = "document", schemars(with = "schema::Ed25519"))]
    crv: Cow<'static, str>,
    #[cfg_attr(feature = "document", schemars(with = "schema::EdDsa"))]
    alg: Cow<'static, str>,
    #[serde(rename = "use")]
    #[cfg_attr(feature = "document", schemars(with = "schema::Sig"))]
    usage: Cow<'static, str>,
    #[cfg_attr(feature = "document", schemars(with = "schema::SigningKeyId"))]
    kid: String,
    #[cfg_attr(feature = "document", schemars(regex(pattern = "^[A-Za-z0-9_-]{43}$")))]
    x: String,
    /// The same as Standard Webhooks writes it.
    #[cfg_attr(feature = "document", schemars(with = "schema::PublicKey"))]
    whpk: String,
}

impl SigningKeys {
    /// Those that sign at `now`.
    pub fn live(&self, now: Timestamp) -> impl Iterator<Item = &StoredKey> {
        let live = move |key: &&StoredKey| key.expires_at.is_none_or(|end| now < end);
        self.0.iter().filter(live)
    }

    /// The pair with this id that signs at `now`.
    pub fn find(&self, id: &str, now: Timestamp) -> Option<&StoredKey> {
        self.live(now).find(|key| key.id == id)
    }

    /// Puts a new pair in front. The newest of before goes on signing for `overlap`, older ones until
    /// their time is over; without an overlap all of them end now.
    ///
    /// # Errors
    ///
    /// When too many older ones still sign; the pairs are then unchanged.
    pub fn rotate(
        &mut self,
        seed: [u8; SEED_LENGTH],
        overlap: Duration,
        vault: &Vault<'_>,
        now: Timestamp,
    ) -> Result<&StoredKey, TooManyPrevious> {
        let newest = self.0.iter().position(|key| key.expires_at.is_none());
        let newest = newest.map(|at| self.0.remove(at));
        // A pair without an end is the newest, which was taken out.
        let end = |key: &StoredKey| key.expires_at.unwrap_or(now);
        if let Err(error) = secret::make_room(&mut self.0, overlap, now, end) {
            self.0.splice(0..0, newest);
            return Err(error);
        }
        let newest = newest.filter(|_| !overlap.is_zero()).map(|key| StoredKey {
            expires_at: Some(now + overlap),
            ..key
        });
        self.0.splice(0..0, newest);
        let pair = SigningKey::new(seed);
        let digest = Sha256::digest(*pair.0.pk);
        let id: String = digest[..8]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let sealed = STANDARD.encode(seed);
        let sealed = vault.sealer.seal(
            &owner(vault.account, &id),
            sealed.as_bytes(),
            (vault.nonce)(),
        );
        let key = StoredKey {
            public_key: pair.public(),
            seed: sealed,
            created_at: now,
            expires_at: None,
            id,
        };
        self.0.insert(0, key);
        Ok(&self.0[0])
    }

    /// The pairs that sign at `now`, the newest first.
    ///
    /// # Errors
    ///
    /// When a stored seed does not open.
    pub fn open(&self, vault: &Vault<'_>, now: Timestamp) -> Result<Vec<SigningKey>, OpenError> {
        let open = |key: &StoredKey| {
            let seed = vault
                .sealer
                .open(&owner(vault.account, &key.id), &key.seed)?;
            let seed = STANDARD.decode(seed).map_err(|_| OpenError::Forged)?;
            let seed = seed.try_into().map_err(|_| OpenError::Forged)?;
            Ok(SigningKey::new(seed))
        };
        self.live(now).map(open).collect()
    }
}

impl SigningKeys {
    /// How many sealed seeds are not under the newest key.
    pub fn under_older_keys(&self, sealer: &Sealer) -> usize {
        let older = self.0.iter().filter(|key| !sealer.is_newest(&key.seed));
        older.count()
    }

    /// Moves the seeds under the newest key, as far as they open.
    pub fn reseal(&mut self, vault: &Vault<'_>) {
        for key in &mut self.0 {
            let owner = owner(vault.account, &key.id);
            vault.sealer.reseal(&owner, &mut key.seed, (vault.nonce)());
        }
    }
}

/// What a sealed seed belongs to.
fn owner(account: &str, id: &str) -> String {
    format!("{account}/{id}/signing key")
}

impl StoredKey {
    /// Its public half for a key set.
    pub fn web_key(&self) -> WebKey {
        let bytes = self.public_key.strip_prefix(PUBLIC_PREFIX);
        let bytes = bytes.and_then(|base64| STANDARD.decode(base64).ok());
        WebKey {
            kty: "OKP".into(),
            crv: "Ed25519".into(),
            alg: "EdDSA".into(),
            usage: "sig".into(),
            kid: self.id.clone(),
            x: URL_SAFE_NO_PAD.encode(bytes.unwrap_or_default()),
            whpk: self.public_key.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use ed25519_compact::{PublicKey, Signature};

    use super::*;
    use crate::{
        sealing::NONCE_LENGTH,
        secret::{MAX_OVERLAP, MAX_PREVIOUS},
    };

    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_795_446_245_000 + seconds * 1_000)
    }

    fn with_vault<T>(account: &str, test: impl FnOnce(&Vault<'_>) -> T) -> T {
        let sealer = Sealer::parse(KEY).unwrap();
        test(&Vault {
            account,
            sealer: &sealer,
            nonce: &|| [1; NONCE_LENGTH],
        })
    }

    /// RFC 8032, 7.1, test 1: an empty message.
    #[test]
    fn the_published_vector_is_reproduced() {
        let seed = [
            0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec,
            0x2c, 0xc4, 0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03,
            0x1c, 0xae, 0x7f, 0x60,
        ];
        let key = SigningKey::new(seed);
        let public = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
        assert_eq!(key.public(), public);
        let signature = "v1a,5VZDAMNgrHKQhuLMgG6CioSHfx645dl02HPgZSJJAVVfuIIVkKM7rMYeOXAc\
                         +bRr0lv18FlbviRlUUFDjnoQCw==";
        assert_eq!(key.sign(b""), signature);
    }

    #[test]
    fn what_is_signed_verifies_under_the_public_key_and_what_was_altered_does_not() {
        let key = SigningKey::new([7; SEED_LENGTH]);
        let signed = key.sign(b"dlv_1.1614265330.{}");
        let signature = STANDARD
            .decode(signed.strip_prefix("v1a,").unwrap())
            .unwrap();
        let signature = Signature::from_slice(&signature).unwrap();
        let public = STANDARD.decode(&key.public()["whpk_".len()..]).unwrap();
        let public = PublicKey::from_slice(&public).unwrap();
        assert!(public.verify(b"dlv_1.1614265330.{}", &signature).is_ok());
        assert!(public.verify(b"dlv_2.1614265330.{}", &signature).is_err());
    }

    #[test]
    fn pairs_that_were_rotated_out_sign_until_their_time_is_over() {
        with_vault("acme", |vault| {
            let mut keys = SigningKeys::default();
            assert_eq!(keys.open(vault, at(0)).unwrap().len(), 0);
            let first = keys.rotate([1; 32], Duration::ZERO, vault, at(0));
            let first = first.unwrap().clone();
            assert_eq!((first.created_at, first.expires_at), (at(0), None));
            let second = keys.rotate([2; 32], Duration::from_secs(60), vault, at(10));
            let second = second.unwrap().public_key.clone();
            let live = |at| -> Vec<_> {
                let pairs = keys.open(vault, at).unwrap();
                pairs.iter().map(SigningKey::public).collect()
            };
            assert_eq!(live(at(69)), [second.clone(), first.public_key]);
            assert_eq!(live(at(70)), [second]);
        });
    }

    #[test]
    fn a_rotation_too_many_is_refused_and_an_end_that_was_promised_holds() {
        with_vault("acme", |vault| {
            let mut keys = SigningKeys::default();
            for number in 1..=5 {
                keys.rotate([number; 32], MAX_OVERLAP, vault, at(number.into()))
                    .unwrap();
            }
            let before = keys.clone();
            let next = at(2) + MAX_OVERLAP;
            let refused = keys.rotate([6; 32], Duration::from_secs(1), vault, at(10));
            assert_eq!(refused.unwrap_err(), TooManyPrevious { next });
            assert_eq!(keys, before);
            assert_eq!(keys.live(at(10)).count(), 1 + MAX_PREVIOUS);
            keys.rotate([6; 32], Duration::from_secs(1), vault, next)
                .unwrap();
            // A shorter overlap later does not shorten what was answered before.
            assert_eq!(keys.live(next + Duration::from_millis(500)).count(), 5);
            keys.rotate([7; 32], Duration::ZERO, vault, next).unwrap();
            assert_eq!(keys.live(next).count(), 1);
        });
    }

    #[test]
    fn a_stored_pair_opens_for_its_account_alone_and_does_not_tell_its_seed() {
        let keys = with_vault("acme", |vault| {
            let mut keys = SigningKeys::default();
            keys.rotate([9; SEED_LENGTH], Duration::ZERO, vault, at(0))
                .unwrap();
            keys
        });
        let stored = serde_json::to_string(&keys).unwrap();
        assert!(!stored.contains(&STANDARD.encode([9; SEED_LENGTH])));
        assert_eq!(serde_json::from_str::<SigningKeys>(&stored).unwrap(), keys);
        with_vault("acme2", |vault| {
            assert_eq!(keys.open(vault, at(0)).unwrap_err(), OpenError::Forged);
        });
    }

    #[test]
    fn pairs_are_moved_under_the_newest_key_and_sign_as_before() {
        const NEWER: &str = "Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA=";
        let mut keys = with_vault("acme", |vault| {
            let mut keys = SigningKeys::default();
            for number in [1, 2] {
                let seed = [number; SEED_LENGTH];
                keys.rotate(seed, MAX_OVERLAP, vault, at(0)).unwrap();
            }
            keys
        });
        let vault = |sealer| Vault {
            account: "acme",
            sealer,
            nonce: &|| [2; NONCE_LENGTH],
        };
        let rotating = Sealer::parse(&format!("{NEWER},{KEY}")).unwrap();
        assert_eq!(keys.under_older_keys(&rotating), 2);
        keys.reseal(&vault(&rotating));
        assert_eq!(keys.under_older_keys(&rotating), 0);
        let newer = Sealer::parse(NEWER).unwrap();
        let pairs = keys.open(&vault(&newer), at(1)).unwrap();
        let public: Vec<_> = pairs.iter().map(SigningKey::public).collect();
        assert_eq!(public, [2, 1].map(|n| SigningKey::new([n; 32]).public()));
    }

    #[test]
    fn a_web_key_has_the_public_key_in_both_spellings() {
        with_vault("acme", |vault| {
            let mut keys = SigningKeys::default();
            let key = keys.rotate([7; SEED_LENGTH], Duration::ZERO, vault, at(0));
            let key = key.unwrap();
            let web_key = serde_json::to_value(key.web_key()).unwrap();
            assert_eq!(web_key["whpk"], key.public_key);
            let x = URL_SAFE_NO_PAD
                .decode(web_key["x"].as_str().unwrap())
                .unwrap();
            assert_eq!(x, *SigningKey::new([7; SEED_LENGTH]).0.pk);
            assert_eq!(
                (&web_key["kty"], &web_key["crv"]),
                (&"OKP".into(), &"Ed25519".into())
            );
        });
    }
}
