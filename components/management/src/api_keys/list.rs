//! Lists the API keys.

use platform::{
    api_keys,
    http::{Request, Response},
    problem::Problem,
};

use super::shown;

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let keys = api_keys::list()?;
    Ok(Response::list(keys.iter().map(shown).collect(), None))
}
