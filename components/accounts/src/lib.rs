//! An account as a whole: exported, imported, purged, counted, and opened to its users.

mod budget;
mod export;
mod import;
mod portal_links;
mod portal_sessions;
mod purge;
mod statistics;

use http::Method;
use platform::{
    auth,
    clock::Moment,
    http::{Request, Response, serve},
    problem::Problem,
};
use spin_sdk::{
    http::{IncomingRequest, ResponseOutparam},
    http_component,
};

#[http_component]
async fn handle(incoming: IncomingRequest, out: ResponseOutparam) {
    let started = Moment::now();
    serve(incoming, out, auth::api_key, async |request| {
        route(&request, started).await
    })
    .await;
}

async fn route(request: &Request, started: Moment) -> Result<Response, Problem> {
    match (request.head.segments().as_slice(), &request.head.method) {
        (["v1", "accounts", account], &Method::DELETE) => {
            purge::whole_account(request, account, started).await
        }
        (["v1", "accounts", _], _) => Err(Problem::method_not_allowed("DELETE")),

        (["v1", "accounts", account, "export"], &Method::GET) => {
            export::without_secrets(request, account)
        }
        (["v1", "accounts", account, "export"], &Method::POST) => {
            export::with_secrets(request, account)
        }
        (["v1", "accounts", _, "export"], _) => Err(Problem::method_not_allowed("GET, POST")),

        (["v1", "accounts", account, "import"], &Method::POST) => {
            import::import(request, account).await
        }
        (["v1", "accounts", account, "purge"], &Method::POST) => {
            purge::matching_events(request, account, started)
        }
        (["v1", "accounts", account, "portal-links"], &Method::POST) => {
            portal_links::create(request, account)
        }
        (["v1", "accounts", account, "portal-sessions"], &Method::POST) => {
            portal_sessions::create(request, account)
        }
        (["v1", "accounts", account, "portal-sessions", "revoke"], &Method::POST) => {
            portal_sessions::revoke(request, account)
        }
        (
            [
                "v1",
                "accounts",
                _,
                "import" | "purge" | "portal-links" | "portal-sessions",
            ]
            | ["v1", "accounts", _, "portal-sessions", "revoke"],
            _,
        ) => Err(Problem::method_not_allowed("POST")),

        (["v1", "accounts", account, "statistics"], &Method::GET) => {
            statistics::show(request, account)
        }
        (["v1", "accounts", _, "statistics"], _) => Err(Problem::method_not_allowed("GET")),

        _ => Err(Problem::no_route(request.head.path())),
    }
}
