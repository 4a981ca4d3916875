//! Shows an API key.

use platform::{
    api_keys,
    http::{Request, Response},
    problem::Problem,
};

use super::shown;

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let key = api_keys::find(request.named("api_key"))?;
    Ok(Response::ok(&shown(&key)))
}
