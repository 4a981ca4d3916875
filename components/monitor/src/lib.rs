//! How the service itself is doing: whether it can do its work, its metrics, and what it uses of what it may.

mod health;
mod metrics;
mod usage;

use http::Method;
use platform::{
    auth,
    http::{Head, Request, Response, serve},
    problem::Problem,
};
use spin_sdk::{
    http::{IncomingRequest, ResponseOutparam},
    http_component,
};

#[http_component]
async fn handle(incoming: IncomingRequest, out: ResponseOutparam) {
    serve(incoming, out, guard, async |request| route(&request)).await;
}

/// Load balancers have no key.
fn guard(head: &Head) -> Result<(), Problem> {
    match head.segments().as_slice() {
        ["v1", "health"] => Ok(()),
        _ => auth::api_key(head),
    }
}

fn route(request: &Request) -> Result<Response, Problem> {
    match (request.head.segments().as_slice(), &request.head.method) {
        (["v1", "health"], &Method::GET) => health::show(request),
        (["v1", "metrics"], &Method::GET) => metrics::show(request),
        (["v1", "usage"], &Method::GET) => usage::show(request),
        (["v1", "health" | "metrics" | "usage"], _) => Err(Problem::method_not_allowed("GET")),
        _ => Err(Problem::no_route(request.head.path())),
    }
}
