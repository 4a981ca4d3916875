//! Lists the API keys.

use platform::{
    api_keys,
    http::{Request, Response},
    problem::Problem,
};

use super::View;

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let keys = api_keys::list()?;
    let views: Vec<_> = keys.iter().map(View::listed).collect();
    Ok(Response::list(&views, None))
}
