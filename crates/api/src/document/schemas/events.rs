//! Events: what is posted, and what is kept of it.

use domain::{
    event::{MAX_BATCH, MAX_DEPTH, cloud_event::MAX_IDENTIFIER},
    matching::MAX_UNEVALUATED_NAMED,
    page::MAX_LIMIT,
};
use serde_json::json;

use super::{Named, action_id, delivery_id, event_id, event_type, page, trigger_id};
use crate::document::{
    parameters,
    schema::{
        Schema, any_object, constant, count, either, flag, list, object, of, one_of, text, time,
        time_given,
    },
};

pub(super) fn schemas() -> Vec<Named> {
    vec![
        ("NewEvent", new()),
        (
            "NewEvents",
            list(of("NewEvent")).not_empty().at_most(MAX_BATCH),
        ),
        ("CloudEvent", cloud_event()),
        ("CloudEvents", list(of("CloudEvent")).at_most(MAX_BATCH)),
        ("AcceptedEvent", accepted()),
        (
            "AcceptedEvents",
            list(of("AcceptedEvent")).at_most(MAX_BATCH),
        ),
        ("Event", object(row())),
        ("Events", page("Event")),
        ("EventDetails", details()),
    ]
}

/// What happened.
pub(super) fn data() -> Schema {
    any_object().says(format!(
        "What happened: any JSON object, nested {MAX_DEPTH} levels deep at most."
    ))
}

fn new() -> Schema {
    object([
        ("type", event_type()),
        ("data", data()),
        (
            "occurred_at?",
            time_given()
                .says("When it happened; when it came unless set.")
                .or_null(),
        ),
        (
            "id?",
            parameters::key()
                .says("The main app's own id, under which it is accepted once.")
                .or_null(),
        ),
    ])
}

/// Attributes that are null are as good as missing; extensions are texts, booleans and whole numbers
/// of 32 bits.
fn cloud_event() -> Schema {
    let identifier = || text().not_empty().at_most(MAX_IDENTIFIER);
    let json_type = text().like(r"^[^/;]+/([^/;]+\+)?[Jj][Ss][Oo][Nn]\s*(;.*)?$");
    let members = [
        ("specversion", constant("1.0")),
        (
            "id",
            identifier().says("With `source`, what it is accepted once under."),
        ),
        (
            "source",
            identifier()
                .with("format", "uri-reference")
                .says("Where it comes from: a URI-reference (RFC 3986)."),
        ),
        ("type", event_type()),
        ("time?", time_given().says("When it happened.").or_null()),
        (
            "datacontenttype?",
            json_type
                .says("The media type of the data: JSON's.")
                .or_null(),
        ),
        ("data?", data()),
        (
            "data_base64?",
            text()
                .says("The data as base64 of JSON, in the place of `data`.")
                .or_null(),
        ),
        ("subject?", text().not_empty().says("Not kept.").or_null()),
        (
            "dataschema?",
            text()
                .not_empty()
                .with("format", "uri")
                .says("An absolute URI. Not kept.")
                .or_null(),
        ),
    ];
    object(members)
        .with(
            "additionalProperties",
            json!({
                "type": ["string", "integer", "boolean", "null"],
                "minimum": i32::MIN, "maximum": i32::MAX,
            }),
        )
        .with(
            "propertyNames",
            json!({ "pattern": "^([a-z0-9]+|data_base64)$" }),
        )
        .with(
            "oneOf",
            json!([{ "required": ["data"] }, { "required": ["data_base64"] }]),
        )
        .says("A CloudEvent 1.0. Extensions may be there and are not kept.")
}

fn accepted() -> Schema {
    let owed = object([
        ("id", delivery_id()),
        ("trigger_id", trigger_id()),
        ("action_id", action_id()),
    ]);
    let mut members = vec![
        ("id", event_id()),
        ("type", event_type()),
        ("deliveries", list(owed).says("The webhooks that are owed.")),
        (
            "duplicate",
            flag().says("Whether it was there already. The ids are then those of before."),
        ),
    ];
    members.extend(omitted());
    object(members)
}

/// What an event has no deliveries for, though it may match.
fn omitted() -> [Named; 2] {
    let reason = one_of(["filter_too_expensive", "event_too_expensive"]).says(
        "`filter_too_expensive`: it takes more steps than one filter may. `event_too_expensive`: the \
         account's filters together had taken the event's steps.",
    );
    let trigger = object([("id", trigger_id()), ("reason", reason)]);
    let triggers = object([
        ("count", count().says("How many triggers.")),
        (
            "triggers",
            list(trigger)
                .at_most(MAX_UNEVALUATED_NAMED)
                .says(format!("The first {MAX_UNEVALUATED_NAMED}.")),
        ),
    ]);
    let deliveries = object([
        (
            "count",
            count().says("How many, those that are listed as `skipped` included."),
        ),
        ("limit", count().says("The most that one event creates.")),
    ]);
    [
        (
            "unevaluated_triggers?",
            triggers.says(
                "The triggers that did not fire because their filters take too many steps on this \
                 event. There where there are any, when it was last matched.",
            ),
        ),
        (
            "omitted_deliveries?",
            deliveries.says(
                "The deliveries that the event would have had, had it not as many as one event may \
                 have (`max_deliveries_per_event`). There where there are any, when it was last \
                 matched.",
            ),
        ),
    ]
}

fn row() -> Vec<Named> {
    let mut members = vec![
        ("id", event_id()),
        ("type", event_type()),
        ("occurred_at", time().says("When it happened.")),
        ("received_at", time().says("When it came.")),
        ("producer_id?", text().says("The main app's own id.")),
        ("source?", text().says("A CloudEvent's source.")),
        (
            "test",
            flag().says("Whether it was made up to test an action."),
        ),
    ];
    members.extend(omitted());
    members
}

fn details() -> Schema {
    let mut members = row();
    members.push(("data", data()));
    members.push((
        "deliveries",
        list(of("Delivery"))
            .at_most(MAX_LIMIT)
            .says("What came of it, the newest first. `GET …/deliveries?event=` has those beyond."),
    ));
    object(members)
}

/// An event, or several.
pub(crate) fn one_or_several(one: &str, several: &str) -> Schema {
    either([of(one), of(several)])
}

/// What a preview takes: an event as it would be posted, or its type alone.
pub(super) fn for_preview() -> Schema {
    object([
        ("type", event_type()),
        (
            "data?",
            data().says("The type's sample unless set.").or_null(),
        ),
        (
            "occurred_at?",
            time_given().says("When it would have happened.").or_null(),
        ),
        (
            "id?",
            parameters::key()
                .says("Not used; here so that an event can be tried as it is.")
                .or_null(),
        ),
    ])
}
