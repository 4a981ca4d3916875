//! Events: ingestion, matching and history.

mod history;
mod ingest;
mod owed;
mod posted;
mod replay;

use http::Method;
use platform::{
    auth,
    http::{Request, Response, serve},
    nudge::nudge,
    problem::Problem,
};
use spin_sdk::{
    http::{IncomingRequest, ResponseOutparam},
    http_component,
};

#[http_component]
async fn handle(incoming: IncomingRequest, out: ResponseOutparam) {
    let mut wake = false;
    serve(incoming, out, auth::api_key, async |request| {
        route(&request, &mut wake)
    })
    .await;
    // The 202 is out: waking a runner costs the caller nothing.
    if wake {
        nudge().await;
    }
}

fn route(request: &Request, wake: &mut bool) -> Result<Response, Problem> {
    match (request.head.segments().as_slice(), &request.head.method) {
        (["v1", "accounts", account, "events"], &Method::POST) => {
            let ingested = ingest::ingest(request, account)?;
            *wake = ingested.wake;
            Ok(ingested.response)
        }
        (["v1", "accounts", account, "events"], &Method::GET) => history::list(request, account),
        (["v1", "accounts", _, "events"], _) => Err(Problem::method_not_allowed("GET, POST")),
        (["v1", "accounts", account, "events", event], &Method::GET) => {
            history::show(account, event)
        }
        (["v1", "accounts", _, "events", _], _) => Err(Problem::method_not_allowed("GET")),
        (["v1", "accounts", account, "events", event, "replay"], &Method::POST) => {
            let ingested = replay::replay(request, account, event)?;
            *wake = ingested.wake;
            Ok(ingested.response)
        }
        (["v1", "accounts", _, "events", _, "replay"], _) => {
            Err(Problem::method_not_allowed("POST"))
        }
        _ => Err(Problem::no_route(request.head.path())),
    }
}
