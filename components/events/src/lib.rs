//! Events: ingestion, matching and history.

mod history;
mod ingest;
mod owed;
mod posted;
mod replay;

use http::Method;
use ingest::{After, Ingested};
use platform::{
    auth,
    http::{Request, serve},
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
    let (mut after, mut duplicates) = (After::Nothing, 0);
    serve(incoming, out, auth::api_key, async |request| {
        let ingested = route(&request).await?;
        (after, duplicates) = (ingested.after, ingested.duplicates);
        Ok(ingested.response)
    })
    .await;
    // The answer is out: what is done now costs the caller nothing.
    if duplicates > 0
        && let Err(problem) = count(duplicates)
    {
        eprintln!("warning duplicates={duplicates} are not counted: {problem:?}");
    }
    match after {
        After::Nothing => {}
        After::Wake => nudge().await,
        After::StayOpen => ledger::stay_open().await,
    }
}

fn count(duplicates: usize) -> Result<(), Problem> {
    Ok(ledger::open()?.count_duplicates(duplicates)?)
}

async fn route(request: &Request) -> Result<Ingested, Problem> {
    match (request.head.segments().as_slice(), &request.head.method) {
        (["v1", "accounts", account, "events"], &Method::POST) => {
            ingest::ingest(request, account).await
        }
        (["v1", "accounts", account, "events"], &Method::GET) => {
            history::list(request, account).map(Ingested::nothing)
        }
        (["v1", "accounts", _, "events"], _) => Err(Problem::method_not_allowed("GET, POST")),
        (["v1", "accounts", account, "events", event], &Method::GET) => {
            history::show(request, account, event).map(Ingested::nothing)
        }
        (["v1", "accounts", _, "events", _], _) => Err(Problem::method_not_allowed("GET")),
        (["v1", "accounts", account, "events", event, "replay"], &Method::POST) => {
            replay::replay(request, account, event).await
        }
        (["v1", "accounts", _, "events", _, "replay"], _) => {
            Err(Problem::method_not_allowed("POST"))
        }
        _ => Err(Problem::no_route(request.head.path())),
    }
}
