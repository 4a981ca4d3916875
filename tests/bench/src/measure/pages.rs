//! How long the dashboard's pages take, of an account that has much of everything.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use domain::id::{ActionId, TriggerId};
use serde_json::Value;

use crate::{
    Plan,
    fill::{self, Target as Owed},
    report::{Row, Target},
    service::Service,
    statistics::{Latency, Series},
};

const TRIGGERS: usize = 1_000;
const DELIVERIES: usize = 100_000;
/// An event, its delivery and the attempt.
const ROWS_EACH: usize = 3;

/// Half of the answers of every page are to come within this, in milliseconds.
const MOST: f64 = 50.0;

/// A page, and how long its answers took in each round.
struct Page {
    name: &'static str,
    path: String,
    rounds: Vec<Latency>,
}

pub(super) async fn measure(plan: &Plan) -> Result<Vec<Row>> {
    let service = Service::start(plan).await?;
    let triggers = fill::triggers(&service, TRIGGERS).await?;
    let owed: Vec<_> = triggers.iter().map(owed).collect::<Result<_>>()?;
    fill::ledger(&service.ledger(), ROWS_EACH * DELIVERIES, |number| {
        Ok(owed[number % owed.len()].clone())
    })?;

    let mut client = service.connect().await?;
    client.sign_in().await?;
    let account = fill::account(0);
    let listed = format!("/v1/accounts/{account}/deliveries?limit=1");
    let listed = client.get(&listed).await?;
    let delivery = text(&listed["data"][0], "id")?;
    let (_, trigger, action) = &owed[0];
    let page = |name, path: String| Page {
        name,
        path: format!("/accounts/{account}{path}"),
        rounds: Vec::new(),
    };
    let mut pages = [
        page("overview, 24 hours", String::new()),
        page("overview, 7 days", "?span=week".into()),
        page("triggers", "/triggers".into()),
        page("triggers by name", "/triggers?q=99".into()),
        page("a trigger", format!("/triggers/{trigger}")),
        page("an action", format!("/triggers/{trigger}/actions/{action}")),
        page("deliveries", "/deliveries".into()),
        page(
            "deliveries of a trigger",
            format!("/deliveries?trigger={trigger}"),
        ),
        page("failed deliveries", "/deliveries?status=failed".into()),
        page("a delivery", format!("/deliveries/{delivery}")),
        page("events", "/events".into()),
    ];
    // Each for a part of the time, one after the other, so that all meet the same machine.
    let share = plan.duration / u32::try_from(pages.len())?;
    for number in 1..=plan.rounds {
        for page in &mut pages {
            let mut samples: Vec<Duration> = Vec::new();
            let start = Instant::now();
            while samples.is_empty() || start.elapsed() < share {
                let asked = Instant::now();
                client.page(&page.path).await?;
                samples.push(asked.elapsed());
            }
            page.rounds.extend(Latency::of(samples));
        }
        eprintln!("bench:   round {number}: done");
    }
    Ok(pages.into_iter().map(row).collect())
}

/// What the trigger's events are owed to.
fn owed(trigger: &Value) -> Result<Owed> {
    let action = text(&trigger["actions"][0], "id")?;
    Ok((
        fill::account(0),
        TriggerId::parse(text(trigger, "id")?)?,
        ActionId::parse(action)?,
    ))
}

fn text<'a>(value: &'a Value, name: &str) -> Result<&'a str> {
    value[name]
        .as_str()
        .with_context(|| format!("no {name}: {value}"))
}

fn row(page: Page) -> Row {
    let series =
        |figure: fn(&Latency) -> f64| Series::new(page.rounds.iter().map(figure).collect());
    let p50 = series(|latency| latency.p50);
    Row {
        what: format!("page: {}", page.name),
        targets: vec![Target::at_most("p50", p50.median, MOST)],
        per_second: None,
        p50_ms: Some(p50),
        p99_ms: Some(series(|latency| latency.p99)),
        cpu_ms: None,
        ratio: None,
        note: format!("{TRIGGERS} triggers, {DELIVERIES} deliveries"),
    }
}
