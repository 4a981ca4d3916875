//! What an event costs as the stores grow: services that differ in what they hold, measured in
//! turns.

use std::rc::Rc;

use anyhow::Result;
use domain::trigger::MAX_TRIGGERS;

use super::{PACE, Rounds, event, relate};
use crate::{
    Plan, fill,
    load::evenly,
    receiver::Receiver,
    report::{Row, Target},
    service::{Service, State},
};

const TRIGGERS: [usize; 3] = [10, 1_000, 10_000];
const LEDGER_ROWS: [usize; 2] = [1_000, 1_000_000];

/// What costs may grow to: less than 20 % more.
const MOST: f64 = 1.2;

/// Services of different sizes are compared in so many times the rounds: the differences are
/// smaller than what a busy machine makes of any single round.
const MORE_ROUNDS: u64 = 2;

/// A service that holds so many of something.
struct Grown {
    name: String,
    service: Service,
    rounds: Rounds,
}

pub(super) async fn triggers(plan: &Plan) -> Result<Vec<Row>> {
    let mut grown: Vec<Grown> = Vec::new();
    for count in TRIGGERS {
        let service = match grown.last() {
            // Many accounts that are like the one that is there; made one by one they would take
            // minutes.
            Some(full) if count > MAX_TRIGGERS => {
                let state = full.service.copy_triggers()?;
                fill::copy_account(&state, count / MAX_TRIGGERS)?;
                Service::start_with(plan, state, Rc::clone(&full.service.receiver))?
            }
            _ => {
                let service = Service::start(plan).await?;
                fill::triggers(&service, count).await?;
                service
            }
        };
        grown.push(Grown::new(format!("{count} triggers"), service));
    }
    compare(plan, grown, "1 trigger matches").await
}

pub(super) async fn ledger(plan: &Plan) -> Result<Vec<Row>> {
    let mut grown = Vec::new();
    for rows in LEDGER_ROWS {
        let state = State::new()?;
        // In this thread, which has nothing else to do yet: a signal waits for its end.
        fill::ledger(&state.ledger(), rows, fill::anybody)?;
        let service = Service::start_with(plan, state, Rc::new(Receiver::start().await?))?;
        service.matching_trigger(&fill::account(0), 1).await?;
        grown.push(Grown::new(format!("{rows} ledger rows"), service));
    }
    compare(plan, grown, "1 trigger matches").await
}

impl Grown {
    fn new(name: String, service: Service) -> Self {
        Self {
            name,
            service,
            rounds: Rounds::default(),
        }
    }
}

async fn compare(plan: &Plan, mut grown: Vec<Grown>, note: &str) -> Result<Vec<Row>> {
    let event = event(&fill::account(0));
    for number in 1..=MORE_ROUNDS * plan.rounds {
        for Grown {
            name,
            service,
            rounds,
        } in &mut grown
        {
            rounds
                .run(service, 1, evenly(service, &event, PACE, plan.duration))
                .await?;
            eprintln!("bench:   round {number}, {name}: done");
        }
    }
    let answers = grown.iter().map(|Grown { name, rounds, .. }| {
        rounds.answers(format!("event accepted, {PACE} events/s, {name}"))
    });
    let webhooks = grown.iter().map(|Grown { name, rounds, .. }| {
        rounds.webhooks(format!("event to webhook, {PACE} events/s, {name}"))
    });
    let (mut accepted, mut delivered): (Vec<_>, Vec<_>) = (answers.collect(), webhooks.collect());
    for row in &mut accepted {
        // What was asked for; it says nothing.
        row.per_second = None;
        row.note = note.to_owned();
    }
    for (row, grown) in delivered.iter_mut().zip(&grown) {
        row.note = grown.rounds.duplicates();
    }
    for rows in [&mut accepted, &mut delivered] {
        relate(rows);
        for row in &mut rows[1..] {
            if let Some(ratio) = &row.ratio {
                row.targets
                    .push(Target::at_most("ratio", ratio.times, MOST));
            }
        }
    }
    accepted.extend(delivered);
    Ok(accepted)
}
