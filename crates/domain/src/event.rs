//! Events: what the main app posts.
//!
//! A request has one of several forms, read by [`Posted`]: an event alone, an array of them, or
//! [CloudEvents](cloud_event). All end as [`NewEvent`]s.

pub mod cloud_event;
mod posted;

use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};
use sha2::{Digest as _, Sha256};

pub use posted::{Events, MAX_BATCH, Posted};

#[cfg(feature = "document")]
use crate::schema;
use crate::{
    catalogue::{Catalogue, EventType},
    input::{
        FieldError,
        exact::{self, Repeats},
    },
    number,
    time::Timestamp,
};

/// The deepest nesting of objects and arrays in an event's data: what every reader of JSON takes.
pub const MAX_DEPTH: usize = 100;

/// The longest idempotency key or producer's id, in bytes.
pub const MAX_KEY: usize = 255;

/// An event that is in order.
#[derive(Debug)]
pub struct NewEvent<'c> {
    /// Its type.
    pub event_type: &'c EventType,
    /// A JSON object, to the letter as it came.
    pub data: Box<RawValue>,
    /// When it occurred, where the main app said so.
    pub occurred_at: Option<Timestamp>,
    /// The main app's own id for it, under which it is accepted once.
    pub producer_id: Option<String>,
    /// A CloudEvent's `source`: such an event is accepted once under that and its id together.
    pub source: Option<String>,
    /// SHA-256 of what was sent: tells a repetition from another event under the same key.
    pub fingerprint: [u8; 32],
}

// Members that are required are options, too: `check` names everything that is wrong at once.
/// An event as the main app posts it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(
    feature = "document",
    derive(schemars::JsonSchema),
    schemars(rename = "NewEvent")
)]
#[serde(
    deny_unknown_fields,
    expecting = "an event: an object with type and data"
)]
pub struct EventInput {
    /// The key of an event type, as `GET /v1/event-types` lists them.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schemars(with = "schema::EventTypeKey"))]
    pub event_type: Option<String>,
    /// What happened: any JSON object.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schemars(with = "schema::Data"))]
    pub data: Option<Box<RawValue>>,
    /// When it happened; when it came unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schemars(with = "Option<Timestamp>"))]
    pub occurred_at: Option<String>,
    /// The main app's own id, under which it is accepted once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schemars(with = "Option<schema::Key>"))]
    pub id: Option<String>,
}

impl EventInput {
    /// An event of this type with this data, a JSON object.
    pub fn new(event_type: impl Into<String>, data: Value) -> Self {
        Self {
            event_type: Some(event_type.into()),
            data: RawValue::from_string(data.to_string()).ok(),
            ..Self::default()
        }
    }

    /// The same event under the main app's own id: 1 to 255 visible ASCII characters.
    #[must_use]
    pub fn with_id(self, id: impl Into<String>) -> Self {
        Self {
            id: Some(id.into()),
            ..self
        }
    }

    /// The same event, which happened at this time.
    #[must_use]
    pub fn at(self, time: Timestamp) -> Self {
        Self {
            occurred_at: Some(time.to_string()),
            ..self
        }
    }

    /// The key of its type, as it was written.
    pub fn event_type(&self) -> Option<&str> {
        self.event_type.as_deref()
    }

    /// The main app's words as an event.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, each with its JSON pointer.
    pub fn check(self, catalogue: &Catalogue) -> Result<NewEvent<'_>, Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut check = |pointer: &str, error: String| errors.push(FieldError::new(pointer, error));

        let event_type = self
            .event_type
            .as_deref()
            .ok_or_else(|| "is required".to_owned());
        let event_type = event_type
            .and_then(|key| catalogue.postable(key).map_err(|error| error.to_string()))
            .map_err(|error| check("/type", error))
            .ok();
        let data = self
            .data
            .ok_or_else(|| FieldError::new("", "is required"))
            .and_then(exact_object);
        let data = data.map_err(|error| check(&format!("/data{}", error.pointer), error.detail));
        let occurred_at = self
            .occurred_at
            .as_deref()
            .map(Timestamp::parse)
            .transpose();
        let occurred_at = occurred_at.map_err(|error| check("/occurred_at", error.to_string()));
        let producer_id = self.id.as_deref().map(check_key).transpose();
        let producer_id = producer_id.map_err(|error| check("/id", error.to_string()));

        match (event_type, data, occurred_at, producer_id) {
            (Some(event_type), Ok(data), Ok(occurred_at), Ok(producer_id)) => {
                let time = occurred_at.map_or(String::new(), |time| time.to_string());
                let id = producer_id.as_deref().unwrap_or_default();
                let fingerprint = fingerprint([&event_type.key, &time, id], &data);
                Ok(NewEvent {
                    event_type,
                    data,
                    occurred_at,
                    producer_id,
                    source: None,
                    fingerprint,
                })
            }
            _ => Err(errors),
        }
    }
}

/// SHA-256 of these texts, none of which has a NUL, and of what the data say: the same whatever the
/// order of members, the white space, and the way in which numbers and texts are written.
fn fingerprint<const N: usize>(texts: [&str; N], data: &RawValue) -> [u8; 32] {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update(text);
        hash.update([0]);
    }
    match serde_json::from_str(data.get()) {
        Ok(value) => hash_value(&value, &mut hash),
        Err(_) => hash.update(data.get()),
    }
    hash.finalize().into()
}

/// Hashes a value as JSON with the members of objects in order. It nests no deeper than
/// [`MAX_DEPTH`].
pub(crate) fn hash_value(value: &Value, hash: &mut Sha256) {
    match value {
        Value::Number(number) => hash.update(number::canonical(number.as_str())),
        Value::Array(elements) => {
            hash.update("[");
            for element in elements {
                hash_value(element, hash);
                hash.update(",");
            }
            hash.update("]");
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            hash.update("{");
            for (name, value) in members {
                hash.update(Value::from(name.as_str()).to_string());
                hash.update(":");
                hash_value(value, hash);
                hash.update(",");
            }
            hash.update("}");
        }
        Value::Null | Value::Bool(_) | Value::String(_) => hash.update(value.to_string()),
    }
}

/// Data that is an [`object`], in which nothing would be lost or misread.
fn exact_object(data: Box<RawValue>) -> Result<Box<RawValue>, FieldError> {
    let data = object(data).map_err(|error| FieldError::new("", error))?;
    exact::check(&data, Repeats::Allowed)?;
    Ok(data)
}

/// Data that is an object, nested no deeper than [`MAX_DEPTH`].
pub(crate) fn object(data: Box<RawValue>) -> Result<Box<RawValue>, String> {
    match data.get().as_bytes().first() {
        Some(b'{') if depth(data.get()) > MAX_DEPTH => {
            Err(format!("is nested deeper than {MAX_DEPTH} levels"))
        }
        Some(b'{') => Ok(data),
        Some(b'[') => Err("must be a JSON object, not an array".into()),
        _ => Err("must be a JSON object".into()),
    }
}

/// How deep the objects and arrays of a JSON text are nested.
fn depth(json: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_string, mut escaped) = (false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// The text is no idempotency key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("has to be 1 to {MAX_KEY} visible ASCII characters")]
pub struct InvalidKey;

/// An idempotency key, or a producer's id, that is in order.
///
/// # Errors
///
/// When it is empty, too long, or has spaces or characters outside ASCII.
pub fn check_key(text: &str) -> Result<String, InvalidKey> {
    let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    if text.is_empty() || text.len() > MAX_KEY || !visible {
        return Err(InvalidKey);
    }
    Ok(text.to_owned())
}

#[cfg(test)]
fn built_in() -> &'static Catalogue {
    static CATALOGUE: std::sync::LazyLock<Catalogue> = std::sync::LazyLock::new(Catalogue::default);
    &CATALOGUE
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The event of a body, by the built-in types.
    fn parse(body: &str) -> Result<NewEvent<'static>, Vec<FieldError>> {
        let input: EventInput = serde_json::from_str(body).unwrap();
        input.check(built_in())
    }

    fn errors(body: &str) -> Vec<(String, String)> {
        let errors = parse(body).unwrap_err().into_iter();
        errors.map(|error| (error.pointer, error.detail)).collect()
    }

    #[test]
    fn data_is_kept_to_the_letter() {
        let body = r#"{"type":"message.sent","data":{ "n": 1e300, "b":1,"a":2.0 }}"#;
        let event = parse(body).unwrap();
        assert_eq!(event.data.get(), r#"{ "n": 1e300, "b":1,"a":2.0 }"#);
        assert_eq!(event.event_type.key, "message.sent");
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let found = errors(r#"{"type":"message.snt","data":[],"occurred_at":"noon","id":"a b"}"#);
        let pointers: Vec<_> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
        assert_eq!(pointers, ["/type", "/data", "/occurred_at", "/id"]);
        assert!(found[0].1.contains("message.sent"), "{}", found[0].1);
        assert_eq!(errors("{}").len(), 2);
    }

    #[test]
    fn the_services_own_events_cant_be_posted() {
        for event_type in &crate::catalogue::OPERATOR {
            let key = &event_type.key;
            let found = errors(&format!(r#"{{"type":"{key}","data":{{}}}}"#));
            assert_eq!(found[0].0, "/type");
            assert!(found[0].1.contains("can't be posted"), "{}", found[0].1);
        }
    }

    #[test]
    fn data_nested_too_deep_is_refused() {
        let nested = |levels: usize| {
            let (open, close) = ("[".repeat(levels - 1), "]".repeat(levels - 1));
            format!(r#"{{"type":"message.sent","data":{{"a":{open}"}}\"[[{{"{close}}}}}"#)
        };
        assert!(parse(&nested(MAX_DEPTH)).is_ok());
        let found = errors(&nested(MAX_DEPTH + 1));
        assert_eq!(found[0].0, "/data");
        assert!(found[0].1.contains("deeper"), "{}", found[0].1);
    }

    #[test]
    fn data_that_would_be_lost_is_refused() {
        for (data, pointer) in [
            (r#"{"a":["\ud83d"]}"#, "/data/a/0"),
            (r#"{"\udc00":1}"#, "/data/\\udc00"),
            (r#"{"a":{"b":1e400}}"#, "/data/a/b"),
        ] {
            let found = errors(&format!(r#"{{"type":"message.sent","data":{data}}}"#));
            assert_eq!(found[0].0, pointer, "{data}");
        }
    }

    #[test]
    fn the_fingerprint_is_that_of_the_value() {
        let print = |body: &str| parse(body).unwrap().fingerprint;
        let time = "2026-11-23T15:04:05Z";
        let base = print(&format!(
            r#"{{"type":"message.sent","data":{{"a":[1,"é"],"b":{{"c":10,"d":0}}}},"occurred_at":"{time}"}}"#
        ));
        for same in [
            r#"{"data":{"b":{"d":-0.0,"c":1e1},"a":[1.0,"\u00e9"]},"occurred_at":"2026-11-23T15:04:05.000Z","type":"message.sent"}"#,
            r#" {"type":"message.sent","data":{ "a":[1, "é"], "b":{"c":10.0,"d":0} },"occurred_at":"2026-11-23T16:04:05+01:00"}"#,
        ] {
            assert_eq!(base, print(same), "{same}");
        }
        for other in [
            r#"{"a":["é",1]}"#,
            r#"{"a":[1],"b":1}"#,
            r#"{"a":"[1]"}"#,
            r#"{"a":[[1]]}"#,
            "{}",
        ] {
            let other =
                format!(r#"{{"type":"message.sent","data":{other},"occurred_at":"{time}"}}"#);
            assert_ne!(base, print(&other), "{other}");
        }
    }

    #[test]
    fn the_fingerprint_tells_every_difference() {
        let print = |body: &str| parse(body).unwrap().fingerprint;
        let base = print(r#"{"type":"message.sent","data":{}}"#);
        assert_eq!(base, print(r#" { "data":{}, "type":"message.sent" }"#));
        for other in [
            r#"{"type":"message.failed","data":{}}"#,
            r#"{"type":"message.sent","data":{"a":1}}"#,
            r#"{"type":"message.sent","data":{},"id":"x"}"#,
            r#"{"type":"message.sent","data":{},"occurred_at":"2026-11-23T15:04:05Z"}"#,
        ] {
            assert_ne!(base, print(other), "{other}");
        }
    }
}
