//! `/v1/accounts/{account}/events[/preview|/{event}[/replay]]`

use domain::{
    event::{MAX_BATCH, cloud_event},
    hops,
};
use serde_json::{Value, json};

use crate::{
    Operation,
    document::{
        description::{Answer, Body, Description, SAME_ACCOUNT},
        examples,
        parameters::{header, shared},
        paths::Tag,
        problems::Problem,
        schema::{of, one_or_several, text},
    },
};

pub(crate) const TAG: Tag = Tag {
    name: "Events",
    description: "What happened: posted, previewed, looked at, replayed.",
};

pub(crate) fn list() -> Description {
    Description::new("List events")
        .says("The newest first.")
        .takes(["type", "test", "since", "until", "limit", "cursor"].map(shared))
        .answers(
            200,
            Answer::json(
                "A page of events.",
                of("Events"),
                examples::page(examples::event()),
            ),
        )
}

pub(crate) fn accept() -> Description {
    let answer = |description, example: Value| {
        Answer::json(
            description,
            one_or_several("AcceptedEvent", "AcceptedEvents"),
            example,
        )
    };
    Description::new("Post an event, or several")
        .says(format!(
            "One event, or an array of 1 to {MAX_BATCH}, which is accepted or refused whole and \
             answered as an array in the same order. What was there already, under its `id` or the \
             `Idempotency-Key`, is told as a duplicate, with the ids of before. An event is \
             accepted whatever the filters of its triggers take: those that take too many steps are \
             named in `unevaluated_triggers`, and do not fire. An array on whose events they take too \
             many steps together is refused (`invalid`), with the pointer of the event from which on, \
             such as `/7`.\n\nCloudEvents 1.0 \
             are taken in HTTP's three modes: structured (`{}`), batched (`{}`), and binary. A \
             request of a JSON media type is in binary mode when it has one of the headers \
             `ce-specversion`, `ce-id`, `ce-source` and `ce-type`; it then needs all four, and its \
             body is the event's `data` alone, any JSON object.",
            cloud_event::STRUCTURED,
            cloud_event::BATCHED,
        ))
        .takes([
            shared("idempotency-key"),
            header(
                hops::HEADER,
                text().like(&format!("^[0-{}]$", hops::MAX)),
                "Of the webhook that led to this event, if one did, as it came. An event that more \
                 than 5 webhooks led to, one after the other, is refused (`loop_detected`).",
            ),
        ])
        .takes(binary_mode())
        .body(events())
        .answers(
            202,
            answer(
                "At least one event is new. It is on disk, and so is all that is owed of it.",
                examples::accepted(false),
            )
            .link(Operation::ShowEvent, [SAME_ACCOUNT, ("event", "$response.body#/id")])
            .link(
                Operation::ReplayEvent,
                [SAME_ACCOUNT, ("event", "$response.body#/id")],
            ),
        )
        .answers(
            200,
            answer(
                "All of it was there already.",
                json!([examples::accepted(true)]),
            ),
        )
        .problems([Problem::InvalidEvents])
}

fn events() -> Body {
    let event = examples::new_event;
    let umbrella =
        json!({ "type": examples::UMBRELLA, "data": examples::sample(examples::UMBRELLA) });
    Body::json(
        "The event, or an array of events.",
        one_or_several("NewEvent", "NewEvents"),
        event(),
    )
    .examples([
        ("one", "One event", event()),
        ("several", "An array of events", json!([event(), umbrella])),
    ])
    .or(
        cloud_event::STRUCTURED,
        of("CloudEvent"),
        examples::cloud_event(),
    )
    .or(
        cloud_event::BATCHED,
        of("CloudEvents"),
        json!([examples::cloud_event()]),
    )
}

/// The attributes of a CloudEvent in binary mode. Any text may stand there in the other modes, which don't look at it: what it has
/// to be in binary mode is said in words.
fn binary_mode() -> [Value; 5] {
    [
        header(
            "ce-specversion",
            text(),
            "Of a CloudEvent in binary mode: the version of the specification, `1.0`.",
        ),
        header(
            "ce-id",
            text(),
            "Of a CloudEvent in binary mode: its id. Percent-encoded where it is not ASCII.",
        ),
        header(
            "ce-source",
            text(),
            "Of a CloudEvent in binary mode: where it comes from.",
        ),
        header(
            "ce-type",
            text(),
            "Of a CloudEvent in binary mode: the key of its event type. Other headers that start \
             with `ce-` may be there and are not kept.",
        ),
        header(
            "ce-time",
            text(),
            "Of a CloudEvent in binary mode: when it happened, as an RFC 3339 time.",
        ),
    ]
}

pub(crate) fn show() -> Description {
    Description::new("Show an event")
        .says("With its data and what came of it.")
        .answers(
            200,
            Answer::json("The event.", of("EventDetails"), examples::event_details()),
        )
        .problems([Problem::NotFound])
}

pub(crate) fn replay() -> Description {
    Description::new("Replay an event")
        .says(
            "Owes it again to what matches now, as a new delivery for each action. A test, and an \
             event whose type is not there any more, answer 409.",
        )
        .creates_once()
        .answers(
            202,
            Answer::json(
                "What is owed.",
                of("AcceptedEvent"),
                examples::accepted(false),
            ),
        )
        .problems([Problem::NotFound, Problem::Conflict])
}

pub(crate) fn preview() -> Description {
    Description::new("Preview an event")
        .says(
            "What it would do: which triggers fire, and why others do not; each request as it would \
             be sent, signed. Nothing is sent or stored. An answer ends after a megabyte of requests \
             or a few seconds' work, and `next_cursor` goes on from there.",
        )
        .takes(["limit", "cursor"].map(shared))
        .body(
            Body::json(
                "The event as it would be posted, or its type alone.",
                of("PreviewInput"),
                examples::new_event(),
            )
            .examples([
                ("whole", "An event as it would be posted", examples::new_event()),
                ("type", "The type's sample", json!({ "type": examples::TYPE })),
            ]),
        )
        .answers(
            200,
            Answer::json("What it would do.", of("Preview"), examples::preview()),
        )
}
