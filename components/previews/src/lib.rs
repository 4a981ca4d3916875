//! Previews: what an event would do, whether a filter matches, and what a template makes. Nothing that is asked for here is kept
//! or sent, and this component reaches no other host.

mod check;
mod event;

use http::Method;
use platform::{
    auth,
    http::{Request, Response, serve},
    problem::Problem,
};
use spin_sdk::{
    http::{IncomingRequest, ResponseOutparam},
    http_component,
};

#[http_component]
async fn handle(incoming: IncomingRequest, out: ResponseOutparam) {
    serve(incoming, out, auth::api_key, async |request| {
        route(&request)
    })
    .await;
}

fn route(request: &Request) -> Result<Response, Problem> {
    match (request.head.segments().as_slice(), &request.head.method) {
        (["v1", "accounts", account, "events", "preview"], &Method::POST) => {
            event::preview(request, account)
        }
        (["v1", "filters", "check"], &Method::POST) => check::filter(request),
        (["v1", "body-templates", "render"], &Method::POST) => check::body_template(request),
        (
            ["v1", "accounts", _, "events", "preview"]
            | ["v1", "filters", "check"]
            | ["v1", "body-templates", "render"],
            _,
        ) => Err(Problem::method_not_allowed("POST")),
        _ => Err(Problem::no_route(request.head.path())),
    }
}
