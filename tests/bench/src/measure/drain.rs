//! How fast a backlog of deliveries is sent, with one run to start it.

use std::time::Instant;

use anyhow::{Context as _, Result};
use domain::id::{ActionId, TriggerId};

use super::{counted, duplicates, relate};
use crate::{
    Plan, fill,
    report::{Row, Target},
    service::Service,
    statistics::Series,
};

/// Deliveries for each second that a round lasts: as many as are to be sent in one.
const PER_SECOND: usize = 700;

/// Over how many receivers' actions the backlog is spread.
const ACTIONS: [usize; 2] = [10, 1];

#[derive(Default)]
struct Rounds {
    rates: Vec<f64>,
    /// The host's processor time for each delivery, in milliseconds.
    cpu_ms: Vec<f64>,
    duplicates: usize,
}

pub(super) async fn measure(plan: &Plan) -> Result<Vec<Row>> {
    let service = Service::start(plan).await?;
    let mut targets = Vec::new();
    for number in 0..ACTIONS[0] {
        targets.push(target(&service, &fill::account(number)).await?);
    }
    let count = PER_SECOND * usize::try_from(plan.duration.as_secs())?;
    let mut cases = ACTIONS.map(|actions| (actions, Rounds::default()));
    for number in 1..=plan.rounds {
        for (actions, rounds) in &mut cases {
            let owed = fill::backlog(&service, &targets[..*actions], count)?;
            let mut client = service.connect().await?;
            let (start, cpu) = (Instant::now(), service.processor_time());
            client.start_run().await?;
            let received = service.received(&owed).await?;
            let last = received.at.iter().max().context("there was a backlog")?;
            let rate = count as f64 / last.duration_since(start).as_secs_f64();
            rounds.rates.push(rate);
            if let Some((before, after)) = cpu.zip(service.processor_time()) {
                rounds
                    .cpu_ms
                    .push((after - before).as_secs_f64() * 1_000.0 / count as f64);
            }
            rounds.duplicates += received.duplicates;
            let actions = counted(*actions, "action");
            eprintln!("bench:   round {number}, {actions}: {rate:.0} a second");
        }
    }
    let rows = cases.into_iter().map(|(actions, rounds)| {
        let rate = Series::new(rounds.rates);
        let actions = counted(actions, "action");
        Row {
            what: format!("deliveries of a backlog of {count}, {actions}"),
            targets: vec![Target::at_least("rate", rate.median, 700.0)],
            per_second: Some(rate),
            cpu_ms: (!rounds.cpu_ms.is_empty()).then(|| Series::new(rounds.cpu_ms)),
            note: duplicates(rounds.duplicates),
            ..Row::default()
        }
    });
    let mut rows: Vec<_> = rows.collect();
    relate(&mut rows);
    Ok(rows)
}

/// An account's trigger with its only action.
async fn target(service: &Service, account: &str) -> Result<(String, TriggerId, ActionId)> {
    let trigger = service.matching_trigger(account, 1).await?;
    let id = trigger["id"].as_str().context("a trigger has an id")?;
    let action = trigger["actions"][0]["id"]
        .as_str()
        .context("an action has an id")?;
    Ok((
        account.to_owned(),
        TriggerId::parse(id)?,
        ActionId::parse(action)?,
    ))
}
