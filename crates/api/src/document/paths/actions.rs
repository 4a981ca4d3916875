//! `/v1/accounts/{account}/triggers/{trigger}/actions[/{action}[/secret[/rotate]|/test]]`

use serde_json::json;

use crate::{
    Operation,
    document::{
        description::{Answer, Body, Description, SAME_ACCOUNT},
        examples,
        parameters::shared,
        paths::{ETAG_OF_SETTINGS, Tag},
        problems::Problem,
        schema::of,
    },
};

pub(crate) const TAG: Tag = Tag {
    name: "Actions",
    description: "The webhooks of a trigger, their secrets and their tests.",
};

pub(crate) fn list() -> Description {
    Description::new("List a trigger's actions")
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

pub(crate) fn add() -> Description {
    let here = [
        SAME_ACCOUNT,
        ("trigger", "$request.path.trigger"),
        ("action", "$response.body#/id"),
    ];
    Description::new("Add an action to a trigger")
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
                .link(Operation::ShowAction, here)
                .link(Operation::ReplaceAction, here)
                .link(Operation::ChangeAction, here)
                .link(Operation::DeleteAction, here)
                .link(Operation::ShowSecret, here)
                .link(Operation::RotateSecret, here)
                .link(Operation::TestAction, here),
        )
        .problems([Problem::NotFound])
}

/// An action with its version.
fn shown(description: &'static str) -> Answer {
    Answer::json(description, of("Action"), examples::action()).header("ETag", "etag")
}

pub(crate) fn show() -> Description {
    Description::new("Show an action")
        .says(ETAG_OF_SETTINGS)
        .conditional_read("etag")
        .answers(200, shown("The action."))
        .problems([Problem::NotFound])
}

pub(crate) fn replace() -> Description {
    Description::new("Replace an action's settings")
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
        .answers(200, shown("The action as it is now."))
        .problems([Problem::NotFound])
}

pub(crate) fn change() -> Description {
    Description::new("Change an action")
        .says(
            "Headers are patched one by one: null takes one away. Enabling an action that the \
             service disabled makes it forget why.",
        )
        .conditional_change()
        .body(Body::merge_patch(
            of("ActionPatch"),
            json!({ "url": examples::URL, "headers": { "authorization": null } }),
        ))
        .answers(200, shown("The action as it is now."))
        .problems([Problem::NotFound])
}

pub(crate) fn remove() -> Description {
    Description::new("Delete an action")
        .says("Its deliveries that are pending are canceled at once.")
        .conditional_change()
        .answers(204, Answer::empty("It is gone."))
        .problems([Problem::NotFound])
}

pub(crate) fn secret() -> Description {
    let example = json!({ "secret": examples::SECRET, "previous": [] });
    Description::new("Show an action's signing secret")
        .says("With those that were rotated out and still sign.")
        .answers(
            200,
            Answer::json("The secrets.", of("Secrets"), example)
                .header("Cache-Control", "no-store"),
        )
        .problems([Problem::NotFound])
}

pub(crate) fn rotate() -> Description {
    let example = json!({
        "secret": examples::SECRET,
        "previous": [{
            "secret": "whsec_Y2hhbmdlIG1lIGJlZm9yZSBpdCBpcyB0b28gbGF0ZSE=",
            "expires_at": "2026-11-24T19:45:56.376Z",
        }],
    });
    Description::new("Rotate an action's signing secret")
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

pub(crate) fn test() -> Description {
    let mut example = examples::delivery_details("succeeded");
    example["test"] = json!(true);
    Description::new("Test an action")
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
