//! Deliveries and their attempts.

use domain::delivery::Status;

use super::{Named, action_id, delivery_id, event_id, event_type, page, trigger_id};
use crate::document::schema::{
    Schema, count, either, flag, integer, list, map, object, of, one_of, text, time, time_given,
};

pub(super) fn schemas() -> Vec<Named> {
    vec![
        ("Delivery", object(row())),
        ("Deliveries", page("Delivery")),
        ("DeliveryDetails", details()),
        ("DeliveryStatus", status()),
        ("Attempt", attempt()),
        ("Recovery", recovery()),
        (
            "Recovered",
            object([(
                "recovered",
                count().says("How many deliveries are due now."),
            )]),
        ),
        ("Run", run()),
    ]
}

fn status() -> Schema {
    one_of(Status::ALL.map(Status::as_str)).says(
        "`pending`: waits for its first attempt or the next; `delivering`: an attempt is under \
         way; `succeeded`; `failed`: given up; `canceled`: action or trigger was deleted or \
         disabled since, or somebody canceled it; `skipped`: trigger or action was disabled when \
         the event came, or the event has as many deliveries as one event may have.",
    )
}

fn row() -> Vec<Named> {
    vec![
        ("id", delivery_id()),
        ("event_id", event_id()),
        ("trigger_id", trigger_id()),
        ("action_id", action_id()),
        ("type", event_type()),
        ("status", of("DeliveryStatus")),
        ("reason?", text().says("Why it stands so, or why it waits.")),
        ("attempt_count", count().says("The attempts made.")),
        ("next_attempt_at?", time().says("When the next is due.")),
        ("created_at", time().says("When it came to be.")),
        ("test", flag().says("Whether it is a test of the action.")),
    ]
}

fn details() -> Schema {
    let mut members = row();
    let attempts = list(of("Attempt")).says("Its attempts, the first first.");
    members.push(("attempts", attempts));
    object(members)
}

fn attempt() -> Schema {
    object([
        (
            "number",
            integer(1..=u64::from(u32::MAX)).says("1 for the first."),
        ),
        ("started_at", time().says("When it started.")),
        (
            "duration_ms",
            count().says("How long it took, in milliseconds."),
        ),
        (
            "status_code?",
            integer(100..=999).says("The status of the response, if one came."),
        ),
        ("error?", text().says("What went wrong.")),
        (
            "request_headers",
            map(text()).says("What was sent. The values of custom headers are not shown."),
        ),
        (
            "response_headers",
            map(either([text(), list(text())])).says(
                "What came. The values of a header that came several times are joined with commas; \
                 those of `set-cookie` are a list.",
            ),
        ),
        (
            "response_body",
            text()
                .says("The beginning of what came; null where nothing did.")
                .or_null(),
        ),
    ])
}

fn recovery() -> Schema {
    object([
        ("since", time_given().says("From this time on.")),
        ("until?", time_given().says("Before this time.").or_null()),
        (
            "trigger?",
            trigger_id().says("Of this trigger only.").or_null(),
        ),
        (
            "action?",
            action_id().says("Of this action only.").or_null(),
        ),
    ])
}

fn run() -> Schema {
    object([
        ("claimed", count().says("The deliveries that it took on.")),
        ("succeeded", count().says("Of these, those that arrived.")),
        ("retrying", count().says("Those that will be tried again.")),
        ("failed", count().says("Those that were given up.")),
        (
            "next_due_at",
            time()
                .says("When the next delivery of any account is due; null when none is.")
                .or_null(),
        ),
        (
            "put_off",
            flag().says(
                "Whether something is left for the next hour, because this hour's requests are used up.",
            ),
        ),
    ])
}
