//! An API key: what somebody asks for, what is stored, and the token that is shown once.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::{Denied, Need, Scope, allow};
#[cfg(feature = "document")]
use crate::schema;
use crate::{
    account::AccountId,
    id::ApiKeyId,
    input::{self, FieldError, Whole},
    time::Timestamp,
    trigger::{Errors, name},
};

/// The most keys of a deployment.
pub const MAX_KEYS: usize = 100;
/// The most accounts that a key is for, where it is not for all.
pub const MAX_ACCOUNTS: usize = 100;
/// The most requests a minute that a key can be limited to.
pub const MAX_PER_MINUTE: u32 = 600_000;
/// The longest that a key can be made for, in seconds: ten years.
pub const MAX_LIFETIME: u64 = 10 * 365 * 24 * 60 * 60;
/// The random bytes of a key. So many can't be guessed, so one hash without a salt keeps them.
const SECRET_LENGTH: usize = 32;

/// Between a key's id and its secret part.
const SEPARATOR: char = '.';

/// A key as it is stored: without what would let anybody use it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Its id, which its token begins with.
    pub id: ApiKeyId,
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// The accounts that it is for; all where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accounts: Option<Vec<AccountId>>,
    /// How many requests a minute it may make, and each session of its portal links; any number where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u32>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is no key any more; never where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// SHA-256 of its secret part, base64.
    hash: String,
}

/// An API key that is asked for.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
#[serde(
    deny_unknown_fields,
    expecting = "an API key: an object with name and scopes"
)]
pub struct ApiKeyInput {
    /// What people call it.
    #[cfg_attr(feature = "document", schemars(with = "schema::Name"))]
    pub name: Option<String>,
    /// What it may do.
    #[cfg_attr(feature = "document", schemars(with = "schema::Scopes"))]
    pub scopes: Option<Vec<Scope>>,
    /// The accounts that it is for: all where nothing is said. Not with the scopes `run` and `metrics`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schemars(with = "Option<Vec<AccountId>>", length(min = 1, max = MAX_ACCOUNTS)))]
    pub accounts: Option<Vec<String>>,
    /// How many requests a minute it may make; beyond them it is answered 429. Each session of its
    /// portal links may make as many.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schemars(range(min = 1, max = MAX_PER_MINUTE)))]
    pub requests_per_minute: Option<Whole>,
    /// How long it is a key, in seconds. Without it, it does not end by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schemars(range(min = 1, max = MAX_LIFETIME)))]
    pub expires_in: Option<Whole>,
}

impl ApiKeyInput {
    /// The key that is asked for, and its token, which is nowhere else.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, each with its JSON pointer.
    pub fn check(
        self,
        id: ApiKeyId,
        secret: [u8; SECRET_LENGTH],
        now: Timestamp,
    ) -> Result<(ApiKey, String), Vec<FieldError>> {
        let mut errors = Errors::default();
        let name = errors.required("/name", self.name, name);
        let scopes = errors.required("/scopes", self.scopes, |scopes| {
            input::distinct(scopes, "scope", "ingest, read, manage, run or metrics")
        });
        let of_all = scopes.as_ref().and_then(|scopes| {
            let mut of_all = [Scope::Run, Scope::Metrics].into_iter();
            of_all.find(|scope| scopes.contains(scope))
        });
        let accounts = self.accounts.map(|named| accounts(&named, of_all));
        let accounts = errors.take("/accounts", accounts.transpose());
        let limit = self.requests_per_minute.as_ref();
        let limit = limit
            .map(|limit| limit.within(1..=MAX_PER_MINUTE))
            .transpose();
        let limit = errors.take("/requests_per_minute", limit);
        let expires_at = self
            .expires_in
            .as_ref()
            .map(|seconds| lifetime(seconds, now));
        let expires_at = errors.take("/expires_in", expires_at.transpose());
        match (name, scopes, accounts, limit, expires_at) {
            (
                Some(name),
                Some(scopes),
                Some(accounts),
                Some(requests_per_minute),
                Some(expires_at),
            ) => {
                let secret = URL_SAFE_NO_PAD.encode(secret);
                let token = format!("{id}{SEPARATOR}{secret}");
                let key = ApiKey {
                    id,
                    name,
                    scopes,
                    accounts,
                    requests_per_minute,
                    created_at: now,
                    expires_at,
                    hash: hash(&secret),
                };
                Ok((key, token))
            }
            _ => Err(errors.into_all()),
        }
    }
}

impl ApiKey {
    /// The id of the key that a token may be one of.
    pub fn id_of(token: &str) -> Option<ApiKeyId> {
        let (id, _) = token.split_once(SEPARATOR)?;
        ApiKeyId::parse(id).ok()
    }

    /// Whether the token is this key's, and `now` is within its time. How long that takes says
    /// nothing about how near a guess came.
    pub fn admits(&self, token: &str, now: Timestamp) -> bool {
        let secret = token.split_once(SEPARATOR).map_or("", |(_, secret)| secret);
        let same = hash(secret).as_bytes().ct_eq(self.hash.as_bytes());
        bool::from(same) && self.is_live(now)
    }

    /// Whether the key has not expired.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }

    /// Whether it may do what takes `need`.
    ///
    /// # Errors
    ///
    /// When it may not.
    pub fn allow<'a>(&self, need: Need<'a>) -> Result<(), Denied<'a>> {
        allow(&self.scopes, self.accounts.as_deref(), need)
    }
}

fn hash(secret: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(secret))
}

/// The accounts that are named; none may be where a scope is `of_all` of them.
fn accounts(named: &[String], of_all: Option<Scope>) -> Result<Vec<AccountId>, String> {
    if let Some(scope) = of_all {
        let scope = scope.as_str();
        return Err(format!(
            "can't be said with the scope {scope}, which is for all accounts"
        ));
    }
    if named.is_empty() || named.len() > MAX_ACCOUNTS {
        return Err(format!(
            "names 1 to {MAX_ACCOUNTS} accounts; leave it out for all"
        ));
    }
    let parse = |account: &String| {
        AccountId::parse(account).map_err(|error| format!("has {account:?}, and {error}"))
    };
    named.iter().map(parse).collect()
}

fn lifetime(seconds: &Whole, now: Timestamp) -> Result<Timestamp, String> {
    let seconds = seconds.within(1..=MAX_LIFETIME)?;
    Ok(now + Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_millis(1_795_446_245_000)
    }

    fn made(input: &Value) -> Result<(ApiKey, String), Vec<(String, String)>> {
        let input: ApiKeyInput = serde_json::from_str(&input.to_string()).unwrap();
        let made = input.check(ApiKeyId::new(now(), 7), [9; SECRET_LENGTH], now());
        made.map_err(|errors| errors.into_iter().map(|e| (e.pointer, e.detail)).collect())
    }

    #[test]
    fn a_token_opens_its_own_key_and_no_other() {
        let (key, token) = made(&json!({"name": "Main app", "scopes": ["ingest"]})).unwrap();
        assert_eq!(ApiKey::id_of(&token), Some(key.id));
        assert!(key.admits(&token, now()));
        for at in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
            let forged = String::from_utf8(bytes).unwrap();
            let own_id = ApiKey::id_of(&forged) == Some(key.id);
            assert!(!(own_id && key.admits(&forged, now())), "byte {at}");
        }
        for forged in ["", ".", &token[..token.len() - 1], &format!("{}.", key.id)] {
            assert!(!key.admits(forged, now()), "{forged:?}");
        }
    }

    #[test]
    fn what_is_stored_does_not_tell_the_token() {
        let (key, token) = made(&json!({"name": "A", "scopes": ["run", "read"]})).unwrap();
        let stored = serde_json::to_string(&key).unwrap();
        let (_, secret) = token.split_once(SEPARATOR).unwrap();
        assert!(!stored.contains(secret));
        assert_eq!(serde_json::from_str::<ApiKey>(&stored).unwrap(), key);
    }

    #[test]
    fn a_key_ends_when_its_time_is_over() {
        let input = json!({"name": "A", "scopes": ["run"], "expires_in": 60});
        let (key, token) = made(&input).unwrap();
        let after = |seconds| key.admits(&token, now() + Duration::from_secs(seconds));
        assert_eq!((after(59), after(60)), (true, false));
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let wrong = json!({
            "name": " ", "scopes": ["run", "run"], "accounts": ["a b"], "requests_per_minute": 0,
            "expires_in": 0,
        });
        let errors = made(&wrong).unwrap_err();
        let pointers: Vec<_> = errors.iter().map(|(pointer, _)| pointer.as_str()).collect();
        let all = [
            "/name",
            "/scopes",
            "/accounts",
            "/requests_per_minute",
            "/expires_in",
        ];
        assert_eq!(pointers, all);
        assert_eq!(made(&json!({})).unwrap_err().len(), 2);
        for (member, value) in [
            ("scopes", json!([])),
            ("accounts", json!([])),
            ("accounts", json!(vec!["a"; MAX_ACCOUNTS + 1])),
            ("requests_per_minute", json!(MAX_PER_MINUTE + 1)),
        ] {
            let mut input = json!({"name": "A", "scopes": ["read"]});
            input[member] = value;
            let errors = made(&input).unwrap_err();
            assert_eq!(errors[0].0, format!("/{member}"));
        }
    }

    #[test]
    fn a_key_that_runs_or_watches_is_for_all_accounts() {
        for scope in ["run", "metrics"] {
            let input = json!({"name": "A", "scopes": [scope], "accounts": ["acme"]});
            assert_eq!(made(&input).unwrap_err()[0].0, "/accounts");
        }
    }
}
