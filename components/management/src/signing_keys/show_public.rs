//! Shows an account's public keys to receivers of its webhooks.

use domain::signing_keys::{StoredKey, WebKey};
use platform::{
    clock,
    http::{Request, Response},
    problem::Problem,
    signing_keys,
    store::TriggerStore,
};
use serde::Serialize;

/// How long a receiver may keep the public keys, in seconds: not so long that it misses one that was
/// made a moment ago, for pairs overlap by a day unless somebody says otherwise.
const FRESH: &str = "max-age=300";

#[derive(Serialize)]
struct KeySet {
    keys: Vec<WebKey>,
}

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let keys = signing_keys::of(&TriggerStore::open()?, &request.account()?)?;
    let keys = keys.live(clock::now()).map(StoredKey::web_key).collect();
    Ok(Response::ok(&KeySet { keys }).header("cache-control", FRESH))
}
