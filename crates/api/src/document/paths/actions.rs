//! `/v1/accounts/{account}/triggers/{trigger}/actions[/{action}[/secret[/rotate]|/test]]`

use serde_json::json;

use crate::document::{
    examples,
    operation::{Answer, Body, Operation, Path, SAME_ACCOUNT, delete, get, patch, path, post, put},
    parameters::shared,
    problems::Problem,
    schema::of,
};

pub(super) fn paths() -> Vec<Path> {
    vec![
        path(
            "/v1/accounts/{account}/triggers/{trigger}/actions",
            [get(list()), post(add())],
        ),
        path(
            "/v1/accounts/{account}/triggers/{trigger}/actions/{action}",
            [
                get(show()),
                put(replace()),
                patch(change()),
                delete(remove()),
            ],
        ),
        path(
            "/v1/accounts/{account}/triggers/{trigger}/actions/{action}/secret",
            [get(secret())],
        ),
        path(
            "/v1/accounts/{account}/triggers/{trigger}/actions/{action}/secret/rotate",
            [post(rotate())],
        ),
        path(
            "/v1/accounts/{account}/triggers/{trigger}/actions/{action}/test",
            [post(test())],
        ),
    ]
}

fn list() -> Operation {
    Operation::new("listActions", "List a trigger's actions")
        .says("The oldest first.")
        .takes([shared("limit"), shared("cursor")])
        .answers(
            200,
            Answer::json(
                "A page of actions.",
                of("Actions"),
                examples::page(examples::action()),
            ),
        )
        .problems([Problem::NotFound])
}

fn add() -> Operation {
    let here = [
        SAME_ACCOUNT,
        ("trigger", "$request.path.trigger"),
        ("action", "$response.body#/id"),
    ];
    Operation::new("addAction", "Add an action to a trigger")
        .says(
            "It gets a signing secret of its own. A body template is tried on the type's sample, \
             also with texts that JSON has to escape, and with 200 KB of texts and lists.",
        )
        .body(Body::json(
            "The action.",
            of("ActionInput"),
            examples::action_input(),
        ))
        .creates_once()
        .answers(
            201,
            Answer::json("The action.", of("Action"), examples::action())
                .header("ETag", "etag")
                .header("Location", "location")
                .link("showAction", here)
                .link("replaceAction", here)
                .link("changeAction", here)
                .link("deleteAction", here)
                .link("showSecret", here)
                .link("rotateSecret", here)
                .link("testAction", here),
        )
        .problems([Problem::NotFound])
}

fn show() -> Operation {
    Operation::new("showAction", "Show an action")
        .says(
            "The `ETag` stands for the settings. `health` is not part of it: it moves with every \
             attempt, while the `ETag` stays.",
        )
        .conditional_read("etag")
        .answers(
            200,
            Answer::json("The action.", of("Action"), examples::action()).header("ETag", "etag"),
        )
        .problems([Problem::NotFound])
}

fn replace() -> Operation {
    Operation::new("replaceAction", "Replace an action's settings")
        .says(
            "A member that is left out gets its default: without `enabled` the action is enabled. A \
             header is removed if `headers` leaves it out, with one exception: a secret header keeps \
             its value if `secret_headers` names it and `headers` does not. The signing secret stays. \
             An action that does not exist is not created.",
        )
        .conditional_change()
        .body(Body::json(
            "The settings.",
            of("ActionInput"),
            examples::action_input(),
        ))
        .answers(
            200,
            Answer::json("The action as it is now.", of("Action"), examples::action())
                .header("ETag", "etag"),
        )
        .problems([Problem::NotFound])
}

fn change() -> Operation {
    Operation::new("changeAction", "Change an action")
        .says(
            "Headers are patched one by one: null takes one away. Enabling an action that the \
             service disabled makes it forget why.",
        )
        .conditional_change()
        .body(Body::merge_patch(
            of("ActionPatch"),
            json!({ "url": examples::URL, "headers": { "authorization": null } }),
        ))
        .answers(
            200,
            Answer::json("The action as it is now.", of("Action"), examples::action())
                .header("ETag", "etag"),
        )
        .problems([Problem::NotFound])
}

fn remove() -> Operation {
    Operation::new("deleteAction", "Delete an action")
        .says("Its deliveries that are pending are canceled at once.")
        .conditional_change()
        .answers(204, Answer::empty("It is gone."))
        .problems([Problem::NotFound])
}

fn secret() -> Operation {
    let example = json!({ "secret": examples::SECRET, "previous": [] });
    Operation::new("showSecret", "Show an action's signing secret")
        .says("With those that were rotated out and still sign.")
        .answers(
            200,
            Answer::json("The secrets.", of("Secrets"), example)
                .header("Cache-Control", "no-store"),
        )
        .problems([Problem::NotFound])
}

fn rotate() -> Operation {
    let example = json!({
        "secret": examples::SECRET,
        "previous": [{
            "secret": "whsec_Y2hhbmdlIG1lIGJlZm9yZSBpdCBpcyB0b28gbGF0ZSE=",
            "expires_at": "2026-11-24T19:45:56.376Z",
        }],
    });
    Operation::new("rotateSecret", "Rotate an action's signing secret")
        .says(
            "It gets a new one. The one before goes on signing beside it for `overlap_seconds`, so \
             that receivers can change over. Older ones sign until their `expires_at`, whatever the \
             overlap; 0 retires all older ones at once. Answers 409 while four older ones still sign: \
             the text says when the next rotation is possible.",
        )
        .body(
            Body::json(
                "How long the two overlap.",
                of("Rotation"),
                json!({ "overlap_seconds": 86_400 }),
            )
            .optional(),
        )
        .creates_once()
        .answers(
            200,
            Answer::json("The secrets as they are now.", of("Secrets"), example)
                .header("Cache-Control", "no-store"),
        )
        .problems([Problem::NotFound, Problem::Conflict])
}

fn test() -> Operation {
    let mut example = examples::delivery_details("succeeded");
    example["test"] = json!(true);
    Operation::new("testAction", "Test an action")
        .says(
            "Sends one webhook now, with `\"test\": true` in its body, and answers with what came of \
             it; 200 when the receiver fails, too. Whether trigger and action are enabled and what \
             the filter says does not matter. It is never repeated, and says nothing about the \
             action's health. Answers 409 when the trigger's event type is not there any more.",
        )
        .body(
            Body::json(
                "The event to make up.",
                of("TestInput"),
                json!({ "type": examples::TYPE }),
            )
            .optional(),
        )
        .answers(
            200,
            Answer::json(
                "The delivery and its attempt.",
                of("DeliveryDetails"),
                example,
            ),
        )
        .problems([Problem::NotFound, Problem::Conflict])
}
