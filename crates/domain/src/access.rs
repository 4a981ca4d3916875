//! Who may do what: what each request takes, and the API keys that have it.
//!
//! The keys of the setting `api_key` may do everything. A key that was made through the API may do
//! what its scopes say, in the accounts it is for.

mod key;

pub use key::{ApiKey, ApiKeyInput, MAX_ACCOUNTS, MAX_KEYS, MAX_LIFETIME, MAX_PER_MINUTE};

use http::Method;
use serde::{Deserialize, Serialize};

use crate::account::AccountId;

/// A part of what an API key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema), schemars(inline))]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// To post events, and nothing else.
    Ingest,
    /// To look at everything but secrets and the values of custom headers.
    Read,
    /// To look at everything and to change everything, but not to post events.
    Manage,
    /// To work off what is due.
    Run,
    /// To look at the metrics and the usage of the service, and at nothing that is in it.
    Metrics,
}

impl Scope {
    /// All scopes.
    pub const ALL: [Self; 5] = [
        Self::Ingest,
        Self::Read,
        Self::Manage,
        Self::Run,
        Self::Metrics,
    ];

    /// The scope as the API names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Read => "read",
            Self::Manage => "manage",
            Self::Run => "run",
            Self::Metrics => "metrics",
        }
    }

    /// Whether who has this scope may do what takes `other`.
    fn covers(self, other: Self) -> bool {
        self == other
            || matches!(
                (self, other),
                (Self::Manage, Self::Read | Self::Metrics) | (Self::Read, Self::Metrics)
            )
    }
}

/// What a request takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need<'a> {
    /// A key of the setting `api_key`.
    Root,
    /// A scope, and, where the request is about one, the account.
    Scope(Scope, Option<&'a str>),
}

/// What a request takes that has this method and these segments of its path.
///
/// What is not known here takes [`Scope::Read`] to be looked at, and [`Scope::Manage`] for all else, so
/// that a new route is never open to a key that ingests or runs.
pub fn need<'a>(method: &Method, segments: &[&'a str]) -> Need<'a> {
    let looks = matches!(*method, Method::GET | Method::HEAD);
    let scope = match segments {
        ["v1", "api-keys", ..] | ["v1", "accounts", _, "portal-sessions"] => return Need::Root,
        ["v1", "deliveries", "run"] => Scope::Run,
        ["v1", "metrics" | "usage"] => Scope::Metrics,
        ["v1", "accounts", _, "events"] if !looks => Scope::Ingest,
        [.., "secret"] => Scope::Manage,
        // They change nothing and tell nothing but what they are given.
        ["v1", "filters", "check"] | ["v1", "body-templates", "render"] => Scope::Read,
        _ if looks => Scope::Read,
        _ => Scope::Manage,
    };
    let account = match segments {
        ["v1", "accounts", account, ..] => Some(*account),
        _ => None,
    };
    Need::Scope(scope, account)
}

/// Why a key that is valid may not do something. The text is a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied<'a> {
    /// Only the keys of the setting may.
    #[error("this takes a key of the setting api_key")]
    Root,
    /// It does not have the scope.
    #[error("this takes a key with the scope {}", .0.as_str())]
    Scope(Scope),
    /// It is for other accounts.
    #[error("this key is not for the account {0:?}")]
    Account(&'a str),
    /// It is for some accounts, and this is about all of them.
    #[error("this is not about one account, and the key is for some accounts only")]
    Everyone,
}

/// Whether a key with these `scopes`, for these `accounts` or for all, may do what takes `need`.
///
/// # Errors
///
/// When it may not.
pub(crate) fn allow<'a>(
    scopes: &[Scope],
    accounts: Option<&[AccountId]>,
    need: Need<'a>,
) -> Result<(), Denied<'a>> {
    let Need::Scope(scope, account) = need else {
        return Err(Denied::Root);
    };
    if !scopes.iter().any(|had| had.covers(scope)) {
        return Err(Denied::Scope(scope));
    }
    match (accounts, account) {
        (None, _) => Ok(()),
        (Some(accounts), Some(account)) => {
            let mut accounts = accounts.iter();
            let found = accounts.any(|of| of.as_str() == account);
            found.then_some(()).ok_or(Denied::Account(account))
        }
        // The catalogue and checks are the same for everybody.
        (Some(_), None) if scope == Scope::Read => Ok(()),
        (Some(_), None) => Err(Denied::Everyone),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(request: &str) -> Need<'_> {
        let (method, path) = request.split_once(' ').unwrap();
        let segments: Vec<_> = path.trim_start_matches('/').split('/').collect();
        need(&method.parse().unwrap(), &segments)
    }

    #[test]
    fn every_route_takes_its_scope_and_account() {
        let acme = Some("acme");
        for (request, scope, account) in [
            ("POST /v1/accounts/acme/events", Scope::Ingest, acme),
            ("GET /v1/accounts/acme/events", Scope::Read, acme),
            ("GET /v1/accounts/acme/events/evt_1", Scope::Read, acme),
            ("POST /v1/accounts/acme/events/preview", Scope::Manage, acme),
            (
                "POST /v1/accounts/acme/events/evt_1/replay",
                Scope::Manage,
                acme,
            ),
            (
                "GET /v1/accounts/acme/triggers/t/actions/a",
                Scope::Read,
                acme,
            ),
            (
                "GET /v1/accounts/acme/triggers/t/actions/a/secret",
                Scope::Manage,
                acme,
            ),
            (
                "POST /v1/accounts/acme/triggers/t/actions/a/secret/rotate",
                Scope::Manage,
                acme,
            ),
            (
                "POST /v1/accounts/acme/triggers/t/actions/a/test",
                Scope::Manage,
                acme,
            ),
            ("PATCH /v1/accounts/acme/triggers/t", Scope::Manage, acme),
            ("DELETE /v1/accounts/acme", Scope::Manage, acme),
            ("GET /v1/accounts/acme/export", Scope::Read, acme),
            ("POST /v1/accounts/acme/export", Scope::Manage, acme),
            ("POST /v1/accounts/acme/portal-links", Scope::Manage, acme),
            (
                "POST /v1/accounts/acme/portal-sessions/revoke",
                Scope::Manage,
                acme,
            ),
            ("GET /v1/accounts/acme/statistics", Scope::Read, acme),
            (
                "POST /v1/accounts/acme/deliveries/recover",
                Scope::Manage,
                acme,
            ),
            ("GET /v1/event-types", Scope::Read, None),
            ("PUT /v1/event-types/a.b", Scope::Manage, None),
            ("POST /v1/filters/check", Scope::Read, None),
            ("POST /v1/body-templates/render", Scope::Read, None),
            ("POST /v1/deliveries/run", Scope::Run, None),
            ("GET /v1/metrics", Scope::Metrics, None),
            ("GET /v1/usage", Scope::Metrics, None),
            ("POST /v1/some/thing/new", Scope::Manage, None),
        ] {
            assert_eq!(of(request), Need::Scope(scope, account), "{request}");
        }
        for request in [
            "GET /v1/api-keys",
            "POST /v1/api-keys",
            "DELETE /v1/api-keys/key_1",
            "POST /v1/accounts/acme/portal-sessions",
        ] {
            assert_eq!(of(request), Need::Root, "{request}");
        }
    }

    #[test]
    fn a_key_does_what_its_scopes_say_and_no_more() {
        for had in Scope::ALL {
            for wanted in Scope::ALL {
                let looks = [
                    (Scope::Manage, Scope::Read),
                    (Scope::Manage, Scope::Metrics),
                ];
                let allowed = had == wanted
                    || looks.contains(&(had, wanted))
                    || (had, wanted) == (Scope::Read, Scope::Metrics);
                let answer = allow(&[had], None, Need::Scope(wanted, Some("acme")));
                assert_eq!(answer.is_ok(), allowed, "{had:?} for {wanted:?}");
            }
            assert_eq!(allow(&[had], None, Need::Root), Err(Denied::Root));
        }
        assert_eq!(allow(&Scope::ALL, None, Need::Root), Err(Denied::Root));
    }

    #[test]
    fn a_key_of_an_account_reaches_no_other_and_not_what_is_everyones() {
        let acme = [AccountId::parse("acme").unwrap()];
        let asks = |request| allow(&Scope::ALL, Some(&acme), of(request));
        assert_eq!(asks("POST /v1/accounts/acme/events"), Ok(()));
        assert_eq!(asks("GET /v1/event-types"), Ok(()));
        for account in ["acm", "acme2", "ACME", ""] {
            let request = format!("GET /v1/accounts/{account}/events");
            let answer = allow(&Scope::ALL, Some(&acme), of(&request));
            assert_eq!(answer, Err(Denied::Account(account)));
        }
        for request in ["PUT /v1/event-types/a.b", "POST /v1/deliveries/run"] {
            assert_eq!(asks(request), Err(Denied::Everyone), "{request}");
        }
    }

    #[test]
    fn a_refusal_says_what_is_missing() {
        let said = |denied: Denied<'_>| denied.to_string();
        assert!(said(Denied::Scope(Scope::Run)).ends_with("with the scope run"));
        assert!(said(Denied::Account("b")).contains("\"b\""));
    }
}
