//! `/v1/filters/check`

use serde_json::json;

use crate::document::{
    description::{Answer, Body, Description},
    examples,
    paths::Tag,
    schema::{Schema, any_object, flag, object, of, text},
    schemas::{Named, event_type},
};

pub(crate) const TAG: Tag = Tag {
    name: "Filters",
    description: "Which of a type's events fire a trigger.",
};

pub(crate) fn check() -> Description {
    Description::new("Check a filter")
        .says(
            "Whether an event would pass the filter, and which condition it fails. A filter that is \
             not in order answers 422, with pointers under `/filter`.",
        )
        .body(Body::json(
            "The filter and an event.",
            of("FilterCheckInput"),
            json!({
                "filter": examples::filter(),
                "event": {
                    "type": examples::TYPE, "data": examples::sample(examples::TYPE),
                    "account": examples::ACCOUNT,
                },
            }),
        ))
        .answers(
            200,
            Answer::json(
                "Whether it matches.",
                of("FilterCheck"),
                json!({ "matches": true, "reason": null }),
            ),
        )
}

pub(super) fn schemas() -> Vec<Named> {
    vec![("FilterCheckInput", input()), ("FilterCheck", checked())]
}

fn input() -> Schema {
    let event = object([
        ("type", event_type()),
        ("data", any_object().says("What happened.")),
        (
            "account?",
            text().says("The account that it is in.").or_null(),
        ),
    ]);
    object([
        ("filter", of("Filter")),
        ("event", event.says("An event to try it on.")),
    ])
}

fn checked() -> Schema {
    object([
        ("matches", flag().says("Whether the event passes.")),
        (
            "reason",
            text()
                .says("The first condition that it fails; null when it passes.")
                .or_null(),
        ),
    ])
}
