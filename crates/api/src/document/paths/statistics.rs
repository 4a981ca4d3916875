//! `/v1/accounts/{account}/statistics`

use domain::time::Timestamp;
use serde_json::json;

use crate::document::{
    description::{Answer, Description},
    examples,
    parameters::query,
    paths::Tag,
    schema::{of, trigger_ids, value},
};

pub(crate) const TAG: Tag = Tag {
    name: "Statistics",
    description: "How an account's webhooks are doing.",
};

pub(crate) fn show() -> Description {
    Description::new("Show how an account's webhooks are doing")
        .says("How many events came and what their deliveries came to, in all and over time.")
        .takes([
            query(
                "since",
                value::<Timestamp>(),
                "From this time on, within the last 7 days.",
            ),
            query("until", value::<Timestamp>(), "Up to this time."),
            query(
                "trigger_ids",
                trigger_ids(),
                "Tell the deliveries of these triggers, with commas between the ids: 200 at most.",
            ),
        ])
        .answers(
            200,
            Answer::json("The numbers.", of("Statistics"), example()),
        )
}

fn example() -> serde_json::Value {
    json!({
        "since": "2026-11-22T20:00:00.000Z",
        "until": "2026-11-23T20:00:00.000Z",
        "events": 120,
        "deliveries": {
            "pending": 1, "delivering": 0, "succeeded": 117, "failed": 1, "canceled": 0, "skipped": 1,
        },
        "attempts": { "count": 124, "failed": 7, "p50_ms": 41, "p99_ms": 380 },
        "backlog": { "due": 1, "oldest_due_at": "2026-11-23T19:59:58.200Z" },
        "series": [
            { "at": "2026-11-23T19:00:00.000Z", "events": 12, "succeeded": 11, "failed": 1 },
        ],
        "triggers": [{ "trigger_id": examples::TRIGGER, "deliveries": 120, "failed": 1 }],
        "failing_actions": [{
            "trigger_id": examples::TRIGGER, "action_id": examples::ACTION,
            "failing_since": "2026-11-23T19:45:56.813Z", "consecutive_failures": 7,
        }],
        "truncated": false,
    })
}
