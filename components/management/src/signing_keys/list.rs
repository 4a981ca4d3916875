//! Lists an account's signing keys.

use platform::{
    clock,
    http::{Request, Response},
    problem::Problem,
    signing_keys,
    store::TriggerStore,
};

use super::View;

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let keys = signing_keys::of(&TriggerStore::open()?, &request.account()?)?;
    let views: Vec<_> = keys.live(clock::now()).map(View::of).collect();
    Ok(Response::list(&views, None))
}
