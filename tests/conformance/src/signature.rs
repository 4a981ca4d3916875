//! Whether a signature verifies, and why not.
//!
//! `v1` is computed by the Standard Webhooks library, `v1a` is verified by an Ed25519 library. The time is
//! looked at here: the library would look at a clock of its own, and what is signed rightly but is too old
//! it could not tell from what is signed wrongly.
//!
//! Source: [Standard Webhooks, "Signature scheme"](https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).

use std::fmt;

use anyhow::{Context as _, Result, bail, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use ed25519_compact::{PublicKey, Signature};
use http::HeaderMap;
use standardwebhooks::{
    HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook,
};
use subtle::ConstantTimeEq as _;

/// How far a webhook's time may be from ours, in seconds: 5 minutes, as the libraries of Standard Webhooks
/// have it.
pub const TOLERANCE: u64 = 5 * 60;

/// What signatures are checked with.
#[derive(Default)]
pub struct Keys {
    secrets: Vec<Webhook>,
    public_keys: Vec<PublicKey>,
}

/// What signed a webhook. They are counted from 1, in the order in which they were given: a secret is not
/// to be printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signer {
    /// A secret.
    Secret(usize),
    /// The private half of a public key.
    PublicKey(usize),
}

/// What is to be thought of a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// There is nothing to check it with.
    NotChecked,
    /// It is genuine, and these signed it.
    Verified(Vec<Signer>),
    /// It is not to be believed.
    Refused(Refusal),
}

/// Why a webhook is not to be believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such header.
    Missing(&'static str),
    /// The header can't be read.
    Unreadable(&'static str),
    /// No signature is of a kind that can be checked.
    NoScheme {
        /// What can be checked.
        wanted: &'static str,
        /// The header.
        found: String,
    },
    /// No signature is right.
    Mismatch,
    /// It is signed rightly, but was so many seconds ago.
    TooOld(u64),
    /// It is signed rightly, but will be in so many seconds.
    TooNew(u64),
}

impl Keys {
    /// Reads secrets, `whsec_…`, and public keys, `whpk_…`.
    ///
    /// # Errors
    ///
    /// When one of them is not what it should be; with its number, and without itself.
    pub fn parse<S: AsRef<str>>(secrets: &[S], public_keys: &[S]) -> Result<Self> {
        let secrets = secrets.iter().zip(1..).map(|(text, number)| {
            secret(text.as_ref()).with_context(|| format!("secret {number}"))
        });
        let public_keys = public_keys.iter().zip(1..).map(|(text, number)| {
            public_key(text.as_ref()).with_context(|| format!("public key {number}"))
        });
        Ok(Self {
            secrets: secrets.collect::<Result<_>>()?,
            public_keys: public_keys.collect::<Result<_>>()?,
        })
    }

    /// Whether there is nothing to check with.
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty() && self.public_keys.is_empty()
    }

    /// Looks at a webhook that came at `now`, in seconds since the Unix epoch.
    pub fn check(&self, headers: &HeaderMap, body: &[u8], now: i64) -> Verdict {
        if self.is_empty() {
            return Verdict::NotChecked;
        }
        match self.signers(headers, body, now) {
            Ok(signers) => Verdict::Verified(signers),
            Err(refusal) => Verdict::Refused(refusal),
        }
    }

    fn signers(&self, headers: &HeaderMap, body: &[u8], now: i64) -> Result<Vec<Signer>, Refusal> {
        let id = header(headers, HEADER_WEBHOOK_ID)?;
        let timestamp = header(headers, HEADER_WEBHOOK_TIMESTAMP)?;
        let signatures = header(headers, HEADER_WEBHOOK_SIGNATURE)?;
        let seconds: i64 = timestamp
            .parse()
            .map_err(|_| Refusal::Unreadable(HEADER_WEBHOOK_TIMESTAMP))?;

        let signers = self.that_signed((id, timestamp, seconds), body, signatures);
        if signers.is_empty() {
            return Err(self.no_signer(signatures));
        }
        let apart = now.abs_diff(seconds);
        match (apart > TOLERANCE, seconds < now) {
            (false, _) => Ok(signers),
            (true, true) => Err(Refusal::TooOld(apart)),
            (true, false) => Err(Refusal::TooNew(apart)),
        }
    }

    /// Those of the keys whose signature is among `signatures`.
    fn that_signed(
        &self,
        (id, timestamp, seconds): (&str, &str, i64),
        body: &[u8],
        signatures: &str,
    ) -> Vec<Signer> {
        let secrets = self.secrets.iter().zip(1..).filter(|(secret, _)| {
            // The library signs what is UTF-8 alone; what is not, it did not sign.
            secret.sign(id, seconds, body).is_ok_and(|right| {
                signatures
                    .split(' ')
                    .any(|one| bool::from(one.as_bytes().ct_eq(right.as_bytes())))
            })
        });
        let secrets = secrets.map(|(_, number)| Signer::Secret(number));

        let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
        let pairs = self.public_keys.iter().zip(1..).filter(|(key, _)| {
            of_scheme(signatures, "v1a")
                .filter_map(|base64| Signature::from_slice(&STANDARD.decode(base64).ok()?).ok())
                .any(|one| key.verify(&signed, &one).is_ok())
        });
        secrets
            .chain(pairs.map(|(_, number)| Signer::PublicKey(number)))
            .collect()
    }

    /// Why no key is one of the signers.
    fn no_signer(&self, signatures: &str) -> Refusal {
        let (v1, v1a) = (!self.secrets.is_empty(), !self.public_keys.is_empty());
        let any = |scheme| of_scheme(signatures, scheme).next().is_some();
        if v1 && any("v1") || v1a && any("v1a") {
            return Refusal::Mismatch;
        }
        Refusal::NoScheme {
            wanted: match (v1, v1a) {
                (true, true) => "v1 or v1a",
                (true, false) => "v1",
                (false, _) => "v1a",
            },
            found: signatures.to_owned(),
        }
    }
}

impl fmt::Display for Keys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (secrets, keys) = (self.secrets.len(), self.public_keys.len());
        write!(formatter, "{secrets} secret{}", plural(secrets))?;
        write!(formatter, " and {keys} public key{}", plural(keys))
    }
}

impl fmt::Display for Signer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret(number) => write!(formatter, "v1 by secret {number}"),
            Self::PublicKey(number) => write!(formatter, "v1a by public key {number}"),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotChecked => formatter.write_str("not checked"),
            Self::Verified(signers) => {
                let signers: Vec<_> = signers.iter().map(ToString::to_string).collect();
                write!(formatter, "verified ({})", signers.join(", "))
            }
            Self::Refused(refusal) => write!(formatter, "refused: {refusal}"),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(name) => write!(formatter, "there is no header {name}"),
            Self::Unreadable(name) => write!(formatter, "the header {name} can't be read"),
            Self::NoScheme { wanted, found } => write!(
                formatter,
                "no signature is {wanted}, which is what can be checked here; webhook-signature is {found:?}"
            ),
            // What a wrong secret makes of a right body looks like what a right secret makes of a wrong one.
            Self::Mismatch => formatter.write_str(
                "no signature is right: it was made with another secret or key, or the body was changed on its way; which of them can't be told",
            ),
            Self::TooOld(seconds) => write!(
                formatter,
                "the signature is right, but {seconds} s old, and {TOLERANCE} s are allowed: a replay, or a clock that is wrong"
            ),
            Self::TooNew(seconds) => write!(
                formatter,
                "the signature is right, but {seconds} s ahead of this clock, and {TOLERANCE} s are allowed"
            ),
        }
    }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

fn secret(text: &str) -> Result<Webhook> {
    // The library would take the base64 alone, too; but then a public key would be a secret to it.
    ensure!(text.starts_with("whsec_"), "it does not start with whsec_");
    ensure!(text.len() > "whsec_".len(), "nothing comes after whsec_");
    Webhook::new(text).context("what comes after whsec_ is no base64")
}

fn public_key(text: &str) -> Result<PublicKey> {
    let Some(base64) = text.strip_prefix("whpk_") else {
        bail!("it does not start with whpk_");
    };
    let bytes = STANDARD.decode(base64);
    let bytes = bytes.context("what comes after whpk_ is no base64")?;
    PublicKey::from_slice(&bytes)
        .ok()
        .context("it is not of 32 bytes")
}

fn header<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, Refusal> {
    let value = headers.get(name).ok_or(Refusal::Missing(name))?;
    value.to_str().map_err(|_| Refusal::Unreadable(name))
}

/// What comes after `scheme,` in each signature of this scheme.
fn of_scheme<'a>(signatures: &'a str, scheme: &str) -> impl Iterator<Item = &'a str> {
    signatures
        .split(' ')
        .filter_map(|one| one.split_once(','))
        .filter(move |(own, _)| *own == scheme)
        .map(|(_, base64)| base64)
}

#[cfg(test)]
mod tests {
    use ed25519_compact::{KeyPair, Seed};

    use super::*;

    // The example of the specification.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const AT: i64 = 1_614_265_330;
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    const OTHER: &str = "whsec_QW5vdGhlciBzZWNyZXQsIG9mIDMyIGJ5dGVzISEhISE=";

    fn headers(signature: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER_WEBHOOK_ID, ID.parse().unwrap());
        headers.insert(HEADER_WEBHOOK_TIMESTAMP, AT.into());
        headers.insert(HEADER_WEBHOOK_SIGNATURE, signature.parse().unwrap());
        headers
    }

    fn pair(seed: u8) -> KeyPair {
        KeyPair::from_seed(Seed::new([seed; 32]))
    }

    fn whpk(pair: &KeyPair) -> String {
        format!("whpk_{}", STANDARD.encode(*pair.pk))
    }

    fn v1a(pair: &KeyPair) -> String {
        let signed = [format!("{ID}.{AT}.").as_bytes(), BODY].concat();
        format!("v1a,{}", STANDARD.encode(*pair.sk.sign(signed, None)))
    }

    fn secrets(secrets: &[&str]) -> Keys {
        Keys::parse(secrets, &[]).unwrap()
    }

    #[test]
    fn the_published_example_verifies_under_its_secret() {
        let verdict = secrets(&[SECRET]).check(&headers(SIGNATURE), BODY, AT);
        assert_eq!(verdict.to_string(), "verified (v1 by secret 1)");
    }

    #[test]
    fn without_a_key_nothing_is_checked() {
        let verdict = Keys::default().check(&HeaderMap::new(), BODY, AT);
        assert_eq!(verdict, Verdict::NotChecked);
    }

    #[test]
    fn of_several_signatures_and_several_keys_each_that_fits_is_told() {
        let (ours, theirs) = (pair(1), pair(2));
        let keys = Keys::parse(&[OTHER, SECRET], &[]).unwrap();
        let keys = Keys {
            public_keys: vec![theirs.pk, ours.pk],
            ..keys
        };
        let signature = format!("v1,AAAA {SIGNATURE} {} v2,x", v1a(&ours));
        let verdict = keys.check(&headers(&signature), BODY, AT);
        let expected = vec![Signer::Secret(2), Signer::PublicKey(2)];
        assert_eq!(verdict, Verdict::Verified(expected));
        assert_eq!(
            verdict.to_string(),
            "verified (v1 by secret 2, v1a by public key 2)"
        );
    }

    #[test]
    fn a_key_pairs_signature_verifies_under_its_public_key_alone() {
        let keys = |pair: &KeyPair| Keys::parse(&[], &[whpk(pair)]).unwrap();
        let headers = headers(&v1a(&pair(1)));
        let verdict = keys(&pair(1)).check(&headers, BODY, AT);
        assert_eq!(verdict, Verdict::Verified(vec![Signer::PublicKey(1)]));
        for (keys, body) in [(keys(&pair(2)), BODY), (keys(&pair(1)), b"{}")] {
            let verdict = keys.check(&headers, body, AT);
            assert_eq!(verdict, Verdict::Refused(Refusal::Mismatch));
        }
    }

    #[test]
    fn a_wrong_secret_and_a_changed_body_look_alike_and_that_is_said() {
        for (secret, body) in [(OTHER, BODY), (SECRET, &b"{}"[..]), (SECRET, b"\xff")] {
            let verdict = secrets(&[secret]).check(&headers(SIGNATURE), body, AT);
            assert_eq!(verdict, Verdict::Refused(Refusal::Mismatch));
            assert!(verdict.to_string().contains("can't be told"), "{verdict}");
        }
    }

    #[test]
    fn each_header_that_is_missing_or_unreadable_is_named() {
        for name in [
            HEADER_WEBHOOK_ID,
            HEADER_WEBHOOK_TIMESTAMP,
            HEADER_WEBHOOK_SIGNATURE,
        ] {
            let mut headers = headers(SIGNATURE);
            headers.remove(name);
            let verdict = secrets(&[SECRET]).check(&headers, BODY, AT);
            assert_eq!(verdict, Verdict::Refused(Refusal::Missing(name)));
            let value = http::HeaderValue::from_bytes(b"\xff").unwrap();
            headers.insert(name, value);
            let verdict = secrets(&[SECRET]).check(&headers, BODY, AT);
            assert_eq!(verdict, Verdict::Refused(Refusal::Unreadable(name)));
        }
        let mut headers = headers(SIGNATURE);
        headers.insert(HEADER_WEBHOOK_TIMESTAMP, "today".parse().unwrap());
        let verdict = secrets(&[SECRET]).check(&headers, BODY, AT);
        let unreadable = Refusal::Unreadable(HEADER_WEBHOOK_TIMESTAMP);
        assert_eq!(verdict, Verdict::Refused(unreadable));
    }

    #[test]
    fn a_scheme_that_can_not_be_checked_is_told_with_what_could() {
        let told = |keys: &Keys, signature: &str| {
            let verdict = keys.check(&headers(signature), BODY, AT);
            verdict.to_string()
        };
        let (secret, key) = (
            secrets(&[SECRET]),
            Keys::parse(&[], &[whpk(&pair(1))]).unwrap(),
        );
        for (keys, signature, said) in [
            (&secret, v1a(&pair(1)), "no signature is v1,"),
            (&secret, "g0hM9SsE".to_owned(), "no signature is v1,"),
            (&secret, String::new(), "webhook-signature is \"\""),
            (&key, SIGNATURE.to_owned(), "no signature is v1a,"),
        ] {
            let told = told(keys, &signature);
            assert!(told.contains(said), "{told}");
        }
    }

    #[test]
    fn five_minutes_are_allowed_either_way_and_not_a_second_more() {
        let at = |now| secrets(&[SECRET]).check(&headers(SIGNATURE), BODY, now);
        for now in [AT - 300, AT + 300] {
            assert!(matches!(at(now), Verdict::Verified(_)), "{now}");
        }
        let old = at(AT + 301);
        assert_eq!(old, Verdict::Refused(Refusal::TooOld(301)));
        assert!(old.to_string().contains("301 s old"), "{old}");
        assert_eq!(at(AT - 301), Verdict::Refused(Refusal::TooNew(301)));
        // A time that is out of all bounds is nobody's overflow.
        let mut headers = headers("v1,AAAA");
        headers.insert(HEADER_WEBHOOK_TIMESTAMP, i64::MIN.into());
        let verdict = secrets(&[SECRET]).check(&headers, BODY, AT);
        assert_eq!(verdict, Verdict::Refused(Refusal::Mismatch));
    }

    #[test]
    fn what_is_no_key_is_refused_by_number_and_not_shown() {
        let long = format!("whpk_{}", STANDARD.encode([1; 33]));
        for (secret, key, said) in [
            ("geheim", None, "secret 2: it does not start with whsec_"),
            ("whsec_", None, "secret 2: nothing comes after whsec_"),
            ("whsec_geheim", None, "secret 2: what comes after whsec_ is"),
            (
                SECRET,
                Some("whsec_AAAA"),
                "public key 1: it does not start",
            ),
            (
                SECRET,
                Some("whpk_geheim"),
                "public key 1: what comes after",
            ),
            (SECRET, Some(&*long), "public key 1: it is not of 32 bytes"),
        ] {
            let keys: Vec<_> = key.into_iter().collect();
            let error = Keys::parse(&[SECRET, secret], &keys).err().unwrap();
            let told = format!("{error:#}");
            assert!(told.starts_with(said), "{told}");
            assert!(!told.contains("geheim"), "{told}");
        }
    }
}
