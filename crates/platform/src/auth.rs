//! Who may call: the bearer key of every /v1 route.

use domain::access::need;
use http::Method;
use subtle::ConstantTimeEq as _;

use crate::{api_keys, config, http::Head, problem::Problem};

/// Lets the request pass when it carries an API key that may do what it asks for.
///
/// # Errors
///
/// 401 without a valid key, 403 with one that may not do this, 429 with one that was used too often.
pub fn api_key(head: &Head) -> Result<(), Problem> {
    let given = head
        .header("authorization")
        .and_then(bearer)
        .ok_or_else(Problem::unauthorized)?;
    if is_root_key(given)? {
        return Ok(());
    }
    api_keys::admit(given, need(&head.method, &head.segments()))
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
    let segments = head.segments();
    Ok(is_root_key(given)? || api_keys::allows(given, need(&Method::PATCH, &segments))?)
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
