//! What is sent and what is answered, a file for each kind of thing.

mod accounts;
mod actions;
mod deliveries;
mod event_types;
mod events;
mod filters;
mod previews;
mod triggers;

use domain::{
    account,
    id::{ActionId, ApiKeyId, DeliveryId, EventId, TriggerId},
    trigger::MAX_NAME,
};
use serde_json::{Map, Value};

pub(crate) use events::one_or_several;

use crate::document::{
    problems,
    schema::{Schema, id, list, object, of, one_of, text},
};

/// A schema and its name among the components.
pub(crate) type Named = (&'static str, Schema);

/// All schemas, by their names among the components; those of `more`, too.
pub(crate) fn all(more: impl IntoIterator<Item = Named>) -> Map<String, Value> {
    [
        problems::schemas(),
        event_types::schemas(),
        filters::schemas(),
        triggers::schemas(),
        actions::schemas(),
        events::schemas(),
        previews::schemas(),
        deliveries::schemas(),
        accounts::schemas(),
    ]
    .into_iter()
    .flatten()
    .chain(more)
    .map(|(name, schema)| (name.to_owned(), schema.into()))
    .collect()
}

/// A name that a person gives.
pub(crate) fn name() -> Schema {
    text()
        .not_empty()
        .at_most(MAX_NAME)
        .like("^[^\\u0000-\\u001f\\u007f-\\u009f]*[^\\s\\u0000-\\u001f\\u007f-\\u009f][^\\u0000-\\u001f\\u007f-\\u009f]*$")
}

/// The key of an event type, custom ones included.
pub(crate) fn event_type() -> Schema {
    text()
        .not_empty()
        .says("The key of an event type, as `GET /v1/event-types` lists them.")
}

/// The methods that a webhook can have.
fn method() -> Schema {
    one_of(["POST", "PUT", "PATCH", "DELETE"]).says("The method of its requests.")
}

/// The id of an account.
pub(crate) fn account_id() -> Schema {
    text()
        .like("^[A-Za-z0-9_-]+$")
        .not_empty()
        .at_most(account::MAX_LEN)
}

pub(crate) fn trigger_id() -> Schema {
    id(TriggerId::PREFIX).says("The trigger's id.")
}

/// Ids of triggers in a parameter: as many as a page can show.
pub(crate) fn trigger_ids() -> Schema {
    text().like("^trg_[0-9A-HJKMNP-TV-Z]{26}(,trg_[0-9A-HJKMNP-TV-Z]{26}){0,199}$")
}

pub(crate) fn action_id() -> Schema {
    id(ActionId::PREFIX).says("The action's id.")
}

pub(crate) fn api_key_id() -> Schema {
    id(ApiKeyId::PREFIX).says("The key's id.")
}

fn event_id() -> Schema {
    id(EventId::PREFIX).says("The event's id.")
}

fn delivery_id() -> Schema {
    id(DeliveryId::PREFIX).says("The delivery's id: the `webhook-id` of each of its attempts.")
}

/// A page of a list.
pub(crate) fn page(items: &str) -> Schema {
    object([
        ("data", list(of(items)).says("The items of this page.")),
        ("next_cursor", next_cursor()),
    ])
}

/// Where the next page starts.
fn next_cursor() -> Schema {
    text()
        .like("^[A-Za-z0-9_-]+$")
        .says("The `cursor` of the next page; null on the last one.")
        .or_null()
}
