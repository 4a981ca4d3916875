//! How fast events are accepted that come in arrays, by how many there are in one.

use anyhow::Result;

use super::{CALLERS, Rounds, counted, events, relate};
use crate::{Plan, client::Events, load::as_fast_as_it_goes, report::Row, service::Service};

/// How many events an array has; 500 is the most.
const SIZES: [usize; 3] = [10, 100, 500];

/// The size for which it is measured what deliveries cost beside.
const DELIVERED: usize = 100;

/// Accounts, by how many triggers of theirs match.
const ACCOUNTS: [&str; 2] = ["without", "with"];

pub(super) async fn measure(plan: &Plan) -> Result<Vec<Row>> {
    let service = Service::start(plan).await?;
    service.matching_trigger(ACCOUNTS[1], 1).await?;
    let without = SIZES.map(|size| (size, 0));
    let cases = without.into_iter().chain([(DELIVERED, 1)]);
    let mut cases: Vec<_> = cases.map(|case| (case, Rounds::default())).collect();
    for number in 1..=plan.rounds {
        for ((size, matching), rounds) in &mut cases {
            let events = events(ACCOUNTS[*matching], Events::Array(*size));
            let load = as_fast_as_it_goes(&service, &events, CALLERS, plan.duration);
            let rate = rounds.run(&service, *matching, load).await?.rate;
            let triggers = counted(*matching, "trigger");
            eprintln!("bench:   round {number}, arrays of {size}, {triggers}: {rate:.0} a second");
        }
    }
    let rows = cases
        .into_iter()
        .map(|((size, matching), rounds)| row(size, matching, &rounds));
    let mut rows: Vec<_> = rows.collect();
    relate(&mut rows);
    Ok(rows)
}

fn row(size: usize, matching: usize, rounds: &Rounds) -> Row {
    let triggers = counted(matching, "trigger");
    let what =
        format!("events accepted in arrays of {size}, {CALLERS} connections, {triggers} matching");
    let mut row = rounds.answers(what);
    row.note = rounds.delivered(matching);
    row
}
