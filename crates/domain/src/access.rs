//! Who may do what: scopes, and the API keys that have them.
//!
//! The keys of the setting `api_key` may do everything. A key that was made through the API may do
//! what its scopes say, in the accounts it is for.

mod key;

pub use key::{ApiKey, ApiKeyInput, MAX_ACCOUNTS, MAX_KEYS, MAX_LIFETIME, MAX_PER_MINUTE};

use serde::{Deserialize, Deserializer, Serialize};

use crate::{account::AccountId, input};

/// A part of what an API key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
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

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        input::word(deserializer, &Self::ALL)
    }
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
    /// Any valid key.
    Key,
    /// A key of the setting `api_key`.
    Root,
    /// A scope, and, where the request is about one, the account.
    Scope(Scope, Option<&'a str>),
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
    let (scope, account) = match need {
        Need::Key => return Ok(()),
        Need::Root => return Err(Denied::Root),
        Need::Scope(scope, account) => (scope, account),
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
            assert_eq!(allow(&[had], None, Need::Key), Ok(()));
        }
        assert_eq!(allow(&Scope::ALL, None, Need::Root), Err(Denied::Root));
    }

    #[test]
    fn a_key_of_an_account_reaches_no_other_and_not_what_is_everyones() {
        let acme = [AccountId::parse("acme").unwrap()];
        let asks = |scope, account| allow(&Scope::ALL, Some(&acme), Need::Scope(scope, account));
        assert_eq!(asks(Scope::Ingest, Some("acme")), Ok(()));
        assert_eq!(asks(Scope::Read, None), Ok(()));
        for account in ["acm", "acme2", "ACME", ""] {
            let answer = asks(Scope::Read, Some(account));
            assert_eq!(answer, Err(Denied::Account(account)));
        }
        for scope in [Scope::Manage, Scope::Run] {
            assert_eq!(asks(scope, None), Err(Denied::Everyone), "{scope:?}");
        }
    }

    #[test]
    fn a_refusal_says_what_is_missing() {
        let said = |denied: Denied<'_>| denied.to_string();
        assert!(said(Denied::Scope(Scope::Run)).ends_with("with the scope run"));
        assert!(said(Denied::Account("b")).contains("\"b\""));
    }
}
