//! What is measured, each a file of its own.

mod accept;
mod batch;
mod drain;
mod end_to_end;
mod growth;
mod isolation;
mod pages;
mod parts;
mod startup;

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use clap::ValueEnum;
use serde_json::json;

use crate::{
    Plan,
    client::{Events, Prepared},
    load::Load,
    report::{Ratio, Row},
    service::{EVENT_TYPE, Service, event_data},
    statistics::{Latency, Series},
};

/// Events a second where it is latency that counts.
const PACE: u32 = 20;

/// How many callers there are, unless it is their number that matters.
const CALLERS: usize = 8;

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Measure {
    /// How fast events are accepted
    Accept,
    /// How fast events are accepted that come in arrays
    Batch,
    /// What of the time that accepting takes is the ledger's
    Parts,
    /// How fast a backlog of deliveries is sent
    Drain,
    /// How long it takes from an event to its webhooks
    EndToEnd,
    /// What an event costs the more triggers there are
    Triggers,
    /// What an event costs the more the ledger holds
    Ledger,
    /// How long the pages of a large account take
    Pages,
    /// What one account notices of another that attacks
    Isolation,
    /// How long a start takes, and how large the components are
    Startup,
}

impl Measure {
    /// What it is, in words.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Accept => "events accepted",
            Self::Batch => "events accepted in arrays",
            Self::Parts => "what accepting is made of",
            Self::Drain => "deliveries of a backlog",
            Self::EndToEnd => "from an event to its webhooks",
            Self::Triggers => "an event's cost by the number of triggers",
            Self::Ledger => "an event's cost by the size of the ledger",
            Self::Pages => "the pages of a large account",
            Self::Isolation => "one account beside another that attacks",
            Self::Startup => "from start to ready",
        }
    }

    /// Measures it.
    pub(crate) async fn run(self, plan: &Plan) -> Result<Vec<Row>> {
        match self {
            Self::Accept => accept::measure(plan).await,
            Self::Batch => batch::measure(plan).await,
            Self::Parts => parts::measure(plan).await,
            Self::Drain => drain::measure(plan).await,
            Self::EndToEnd => end_to_end::measure(plan).await,
            Self::Triggers => growth::triggers(plan).await,
            Self::Ledger => growth::ledger(plan).await,
            Self::Pages => pages::measure(plan).await,
            Self::Isolation => isolation::measure(plan).await,
            Self::Startup => startup::measure(plan),
        }
    }
}

/// What a load came to, with the webhooks that it owed.
struct Round {
    /// Events a second.
    rate: f64,
    /// How long the answers took.
    answers: Latency,
    /// How long after its event each webhook came; none where none were owed.
    webhooks: Option<Latency>,
    /// Webhooks a second, from the first event to the last webhook.
    deliveries: f64,
    /// The host's processor time for each event, in milliseconds, where the system tells.
    cpu_ms: Option<f64>,
    /// How many webhooks came another time.
    duplicates: usize,
}

/// Rounds of the same.
#[derive(Default)]
struct Rounds(Vec<Round>);

impl Rounds {
    /// Runs a load whose every event is owed to `fan_out` actions. The round ends when each of the
    /// webhooks has come, and has been recorded.
    async fn run(
        &mut self,
        service: &Service,
        fan_out: usize,
        load: impl Future<Output = Result<Load>>,
    ) -> Result<&Round> {
        let (start, cpu) = (Instant::now(), service.processor_time());
        let load = load.await?;
        let (events, owed) = (load.events(), load.owed());
        let expected = events * fan_out;
        ensure!(
            owed.len() == expected,
            "{} deliveries are owed, not {expected}",
            owed.len()
        );
        let received = service.received(&owed).await?;
        let cpu = cpu
            .zip(service.processor_time())
            .map(|(before, after)| after - before);
        let last = received
            .at
            .iter()
            .max()
            .map(|last| last.duration_since(start));
        let posted = load
            .posted
            .iter()
            .flat_map(|event| event.owed.iter().map(|_| event.at));
        let took = posted
            .zip(&received.at)
            .map(|(posted, came)| came.duration_since(posted));
        self.0.push(Round {
            rate: load.rate(),
            answers: Latency::of(load.latencies()).context("no event was posted")?,
            webhooks: Latency::of(took.collect()),
            deliveries: last.map_or(0.0, |last| owed.len() as f64 / last.as_secs_f64()),
            cpu_ms: cpu.map(|cpu| cpu.as_secs_f64() * 1_000.0 / events as f64),
            duplicates: received.duplicates,
        });
        self.0.last().context("there is a round")
    }

    /// A figure of all rounds, where each of them has it.
    fn series(&self, figure: impl Fn(&Round) -> Option<f64>) -> Option<Series> {
        self.0
            .iter()
            .map(figure)
            .collect::<Option<Vec<_>>>()
            .map(Series::new)
    }

    /// A row with how fast and how long events were accepted.
    fn answers(&self, what: String) -> Row {
        Row {
            what,
            per_second: self.series(|round| Some(round.rate)),
            p50_ms: self.series(|round| Some(round.answers.p50)),
            p99_ms: self.series(|round| Some(round.answers.p99)),
            cpu_ms: self.series(|round| round.cpu_ms),
            ..Row::default()
        }
    }

    /// A row with how long it took from events to their webhooks.
    fn webhooks(&self, what: String) -> Row {
        Row {
            what,
            p50_ms: self.series(|round| Some(round.webhooks?.p50)),
            p99_ms: self.series(|round| Some(round.webhooks?.p99)),
            cpu_ms: self.series(|round| round.cpu_ms),
            ..Row::default()
        }
    }

    /// What to say of the webhooks that were sent meanwhile, where triggers match.
    fn delivered(&self, matching: usize) -> String {
        let deliveries = self.series(|round| Some(round.deliveries));
        match deliveries.filter(|_| matching > 0) {
            Some(rate) => format!(
                "with {:.0} deliveries/s; {}",
                rate.median,
                self.duplicates()
            ),
            None => String::new(),
        }
    }

    fn duplicates(&self) -> String {
        duplicates(self.0.iter().map(|round| round.duplicates).sum())
    }
}

/// Says of each row how many times the first it is, by the first figure that it has.
fn relate(rows: &mut [Row]) {
    let mut base: Option<Series> = None;
    for row in rows {
        let Some(figure) = row.per_second.as_ref().or(row.p50_ms.as_ref()) else {
            continue;
        };
        let base = base.get_or_insert_with(|| figure.clone());
        row.ratio = Some(Ratio {
            times: figure.over(base),
            of: "the first".into(),
        });
    }
}

/// The event of all loads, for an account.
fn event(account: &str) -> Prepared {
    events(account, Events::One)
}

/// So many of it in a request.
fn events(account: &str, events: Events) -> Prepared {
    let event = json!({ "type": EVENT_TYPE, "data": event_data() });
    Prepared::new(account, &event, events)
}

/// What to say about webhooks that came more than once.
fn duplicates(count: usize) -> String {
    match count {
        0 => "each webhook came once".to_owned(),
        1 => "a webhook came twice".to_owned(),
        count => format!("{count} webhooks came another time"),
    }
}

/// `1 connection`, `8 connections`.
fn counted(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}
