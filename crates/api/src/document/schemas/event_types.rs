//! Event types.

use domain::{
    catalogue::{DEFAULT_GROUP, MAX_SAMPLE},
    trigger::MAX_DESCRIPTION,
};

use super::{Named, event_type, name};
use crate::document::schema::{Schema, any_object, flag, list, object, of, text};

pub(super) fn schemas() -> Vec<Named> {
    vec![
        ("EventType", shown()),
        (
            "EventTypes",
            list(of("EventType")).says("The catalogue, in the order in which people are shown it."),
        ),
        ("EventTypeInput", input()),
    ]
}

fn shown() -> Schema {
    object([
        ("key", text().not_empty().says("The stable name.")),
        ("label", text().not_empty().says("What people are shown.")),
        (
            "group",
            text()
                .not_empty()
                .says("The heading under which people find it."),
        ),
        ("description", text().says("When it happens.")),
        ("custom", flag().says("Whether the deployment added it.")),
        (
            "operator",
            flag().says("Whether its events are the service's own. They can't be posted."),
        ),
        (
            "members?",
            list(text())
                .not_empty()
                .says("The types whose events fire this type's triggers, too."),
        ),
        (
            "member_of?",
            event_type().says("The type whose triggers its events fire, too."),
        ),
        ("sample", any_object().says("A realistic `data`.")),
    ])
}

fn input() -> Schema {
    object([
        ("label", name().says("What people are shown.")),
        (
            "group?",
            name()
                .default(DEFAULT_GROUP)
                .says("The heading under which people find it.")
                .or_null(),
        ),
        (
            "description?",
            text()
                .at_most(MAX_DESCRIPTION)
                .default("")
                .says("When it happens.")
                .or_null(),
        ),
        (
            "sample",
            any_object().says(format!(
                "A realistic `data`, of at most {MAX_SAMPLE} bytes."
            )),
        ),
        (
            "member_of?",
            event_type()
                .says(
                    "The umbrella whose triggers its events fire, too: a built-in \"(any state)\" \
                     type, or a custom type that is itself no member.",
                )
                .or_null(),
        ),
    ])
}
