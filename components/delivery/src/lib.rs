//! Delivery: runs that send what is due, and tests of actions.
//!
//! ```text
//! runner: claim ──▶ prepare ──▶ send ──▶ settle ──▶ record
//!         ledger    triggers    HTTP     domain     ledger
//! ```

mod attempt;
mod disable;
mod prepare;
mod rendering;
mod runner;
mod test_send;

use std::time::Duration;

use http::{Method, StatusCode};
use platform::{
    auth,
    clock::Moment,
    http::{Request, Response, serve},
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
    // Whether the caller wants a run and not to wait for it.
    let mut run_after = false;
    serve(incoming, out, auth::api_key, async |request| {
        route(&request, started, &mut run_after).await
    })
    .await;
    // The answer is out.
    if run_after && let Err(problem) = run(started, runner::BUDGET, YIELDS).await {
        eprintln!("error a run failed: {problem:?}");
    }
}

async fn route(
    request: &Request,
    started: Moment,
    run_after: &mut bool,
) -> Result<Response, Problem> {
    match (request.head.segments().as_slice(), &request.head.method) {
        (["v1", "deliveries", "run"], &Method::POST) => {
            let query = request.head.query(&["wait", "budget_seconds"])?;
            let wait = query.flag("wait")?;
            let budget = query
                .parse("budget_seconds", budget)?
                .unwrap_or(runner::BUDGET);
            if wait == Some(false) {
                *run_after = true;
                return Ok(Response::empty(StatusCode::ACCEPTED));
            }
            Ok(Response::ok(&run(started, budget, !YIELDS).await?))
        }
        (["v1", "deliveries", "run"], _) => Err(Problem::method_not_allowed("POST")),
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
