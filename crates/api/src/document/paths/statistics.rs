//! `/v1/accounts/{account}/statistics`

use serde_json::json;

use crate::document::{
    description::{Answer, Description},
    examples,
    parameters::query,
    paths::Tag,
    schema::{Schema, count, flag, list, object, of, time, time_given},
    schemas::{Named, action_id, trigger_id, trigger_ids},
};

pub(crate) const TAG: Tag = Tag {
    name: "Statistics",
    description: "How an account's webhooks are doing.",
};

pub(crate) fn show() -> Description {
    Description::new("Show how an account's webhooks are doing")
        .takes([
            query(
                "since",
                time_given(),
                "From this time on, within the last 7 days.",
            ),
            query("until", time_given(), "Up to this time."),
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

pub(super) fn schemas() -> Vec<Named> {
    vec![("Statistics", statistics())]
}

fn statistics() -> Schema {
    let deliveries = object([
        ("pending", count()),
        ("delivering", count()),
        ("succeeded", count()),
        ("failed", count()),
        ("canceled", count()),
        ("skipped", count()),
    ]);
    let attempts = object([
        ("count", count()),
        ("failed", count()),
        (
            "p50_ms",
            count()
                .says("What half of them took at most, in milliseconds.")
                .or_null(),
        ),
        (
            "p99_ms",
            count()
                .says("What 99 % of them took at most, in milliseconds.")
                .or_null(),
        ),
    ]);
    let backlog = object([
        (
            "due",
            count().says("Deliveries that are due and wait for a runner."),
        ),
        (
            "oldest_due_at",
            time()
                .says("Since when the oldest of them waits.")
                .or_null(),
        ),
    ]);
    let series = object([
        ("at", time().says("When the step begins.")),
        ("events", count()),
        ("succeeded", count()),
        ("failed", count()),
    ]);
    let trigger = object([
        ("trigger_id", trigger_id()),
        ("deliveries", count()),
        (
            "failed",
            count().says("Those that were given up or wait for one more attempt."),
        ),
    ]);
    let failing = object([
        ("trigger_id", trigger_id()),
        ("action_id", action_id()),
        (
            "failing_since",
            time().says("When the first attempt failed since the last success."),
        ),
        ("consecutive_failures", count()),
    ]);
    object([
        ("since", time()),
        ("until", time()),
        ("events", count()),
        ("deliveries", deliveries.says("By where they stand.")),
        ("attempts", attempts),
        ("backlog", backlog),
        ("series", list(series).says("Step by step.")),
        (
            "triggers",
            list(trigger).says("Those of `trigger_ids`, in that order."),
        ),
        ("failing_actions", list(failing)),
        (
            "truncated",
            flag()
                .says("Whether there was more than was looked at: then the numbers are too small."),
        ),
    ])
}
