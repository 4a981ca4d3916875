//! `/v1/accounts/{account}/deliveries[/recover|/{delivery}[/retry|/cancel]]`, `/v1/deliveries/run`

use domain::{
    delivery::RUN_BUDGET,
    id::{ActionId, EventId, TriggerId},
};
use serde_json::json;

use crate::document::{
    description::{Answer, Body, Description},
    examples,
    parameters::{query, shared},
    paths::Tag,
    problems::Problem,
    schema::{flag, integer, of, value},
};

pub(crate) const TAG: Tag = Tag {
    name: "Deliveries",
    description: "What is owed and what was sent, with its attempts.",
};

pub(crate) fn list() -> Description {
    Description::new("List deliveries")
        .says("The newest first.")
        .takes([
            query("status", of("DeliveryStatus"), "Those in this state only."),
            query(
                "trigger",
                value::<TriggerId>(),
                "Those of this trigger only.",
            ),
            query("action", value::<ActionId>(), "Those of this action only."),
            query("event", value::<EventId>(), "Those of this event only."),
        ])
        .takes(["type", "test", "since", "until", "limit", "cursor"].map(shared))
        .answers(
            200,
            Answer::json(
                "A page of deliveries.",
                of("Deliveries"),
                examples::page(examples::delivery("succeeded")),
            ),
        )
}

pub(crate) fn show() -> Description {
    Description::new("Show a delivery")
        .says("With its attempts.")
        .answers(
            200,
            Answer::json(
                "The delivery.",
                of("DeliveryDetails"),
                examples::delivery_details("succeeded"),
            ),
        )
        .problems([Problem::NotFound])
}

pub(crate) fn retry() -> Description {
    Description::new("Send a delivery again")
        .says(
            "Due now, whatever became of it before, with its schedule from the start; where the \
             receiver asked for a pause (`Retry-After`), after that: `next_attempt_at` and `reason` \
             say so. Answers 409 while an attempt is under way, for a test, and where the trigger \
             or the action is deleted or disabled.",
        )
        .answers(
            202,
            Answer::json(
                "The delivery, due.",
                of("DeliveryDetails"),
                examples::delivery_details("pending"),
            ),
        )
        .problems([Problem::NotFound, Problem::Conflict])
}

pub(crate) fn cancel() -> Description {
    Description::new("Cancel a delivery")
        .says(
            "It is not sent again. Answers 409 while an attempt is under way, and where nothing is \
             owed any more.",
        )
        .answers(
            202,
            Answer::json(
                "The delivery, canceled.",
                of("DeliveryDetails"),
                examples::delivery_details("canceled"),
            ),
        )
        .problems([Problem::NotFound, Problem::Conflict])
}

pub(crate) fn recover() -> Description {
    Description::new("Send again all that failed")
        .says(
            "All of the account's deliveries that failed since a time are due now, except for actions \
             that are deleted or disabled.",
        )
        .body(Body::json(
            "Which deliveries.",
            of("Recovery"),
            json!({ "since": "2026-11-23T00:00:00Z", "trigger": examples::TRIGGER }),
        ))
        .answers(
            202,
            Answer::json(
                "How many those are.",
                of("Recovered"),
                json!({ "recovered": 3 }),
            ),
        )
}

pub(crate) fn run() -> Description {
    let longest = RUN_BUDGET.as_secs();
    let example = json!({
        "claimed": 5, "succeeded": 4, "retrying": 1, "failed": 0,
        "next_due_at": "2026-11-23T19:50:56.813Z", "put_off": false,
    });
    Description::new("Work off what is due")
        .says(
            "Of all accounts. Call it now and then, such as every minute: it makes the later \
             retries, and deletes what is older than the deployment keeps.",
        )
        .takes([
            query(
                "wait",
                flag().default(true),
                "`false`: the answer comes at once, and the run goes on behind it.",
            ),
            query(
                "budget_seconds",
                integer(0..=longest).default(longest),
                "How long it may stay for what is due soon. What is due already is worked off in any \
                 case.",
            ),
        ])
        .answers(200, Answer::json("What the run did.", of("Run"), example))
        .answers(202, Answer::empty("The run has begun (`wait=false`)."))
}
