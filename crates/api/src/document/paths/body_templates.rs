//! `/v1/body-templates/render`

use domain::{
    template::{MAX_OUTPUT_BYTES, MAX_SOURCE_BYTES},
    trigger::DEFAULT_CONTENT_TYPE,
};
use serde_json::json;

use crate::document::{
    description::{Answer, Body, Description},
    examples,
    paths::Tag,
    schema::{Schema, object, of, text},
    schemas::{Named, event_type},
};

pub(crate) const TAG: Tag = Tag {
    name: "Body templates",
    description: "Bodies of an action's own.",
};

pub(crate) fn render() -> Description {
    Description::new("Render a body template")
        .says(
            "With the sample of an event type. A template that is not in order answers 422, with the \
             pointer `/template`.",
        )
        .body(Body::json(
            "The template.",
            of("BodyTemplateInput"),
            json!({
                "template": "{\"text\": {{ (data.participant.name ~ \" comes\")|tojson }}}",
                "content_type": DEFAULT_CONTENT_TYPE,
                "type": examples::TYPE,
            }),
        ))
        .answers(
            200,
            Answer::json(
                "The body.",
                of("RenderedBody"),
                json!({ "body": "{\"text\": \"Amélie Hartwell comes\"}" }),
            ),
        )
}

pub(super) fn schemas() -> Vec<Named> {
    vec![("BodyTemplateInput", input()), ("RenderedBody", rendered())]
}

fn input() -> Schema {
    object([
        (
            "template",
            text().at_most(MAX_SOURCE_BYTES).says(format!(
                "The template, of at most {MAX_SOURCE_BYTES} bytes."
            )),
        ),
        (
            "content_type?",
            text()
                .default(DEFAULT_CONTENT_TYPE)
                .says("The media type of the body. Of JSON's, the body has to be JSON.")
                .or_null(),
        ),
        (
            "type?",
            event_type()
                .says("The event type whose sample it is rendered with.")
                .or_null(),
        ),
    ])
}

fn rendered() -> Schema {
    object([(
        "body",
        text()
            .at_most(MAX_OUTPUT_BYTES)
            .says("What the template makes."),
    )])
}
