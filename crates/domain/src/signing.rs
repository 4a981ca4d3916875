//! Signatures of webhooks: Standard Webhooks' symmetric scheme, `v1`.
//!
//! Source: [Standard Webhooks, "Signature scheme"](https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::{secret::SigningSecret, time::Timestamp};

/// The value of `webhook-signature`: one `v1,…` for each secret that is live, separated by spaces.
pub fn signature(
    secrets: &[SigningSecret],
    webhook_id: &str,
    timestamp: Timestamp,
    body: &[u8],
) -> String {
    secrets
        .iter()
        .map(|secret| sign(secret, webhook_id, timestamp, body))
        .collect::<Vec<_>>()
        .join(" ")
}

/// `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`.
fn sign(secret: &SigningSecret, webhook_id: &str, timestamp: Timestamp, body: &[u8]) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.key()).expect("HMAC takes keys of every length");
    mac.update(webhook_id.as_bytes());
    mac.update(format!(".{}.", timestamp.as_seconds()).as_bytes());
    mac.update(body);
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
            signature(&[published()], "msg_p5jXN8AQM9LWM0D4loKWxJek", at, BODY),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn each_live_secret_signs_for_itself() {
        let at = Timestamp::from_millis(1_614_265_330_999);
        let other = SigningSecret::new([1; crate::secret::LENGTH]);
        let both = signature(&[other.clone(), published()], "dlv_1", at, BODY);
        let one = |secret| signature(&[secret], "dlv_1", at, BODY);
        assert_eq!(both, format!("{} {}", one(other), one(published())));
    }
}
