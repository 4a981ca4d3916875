//! How fast events are accepted, by the number of callers, with and without a trigger that
//! matches. Each round ends when all it owes is delivered.

use anyhow::Result;

use super::{CALLERS, Rounds, counted, event, relate};
use crate::{
    Plan,
    load::as_fast_as_it_goes,
    report::{Row, Target},
    service::Service,
};

/// There are targets for the second.
const CONNECTIONS: [usize; 3] = [1, CALLERS, 32];

/// Accounts, by how many triggers of theirs match.
const ACCOUNTS: [(&str, usize); 2] = [("without", 0), ("with", 1)];

pub(super) async fn measure(plan: &Plan) -> Result<Vec<Row>> {
    let service = Service::start(plan).await?;
    service.matching_trigger(ACCOUNTS[1].0, 1).await?;
    let mut cases: Vec<_> = CONNECTIONS
        .into_iter()
        .flat_map(|connections| {
            ACCOUNTS.map(|(account, matching)| (connections, account, matching))
        })
        .map(|case| (case, Rounds::default()))
        .collect();
    for number in 1..=plan.rounds {
        for ((connections, account, matching), rounds) in &mut cases {
            let event = event(account);
            let load = as_fast_as_it_goes(&service, &event, *connections, plan.duration);
            let rate = rounds.run(&service, *matching, load).await?.rate;
            let connections = counted(*connections, "connection");
            let matching = counted(*matching, "trigger");
            eprintln!("bench:   round {number}, {connections}, {matching}: {rate:.0} a second");
        }
    }
    let rows = cases
        .into_iter()
        .map(|((connections, _, matching), rounds)| row(connections, matching, &rounds));
    let mut rows: Vec<_> = rows.collect();
    relate(&mut rows);
    Ok(rows)
}

fn row(connections: usize, matching: usize, rounds: &Rounds) -> Row {
    let callers = counted(connections, "connection");
    let what = format!(
        "events accepted, {callers}, {} matching",
        counted(matching, "trigger")
    );
    let mut row = rounds.answers(what);
    if let (CALLERS, Some(rate), Some(p99)) = (connections, &row.per_second, &row.p99_ms) {
        row.targets
            .push(Target::at_least("rate", rate.median, 1_000.0));
        row.targets.push(Target::at_most("p99", p99.median, 50.0));
    }
    row.note = rounds.delivered(matching);
    row
}
