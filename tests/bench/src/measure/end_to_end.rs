//! How long it takes from an event to its webhooks, at a few events a second.

use anyhow::Result;

use super::{PACE, Rounds, counted, event};
use crate::{
    Plan,
    load::evenly,
    report::{Ratio, Row, Target},
    service::Service,
    statistics::Series,
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
    let mut base = None;
    Ok(cases
        .into_iter()
        .map(|(fan_out, _, rounds)| row(fan_out, &rounds, &mut base))
        .collect())
}

fn row(fan_out: usize, rounds: &Rounds, base: &mut Option<Series>) -> Row {
    let webhooks = counted(fan_out, "webhook");
    let mut row = rounds.webhooks(format!(
        "event to webhook, {PACE} events/s, {webhooks} each"
    ));
    if let (Some(p50), Some(p99)) = (&row.p50_ms, &row.p99_ms) {
        let base = base.get_or_insert_with(|| p50.clone());
        row.ratio = Some(Ratio {
            times: p50.over(base),
            of: "the first".into(),
        });
        if fan_out == 1 {
            row.targets.push(Target::at_most("p50", p50.median, 10.0));
            row.targets.push(Target::at_most("p99", p99.median, 50.0));
        }
    }
    row.note = rounds.duplicates();
    row
}
