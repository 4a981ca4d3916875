//! `/v1/body-templates/render`

use domain::trigger::DEFAULT_CONTENT_TYPE;
use serde_json::json;

use crate::document::{
    description::{Answer, Body, Description},
    examples,
    paths::Tag,
    schema::of,
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
