//! Delivery: runs that send what is due, tests of actions, and the history of what was sent.
//!
//! ```text
//! runner: claim ──▶ prepare ──▶ send ──▶ settle ──▶ record
//!         ledger    triggers    HTTP     domain     ledger
//! ```

mod attempt;
mod disable;
mod history;
mod manual;
mod prepare;
mod runner;
mod test_send;

use std::time::Duration;

use http::{Method, StatusCode};
use platform::{
    auth,
    clock::Moment,
    http::{Request, Response, serve},
    nudge::nudge,
    problem::Problem,
};
use runner::Runner;
use spin_sdk::{
    http::{IncomingRequest, ResponseOutparam},
    http_component,
};

#[http_component]
async fn handle(incoming: IncomingRequest, out: ResponseOutparam) {
    let started = Moment::now();
    let mut after = After::Nothing;
    serve(incoming, out, auth::api_key, async |request| {
        route(&request, started, &mut after).await
    })
    .await;
    // The answer is out.
    match after {
        After::Nothing => {}
        After::Wake => nudge().await,
        After::Run => {
            if let Err(problem) = run(started, runner::BUDGET, YIELDS).await {
                eprintln!("error a run failed: {problem:?}");
            }
        }
    }
}

/// What is left to do when the answer is out.
enum After {
    Nothing,
    /// Deliveries were made due.
    Wake,
    /// The caller wanted a run and not to wait for it.
    Run,
}

async fn route(request: &Request, started: Moment, after: &mut After) -> Result<Response, Problem> {
    match (request.head.segments().as_slice(), &request.head.method) {
        (["v1", "deliveries", "run"], &Method::POST) => {
            let query = request.head.query(&["wait", "budget_seconds"])?;
            let wait = query.flag("wait")?;
            let budget = query
                .parse("budget_seconds", budget)?
                .unwrap_or(runner::BUDGET);
            if wait == Some(false) {
                *after = After::Run;
                return Ok(Response::empty(StatusCode::ACCEPTED));
            }
            Ok(Response::ok(&run(started, budget, !YIELDS).await?))
        }
        (["v1", "deliveries", "run"], _) => Err(Problem::method_not_allowed("POST")),
        (["v1", "accounts", account, "deliveries"], &Method::GET) => {
            history::list(request, account)
        }
        (["v1", "accounts", _, "deliveries"], _) => Err(Problem::method_not_allowed("GET")),
        (["v1", "accounts", account, "deliveries", "recover"], &Method::POST) => {
            let recovered = manual::recover(request, account)?;
            *after = After::Wake;
            Ok(recovered)
        }
        (["v1", "accounts", _, "deliveries", "recover"], _) => {
            Err(Problem::method_not_allowed("POST"))
        }
        (["v1", "accounts", account, "deliveries", delivery], &Method::GET) => {
            history::show(account, delivery)
        }
        (["v1", "accounts", _, "deliveries", _], _) => Err(Problem::method_not_allowed("GET")),
        (["v1", "accounts", account, "deliveries", delivery, "retry"], &Method::POST) => {
            let retried = manual::retry(request, account, delivery)?;
            *after = After::Wake;
            Ok(retried)
        }
        (["v1", "accounts", account, "deliveries", delivery, "cancel"], &Method::POST) => {
            manual::cancel(request, account, delivery)
        }
        (["v1", "accounts", _, "deliveries", _, "retry" | "cancel"], _) => {
            Err(Problem::method_not_allowed("POST"))
        }
        (
            [
                "v1",
                "accounts",
                account,
                "triggers",
                trigger,
                "actions",
                action,
                "test",
            ],
            &Method::POST,
        ) => test_send::send(request, account, (trigger, action)).await,
        (["v1", "accounts", _, "triggers", _, "actions", _, "test"], _) => {
            Err(Problem::method_not_allowed("POST"))
        }
        _ => Err(Problem::no_route(request.head.path())),
    }
}

fn budget(text: &str) -> Result<Duration, String> {
    let longest = runner::BUDGET.as_secs();
    let seconds = text.parse().ok().filter(|seconds| *seconds <= longest);
    seconds
        .map(Duration::from_secs)
        .ok_or_else(|| format!("is 0 to {longest} seconds"))
}

/// A run that nobody waits for may leave the work to another.
const YIELDS: bool = true;

async fn run(started: Moment, budget: Duration, yields: bool) -> Result<runner::Summary, Problem> {
    Runner::new(started, budget, yields)?.run().await
}
