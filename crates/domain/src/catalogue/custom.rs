//! The types that a deployment adds: what it writes of one, and the checks that make a type of it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Catalogue, EventType, Origin};
#[cfg(feature = "document")]
use crate::schema;
use crate::{
    event,
    input::FieldError,
    trigger::{Errors, description, name},
};

/// The most types of a deployment beside the built-in ones.
pub const MAX_TYPES: usize = 200;
/// The longest key, in bytes.
pub const MAX_KEY: usize = 64;
/// The longest sample, in bytes.
pub const MAX_SAMPLE: usize = 32 * 1024;
/// The heading of types that are given none.
pub const DEFAULT_GROUP: &str = "Custom";
/// What the keys of the service's own events begin with.
const RESERVED: &str = "webhook.";

/// A key that a deployment may give to a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomKey(String);

impl CustomKey {
    /// The key that `text` is.
    ///
    /// # Errors
    ///
    /// When it is not words of a-z, 0-9 and `_` joined by dots, is longer than [`MAX_KEY`], or is
    /// reserved.
    pub fn parse(text: &str) -> Result<Self, InvalidTypeKey> {
        let is_word = |word: &str| {
            let mut bytes = word.bytes();
            !word.is_empty() && bytes.all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
        };
        if text.starts_with(RESERVED) {
            Err(InvalidTypeKey::Reserved)
        } else if text.len() > MAX_KEY || !text.contains('.') || !text.split('.').all(is_word) {
            Err(InvalidTypeKey::Form)
        } else {
            Ok(Self(text.to_owned()))
        }
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text is no key that a deployment may give to a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTypeKey {
    /// It has another form.
    #[error(
        "the key of an event type is two or more words of a-z, 0-9 and _ joined by dots, of at most \
         {MAX_KEY} characters, e.g. invoice.paid"
    )]
    Form,
    /// It is under `webhook.`.
    #[error("keys that begin with {RESERVED} are kept for the service's own events")]
    Reserved,
}

/// A type that a deployment adds or changes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
#[serde(
    deny_unknown_fields,
    expecting = "an event type: an object with label and sample"
)]
pub struct EventTypeInput {
    /// What people are shown.
    #[cfg_attr(feature = "document", schemars(with = "schema::Name"))]
    pub label: Option<String>,
    /// The heading under which people find it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schemars(with = "Option<schema::Name>", extend("default" = DEFAULT_GROUP)))]
    pub group: Option<String>,
    /// When it happens.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schemars(with = "Option<schema::Description>", extend("default" = "")))]
    pub description: Option<String>,
    /// A realistic `data`.
    #[cfg_attr(feature = "document", schemars(with = "schema::Data"))]
    pub sample: Option<Box<RawValue>>,
    /// The umbrella whose triggers its events fire, too: a built-in "(any state)" type, or a custom
    /// type that is itself no member.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schemars(with = "Option<schema::EventTypeKey>"))]
    pub member_of: Option<String>,
}

impl EventTypeInput {
    /// The deployment's words as the type of this key, in this catalogue. Its revision is 0.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, each with its JSON pointer.
    pub fn check(
        self,
        key: &CustomKey,
        catalogue: &Catalogue,
    ) -> Result<EventType, Vec<FieldError>> {
        let mut errors = Errors::default();
        let label = errors.required("/label", self.label, name);
        let group = self.group.unwrap_or_else(|| DEFAULT_GROUP.to_owned());
        let group = errors.take("/group", name(group));
        let description = errors.take("/description", description(self.description));
        let sample = errors.required("/sample", self.sample, sample);
        let umbrella = self
            .member_of
            .map(|umbrella| membership(key.as_str(), umbrella, catalogue));
        let member_of = errors.take("/member_of", umbrella.transpose());
        match (label, group, description, sample, member_of) {
            (Some(label), Some(group), Some(description), Some(sample), Some(member_of)) => {
                Ok(EventType {
                    key: Cow::Owned(key.0.clone()),
                    label: Cow::Owned(label),
                    group: Cow::Owned(group),
                    description: Cow::Owned(description),
                    member_of: member_of.map(Cow::Owned),
                    origin: Origin::Custom,
                    revision: 0,
                    sample: Cow::Owned(sample),
                })
            }
            _ => Err(errors.into_all()),
        }
    }
}

fn sample(data: Box<RawValue>) -> Result<String, String> {
    let data = event::object(data)?;
    let length = data.get().len();
    if length > MAX_SAMPLE {
        return Err(format!("has {length} bytes; the most is {MAX_SAMPLE}"));
    }
    Ok(data.get().to_owned())
}

/// That the type `key` may be a member of `umbrella`. Members have no members: an event looks at its
/// own type's triggers and at one umbrella's.
fn membership(key: &str, umbrella: String, catalogue: &Catalogue) -> Result<String, String> {
    if umbrella == key {
        return Err("must not be the type itself".into());
    }
    let found = catalogue
        .named(&umbrella)
        .map_err(|error| error.to_string())?;
    if let Some(of) = &found.member_of {
        return Err(format!(
            "must not be a member itself, and {umbrella} is one of {of}"
        ));
    }
    if !found.takes_members() {
        return Err(format!(
            "must be an \"(any state)\" type or a custom one, and {umbrella} is neither"
        ));
    }
    let members: Vec<_> = catalogue
        .members_of(key)
        .map(|member| &*member.key)
        .collect();
    if !members.is_empty() {
        let members = members.join(", ");
        return Err(format!(
            "must not be set, because {key} has members: {members}"
        ));
    }
    Ok(umbrella)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::event::MAX_DEPTH;

    /// The type `key` as `input` says, in a catalogue of these.
    fn checked(
        key: &str,
        input: &Value,
        others: Vec<EventType>,
    ) -> Result<EventType, Vec<(String, String)>> {
        let input: EventTypeInput = serde_json::from_str(&input.to_string()).unwrap();
        input
            .check(&CustomKey::parse(key).unwrap(), &Catalogue::with(others))
            .map_err(|errors| errors.into_iter().map(|e| (e.pointer, e.detail)).collect())
    }

    fn valid(key: &str, member_of: Option<&str>) -> EventType {
        let input = json!({"label": "Paid", "sample": {"a": 1}, "member_of": member_of});
        let umbrella = member_of.filter(|of| super::super::built_in(of).is_none());
        let others = umbrella.map(|of| valid(of, None));
        checked(key, &input, others.into_iter().collect()).unwrap()
    }

    #[test]
    fn keys_are_words_joined_by_dots() {
        let longest = format!("a.{}", "b".repeat(MAX_KEY - 2));
        for key in ["invoice.paid", "a.b.c", "_.0", "webhooks.x", &longest] {
            assert_eq!(CustomKey::parse(key).unwrap().as_str(), key);
        }
        let too_long = format!("{longest}b");
        for key in [
            "", "invoice", ".", "a.", ".a", "a..b", "a.B", "a.b c", "a:b.c", "a.ü", &too_long,
        ] {
            assert_eq!(CustomKey::parse(key), Err(InvalidTypeKey::Form), "{key}");
        }
        for key in ["webhook.x", "webhook.", "webhook.action_disabled"] {
            assert_eq!(CustomKey::parse(key), Err(InvalidTypeKey::Reserved));
        }
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        let made = valid("invoice.paid", None);
        assert_eq!((&*made.label, &*made.group), ("Paid", DEFAULT_GROUP));
        assert_eq!((&*made.description, made.sample()), ("", r#"{"a":1}"#));
        assert_eq!((made.member_of, made.origin), (None, Origin::Custom));
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let input = json!({
            "label": " ", "group": "", "description": "x".repeat(2_001), "sample": [],
            "member_of": "message.snet",
        });
        let wrong = checked("invoice.paid", &input, vec![]).unwrap_err();
        let pointers: Vec<_> = wrong.iter().map(|(pointer, _)| pointer.as_str()).collect();
        assert_eq!(
            pointers,
            ["/label", "/group", "/description", "/sample", "/member_of"]
        );
        assert!(
            wrong[4].1.contains("did you mean message.sent"),
            "{wrong:?}"
        );
        let wrong = checked("invoice.paid", &json!({}), vec![]).unwrap_err();
        let required = |pointer: &str| (pointer.to_owned(), "is required".to_owned());
        assert_eq!(wrong, [required("/label"), required("/sample")]);
    }

    #[test]
    fn a_sample_is_as_deep_as_an_event_and_no_longer_than_it_may_be() {
        let sample = |sample: Value| {
            let checked = checked("a.b", &json!({"label": "L", "sample": sample}), vec![]);
            checked.map(drop).map_err(|errors| errors[0].1.clone())
        };
        let nested = |levels: usize| (1..levels).fold(json!({}), |inner, _| json!({"a": inner}));
        assert_eq!(sample(nested(MAX_DEPTH)), Ok(()));
        assert!(
            sample(nested(MAX_DEPTH + 1))
                .unwrap_err()
                .contains("deeper")
        );
        let of_length = |bytes: usize| json!({"a": "x".repeat(bytes - r#"{"a":""}"#.len())});
        assert_eq!(sample(of_length(MAX_SAMPLE)), Ok(()));
        let too_long = sample(of_length(MAX_SAMPLE + 1)).unwrap_err();
        assert_eq!(too_long, "has 32769 bytes; the most is 32768");
    }

    #[test]
    fn members_are_of_types_that_are_no_members() {
        let umbrella = valid("invoice.changed", None);
        let member = valid("invoice.paid", Some("invoice.changed"));
        let others = vec![umbrella, member];
        let refused = |key: &str, of: &str| {
            let input = json!({"label": "L", "sample": {}, "member_of": of});
            let checked = checked(key, &input, others.clone());
            checked.map(drop).map_err(|errors| errors[0].1.clone())
        };
        for of in [
            "invoice.changed",
            "participant.reminder_state_changed",
            "participant.check_in_state_changed",
        ] {
            assert_eq!(refused("invoice.sent", of), Ok(()));
        }
        for (key, of, reason) in [
            (
                "invoice.sent",
                "invoice.sent",
                "must not be the type itself",
            ),
            (
                "invoice.sent",
                "invoice.paid",
                "must not be a member itself, and invoice.paid is one of invoice.changed",
            ),
            (
                "invoice.sent",
                "participant.confirmed",
                "must not be a member itself, and participant.confirmed is one of \
                 participant.reminder_state_changed",
            ),
            (
                "invoice.sent",
                "message.sent",
                "must be an \"(any state)\" type or a custom one, and message.sent is neither",
            ),
            (
                "invoice.changed",
                "participant.check_in_state_changed",
                "must not be set, because invoice.changed has members: invoice.paid",
            ),
        ] {
            assert_eq!(refused(key, of), Err(reason.to_owned()));
        }
    }
}
