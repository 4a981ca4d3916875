//! Who may call: the bearer key of every operation that is not open.

use api::{Access, Found, Operation};
use domain::{
    access::{ApiKey, Need, Scope},
    portal::KeyRef,
};
use subtle::ConstantTimeEq as _;

use crate::{api_keys, config, http::Head, portal, problem::Problem};

/// Lets the request pass when its operation is open or it carries an API key that may use it. What no operation is, every key
/// may ask for.
///
/// # Errors
///
/// 401 without a valid key, 403 with one that may not do this, 429 with one that was used too often.
pub(crate) fn admit(head: &Head, found: &Found<Operation>) -> Result<(), Problem> {
    let need = match found {
        Found::Route(operation) => match operation.access() {
            Access::Open => return Ok(()),
            Access::Root => Need::Root,
            Access::Scope(scope) => Need::Scope(scope, head.named("account")),
        },
        Found::OtherMethods(others) if others.iter().all(|it| it.access() == Access::Open) => {
            return Ok(());
        }
        Found::OtherMethods(_) | Found::Nothing => Need::Key,
    };
    let given = token(head)?;
    if !is_root_key(given)? {
        return api_keys::admit(given, need);
    }
    // The dashboard has a root key, and gives up the rights that its visitor does not have.
    match head.header(portal::ON_BEHALF_OF) {
        Some(visitor) => portal::admit(visitor, need, portal::limited(head, found)),
        None => Ok(()),
    }
}

/// The key of a request that [`admit`] let pass.
///
/// # Errors
///
/// 401 without a key, or when the setting is missing.
pub fn key_of(head: &Head) -> Result<KeyRef, Problem> {
    let given = token(head)?;
    if is_root_key(given)? {
        return Ok(KeyRef::root(given));
    }
    let id = ApiKey::id_of(given).ok_or_else(Problem::unauthorized)?;
    Ok(KeyRef::Made(id))
}

fn token(head: &Head) -> Result<&str, Problem> {
    let authorization = head.header("authorization");
    authorization
        .and_then(bearer)
        .ok_or_else(Problem::unauthorized)
}

/// Whether the caller, who was let pass, may manage the account that the request is about, and so
/// see the values of headers.
///
/// # Errors
///
/// When the store fails.
pub fn may_manage(head: &Head) -> Result<bool, Problem> {
    let Some(given) = head.header("authorization").and_then(bearer) else {
        return Ok(false);
    };
    if !is_root_key(given)? {
        return api_keys::allows(given, Need::Scope(Scope::Manage, head.named("account")));
    }
    // Only next to a root key: it can give rights up, and must not give any.
    let visitor = head.header(portal::ON_BEHALF_OF);
    visitor.map_or(Ok(true), portal::may_manage)
}

/// Whether this is one of the keys of the setting `api_key`, which may do everything.
///
/// Every key is compared, each in constant time: how long the answer takes says nothing about how
/// near a guess came, nor which key it was near to.
///
/// # Errors
///
/// When the setting is missing.
pub fn is_root_key(given: &str) -> Result<bool, Problem> {
    let mut valid = subtle::Choice::from(0);
    for key in config::api_keys()? {
        valid |= key.as_bytes().ct_eq(given.as_bytes());
    }
    Ok(valid.into())
}

/// The token of `Bearer <token>`; the scheme's name is case-insensitive (RFC 9110, 11.1).
fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
