use http::HeaderMap;
use standardwebhooks::{Webhook, WebhookError};

/// Fails when the webhook is not signed with the secret, or was sent more than five minutes ago.
/// `body` is the request's body as it came, before any parsing.
pub fn verify(body: &[u8], headers: &HeaderMap, secret: &str) -> Result<(), WebhookError> {
    if secret.is_empty() {
        return Err(WebhookError::InvalidSignature);
    }
    Webhook::new(secret)?.verify(body, headers)
}
