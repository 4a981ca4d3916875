//! `/v1/event-types[/{key}]`

use domain::catalogue::{MAX_KEY, MAX_TYPES};
use serde_json::json;

use crate::{
    Operation,
    document::{
        description::{Answer, Body, Description},
        examples,
        paths::Tag,
        problems::Problem,
        schema::of,
    },
};

pub(crate) const TAG: Tag = Tag {
    name: "Event types",
    description: "What the main app can post, and what the deployment adds to it.",
};

pub(crate) fn list() -> Description {
    let example = json!([
        examples::built_in_type(examples::TYPE),
        examples::custom_type()
    ]);
    Description::new("List the event types")
        .says(
            "The built-in types, the deployment's own and the service's own, with a sample of each. \
             The list is not cut into pages.",
        )
        .answers(
            200,
            Answer::json("The catalogue.", of("EventTypes"), example),
        )
}

pub(crate) fn show() -> Description {
    Description::new("Show an event type")
        .says("The `ETag` stands for the type itself, not for its `members`, which have their own.")
        .conditional_read("etag")
        .answers(
            200,
            Answer::json(
                "The event type.",
                of("EventType"),
                examples::built_in_type(examples::TYPE),
            )
            .header("ETag", "etag-of-custom"),
        )
        .problems([Problem::NotFound])
}

pub(crate) fn set() -> Description {
    let answer = |description| {
        Answer::json(description, of("EventType"), examples::custom_type()).header("ETag", "etag")
    };
    Description::new("Add or replace an event type")
        .says(format!(
            "Adds a type of the deployment's own, for all accounts, or puts it in the place of the \
             one that is there. Its key is two or more words of a-z, 0-9 and `_` joined by dots, of \
             at most {MAX_KEY} characters, and not under `webhook.`. There are at most {MAX_TYPES}. \
             A built-in type answers 409. With `If-None-Match: *` it adds, and never replaces."
        ))
        .conditional_change()
        .body(Body::json(
            "The event type.",
            of("EventTypeInput"),
            examples::event_type_input(),
        ))
        .answers(200, answer("It was there, and is as it was sent."))
        .answers(
            201,
            answer("It was not there.")
                .header("Location", "location")
                .link(Operation::ShowEventType, [("key", "$response.body#/key")]),
        )
        .problems([Problem::Conflict])
}

pub(crate) fn remove() -> Description {
    Description::new("Delete an event type")
        .says(
            "A built-in type, one that triggers have and one that has members answer 409, which \
             names what keeps it.",
        )
        .conditional_change()
        .answers(204, Answer::empty("It is gone."))
        .problems([Problem::NotFound, Problem::Conflict])
}
