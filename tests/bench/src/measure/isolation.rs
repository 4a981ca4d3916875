//! What one account notices of another that attacks: an account posts events, receives webhooks and reads a page, first alone, then
//! beside an account whose templates or filters cost as much as they can.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep},
};

use super::{PACE, event};
use crate::{
    Plan,
    client::{Client, Events, Prepared},
    load::evenly,
    report::{Ratio, Row, Target},
    service::{EVENT_TYPE, Service},
    statistics::{Latency, Series},
};

const VICTIM: &str = "victim";
const ATTACKER: &str = "attacker";

/// 99 of 100 latencies may be so many times what they are without an attack.
const MAX_RATIO: f64 = 3.0;
/// And no longer than this, in milliseconds.
const MAX_MS: f64 = 1_000.0;

/// A round is so many times as long as those of other measures: a p99 needs samples.
const LONGER: u32 = 3;

/// Pages are read one after the other, with so long a pause.
const PAUSE: Duration = Duration::from_millis(50);

/// How many actions of the attacker render a template for each event.
const TEMPLATES: usize = 100;
/// The bytes of each of the two texts that they compare.
const TEXT_BYTES: usize = 50_000;
/// How many triggers of the attacker have an expensive filter.
const FILTERS: usize = 20;
/// How many events the attacker posts in one array for those.
const EVENTS: usize = 100;
/// The elements that each condition of a filter looks through, in each event.
const ELEMENTS: usize = 2_000;
/// How many conditions a filter has.
const CONDITIONS: usize = 50;
/// Where the attacker's webhooks go: nothing listens there.
const NOWHERE: &str = "http://127.0.0.1:9/";
/// Requests of the attacker a second, as long as they are answered in time. A service without limits is busy for longer than a second
/// with each of them. How many events an account posts, its rate limit bounds.
const ATTACKS: u32 = 2;

/// What the other account does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attack {
    None,
    Templates,
    Filters,
}

impl Attack {
    const ALL: [Self; 3] = [Self::None, Self::Templates, Self::Filters];

    fn title(self) -> &'static str {
        match self {
            Self::None => "alone",
            Self::Templates => "beside an attack with templates",
            Self::Filters => "beside an attack with filters",
        }
    }

    /// Sets the attacking account up, and returns the request that it repeats.
    async fn prepare(self, service: &Service) -> Result<Option<Prepared>> {
        let triggers = format!("/v1/accounts/{ATTACKER}/triggers");
        let mut client = service.connect().await?;
        match self {
            Self::None => Ok(None),
            Self::Templates => {
                // What the sample of the type lacks, no check of a template on it can try.
                let template = "{% if data.a is defined %}{% for n in data.numbers %}{% if data.a == data.b %}x{% endif %}{% endfor %}{% endif %}";
                let action = |number| {
                    json!({
                        "name": format!("Action {number}"), "url": NOWHERE, "body_template": template,
                        "content_type": "text/plain",
                    })
                };
                let actions: Vec<_> = (0..TEMPLATES).map(action).collect();
                let trigger = json!({ "type": EVENT_TYPE, "name": "Costly", "actions": actions });
                client.create(&triggers, &trigger).await?;
                let text = "a".repeat(TEXT_BYTES);
                let data = json!({ "a": text, "b": text, "numbers": vec![1; 5_000] });
                Ok(Some(attack(&data, Events::One)))
            }
            Self::Filters => {
                for number in 0..FILTERS {
                    // Each looks through the whole list, and none holds.
                    let conditions: Vec<_> = (0..CONDITIONS)
                        .map(|bound| json!({ "data.list": { "$gt": 1_000 + bound } }))
                        .collect();
                    let trigger = json!({
                        "type": EVENT_TYPE, "name": format!("Costly {number}"),
                        "filter": { "$or": conditions },
                        "actions": [{ "name": "Action", "url": NOWHERE }],
                    });
                    client.create(&triggers, &trigger).await?;
                }
                let data = json!({ "list": vec![1; ELEMENTS] });
                Ok(Some(attack(&data, Events::Array(EVENTS))))
            }
        }
    }
}

fn attack(data: &Value, events: Events) -> Prepared {
    let event = json!({ "type": EVENT_TYPE, "data": data });
    Prepared::new(ATTACKER, &event, events)
}

/// What the victim did, and how long it took.
#[derive(Debug, Clone, Copy)]
enum What {
    Post,
    Webhook,
    Page,
}

impl What {
    const ALL: [Self; 3] = [Self::Post, Self::Webhook, Self::Page];

    fn title(self) -> &'static str {
        match self {
            Self::Post => "event accepted",
            Self::Webhook => "event to webhook",
            Self::Page => "page read",
        }
    }
}

pub(super) async fn measure(plan: &Plan) -> Result<Vec<Row>> {
    let mut cases = Attack::ALL.map(|attack| (attack, [const { Vec::new() }; 3]));
    for number in 1..=plan.rounds {
        for (attack, figures) in &mut cases {
            let round = round(plan, *attack).await.context(attack.title())?;
            let [post, webhook, page] = round.map(|latency| latency.p99);
            eprintln!(
                "bench:   round {number}, {}: p99 {post:.0} ms accepted, {webhook:.0} ms to the webhook, {page:.0} ms a page",
                attack.title()
            );
            for (figures, latency) in figures.iter_mut().zip(round) {
                figures.push(latency);
            }
        }
    }
    let mut rows = Vec::new();
    for (place, what) in What::ALL.into_iter().enumerate() {
        let base = series(&cases[0].1[place], |latency| latency.p99);
        for (attack, figures) in &cases {
            rows.push(row(what, *attack, &figures[place], &base));
        }
    }
    Ok(rows)
}

/// A round on a service of its own: what an attack leaves behind would be part of the next.
async fn round(plan: &Plan, attack: Attack) -> Result<[Latency; 3]> {
    let service = Service::start(plan).await?;
    service.matching_trigger(VICTIM, 1).await?;
    let repeated = attack.prepare(&service).await?;
    // It ends with the round.
    let mut attacker = JoinSet::new();
    if let Some(repeated) = repeated {
        let mut client = service.connect().await?;
        attacker.spawn(async move {
            let mut ticks = interval(Duration::from_secs(1) / ATTACKS);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                if let Err(error) = client.try_post(&repeated).await {
                    return error;
                }
            }
        });
    }
    let duration = plan.duration * LONGER;
    let victim = event(VICTIM);
    let pages = read_pages(service.connect().await?, duration);
    let (load, pages) = tokio::join!(evenly(&service, &victim, PACE, duration), pages);
    let (load, pages) = (load?, pages?);
    if let Some(ended) = attacker.try_join_next() {
        return Err(ended?.context("the attack ended"));
    }
    drop(attacker);
    let received = service.receiver.await_all(&load.owed()).await?;
    let webhooks = load.posted.iter().zip(&received.at);
    let webhooks = webhooks.map(|(event, came)| came.duration_since(event.at));
    let latency = |samples| Latency::of(samples).context("there are samples");
    Ok([
        latency(load.latencies())?,
        latency(webhooks.collect())?,
        latency(pages)?,
    ])
}

async fn read_pages(mut client: Client, duration: Duration) -> Result<Vec<Duration>> {
    client.sign_in().await?;
    let (start, mut samples) = (Instant::now(), Vec::new());
    while start.elapsed() < duration {
        let asked = Instant::now();
        client
            .page(&format!("/accounts/{VICTIM}/deliveries"))
            .await?;
        samples.push(asked.elapsed());
        sleep(PAUSE).await;
    }
    Ok(samples)
}

fn series(figures: &[Latency], figure: fn(&Latency) -> f64) -> Series {
    Series::new(figures.iter().map(figure).collect())
}

fn row(what: What, attack: Attack, figures: &[Latency], base: &Series) -> Row {
    let p99 = series(figures, |latency| latency.p99);
    let (ratio, targets) = match attack {
        Attack::None => (None, Vec::new()),
        _ => {
            let times = p99.over(base);
            let targets = vec![
                Target::at_most("p99, times", times, MAX_RATIO),
                Target::at_most("p99", p99.median, MAX_MS),
            ];
            let of = format!("{}, p99", Attack::None.title());
            (Some(Ratio { times, of }), targets)
        }
    };
    Row {
        what: format!("{}, {}", what.title(), attack.title()),
        p50_ms: Some(series(figures, |latency| latency.p50)),
        p99_ms: Some(p99),
        ratio,
        targets,
        note: format!("{PACE} events/s"),
        ..Row::default()
    }
}
