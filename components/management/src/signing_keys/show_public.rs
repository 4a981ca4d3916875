//! Shows an account's public keys to receivers of its webhooks.

use api::wire::PublicKeys;
use domain::signing_keys::StoredKey;
use platform::{
    clock,
    http::{Request, Response},
    problem::Problem,
    signing_keys,
    store::TriggerStore,
};

/// How long a receiver may keep the public keys, in seconds: not so long that it misses one that was
/// made a moment ago, for pairs overlap by a day unless somebody says otherwise.
const FRESH: &str = "max-age=300";

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let keys = signing_keys::of(&TriggerStore::open()?, &request.account()?)?;
    let keys = keys.live(clock::now()).map(StoredKey::web_key).collect();
    Ok(Response::ok(&PublicKeys { keys }).header("cache-control", FRESH))
}
