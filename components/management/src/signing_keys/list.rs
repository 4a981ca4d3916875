//! Lists an account's signing keys.

use api::wire::SigningKey;
use platform::{
    clock,
    http::{Request, Response},
    problem::Problem,
    signing_keys,
    store::TriggerStore,
};

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let keys = signing_keys::of(&TriggerStore::open()?, &request.account()?)?;
    let keys = keys.live(clock::now()).map(SigningKey::from);
    Ok(Response::list(keys.collect(), None))
}
