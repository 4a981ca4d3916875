//! Signatures, checked as a receiver does: with the Standard Webhooks library, not with our code.

use anyhow::{Context as _, Result, ensure};
use standardwebhooks::Webhook as Verifier;

use crate::Webhook;

impl Webhook {
    /// Whether the signature verifies with `secret`, `whsec_…`.
    ///
    /// # Errors
    ///
    /// Why it does not.
    pub fn verify(&self, secret: &str) -> Result<()> {
        let verifier = Verifier::new(secret).context("the secret is not usable")?;
        ensure!(secret.starts_with("whsec_"), "the secret lacks its prefix");
        verifier
            .verify(&self.body, &self.headers)
            .context("the signature does not verify")?;
        // A check that passes for whatever is signed would prove nothing.
        let mut other = self.body.to_vec();
        other.push(b' ');
        ensure!(
            verifier.verify(&other, &self.headers).is_err(),
            "any body would verify"
        );
        Ok(())
    }
}
