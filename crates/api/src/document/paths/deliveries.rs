//! `/v1/accounts/{account}/deliveries[/recover|/{delivery}[/retry|/cancel]]`, `/v1/deliveries/run`

use domain::{
    delivery::RUN_BUDGET,
    id::{ActionId, EventId, TriggerId},
};
use serde_json::json;

use crate::document::{
    examples,
    operation::{Answer, Body, Operation, Path, get, path, post},
    parameters::{query, shared},
    problems::Problem,
    schema::{flag, id, integer, of},
};

pub(super) fn paths() -> Vec<Path> {
    vec![
        path("/v1/accounts/{account}/deliveries", [get(list())]),
        path(
            "/v1/accounts/{account}/deliveries/recover",
            [post(recover())],
        ),
        path(
            "/v1/accounts/{account}/deliveries/{delivery}",
            [get(show())],
        ),
        path(
            "/v1/accounts/{account}/deliveries/{delivery}/retry",
            [post(retry())],
        ),
        path(
            "/v1/accounts/{account}/deliveries/{delivery}/cancel",
            [post(cancel())],
        ),
        path("/v1/deliveries/run", [post(run())]),
    ]
}

fn list() -> Operation {
    Operation::new("listDeliveries", "List deliveries")
        .says("The newest first.")
        .takes([
            query("status", of("DeliveryStatus"), "Those in this state only."),
            query(
                "trigger",
                id(TriggerId::PREFIX),
                "Those of this trigger only.",
            ),
            query("action", id(ActionId::PREFIX), "Those of this action only."),
            query("event", id(EventId::PREFIX), "Those of this event only."),
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

fn show() -> Operation {
    Operation::new("showDelivery", "Show a delivery")
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

fn retry() -> Operation {
    Operation::new("retryDelivery", "Send a delivery again")
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

fn cancel() -> Operation {
    Operation::new("cancelDelivery", "Cancel a delivery")
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

fn recover() -> Operation {
    Operation::new("recoverDeliveries", "Send again all that failed")
        .says("All of the account's deliveries that failed since a time are due now.")
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

fn run() -> Operation {
    let longest = RUN_BUDGET.as_secs();
    let example = json!({
        "claimed": 5, "succeeded": 4, "retrying": 1, "failed": 0,
        "next_due_at": "2026-11-23T19:50:56.813Z", "put_off": false,
    });
    Operation::new("runDeliveries", "Work off what is due")
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
