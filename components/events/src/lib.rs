//! Events: ingestion, matching and history.

mod history;
mod ingest;
mod owed;
mod posted;
mod replay;

use http::Method;
use ingest::After;
use platform::{
    auth,
    http::{Request, Response, serve},
    ledger,
    nudge::nudge,
    problem::Problem,
};
use spin_sdk::{
    http::{IncomingRequest, ResponseOutparam},
    http_component,
};

#[http_component]
async fn handle(incoming: IncomingRequest, out: ResponseOutparam) {
    let mut after = After::Nothing;
    serve(incoming, out, auth::api_key, async |request| {
        route(&request, &mut after)
    })
    .await;
    // The 202 is out: what is done now costs the caller nothing.
    match after {
        After::Nothing => {}
        After::Wake => nudge().await,
        After::StayOpen => ledger::stay_open().await,
    }
}

fn route(request: &Request, after: &mut After) -> Result<Response, Problem> {
    match (request.head.segments().as_slice(), &request.head.method) {
        (["v1", "accounts", account, "events"], &Method::POST) => {
            let ingested = ingest::ingest(request, account)?;
            *after = ingested.after;
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
            *after = ingested.after;
            Ok(ingested.response)
        }
        (["v1", "accounts", _, "events", _, "replay"], _) => {
            Err(Problem::method_not_allowed("POST"))
        }
        _ => Err(Problem::no_route(request.head.path())),
    }
}
