//! What of the time that accepting takes is the ledger's: services whose ledgers lack more and more of what accepting an event that
//! is owed to nobody does without, measured in turns. Nothing is said about webhooks: such a service could not send any.

use anyhow::{Context as _, Result};
use serde_json::json;

use super::{CALLERS, EVENT_TYPE, Rounds, event, relate};
use crate::{
    Plan,
    client::{Events, Prepared},
    database::File,
    load::as_fast_as_it_goes,
    report::Row,
    service::Service,
};

const ACCOUNT: &str = "without";

/// What a ledger has left.
#[derive(Clone, Copy)]
enum Left {
    /// All of it.
    All,
    /// Tables and their indexes.
    NoTriggers,
    /// The tables that accepting, and waiting for the end of it, name; no index.
    Least,
}

/// What a service is asked, and how it did.
struct Case {
    what: &'static str,
    service: Service,
    event: Prepared,
    rounds: Rounds,
}

pub(super) async fn measure(plan: &Plan) -> Result<Vec<Row>> {
    // No store is asked for what has no data.
    let refused = Prepared::new(ACCOUNT, &json!({ "type": EVENT_TYPE }), Events::Refused);
    let mut cases = Vec::new();
    for (what, event, left) in [
        ("events accepted", event(ACCOUNT), Left::All),
        ("events refused before a store is asked", refused, Left::All),
        (
            "events accepted, the ledger without triggers",
            event(ACCOUNT),
            Left::NoTriggers,
        ),
        (
            "events accepted, the ledger without all it can lack",
            event(ACCOUNT),
            Left::Least,
        ),
    ] {
        cases.push(Case::start(plan, what, event, left).await?);
    }
    for number in 1..=plan.rounds {
        for case in &mut cases {
            let load = as_fast_as_it_goes(&case.service, &case.event, CALLERS, plan.duration);
            let rate = case.rounds.run(&case.service, 0, load).await?.rate;
            eprintln!("bench:   round {number}, {}: {rate:.0} a second", case.what);
        }
    }
    let rows = cases.into_iter().map(|case| {
        case.rounds
            .answers(format!("{}, {CALLERS} connections", case.what))
    });
    let mut rows: Vec<_> = rows.collect();
    relate(&mut rows);
    Ok(rows)
}

impl Case {
    async fn start(plan: &Plan, what: &'static str, event: Prepared, left: Left) -> Result<Self> {
        let service = Service::start(plan).await?;
        // The first event makes the ledger.
        service
            .connect()
            .await?
            .post(&super::event(ACCOUNT))
            .await?;
        let keeps = match left {
            Left::All => None,
            Left::NoTriggers => Some("type <> 'trigger'"),
            Left::Least => Some("type = 'table' AND name IN ('event', 'delivery', 'runner')"),
        };
        if let Some(keeps) = keeps {
            File::open(&service.ledger())?
                .drop_all_but(keeps)
                .context("the ledger can't be cut down")?;
        }
        Ok(Self {
            what,
            service,
            event,
            rounds: Rounds::default(),
        })
    }
}
