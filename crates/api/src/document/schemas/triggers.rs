//! Triggers.

use domain::trigger::{MAX_ACTIONS, MAX_DESCRIPTION};

use super::{Named, event_type, filters, name, page, trigger_id};
use crate::document::schema::{Schema, flag, list, object, of, text, time};

pub(super) fn schemas() -> Vec<Named> {
    vec![
        ("Trigger", shown()),
        ("Triggers", page("Trigger")),
        ("TriggerInput", input()),
        ("TriggerSettings", settings()),
        ("TriggerPatch", patch()),
    ]
}

fn shown() -> Schema {
    object([
        ("id", trigger_id()),
        ("type", event_type()),
        ("name", name().says("What people call it.")),
        (
            "description",
            text()
                .at_most(MAX_DESCRIPTION)
                .says("What people note about it."),
        ),
        ("enabled", flag().says("Whether it fires.")),
        ("filter", filters::optional()),
        (
            "actions",
            list(of("Action"))
                .at_most(MAX_ACTIONS)
                .says("What it does."),
        ),
        ("created_at", time().says("When it was made.")),
        (
            "updated_at",
            time().says("When it or one of its actions was changed last."),
        ),
    ])
    .says("\"When an event of this type happens, run these actions.\"")
}

fn input() -> Schema {
    let actions = list(of("ActionInput"))
        .at_most(MAX_ACTIONS)
        .says("The actions to make with it. Later they are changed one by one.");
    let mut members = set();
    members.push(("actions?", actions.or_null()));
    object(members)
}

fn settings() -> Schema {
    object(set())
}

/// What can be said of a trigger.
fn set() -> Vec<Named> {
    let mut members = vec![
        ("type", event_type()),
        ("name", name().says("What people call it.")),
    ];
    members.extend(optional());
    members
}

fn patch() -> Schema {
    let mut members = vec![
        ("type?", event_type()),
        ("name?", name().says("What people call it.")),
    ];
    members.extend(optional());
    object(members)
}

/// What need not be said of a trigger.
fn optional() -> [Named; 3] {
    [
        (
            "description?",
            text()
                .at_most(MAX_DESCRIPTION)
                .default("")
                .says("What people note about it.")
                .or_null(),
        ),
        (
            "enabled?",
            flag().default(true).says("Whether it fires.").or_null(),
        ),
        ("filter?", filters::optional()),
    ]
}
