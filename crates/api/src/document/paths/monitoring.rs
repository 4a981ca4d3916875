//! `/v1/health`, `/v1/metrics` and `/v1/usage`

use domain::account::AccountId;
use serde_json::{Value, json};

use crate::document::{
    description::{Answer, Description},
    parameters::query,
    paths::Tag,
    problems::Problem,
    schema::{of, value},
};

pub(crate) const TAG: Tag = Tag {
    name: "Monitoring",
    description: "How the service itself is doing.",
};

pub(crate) fn health() -> Description {
    let ok = json!({
        "status": "ok", "reasons": [], "key_value_store": "ok", "ledger": "ok",
        "backlog_age_seconds": 0,
    });
    let failing = json!({
        "status": "failing",
        "reasons": ["a delivery has been due for 1260 s, more than 900 s: is the run route being called?"],
        "key_value_store": "ok", "ledger": "ok", "backlog_age_seconds": 1_260,
    });
    Description::new("Ask whether the service can do its work")
        .says("Asks both stores, and how long what is due has been waiting. Needs no key.")
        .answers(200, Answer::json("It can.", of("Health"), ok))
        .answers(
            503,
            Answer::json("It can't, and this is why.", of("Health"), failing),
        )
        .problems([Problem::BadRequest])
}

pub(crate) fn metrics() -> Description {
    let example = "# HELP webhook_runs_total Runs that came to their end.\n\
                   # TYPE webhook_runs_total counter\n\
                   webhook_runs_total 1042\n";
    Description::new("Show the service's metrics")
        .says(
            "In the text format of Prometheus, for all accounts together. What is counted is counted \
             for as long as the ledger is there, whatever is deleted. With `account`, how each of the \
             account's actions is doing, instead.",
        )
        .takes([query(
            "account",
            value::<AccountId>(),
            "Tell of the actions of this account.",
        )])
        .answers(
            200,
            Answer::text("The metrics.", "text/plain", example),
        )
        .problems([Problem::BadRequest])
}

pub(crate) fn usage() -> Description {
    Description::new("Show what the service uses")
        .says("Beside what a platform's quotas allow. Lists the whole key-value store to count it.")
        .answers(200, Answer::json("What it uses.", of("Usage"), used()))
}

fn used() -> Value {
    json!({
        "at": "2026-11-23T19:45:56.376Z",
        "key_value_keys": 214,
        "ledger": { "version": 1, "events": 48_210, "deliveries": 51_733, "attempts": 52_019 },
        "events_accepted": 120_344,
        "requests": {
            "total": 131_902, "this_hour": 214, "max_per_hour": 500, "max_per_hour_per_account": null,
            "reserved_this_hour": 215,
        },
        "encryption": {
            "key": "6f1d2a90", "values_under_older_keys": 0,
            "checked_at": "2026-11-23T19:44:12.005Z",
        },
    })
}
