//! Previews: what an event would do.

use domain::preview::MAX_BODY;

use super::{
    Named, action_id, delivery_id, event_id, event_type, events, method, next_cursor, trigger_id,
};
use crate::document::schema::{Schema, count, flag, list, map, object, of, text};

pub(super) fn schemas() -> Vec<Named> {
    vec![
        ("PreviewInput", events::for_preview()),
        ("Preview", preview()),
        ("TriggerPreview", trigger()),
        ("ActionPreview", action()),
        ("RequestPreview", request()),
        ("Mismatch", mismatch()),
    ]
}

fn preview() -> Schema {
    let made_up = object([("event_id", event_id()), ("delivery_id", delivery_id())]);
    object([
        ("type", event_type()),
        (
            "made_up",
            made_up.says("The ids in the requests that stand for those of what does not exist."),
        ),
        (
            "triggers",
            list(of("TriggerPreview")).says("Those of the event's type and of its umbrella."),
        ),
        ("next_cursor", next_cursor()),
    ])
}

fn trigger() -> Schema {
    object([
        ("id", trigger_id()),
        ("type", event_type()),
        ("name", text().says("What people call it.")),
        ("enabled", flag().says("Whether it fires at all.")),
        ("matches", flag().says("Whether it would fire.")),
        ("reason?", text().says("Why it would not.")),
        ("mismatch?", of("Mismatch")),
        (
            "actions",
            list(of("ActionPreview")).says("What would become of its actions."),
        ),
    ])
}

fn action() -> Schema {
    object([
        ("id", action_id()),
        ("name", text().says("What people call it.")),
        ("enabled", flag().says("Whether it runs at all.")),
        (
            "would_send",
            flag().says("Whether a webhook would be sent."),
        ),
        ("reason?", text().says("Why nothing would be sent.")),
        (
            "error?",
            text().says("What each attempt would end in before anything is sent."),
        ),
        ("request?", of("RequestPreview")),
    ])
}

fn request() -> Schema {
    object([
        ("method", method()),
        ("url", text().says("Where it would go.")),
        ("headers", map(text()).says("With the signature.")),
        ("body", text().says(format!("Its first {MAX_BODY} bytes."))),
        (
            "body_bytes",
            count().says("How long the whole body is, all of which is signed."),
        ),
        (
            "body_truncated",
            flag().says("Whether that is more than is shown."),
        ),
    ])
    .says("A request as it would be sent.")
}

fn mismatch() -> Schema {
    object([
        (
            "path",
            text().says("The field's path; empty for `$or` and `$not` between filters."),
        ),
        ("operator", text().says("The operator that does not hold.")),
        ("expected", text().says("What the filter asks for.")),
        ("found", text().says("What the event has instead.")),
    ])
    .says("The first condition of the filter that the event does not meet.")
}
