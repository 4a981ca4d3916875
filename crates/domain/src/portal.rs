//! Portal links and sessions: access to the dashboard.
//!
//! A main app asks for a link and sends its user there. Opening the link begins a session in the user's browser. Both are
//! sealed tokens ([`Sealer`]): nobody can make, read or change one, and a token of one kind is not accepted as the other. They
//! open with the newest encryption key only, so rotating a leaked key ends them all.
//!
//! A session ends with the API key behind it. A token cannot say whether that key still exists, whether the account's sessions
//! were revoked, or whether the link was opened before: `platform::portal` checks that for every API request of a session.

use std::time::Duration;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};
use url::{Host, Url};

use crate::{
    access::{Denied, Need, Scope, allow},
    account::AccountId,
    id::ApiKeyId,
    input::{FieldError, Whole},
    rate_limit::RateLimit,
    sealing::{NONCE_LENGTH, Sealed, Sealer},
    time::Timestamp,
};

/// The shortest lifetime of a link.
pub const MIN_LINK: Duration = Duration::from_secs(60);
/// The longest lifetime of a link.
pub const MAX_LINK: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// The lifetime of a link that was made without `expires_in`.
pub const DEFAULT_LINK: Duration = Duration::from_secs(60 * 60);
/// The lifetime of a session: a working day.
pub const SESSION: Duration = Duration::from_secs(8 * 60 * 60);
/// The longest `return_url`, in bytes.
pub const MAX_RETURN_URL: usize = 1024;
/// The most test sends of an action in an hour, for each portal session.
pub const MAX_TEST_SENDS: u32 = 60;
/// The most replays, retries and recoveries in a minute, for each portal session.
pub const MAX_REPLAYS: u32 = 10;

/// What a session may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema), schemars(inline))]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// See and change everything in the account.
    Manage,
    /// See everything but signing secrets and the values of custom headers, change nothing.
    View,
}

/// The API key behind a link or a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyRef {
    /// A key of the setting `api_key`, as a hash.
    Root(String),
    /// A key that was made through the API.
    Made(ApiKeyId),
}

/// A user of an account, sent by the main app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The one account that they see.
    pub account: AccountId,
    /// What they may do there.
    pub role: Role,
    /// The main app's page that "Back to the app" leads to.
    pub return_url: Option<String>,
    /// The id of their link. Rate limits count under it, so all sessions of a reusable link share them.
    pub link: String,
    /// When the link was made. A revocation ends what was made before it.
    pub issued_at: Timestamp,
    /// The key that made the link.
    pub key: KeyRef,
}

/// A link that opens the dashboard for one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The user that it signs in.
    pub user: User,
    /// Whether it can be opened more than once.
    pub reusable: bool,
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// Who is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Visitor {
    /// Somebody who signed in with a key of the setting `api_key`: may do everything in every account.
    Operator {
        /// The key.
        key: KeyRef,
    },
    /// A user of one account.
    User(User),
}

/// A session, as the browser's cookie carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Who is signed in.
    pub visitor: Visitor,
    /// The token that the session's forms carry. No other site knows it, so no other site can send one.
    pub csrf: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// A link that is asked for. Every member is optional.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(
    feature = "document",
    derive(schemars::JsonSchema),
    schemars(rename = "PortalLinkInput")
)]
#[serde(
    deny_unknown_fields,
    expecting = "an object with expires_in, role, return_url and reusable"
)]
pub struct LinkInput {
    /// How long it is good for, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schemars(
        range(min = MIN_LINK.as_secs(), max = MAX_LINK.as_secs()),
        extend("default" = DEFAULT_LINK.as_secs())
    ))]
    pub expires_in: Option<Whole>,
    /// Whether its user may change things, or only look.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schemars(with = "Option<Role>", extend("default" = Role::Manage)))]
    pub role: Option<String>,
    /// Where the page leads back to: http or https.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schemars(with = "Option<crate::schema::Url>", length(max = MAX_RETURN_URL)))]
    pub return_url: Option<String>,
    /// Whether it works until it expires; otherwise it works once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schemars(extend("default" = false)))]
    pub reusable: Option<bool>,
}

impl LinkInput {
    /// The link, made `now` by `key` for `account`. `id` is random.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the input.
    pub fn check(
        self,
        account: AccountId,
        key: KeyRef,
        id: String,
        now: Timestamp,
    ) -> Result<Link, Vec<FieldError>> {
        let mut errors = Vec::new();
        let seconds = self.expires_in.map(|seconds| {
            let seconds = seconds.within(MIN_LINK.as_secs()..=MAX_LINK.as_secs());
            seconds.map_err(|detail| errors.push(FieldError::new("/expires_in", detail)))
        });
        let lifetime = seconds.and_then(Result::ok).map(Duration::from_secs);
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
            user: User {
                account,
                role,
                return_url,
                link: id,
                issued_at: now,
                key,
            },
            reusable: self.reusable.unwrap_or(false),
            expires_at: now + lifetime.unwrap_or(DEFAULT_LINK),
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

/// The origin that a request was sent to, where that is a loopback address and no proxy forwarded the request.
///
/// The caller chooses `authority` (the `Host` header), so any other origin must not decide where a link leads. A loopback
/// origin leads to the reader's own machine.
pub fn loopback_origin<'a>(
    scheme: &str,
    authority: &str,
    mut header_names: impl Iterator<Item = &'a str>,
) -> Option<String> {
    let forwarded = header_names.any(|name| {
        let name = name.to_ascii_lowercase();
        matches!(name.as_str(), "forwarded" | "via" | "x-real-ip")
            || name.starts_with("x-forwarded-")
    });
    let url = Url::parse(&format!("{scheme}://{authority}")).ok()?;
    let loopback = match url.host()? {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    };
    (loopback && !forwarded).then(|| url.origin().ascii_serialization())
}

impl KeyRef {
    /// A key of the setting `api_key`.
    pub fn root(api_key: &str) -> Self {
        let digest = Sha256::new()
            .chain_update(b"dashboard session")
            .chain_update([0])
            .chain_update(api_key)
            .finalize();
        Self::Root(digest.iter().take(16).map(|b| format!("{b:02x}")).collect())
    }

    /// The id of a key that was made through the API.
    pub fn id(&self) -> Option<ApiKeyId> {
        match self {
            Self::Root(_) => None,
            Self::Made(id) => Some(*id),
        }
    }

    /// Whether it is a root key that is not among `root_keys`, the keys of the setting, any more.
    fn is_retired(&self, root_keys: &[String]) -> bool {
        matches!(self, Self::Root(_)) && !root_keys.iter().any(|key| Self::root(key) == *self)
    }
}

impl Link {
    /// The link as a token.
    pub fn seal(&self, sealer: &Sealer, nonce: [u8; NONCE_LENGTH]) -> String {
        seal(sealer, LINK, self, nonce)
    }

    /// The link of a token; `None` for an invalid, expired or retired one.
    pub fn open(
        sealer: &Sealer,
        token: &str,
        root_keys: &[String],
        now: Timestamp,
    ) -> Option<Self> {
        let link: Self = open(sealer, LINK, token)?;
        (link.expires_at > now && !link.user.key.is_retired(root_keys)).then_some(link)
    }
}

/// A kind of request with a rate limit of its own.
#[derive(Debug, Clone, Copy)]
pub enum Limited<'a> {
    /// A test send of an action.
    TestSend {
        /// The action's id.
        action: &'a str,
    },
    /// A replay, a manual retry or a recovery.
    Resend,
}

impl User {
    /// Whether a revocation of the account's sessions at this time ended this user's.
    pub fn is_revoked(&self, revoked_at: Option<Timestamp>) -> bool {
        revoked_at.is_some_and(|at| self.issued_at <= at)
    }

    /// Whether the user may make an API request with this `need`.
    ///
    /// # Errors
    ///
    /// When the request is about another account, or the role does not allow it.
    pub fn allow<'a>(&self, need: Need<'a>) -> Result<(), Denied<'a>> {
        let scope = match self.role {
            Role::Manage => Scope::Manage,
            Role::View => Scope::Read,
        };
        allow(&[scope], Some(std::slice::from_ref(&self.account)), need)
    }

    /// The rate limits on a request: that of the key, which each session has for itself, and that of what the request does.
    pub fn rate_limits(
        &self,
        requests_per_minute: Option<u32>,
        limited: Option<Limited<'_>>,
    ) -> Vec<RateLimit> {
        let link = &self.link;
        let of_key = requests_per_minute.map(|most| {
            let subject = "this session is limited to {} requests a minute";
            RateLimit::per_minute(format!("session {link}"), most, subject)
        });
        let of_request = limited.map(|limited| match limited {
            Limited::TestSend { action } => {
                let subject = "this session is limited to {} test sends an hour for each action";
                let counter = format!("test {link} {action}");
                RateLimit::per_hour(counter, MAX_TEST_SENDS, subject)
            }
            Limited::Resend => {
                let subject =
                    "this session is limited to {} replays, retries and recoveries a minute";
                RateLimit::per_minute(format!("replay {link}"), MAX_REPLAYS, subject)
            }
        });
        of_key.into_iter().chain(of_request).collect()
    }
}

impl Visitor {
    /// The operator with this API key.
    pub fn operator(api_key: &str) -> Self {
        Self::Operator {
            key: KeyRef::root(api_key),
        }
    }

    /// The key behind the session.
    pub fn key(&self) -> &KeyRef {
        match self {
            Self::Operator { key } => key,
            Self::User(user) => &user.key,
        }
    }

    /// The role in an account; `None` when they must not even learn that it exists.
    pub fn role_in(&self, account: &AccountId) -> Option<Role> {
        match self {
            Self::Operator { .. } => Some(Role::Manage),
            Self::User(user) => (user.account == *account).then_some(user.role),
        }
    }

    /// Whether the session began with this link.
    pub fn came_by(&self, link: &Link) -> bool {
        matches!(self, Self::User(user) if user.link == link.user.link)
    }

    /// Whether the root key behind the session is not among `root_keys`, the keys of the setting, any more.
    pub fn is_retired(&self, root_keys: &[String]) -> bool {
        self.key().is_retired(root_keys)
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

    /// The session of a token; `None` for an invalid, ended or retired one.
    pub fn open(
        sealer: &Sealer,
        token: &str,
        root_keys: &[String],
        now: Timestamp,
    ) -> Option<Self> {
        let session: Self = open(sealer, SESSION_TOKEN, token)?;
        (session.expires_at > now && !session.visitor.is_retired(root_keys)).then_some(session)
    }
}

/// The purposes of tokens.
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
    let claims = sealer.open_newest(purpose, &Sealed::from_token(token)?);
    serde_json::from_slice(&claims.ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: [u8; NONCE_LENGTH] = [7; NONCE_LENGTH];

    fn key(letter: &str) -> String {
        let key = letter.repeat(32);
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, key)
    }

    fn sealer(letter: &str) -> Sealer {
        Sealer::parse(&key(letter)).unwrap()
    }

    fn now() -> Timestamp {
        Timestamp::from_millis(1_795_446_245_000)
    }

    fn acme() -> AccountId {
        AccountId::parse("acme").unwrap()
    }

    fn root_keys(keys: &[&str]) -> Vec<String> {
        keys.iter().map(|&key| key.to_owned()).collect()
    }

    fn link(json: &str) -> Result<Link, Vec<String>> {
        let input: LinkInput = serde_json::from_str(json).unwrap();
        let shown = |error: FieldError| format!("{} {}", error.pointer, error.detail);
        input
            .check(acme(), KeyRef::root("root"), "a link".to_owned(), now())
            .map_err(|errors| errors.into_iter().map(shown).collect())
    }

    fn open_link(letter: &str, token: &str, at: Timestamp) -> Option<Link> {
        Link::open(&sealer(letter), token, &root_keys(&["root"]), at)
    }

    #[test]
    fn a_link_opens_the_dashboard_until_it_expires() {
        let link = link("{}").unwrap();
        assert_eq!(
            (link.user.role, link.expires_at, link.reusable),
            (Role::Manage, now() + DEFAULT_LINK, false)
        );
        let token = link.seal(&sealer("a"), NONCE);
        assert_eq!(open_link("a", &token, now()), Some(link));
        assert_eq!(open_link("a", &token, now() + DEFAULT_LINK), None);
    }

    #[test]
    fn a_link_ends_with_the_root_key_that_made_it() {
        let token = link("{}").unwrap().seal(&sealer("a"), NONCE);
        let open = |keys: &[&str]| Link::open(&sealer("a"), &token, &root_keys(keys), now());
        assert!(open(&["new", "root"]).is_some());
        assert!(open(&["new"]).is_none());
    }

    #[test]
    fn rejects_everything_that_is_wrong_with_a_link_at_once() {
        let errors =
            link(r#"{"expires_in": 59, "role": "owner", "return_url": "javascript:alert(1)"}"#);
        assert_eq!(
            errors,
            Err(vec![
                "/expires_in is a whole number from 60 to 604800, not 59".to_owned(),
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
    fn rejects_altered_tokens_and_those_of_another_purpose() {
        let token = link("{}").unwrap().seal(&sealer("a"), NONCE);
        let keys = root_keys(&["root"]);
        assert_eq!(open_link("b", &token, now()), None);
        assert_eq!(Session::open(&sealer("a"), &token, &keys, now()), None);
        for at in 0..token.len() {
            let mut altered = token.clone().into_bytes();
            altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(altered).unwrap();
            assert_eq!(open_link("a", &altered, now()), None, "{altered}");
            assert_eq!(open_link("a", &token[..at], now()), None);
        }
    }

    #[test]
    fn an_older_encryption_key_opens_neither_links_nor_sessions() {
        let link = link("{}").unwrap();
        let session = Session::begin(Visitor::User(link.user.clone()), "c".into(), now());
        let token = link.seal(&sealer("a"), NONCE);
        let cookie = session.seal(&sealer("a"), NONCE);
        let opens = |setting: &str| {
            let (sealer, keys) = (Sealer::parse(setting).unwrap(), root_keys(&["root"]));
            let link = Link::open(&sealer, &token, &keys, now());
            let session = Session::open(&sealer, &cookie, &keys, now());
            (link.is_some(), session.is_some())
        };
        assert_eq!(opens(&format!("{},{}", key("a"), key("b"))), (true, true));
        assert_eq!(opens(&format!("{},{}", key("b"), key("a"))), (false, false));
    }

    #[test]
    fn a_users_session_is_for_one_account_and_an_operators_for_all() {
        let other = AccountId::parse("other").unwrap();
        let user = Visitor::User(link(r#"{"role": "view"}"#).unwrap().user);
        assert_eq!(user.role_in(&acme()), Some(Role::View));
        assert_eq!(user.role_in(&other), None);
        assert_eq!(Visitor::operator("key").role_in(&other), Some(Role::Manage));
    }

    #[test]
    fn a_session_ends_with_its_time_and_with_its_root_key() {
        let session = Session::begin(Visitor::operator("old"), "c".into(), now());
        let token = session.seal(&sealer("a"), NONCE);
        let open = |keys: &[&str], at| Session::open(&sealer("a"), &token, &root_keys(keys), at);
        assert_eq!(open(&["new", "old"], now()), Some(session.clone()));
        assert_eq!(open(&["new"], now()), None);
        assert_eq!(open(&["old"], now() + SESSION), None);
    }

    #[test]
    fn a_revocation_ends_what_was_made_before_it() {
        let user = link("{}").unwrap().user;
        let second = Duration::from_secs(1);
        assert!(!user.is_revoked(None));
        assert!(!user.is_revoked(Some(now() - second)));
        assert!(user.is_revoked(Some(now())));
        assert!(user.is_revoked(Some(now() + second)));
    }

    #[test]
    fn a_user_may_do_what_the_role_allows_in_the_account() {
        let allows = |role: &str, need| {
            let user = link(&format!(r#"{{"role": "{role}"}}"#)).unwrap().user;
            user.allow(need).is_ok()
        };
        let acme = Some("acme");
        for (need, manage, view) in [
            (Need::Scope(Scope::Read, acme), true, true),
            (Need::Scope(Scope::Read, None), true, true),
            (Need::Scope(Scope::Manage, acme), true, false),
            (Need::Scope(Scope::Ingest, acme), false, false),
            (Need::Scope(Scope::Read, Some("other")), false, false),
            (Need::Scope(Scope::Manage, None), false, false),
            (Need::Root, false, false),
        ] {
            assert_eq!(allows("manage", need), manage, "{need:?}");
            assert_eq!(allows("view", need), view, "{need:?}");
        }
    }

    #[test]
    fn test_sends_count_for_each_action_and_replays_together() {
        let user = link("{}").unwrap().user;
        let counters = |per_minute, limited| -> Vec<_> {
            let limits = user.rate_limits(per_minute, limited);
            limits
                .into_iter()
                .map(|limit| (limit.counter, limit.most))
                .collect()
        };
        let of = |name: &str, most| (name.to_owned(), most);
        let test = Some(Limited::TestSend { action: "a" });
        assert_eq!(counters(None, test), [of("test a link a", 60)]);
        assert_eq!(
            counters(Some(5), test),
            [of("session a link", 5), of("test a link a", 60)]
        );
        let replay = counters(None, Some(Limited::Resend));
        assert_eq!(replay, [of("replay a link", 10)]);
        assert_eq!(counters(None, None), []);
    }

    #[test]
    fn only_a_direct_request_to_a_loopback_address_decides_where_links_lead() {
        let origin = |authority: &str, headers: &[&str]| {
            loopback_origin("http", authority, headers.iter().copied())
        };
        for (authority, leads_to) in [
            ("127.0.0.1:3000", "http://127.0.0.1:3000"),
            ("127.93.42.1:80", "http://127.93.42.1"),
            ("[::1]:3000", "http://[::1]:3000"),
            ("localhost:3000", "http://localhost:3000"),
        ] {
            let found = origin(authority, &["host", "spin-full-url"]);
            assert_eq!(found.as_deref(), Some(leads_to), "{authority}");
        }
        for authority in [
            "evil.example",
            "10.0.0.1",
            "127.0.0.1@evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "",
            "evil.example/127.0.0.1",
        ] {
            assert_eq!(origin(authority, &[]), None, "{authority}");
        }
        for header in ["Forwarded", "via", "x-real-ip", "X-Forwarded-Host"] {
            assert_eq!(origin("127.0.0.1:3000", &[header]), None, "{header}");
        }
    }
}
