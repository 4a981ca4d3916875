//! `GET /v1/accounts/{account}/statistics`: what came, and what became of it.

use domain::statistics::Range;
use platform::{
    clock,
    http::{Request, Response},
    ledger::{self, StatisticsLimits},
    problem::Problem,
};

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    let account = request.account()?;
    let query = request.head.query(&["since", "until", "trigger_ids"])?;
    let since = query.time("since")?;
    let until = query.time("until")?;
    let now = clock::now();
    let range = Range::new(since, until, now)
        .map_err(|error| Problem::bad_request(format!("the query parameter since {error}")))?;
    let triggers = query.trigger_ids("trigger_ids")?.unwrap_or_default();
    let limits = StatisticsLimits::default();
    let statistics = ledger::open()?.statistics(&account, range, &triggers, &limits, now)?;
    Ok(Response::ok(&statistics))
}
