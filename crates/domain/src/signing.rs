//! Signatures of webhooks: Standard Webhooks' two schemes, `v1` under secrets and `v1a` under key pairs.
//!
//! Source: [Standard Webhooks, "Signature scheme"](https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::{secret::SigningSecret, time::Timestamp};

/// What signs with key pairs: it makes a `v1a,…` of each. Handed in, so that what never sends does not
/// carry the code for it along.
pub type KeyPairs<'a> = dyn Fn(&[u8]) -> Vec<String> + 'a;

/// None.
pub fn no_key_pairs(_: &[u8]) -> Vec<String> {
    Vec::new()
}

/// The value of `webhook-signature`: one `v1,…` for each secret, one `v1a,…` for each key pair,
/// separated by spaces. What is signed is `id.timestamp.body`.
pub fn signature(
    secrets: &[SigningSecret],
    key_pairs: &KeyPairs<'_>,
    webhook_id: &str,
    timestamp: Timestamp,
    body: &[u8],
) -> String {
    let start = format!("{webhook_id}.{}.", timestamp.as_seconds());
    let signed = [start.as_bytes(), body].concat();
    let symmetric = secrets.iter().map(|secret| sign(secret, &signed));
    symmetric
        .chain(key_pairs(&signed))
        .collect::<Vec<_>>()
        .join(" ")
}

/// `v1,` and the base64 of HMAC-SHA256.
fn sign(secret: &SigningSecret, signed: &[u8]) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.key()).expect("HMAC takes keys of every length");
    mac.update(signed);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"test": 2432232314}"#;

    fn published() -> SigningSecret {
        SigningSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap()
    }

    #[test]
    fn the_published_vector_is_reproduced() {
        let at = Timestamp::from_millis(1_614_265_330_000);
        assert_eq!(
            signature(
                &[published()],
                &no_key_pairs,
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                at,
                BODY
            ),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn each_live_secret_signs_for_itself() {
        let at = Timestamp::from_millis(1_614_265_330_999);
        let other = SigningSecret::new([1; crate::secret::LENGTH]);
        let both = signature(
            &[other.clone(), published()],
            &no_key_pairs,
            "dlv_1",
            at,
            BODY,
        );
        let one = |secret| signature(&[secret], &no_key_pairs, "dlv_1", at, BODY);
        assert_eq!(both, format!("{} {}", one(other), one(published())));
    }

    #[test]
    fn key_pairs_sign_beside_secrets() {
        let at = Timestamp::from_millis(1_614_265_330_999);
        let pairs = |signed: &[u8]| vec![format!("v1a,{}", signed.len())];
        let both = signature(&[published()], &pairs, "dlv_1", at, BODY);
        let (symmetric, asymmetric) = both.split_once(' ').unwrap();
        let alone = signature(&[published()], &no_key_pairs, "dlv_1", at, BODY);
        assert_eq!(symmetric, alone);
        let signed = "dlv_1.1614265330.".len() + BODY.len();
        assert_eq!(asymmetric, format!("v1a,{signed}"));
    }
}
