//! Who may see the dashboard: links that a main app gives its users, and the sessions that they open.
//!
//! Both are tokens: claims that are sealed ([`Sealer`]), so that nobody can make, read or change
//! one, and that say until when they hold. Nothing is stored. A token of one kind is none of the
//! other: what it is for is authenticated with it.

use std::time::Duration;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::{
    account::AccountId,
    input::FieldError,
    sealing::{NONCE_LENGTH, Sealed, Sealer},
    time::Timestamp,
};

/// The shortest time that a link can be asked to open the dashboard for.
pub const MIN_LINK: Duration = Duration::from_secs(60);
/// The longest.
pub const MAX_LINK: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// What it is when it is not asked for.
pub const DEFAULT_LINK: Duration = Duration::from_secs(60 * 60);
/// How long a session lasts: a working day.
pub const SESSION: Duration = Duration::from_secs(8 * 60 * 60);
/// The longest `return_url`, in bytes.
pub const MAX_RETURN_URL: usize = 1024;

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Everything that there is to do in an account.
    Manage,
    /// Look at it, but for signing secrets and the values of custom headers.
    View,
}

/// A link that opens the dashboard for one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The account.
    pub account: AccountId,
    /// What may be done there.
    pub role: Role,
    /// Where the main app is, for the way back.
    pub return_url: Option<String>,
    /// Until when it opens the dashboard.
    pub expires_at: Timestamp,
}

/// Who has signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Visitor {
    /// Somebody who knows an API key: may do everything in every account.
    Operator {
        /// What the key is known by ([`fingerprint`]): the session ends with the key.
        key: String,
    },
    /// Somebody whom the main app sent.
    User {
        /// The one account that they see.
        account: AccountId,
        /// What they may do there.
        role: Role,
        /// Where the main app is.
        return_url: Option<String>,
    },
}

/// What a browser carries while somebody is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Who it is.
    pub visitor: Visitor,
    /// What the forms of this session carry. No other site can know it, so none can send one.
    pub csrf: String,
    /// Until when it holds.
    pub expires_at: Timestamp,
}

/// What a caller wants of a link. Every member is optional.
#[derive(Debug, Default, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "an object with expires_in, role and return_url"
)]
pub struct LinkInput {
    expires_in: Option<u64>,
    role: Option<String>,
    return_url: Option<String>,
}

impl LinkInput {
    /// The link that is asked for, as of `now`.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    pub fn check(self, account: AccountId, now: Timestamp) -> Result<Link, Vec<FieldError>> {
        let mut errors = Vec::new();
        let seconds = self.expires_in.unwrap_or(DEFAULT_LINK.as_secs());
        if !(MIN_LINK.as_secs()..=MAX_LINK.as_secs()).contains(&seconds) {
            let (min, max) = (MIN_LINK.as_secs(), MAX_LINK.as_secs());
            let detail = format!("is a number of seconds from {min} to {max}");
            errors.push(FieldError::new("/expires_in", detail));
        }
        let role = match self.role.as_deref() {
            None | Some("manage") => Role::Manage,
            Some("view") => Role::View,
            Some(_) => {
                errors.push(FieldError::new("/role", "is manage or view"));
                Role::View
            }
        };
        let return_url = self.return_url.and_then(|url| {
            return_url(&url)
                .map_err(|detail| errors.push(FieldError::new("/return_url", detail)))
                .ok()
        });
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Link {
            account,
            role,
            return_url,
            expires_at: now + Duration::from_secs(seconds),
        })
    }
}

/// A page shows it as a link: a scheme such as `javascript:` would run there.
fn return_url(text: &str) -> Result<String, String> {
    if text.len() > MAX_RETURN_URL {
        return Err(format!("is longer than {MAX_RETURN_URL} bytes"));
    }
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url.into()),
        _ => Err("is an absolute http or https URL".to_owned()),
    }
}

impl Link {
    /// The link as a token.
    pub fn seal(&self, sealer: &Sealer, nonce: [u8; NONCE_LENGTH]) -> String {
        seal(sealer, LINK, self, nonce)
    }

    /// The link that a token is, if it is one and still opens the dashboard.
    pub fn open(sealer: &Sealer, token: &str, now: Timestamp) -> Option<Self> {
        open(sealer, LINK, token).filter(|link: &Self| link.expires_at > now)
    }

    /// Who comes by this link.
    pub fn visitor(self) -> Visitor {
        Visitor::User {
            account: self.account,
            role: self.role,
            return_url: self.return_url,
        }
    }
}

impl Visitor {
    /// The operator who knows this API key.
    pub fn operator(api_key: &str) -> Self {
        Self::Operator {
            key: fingerprint(api_key),
        }
    }

    /// What they may do in an account; `None` when they may not even know of it.
    pub fn role_in(&self, account: &AccountId) -> Option<Role> {
        match self {
            Self::Operator { .. } => Some(Role::Manage),
            Self::User {
                account: own, role, ..
            } => (own == account).then_some(*role),
        }
    }
}

impl Session {
    /// A session that begins `now`; `csrf` is random.
    pub fn begin(visitor: Visitor, csrf: String, now: Timestamp) -> Self {
        Self {
            visitor,
            csrf,
            expires_at: now + SESSION,
        }
    }

    /// The session as a token.
    pub fn seal(&self, sealer: &Sealer, nonce: [u8; NONCE_LENGTH]) -> String {
        seal(sealer, SESSION_TOKEN, self, nonce)
    }

    /// The session that a token is, if it is one, has not ended, and its API key is among those
    /// that are valid.
    pub fn open(sealer: &Sealer, token: &str, keys: &[String], now: Timestamp) -> Option<Self> {
        let session: Self = open(sealer, SESSION_TOKEN, token)?;
        let valid = match &session.visitor {
            Visitor::Operator { key } => keys.iter().any(|valid| fingerprint(valid) == *key),
            Visitor::User { .. } => true,
        };
        (valid && session.expires_at > now).then_some(session)
    }
}

/// What tokens are sealed for.
const LINK: &str = "portal link";
const SESSION_TOKEN: &str = "session";

fn seal(
    sealer: &Sealer,
    purpose: &str,
    claims: &impl Serialize,
    nonce: [u8; NONCE_LENGTH],
) -> String {
    let claims = serde_json::to_vec(claims).expect("claims have string keys");
    sealer.seal(purpose, &claims, nonce).to_token()
}

fn open<T: DeserializeOwned>(sealer: &Sealer, purpose: &str, token: &str) -> Option<T> {
    let claims = sealer.open(purpose, &Sealed::from_token(token)?).ok()?;
    serde_json::from_slice(&claims).ok()
}

/// What an API key is known by where the key itself must not be.
fn fingerprint(api_key: &str) -> String {
    let digest = Sha256::new()
        .chain_update(b"dashboard session")
        .chain_update([0])
        .chain_update(api_key)
        .finalize();
    digest.iter().take(16).map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: [u8; NONCE_LENGTH] = [7; NONCE_LENGTH];

    fn sealer(key: &str) -> Sealer {
        Sealer::parse(&base64::Engine::encode(
            &base64::engine::general_purpose::STANDARD,
            key.repeat(32),
        ))
        .unwrap()
    }

    fn now() -> Timestamp {
        Timestamp::from_millis(1_795_446_245_000)
    }

    fn acme() -> AccountId {
        AccountId::parse("acme").unwrap()
    }

    fn link(json: &str) -> Result<Link, Vec<String>> {
        let input: LinkInput = serde_json::from_str(json).unwrap();
        let told = |error: FieldError| format!("{} {}", error.pointer, error.detail);
        input
            .check(acme(), now())
            .map_err(|errors| errors.into_iter().map(told).collect())
    }

    #[test]
    fn a_link_opens_the_dashboard_until_it_expires() {
        let link = link("{}").unwrap();
        assert_eq!(
            (link.role, link.expires_at),
            (Role::Manage, now() + DEFAULT_LINK)
        );
        let token = link.seal(&sealer("a"), NONCE);
        let open = |at| Link::open(&sealer("a"), &token, at);
        assert_eq!(open(now()), Some(link.clone()));
        assert_eq!(open(now() + DEFAULT_LINK), None);
    }

    #[test]
    fn what_a_link_can_t_be_is_told_all_at_once() {
        let errors =
            link(r#"{"expires_in": 59, "role": "owner", "return_url": "javascript:alert(1)"}"#);
        assert_eq!(
            errors,
            Err(vec![
                "/expires_in is a number of seconds from 60 to 604800".to_owned(),
                "/role is manage or view".to_owned(),
                "/return_url is an absolute http or https URL".to_owned(),
            ])
        );
        let long = format!(
            r#"{{"return_url": "https://a.example/{}"}}"#,
            "a".repeat(1024)
        );
        assert_eq!(
            link(&long),
            Err(vec!["/return_url is longer than 1024 bytes".to_owned()])
        );
    }

    #[test]
    fn a_token_that_was_altered_or_is_for_something_else_opens_nothing() {
        let token = link("{}").unwrap().seal(&sealer("a"), NONCE);
        assert_eq!(Link::open(&sealer("b"), &token, now()), None);
        assert_eq!(Session::open(&sealer("a"), &token, &[], now()), None);
        for at in 0..token.len() {
            let mut altered = token.clone().into_bytes();
            altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(altered).unwrap();
            assert_eq!(Link::open(&sealer("a"), &altered, now()), None, "{altered}");
            assert_eq!(Link::open(&sealer("a"), &token[..at], now()), None);
        }
    }

    #[test]
    fn a_users_session_is_for_one_account_and_an_operators_for_all() {
        let other = AccountId::parse("other").unwrap();
        let user = link(r#"{"role": "view"}"#).unwrap().visitor();
        assert_eq!(user.role_in(&acme()), Some(Role::View));
        assert_eq!(user.role_in(&other), None);
        assert_eq!(Visitor::operator("key").role_in(&other), Some(Role::Manage));
    }

    #[test]
    fn a_session_ends_with_its_time_and_with_its_api_key() {
        let session = Session::begin(Visitor::operator("old"), "c".into(), now());
        let token = session.seal(&sealer("a"), NONCE);
        let open = |keys: &[&str], at| {
            let keys: Vec<_> = keys.iter().map(|&key| key.to_owned()).collect();
            Session::open(&sealer("a"), &token, &keys, at)
        };
        assert_eq!(open(&["new", "old"], now()), Some(session.clone()));
        assert_eq!(open(&["new"], now()), None);
        assert_eq!(open(&["old"], now() + SESSION), None);
    }
}
