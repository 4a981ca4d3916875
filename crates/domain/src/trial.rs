//! Events to try things out with: what a caller writes for a preview or for a test of an action.
//! Either can leave the data out, and gets the type's sample.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

#[cfg(feature = "document")]
use crate::schema;
use crate::{
    catalogue::{Catalogue, EventType},
    event::{self, object},
    input::FieldError,
    time::Timestamp,
    trigger::Errors,
};

/// An event that never happened, and is in order.
#[derive(Debug)]
pub struct Trial<'c> {
    /// Its type.
    pub event_type: &'c EventType,
    /// A JSON object.
    pub data: Box<RawValue>,
    /// When it is said to have occurred, where that is said.
    pub occurred_at: Option<Timestamp>,
}

/// An event to preview: as it would be posted, or its type alone.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, expecting = "an event: an object with type")]
pub struct PreviewInput {
    /// The key of an event type, as `GET /v1/event-types` lists them.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "document", schemars(with = "schema::EventTypeKey"))]
    pub event_type: Option<String>,
    /// What happened; the type's sample unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schemars(with = "Option<schema::Data>"))]
    pub data: Option<Box<RawValue>>,
    /// When it would have happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schemars(with = "Option<Timestamp>"))]
    pub occurred_at: Option<String>,
    /// Not used: an event can be tried as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schemars(with = "Option<schema::Key>"))]
    pub id: Option<String>,
}

/// The event of a test send.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
#[serde(
    deny_unknown_fields,
    expecting = "a test: an object, with type and data if they matter"
)]
pub struct TestInput {
    /// The trigger's type, or one of its members; the trigger's unless set.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schemars(with = "Option<schema::EventTypeKey>"))]
    pub event_type: Option<String>,
    /// The event's data; the type's sample unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schemars(with = "Option<schema::Data>"))]
    pub data: Option<Box<RawValue>>,
}

impl PreviewInput {
    /// The key of its type, as it was written.
    pub fn event_type(&self) -> Option<&str> {
        self.event_type.as_deref()
    }

    /// The caller's words as an event, by the rules for events that are posted.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, each with its JSON pointer.
    pub fn check(self, catalogue: &Catalogue) -> Result<Trial<'_>, Vec<FieldError>> {
        let mut errors = Errors::default();
        let named = |key: &str| catalogue.named(key).map_err(|error| error.to_string());
        let event_type = errors.required("/type", self.event_type.as_deref(), named);
        let data = event_type.and_then(|of| errors.take("/data", data(self.data, of)));
        let occurred_at = self.occurred_at.as_deref().map(Timestamp::parse);
        let occurred_at = errors.take("/occurred_at", occurred_at.transpose());
        let id = self.id.as_deref().map(event::check_key);
        let id = errors.take("/id", id.transpose());
        match (event_type, data, occurred_at, id) {
            (Some(event_type), Some(data), Some(occurred_at), Some(_)) => Ok(Trial {
                event_type,
                data,
                occurred_at,
            }),
            _ => Err(errors.into_all()),
        }
    }
}

impl TestInput {
    /// The caller's words as an event that fires a trigger of type `trigger_type`: of that type
    /// unless they name a member of it.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, each with its JSON pointer.
    pub fn check<'c>(
        self,
        trigger_type: &'c EventType,
        catalogue: &'c Catalogue,
    ) -> Result<Trial<'c>, Vec<FieldError>> {
        let mut errors = Errors::default();
        let event_type = match self.event_type.as_deref() {
            None => Ok(trigger_type),
            Some(key) => firing(trigger_type, key, catalogue),
        };
        let event_type = errors.take("/type", event_type);
        let sample_of = event_type.unwrap_or(trigger_type);
        let data = errors.take("/data", data(self.data, sample_of));
        match (event_type, data) {
            (Some(event_type), Some(data)) => Ok(Trial {
                event_type,
                data,
                occurred_at: None,
            }),
            _ => Err(errors.into_all()),
        }
    }
}

/// The type of this key, if its events fire triggers of type `trigger_type`.
fn firing<'c>(
    trigger_type: &'c EventType,
    key: &str,
    catalogue: &'c Catalogue,
) -> Result<&'c EventType, String> {
    let members = catalogue.members_of(&trigger_type.key);
    let firing: Vec<_> = std::iter::once(trigger_type).chain(members).collect();
    let found = firing.iter().find(|event_type| event_type.key == key);
    found.copied().ok_or_else(|| {
        let keys: Vec<_> = firing.iter().map(|event_type| &*event_type.key).collect();
        let keys = keys.join(", ");
        format!("{key:?} does not fire this trigger; what does is {keys}")
    })
}

/// The data that is given, in order; the type's sample where none is.
fn data(given: Option<Box<RawValue>>, event_type: &EventType) -> Result<Box<RawValue>, String> {
    match given {
        Some(data) => object(data),
        None => Ok(serde_json::from_str(event_type.sample()).expect("samples are JSON")),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;
    use crate::catalogue::built_in;

    const UMBRELLA: &str = "participant.reminder_state_changed";
    static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(Catalogue::default);

    fn preview(body: &str) -> Result<Trial<'static>, Vec<FieldError>> {
        let input: PreviewInput = serde_json::from_str(body).unwrap();
        input.check(&CATALOGUE)
    }

    fn test(body: &str) -> Result<Trial<'static>, Vec<FieldError>> {
        let input: TestInput = serde_json::from_str(body).unwrap();
        input.check(built_in(UMBRELLA).unwrap(), &CATALOGUE)
    }

    fn pointers(errors: &[FieldError]) -> Vec<&str> {
        errors.iter().map(|error| error.pointer.as_str()).collect()
    }

    #[test]
    fn data_that_is_left_out_is_the_sample_of_the_type() {
        let trial = preview(r#"{"type":"message.sent"}"#).unwrap();
        assert_eq!(trial.data.get().trim(), trial.event_type.sample().trim());
        let trial = test(r#"{"type":"participant.confirmed"}"#).unwrap();
        assert_eq!(trial.event_type.key, "participant.confirmed");
        assert_eq!(trial.data.get().trim(), trial.event_type.sample().trim());
    }

    #[test]
    fn a_preview_takes_an_event_as_it_would_be_posted() {
        let trial = preview(
            r#"{"type":"message.sent","data":{ "n":1 },"occurred_at":"2026-11-23T15:04:05Z","id":"a"}"#,
        )
        .unwrap();
        assert_eq!(trial.data.get(), r#"{ "n":1 }"#);
        assert!(trial.occurred_at.is_some());

        let errors = preview(r#"{"type":"message.sent","data":[],"occurred_at":"noon","id":""}"#)
            .unwrap_err();
        assert_eq!(pointers(&errors), ["/data", "/occurred_at", "/id"]);
        let errors = preview(r#"{"type":"message.snt"}"#).unwrap_err();
        assert_eq!(pointers(&errors), ["/type"]);
        assert!(errors[0].detail.contains("message.sent"));
        assert_eq!(pointers(&preview("{}").unwrap_err()), ["/type"]);
    }

    #[test]
    fn a_test_is_of_a_type_that_fires_the_trigger() {
        let types = ["{}", r#"{"type":"participant.invite_sent"}"#];
        let types = types.map(|body| &*test(body).unwrap().event_type.key);
        assert_eq!(types, [UMBRELLA, "participant.invite_sent"]);
        let errors = test(r#"{"type":"message.sent","data":"x"}"#).unwrap_err();
        assert_eq!(pointers(&errors), ["/type", "/data"]);
        for key in ["message.sent", UMBRELLA, "participant.not_coming"] {
            assert!(errors[0].detail.contains(key), "{}", errors[0].detail);
        }
    }
}
