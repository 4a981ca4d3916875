//! Exports an account's triggers as a document, without secrets.

use platform::{
    http::{Request, Response},
    problem::Problem,
};

use super::exported;

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    exported(request, |_| Ok(None))
}
