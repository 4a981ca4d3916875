//! Parameters in paths, queries and headers.

use domain::{
    account::AccountId,
    catalogue::MAX_KEY,
    id::{ActionId, ApiKeyId, DeliveryId, EventId, TriggerId},
    page::{DEFAULT_LIMIT, MAX_LIMIT},
    schema::Key,
    time::Timestamp,
};
use serde_json::{Map, Value, json};

use crate::document::{
    examples,
    schema::{Schema, flag, integer, text, value},
};

/// The parameters that several operations have, by their names among the components.
pub(crate) fn all() -> Map<String, Value> {
    let path = |name: &str, schema: Schema, description: &str, example: &str| {
        json!({
            "name": name, "in": "path", "required": true, "description": description,
            "schema": Value::from(schema), "example": example,
        })
    };
    [
        (
            "account",
            path(
                "account",
                value::<AccountId>(),
                "The account's id, as the main app chose it. An account needs no creation.",
                examples::ACCOUNT,
            ),
        ),
        (
            "trigger",
            path(
                "trigger",
                value::<TriggerId>(),
                "The trigger's id.",
                examples::TRIGGER,
            ),
        ),
        (
            "action",
            path(
                "action",
                value::<ActionId>(),
                "The action's id.",
                examples::ACTION,
            ),
        ),
        (
            "event",
            path(
                "event",
                value::<EventId>(),
                "The event's id.",
                examples::EVENT,
            ),
        ),
        (
            "delivery",
            path(
                "delivery",
                value::<DeliveryId>(),
                "The delivery's id.",
                examples::DELIVERY,
            ),
        ),
        (
            "api_key",
            path(
                "api_key",
                value::<ApiKeyId>(),
                "The API key's id.",
                examples::API_KEY,
            ),
        ),
        (
            "key",
            path(
                "key",
                text().not_empty().at_most(MAX_KEY),
                "The event type's key.",
                examples::CUSTOM_TYPE,
            ),
        ),
        (
            "limit",
            query(
                "limit",
                integer(1..=MAX_LIMIT as u64).default(DEFAULT_LIMIT),
                "The most items of a page.",
            ),
        ),
        (
            "cursor",
            query(
                "cursor",
                text().not_empty(),
                "Where the page starts: the `next_cursor` of the page before.",
            ),
        ),
        (
            "type",
            query(
                "type",
                text(),
                "Those of this event type only. It has to be a type of the catalogue.",
            ),
        ),
        (
            "test",
            query(
                "test",
                flag(),
                "`true`: tests of actions only; `false`: without them.",
            ),
        ),
        (
            "since",
            query(
                "since",
                value::<Timestamp>(),
                "Those that came to be at this time or later.",
            ),
        ),
        (
            "until",
            query(
                "until",
                value::<Timestamp>(),
                "Those that came to be before this time.",
            ),
        ),
        (
            "if-match",
            json!({
                "name": "If-Match", "in": "header", "schema": { "type": "string" },
                "description": "The `ETag` that was read, or several with commas between them. \
                                When there is another version by now, the answer is 412 and \
                                nothing changes. `*` is any version. Weak tags (`W/…`) never match.",
                "example": "\"1\"",
            }),
        ),
        (
            "if-none-match",
            json!({
                "name": "If-None-Match", "in": "header", "schema": { "type": "string" },
                "description": "Entity tags with commas between them, or `*` for any version. A \
                                `GET` of a version that is named answers 304; a change of one \
                                answers 412, so `PUT` with `*` creates and never replaces.",
                "example": "\"1\"",
            }),
        ),
        (
            "idempotency-key",
            header(
                "Idempotency-Key",
                value::<Key>(),
                "The request is done once under it, however often it is sent, and answered with \
                 what it created then. Another request to this path under it answers 422. It \
                 stands for an array as a whole, and is kept as long as events are.",
            ),
        ),
    ]
    .map(|(name, parameter)| (name.to_owned(), parameter))
    .into_iter()
    .collect()
}

/// A parameter of these components.
pub(crate) fn shared(name: &str) -> Value {
    json!({ "$ref": format!("#/components/parameters/{name}") })
}

/// The parameter that a path's template names.
pub(crate) fn in_path(name: &str) -> Value {
    shared(name)
}

/// A parameter of the query that may be missing.
pub(crate) fn query(name: &str, schema: Schema, description: &str) -> Value {
    json!({
        "name": name, "in": "query", "description": description, "schema": Value::from(schema),
    })
}

/// A header that may be missing.
pub(crate) fn header(name: &str, schema: Schema, description: &str) -> Value {
    json!({
        "name": name, "in": "header", "description": description, "schema": Value::from(schema),
    })
}
