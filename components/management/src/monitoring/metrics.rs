//! `GET /v1/metrics`: numbers for Prometheus.

use api::wire::ActionHealth;
use domain::{
    metrics::{CONTENT_TYPE, Exposition, Kind, seconds},
    time::Timestamp,
};
use http::StatusCode;
use platform::{
    clock, config,
    http::{Request, Response, account},
    ledger::{self, Ledger},
    problem::Problem,
};

/// The most steps of counting that one answer waits for: 20,000 rows of each kind. The next answer goes on.
const STEPS: usize = 10;

/// Of the service; with `account`, of that account's actions instead.
pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    let query = request.head.query(&["account"])?;
    let ledger = ledger::open()?;
    let text = match query.get("account") {
        Some(named) => of_account(&ledger, named)?,
        None => of_service(&ledger, clock::now())?,
    };
    Ok(Response::new(
        StatusCode::OK,
        CONTENT_TYPE,
        text.into_bytes(),
    ))
}

fn of_service(ledger: &Ledger, now: Timestamp) -> Result<String, Problem> {
    ledger.count_up(STEPS)?;
    let tallies = ledger.tallies(now)?;
    let owed = ledger.owed(now)?;
    let mut exposition = Exposition::default();
    exposition.family(
        Kind::Counter,
        "webhook_events_accepted_total",
        "Events that were accepted, by type.",
        by("type", &tallies.events),
    );
    exposition.single(
        Kind::Counter,
        "webhook_events_duplicate_total",
        "Events that came again and had been accepted before.",
        tallies.duplicates,
    );
    exposition.family(
        Kind::Counter,
        "webhook_deliveries_total",
        "Deliveries that came to be: owed, or skipped because the trigger or action was off.",
        by("status", &tallies.deliveries),
    );
    exposition.family(
        Kind::Counter,
        "webhook_deliveries_settled_total",
        "Deliveries whose last attempt succeeded, or failed for good.",
        by("status", &tallies.settled),
    );
    exposition.family(
        Kind::Counter,
        "webhook_attempts_total",
        "Requests to receivers, by outcome and by what went wrong.",
        tallies.attempts.iter().map(|(cause, count)| {
            let outcome = if cause.is_empty() {
                "success"
            } else {
                "failure"
            };
            (vec![("outcome", outcome), ("cause", cause.as_str())], count)
        }),
    );
    exposition.durations(
        "webhook_attempt_duration_seconds",
        "How long requests to receivers took.",
        &tallies.durations,
        tallies.duration_ms,
    );
    exposition.family(
        Kind::Gauge,
        "webhook_deliveries_due",
        "Deliveries that are due and wait, counted up to 10,000: first attempts and retries.",
        [
            (vec![("lane", "first")], owed.first_attempts),
            (vec![("lane", "retry")], owed.retries),
        ],
    );
    exposition.single(
        Kind::Gauge,
        "webhook_deliveries_later",
        "Deliveries that are to be tried again later or are being sent, counted up to 10,000.",
        owed.later,
    );
    let age = owed.oldest_due_at.map(|due| now.since(due).as_millis());
    exposition.single(
        Kind::Gauge,
        "webhook_oldest_due_seconds",
        "How long the delivery waits that is due longest, of those whose action is not failing; 0 where nothing is due.",
        seconds(u64::try_from(age.unwrap_or_default()).unwrap_or(u64::MAX)),
    );
    exposition.single(
        Kind::Counter,
        "webhook_runs_total",
        "Runs that came to their end.",
        tallies.runs,
    );
    exposition.single(
        Kind::Gauge,
        "webhook_last_run_timestamp_seconds",
        "When the last run ended, since 1970; 0 where there was none.",
        tallies.last_run_at.map_or(0, Timestamp::as_seconds),
    );
    exposition.single(
        Kind::Gauge,
        "webhook_requests_this_hour",
        "Requests to receivers since the hour began, in UTC.",
        tallies.requests_this_hour,
    );
    if let Some(limit) = config::outbound()?.per_hour {
        exposition.single(
            Kind::Gauge,
            "webhook_requests_per_hour_limit",
            "The most requests to receivers in an hour.",
            limit,
        );
    }
    Ok(exposition.finish())
}

fn by<'a>(
    label: &'static str,
    counts: &'a std::collections::BTreeMap<String, u64>,
) -> impl Iterator<Item = (Vec<(&'a str, &'a str)>, u64)> {
    counts
        .iter()
        .map(move |(name, count)| (vec![(label, name.as_str())], *count))
}

fn of_account(ledger: &Ledger, named: &str) -> Result<String, Problem> {
    let account = account(named)?;
    let actions = ledger.health_of(&account)?;
    let actions: Vec<_> = actions
        .iter()
        .map(|(action, health)| (action.to_string(), health))
        .collect();
    let account = account.as_str();
    let mut exposition = Exposition::default();
    let mut gauge = |name: &str, help: &str, value: &dyn Fn(&ActionHealth) -> Option<i64>| {
        let samples = actions.iter().filter_map(|(action, health)| {
            let labels = vec![("account", account), ("action", action.as_str())];
            Some((labels, value(health)?))
        });
        exposition.family(Kind::Gauge, name, help, samples);
    };
    gauge(
        "webhook_action_consecutive_failures",
        "Failed attempts since the last that succeeded.",
        &|health| i64::try_from(health.consecutive_failures).ok(),
    );
    gauge(
        "webhook_action_failing_since_timestamp_seconds",
        "When the first failure began that no success came after, since 1970.",
        &|health| health.failing_since.map(Timestamp::as_seconds),
    );
    gauge(
        "webhook_action_last_success_timestamp_seconds",
        "When an attempt last succeeded, since 1970.",
        &|health| health.last_success_at.map(Timestamp::as_seconds),
    );
    gauge(
        "webhook_action_last_failure_timestamp_seconds",
        "When an attempt last failed, since 1970.",
        &|health| health.last_failure_at.map(Timestamp::as_seconds),
    );
    Ok(exposition.finish())
}
