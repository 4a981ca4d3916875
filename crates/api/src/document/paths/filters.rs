//! `/v1/filters/check`

use serde_json::json;

use crate::document::{
    description::{Answer, Body, Description},
    examples,
    paths::Tag,
    schema::of,
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
