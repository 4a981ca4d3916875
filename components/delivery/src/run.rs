//! Runs: the deliveries that are due are sent.

use api::wire::Run;
use std::time::Duration;

use http::StatusCode;
use platform::{
    clock::Moment,
    http::{Request, Response},
    problem::Problem,
};

use crate::runner::{BUDGET, Runner};

/// A run that nobody waits for may leave the work to another.
const YIELDS: bool = true;

/// Answers when the run is over, or at once; then it is up to the caller to [`begin`] it.
pub(crate) async fn handle(request: &Request, begin: &mut bool) -> Result<Response, Problem> {
    let query = request.head.query(&["wait", "budget_seconds"])?;
    let wait = query.flag("wait")?;
    let budget = query
        .parse("budget_seconds", parse_budget)?
        .unwrap_or(BUDGET);
    if wait == Some(false) {
        *begin = true;
        return Ok(Response::empty(StatusCode::ACCEPTED));
    }
    Ok(Response::ok(&run(request.started, budget, !YIELDS).await?))
}

/// A run that nobody waits for.
pub(crate) async fn begin(started: Moment) {
    if let Err(problem) = run(started, BUDGET, YIELDS).await {
        eprintln!("error a run failed: {problem:?}");
    }
}

async fn run(started: Moment, budget: Duration, yields: bool) -> Result<Run, Problem> {
    Runner::new(started, budget, yields)?.run().await
}

fn parse_budget(text: &str) -> Result<Duration, String> {
    let longest = BUDGET.as_secs();
    let seconds = text.parse().ok().filter(|seconds| *seconds <= longest);
    seconds
        .map(Duration::from_secs)
        .ok_or_else(|| format!("is 0 to {longest} seconds"))
}
