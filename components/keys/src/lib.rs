//! Keys: those that callers show, and those that sign for an account.

mod api_keys;
mod signing_keys;

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
    serve(incoming, out, guard, async |request| route(&request).await).await;
}

/// Public keys are for everybody.
fn guard(head: &Head) -> Result<(), Problem> {
    match head.segments().as_slice() {
        ["webhook-keys", _] => Ok(()),
        _ => auth::api_key(head),
    }
}

async fn route(request: &Request) -> Result<Response, Problem> {
    match (request.head.segments().as_slice(), &request.head.method) {
        (["v1", "api-keys"], &Method::GET) => api_keys::list(request),
        (["v1", "api-keys"], &Method::POST) => api_keys::create(request).await,
        (["v1", "api-keys"], _) => Err(Problem::method_not_allowed("GET, POST")),
        (["v1", "api-keys", key], &Method::GET) => api_keys::show(request, key),
        (["v1", "api-keys", key], &Method::DELETE) => api_keys::revoke(request, key).await,
        (["v1", "api-keys", _], _) => Err(Problem::method_not_allowed("GET, DELETE")),

        (["v1", "accounts", account, "signing-keys"], &Method::GET) => {
            signing_keys::list(request, account)
        }
        (["v1", "accounts", account, "signing-keys"], &Method::POST) => {
            signing_keys::rotate(request, account).await
        }
        (["v1", "accounts", _, "signing-keys"], _) => Err(Problem::method_not_allowed("GET, POST")),
        (["webhook-keys", account], &Method::GET) => signing_keys::public(request, account),
        (["webhook-keys", _], _) => Err(Problem::method_not_allowed("GET")),

        _ => Err(Problem::no_route(request.head.path())),
    }
}
