//! Portal links and sessions: what their tokens cannot say.
//!
//! The dashboard makes its API requests with a root key, and names the visitor of its session in the header [`ON_BEHALF_OF`].
//! Such a request may do no more than that visitor: their account, their role, their rate limits, and nothing at all once
//! the session has ended.
//!
//! | key in the store | value |
//! |---|---|
//! | `portal-revoked:{account}` | when the account's sessions were last revoked |

use api::{Found, Operation};
use domain::{
    access::{ApiKey, Need},
    account::AccountId,
    portal::{Limited, Link, Role, Session, User, Visitor},
    sealing::Sealed,
    time::Timestamp,
};

use crate::{
    api_keys::{count, live},
    clock, config, entropy,
    http::Head,
    idempotency::{self, Once},
    ledger,
    problem::Problem,
    store::TriggerStore,
};

/// The header that names the visitor on whose behalf a request is made, as JSON.
pub const ON_BEHALF_OF: &str = "on-behalf-of";

fn revoked_key(account: &AccountId) -> String {
    format!("portal-revoked:{account}")
}

/// Lets a request of the dashboard pass when its visitor may make it.
///
/// # Errors
///
/// 401 when the session has ended, 403 when the visitor may not do this, 429 when a rate limit is reached, or when a store fails.
pub(crate) fn admit(
    visitor: &str,
    need: Need<'_>,
    limited: Option<Limited<'_>>,
) -> Result<(), Problem> {
    let visitor = parse(visitor)?;
    let now = clock::now();
    if visitor.is_retired(&config::api_keys()?) {
        return Err(Problem::session_ended());
    }
    let Visitor::User(user) = visitor else {
        return Ok(());
    };
    let key = key_of(&user, now)?.ok_or_else(Problem::session_ended)?;
    user.allow(need)
        .map_err(|denied| Problem::forbidden(denied.to_string()))?;
    let limits = user.rate_limits(key.requests_per_minute(), limited);
    if !limits.is_empty() {
        let ledger = ledger::open()?;
        for limit in &limits {
            count(&ledger, limit, now)?;
        }
    }
    Ok(())
}

/// Which of the rate limits on what visitors do goes for a request.
pub(crate) fn limited<'a>(head: &'a Head, found: &Found<Operation>) -> Option<Limited<'a>> {
    match found {
        Found::Route(Operation::TestAction) => Some(Limited::TestSend {
            action: head.named("action")?,
        }),
        Found::Route(
            Operation::ReplayEvent | Operation::RetryDelivery | Operation::RecoverDeliveries,
        ) => Some(Limited::Resend),
        _ => None,
    }
}

fn parse(visitor: &str) -> Result<Visitor, Problem> {
    serde_json::from_str(visitor)
        .map_err(|error| Problem::bad_request(format!("{ON_BEHALF_OF}: {error}")))
}

/// Whether the visitor of a request that [`admit`] let pass may change things.
pub(crate) fn may_manage(visitor: &str) -> Result<bool, Problem> {
    Ok(match parse(visitor)? {
        Visitor::Operator { .. } => true,
        Visitor::User(user) => user.role == Role::Manage,
    })
}

/// The key behind a session that goes on.
enum Key {
    Root,
    Made(ApiKey),
}

impl Key {
    fn requests_per_minute(&self) -> Option<u32> {
        match self {
            Self::Root => None,
            Self::Made(key) => key.requests_per_minute,
        }
    }
}

/// The key that made the user's link; `None` when the key is gone or the account's sessions were revoked.
fn key_of(user: &User, now: Timestamp) -> Result<Option<Key>, Problem> {
    let store = TriggerStore::open()?;
    let key = match user.key.id() {
        None => Some(Key::Root),
        Some(id) => live(&store, id, now)?.map(Key::Made),
    };
    let revoked_at = store.read(&revoked_key(&user.account))?;
    Ok(key.filter(|_| !user.is_revoked(revoked_at)))
}

/// What a token that is stored under an idempotency key is sealed for.
const STORED_LINK: &str = "stored portal link";

/// Makes `link` with its token. The same request under the same idempotency key gets the first one's
/// link again, as long as that works.
///
/// # Errors
///
/// 422 when another request had the key, 409 when the first one's link was opened or has ended, or
/// when a store fails.
pub fn make_link(link: Link, once: &Once<'_>) -> Result<(Link, String), Problem> {
    let (sealer, now) = (config::sealer()?, clock::now());
    let token = link.seal(&sealer, entropy::bytes());
    let Some(request) = once.keyed() else {
        return Ok((link, token));
    };
    let ledger = ledger::open()?;
    // Sealed again: the stored text opens no page.
    let stored = sealer.seal(STORED_LINK, token.as_bytes(), entropy::bytes());
    let stored = stored.to_token();
    let first = ledger.share_keyed(&request, &stored, now)?;
    if !first.same {
        return Err(idempotency::reused());
    }
    if first.result == stored {
        return Ok((link, token));
    }
    let ended = || {
        Problem::conflict(
            "the link that this request made under its Idempotency-Key was opened, has expired or was \
             revoked; use another key to make another link",
        )
    };
    let token = Sealed::from_token(&first.result)
        .and_then(|sealed| sealer.open_newest(STORED_LINK, &sealed).ok())
        .and_then(|token| String::from_utf8(token).ok())
        .ok_or_else(ended)?;
    let earlier = Link::open(&sealer, &token, &config::api_keys()?, now).ok_or_else(ended)?;
    if earlier.user.key != link.user.key {
        return Err(idempotency::reused());
    }
    key_of(&earlier.user, now)?.ok_or_else(ended)?;
    if !earlier.reusable && ledger.is_link_opened(&earlier.user.link, now)? {
        return Err(ended());
    }
    Ok((earlier, token))
}

/// A session that began.
#[derive(Debug)]
pub struct Begun {
    /// The session, as a token.
    pub token: String,
    /// What it may do.
    pub role: Role,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Opens a link of the account, which begins a session.
///
/// # Errors
///
/// 403 when the link does not work, or not any more, or when a store fails.
pub fn open_link(account: &AccountId, token: &str) -> Result<Begun, Problem> {
    let (sealer, now) = (config::sealer()?, clock::now());
    let gone = || {
        Problem::forbidden(
            "this link is not valid or has expired; go back to the app and open the page from there",
        )
    };
    let link = Link::open(&sealer, token, &config::api_keys()?, now)
        .filter(|link| link.user.account == *account)
        .ok_or_else(gone)?;
    key_of(&link.user, now)?.ok_or_else(gone)?;
    if !link.reusable && !ledger::open()?.open_link(&link.user.link, link.expires_at, now)? {
        return Err(Problem::forbidden(
            "this link was opened before, and it works once; go back to the app and open the page from there",
        ));
    }
    let role = link.user.role;
    let session = Session::begin(Visitor::User(link.user), entropy::token(), now);
    Ok(Begun {
        token: session.seal(&sealer, entropy::bytes()),
        role,
        expires_at: session.expires_at,
    })
}

/// Revokes all links and sessions of an account.
///
/// # Errors
///
/// When the store fails.
pub fn revoke(account: &AccountId) -> Result<(), Problem> {
    let what = "when the account's sessions were revoked";
    Ok(TriggerStore::open()?.write(&revoked_key(account), what, &clock::now())?)
}
