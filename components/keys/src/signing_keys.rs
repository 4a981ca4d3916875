//! `/v1/accounts/{account}/signing-keys`, and `/webhook-keys/{account}`, where whoever gets webhooks
//! finds what verifies them.

use domain::{
    signing_keys::{StoredKey, WebKey},
    time::Timestamp,
};
use http::StatusCode;
use platform::{
    clock,
    http::{Request, Response, account},
    idempotency::Once,
    problem::Problem,
    signing_keys,
    store::TriggerStore,
};
use serde::Serialize;

/// How long a receiver may keep the public keys, in seconds: not so long that it misses one that was
/// made a moment ago, for pairs overlap by a day unless somebody says otherwise.
const FRESH: &str = "max-age=300";

#[derive(Serialize)]
struct View<'a> {
    id: &'a str,
    public_key: &'a str,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
}

impl<'a> View<'a> {
    fn of(key: &'a StoredKey) -> Self {
        Self {
            id: &key.id,
            public_key: &key.public_key,
            created_at: key.created_at,
            expires_at: key.expires_at,
        }
    }
}

pub(crate) fn list(request: &Request, account_id: &str) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let keys = signing_keys::of(&TriggerStore::open()?, &account(account_id)?)?;
    let views: Vec<_> = keys.live(clock::now()).map(View::of).collect();
    Ok(Response::list(&views, None))
}

pub(crate) async fn rotate(request: &Request, account_id: &str) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let account = account(account_id)?;
    let once = Once::of(request, Some(&account))?;
    let key = signing_keys::rotate(&account, &request.json_if_any()?, &once).await?;
    Ok(Response::json(StatusCode::CREATED, &View::of(&key)))
}

#[derive(Serialize)]
struct KeySet {
    keys: Vec<WebKey>,
}

pub(crate) fn public(request: &Request, account_id: &str) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let keys = signing_keys::of(&TriggerStore::open()?, &account(account_id)?)?;
    let keys = keys.live(clock::now()).map(StoredKey::web_key).collect();
    Ok(Response::ok(&KeySet { keys }).header("cache-control", FRESH))
}
