//! The pages that people use. For now it is one page, which says what this is.

use http::{Method, StatusCode};
use platform::{
    http::{Request, Response, serve},
    problem::Problem,
};
use spin_sdk::{
    http::{IncomingRequest, ResponseOutparam},
    http_component,
};

const PAGE: &str = include_str!("page.html");

/// The page loads nothing, runs nothing and can't be framed.
const POLICY: &str = "default-src 'none'; style-src 'self'; frame-ancestors 'none'; \
                      base-uri 'none'; form-action 'none'";

#[http_component]
async fn handle(incoming: IncomingRequest, out: ResponseOutparam) {
    serve(incoming, out, |_| Ok(()), async |request| route(&request)).await;
}

fn route(request: &Request) -> Result<Response, Problem> {
    match (request.head.path(), &request.head.method) {
        ("/", &Method::GET) => {
            Ok(
                Response::new(StatusCode::OK, "text/html; charset=utf-8", PAGE.into())
                    .header("content-security-policy", POLICY)
                    .header("x-content-type-options", "nosniff")
                    .header("referrer-policy", "no-referrer"),
            )
        }
        ("/", _) => Err(Problem::method_not_allowed("GET")),
        (path, _) => Err(Problem::not_found(format!("there is no page {path}"))),
    }
}
