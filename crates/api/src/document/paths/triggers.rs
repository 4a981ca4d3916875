//! `/v1/accounts/{account}/triggers[/{trigger}]`

use domain::trigger::{MAX_ACTIONS, MAX_TRIGGERS};
use serde_json::json;

use crate::{
    Operation,
    document::{
        description::{Answer, Body, Description, SAME_ACCOUNT},
        examples,
        parameters::{query, shared},
        paths::{ETAG_OF_SETTINGS, Tag},
        problems::Problem,
        schema::{flag, of, text, trigger_ids},
    },
};

pub(crate) const TAG: Tag = Tag {
    name: "Triggers",
    description: "When an event of this type happens, run these actions.",
};

pub(crate) fn list() -> Description {
    let enabled = flag();
    Description::new("List triggers")
        .says("The oldest first.")
        .takes([
            shared("type"),
            query("enabled", enabled, "Those that fire, or those that do not."),
            query(
                "q",
                text(),
                "Those whose name contains this, in whatever case.",
            ),
            query(
                "ids",
                trigger_ids(),
                "Those of these ids, with commas between them: 200 at most.",
            ),
            shared("limit"),
            shared("cursor"),
        ])
        .answers(
            200,
            Answer::json(
                "A page of triggers.",
                of("Triggers"),
                examples::page(examples::trigger()),
            ),
        )
}

pub(crate) fn create() -> Description {
    let here = [SAME_ACCOUNT, ("trigger", "$response.body#/id")];
    Description::new("Create a trigger")
        .says(format!(
            "With its actions, of which each gets a signing secret of its own. An account has at \
             most {MAX_TRIGGERS} triggers, and a trigger at most {MAX_ACTIONS} actions."
        ))
        .body(Body::json(
            "The trigger.",
            of("TriggerInput"),
            examples::trigger_input(),
        ))
        .creates_once()
        .answers(
            201,
            Answer::json("The trigger.", of("Trigger"), examples::trigger())
                .header("ETag", "etag")
                .header("Location", "location")
                .link(Operation::ShowTrigger, here)
                .link(Operation::ReplaceTrigger, here)
                .link(Operation::ChangeTrigger, here)
                .link(Operation::DeleteTrigger, here)
                .link(Operation::AddAction, here)
                .link(Operation::ListActions, here),
        )
}

/// A trigger with its version.
fn shown(description: &'static str) -> Answer {
    Answer::json(description, of("Trigger"), examples::trigger()).header("ETag", "etag")
}

pub(crate) fn show() -> Description {
    Description::new("Show a trigger")
        .says(ETAG_OF_SETTINGS)
        .conditional_read("etag")
        .answers(200, shown("The trigger."))
        .problems([Problem::NotFound])
}

pub(crate) fn replace() -> Description {
    let mut example = examples::trigger_input();
    if let Some(members) = example.as_object_mut() {
        members.remove("actions");
    }
    Description::new("Replace a trigger's settings")
        .says(
            "A member that is left out gets its default. The actions stay: they are changed one by \
             one, on paths of their own. A trigger that does not exist is not created.",
        )
        .conditional_change()
        .body(Body::json("The settings.", of("TriggerSettings"), example))
        .answers(200, shown("The trigger as it is now."))
        .problems([Problem::NotFound])
}

pub(crate) fn change() -> Description {
    Description::new("Change a trigger")
        .says(
            "Its actions are changed one by one, on paths of their own. A merge patch merges objects, \
             the filter too: a condition that the patch leaves out stays, and null takes one away. \
             To set a filter as a whole, replace the trigger.",
        )
        .conditional_change()
        .body(Body::merge_patch(
            of("TriggerPatch"),
            json!({ "enabled": false, "filter": null }),
        ))
        .answers(200, shown("The trigger as it is now."))
        .problems([Problem::NotFound])
}

pub(crate) fn remove() -> Description {
    Description::new("Delete a trigger")
        .says("With its actions. Their deliveries that are pending are canceled at once.")
        .conditional_change()
        .answers(204, Answer::empty("It is gone."))
        .problems([Problem::NotFound])
}
