//! How long it takes from an event to its webhooks, at a few events a second.

use anyhow::Result;

use super::{PACE, Rounds, counted, event, relate};
use crate::{
    Plan,
    load::evenly,
    report::{Row, Target},
    service::Service,
};

/// How many webhooks an event is owed to.
const FAN_OUTS: [usize; 2] = [1, 10];

pub(super) async fn measure(plan: &Plan) -> Result<Vec<Row>> {
    let service = Service::start(plan).await?;
    let mut cases = Vec::new();
    for fan_out in FAN_OUTS {
        let account = format!("fan-out-{fan_out}");
        service.matching_trigger(&account, fan_out).await?;
        cases.push((fan_out, event(&account), Rounds::default()));
    }
    for number in 1..=plan.rounds {
        for (fan_out, event, rounds) in &mut cases {
            rounds
                .run(
                    &service,
                    *fan_out,
                    evenly(&service, event, PACE, plan.duration),
                )
                .await?;
            let webhooks = counted(*fan_out, "webhook");
            eprintln!("bench:   round {number}, {webhooks} an event: done");
        }
    }
    let rows = cases
        .into_iter()
        .map(|(fan_out, _, rounds)| row(fan_out, &rounds));
    let mut rows: Vec<_> = rows.collect();
    relate(&mut rows);
    Ok(rows)
}

fn row(fan_out: usize, rounds: &Rounds) -> Row {
    let webhooks = counted(fan_out, "webhook");
    let mut row = rounds.webhooks(format!(
        "event to webhook, {PACE} events/s, {webhooks} each"
    ));
    if let (1, Some(p50), Some(p99)) = (fan_out, &row.p50_ms, &row.p99_ms) {
        row.targets.push(Target::at_most("p50", p50.median, 10.0));
        row.targets.push(Target::at_most("p99", p99.median, 50.0));
    }
    row.note = rounds.duplicates();
    row
}
