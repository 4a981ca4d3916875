//! The catalogue: the event types that the main app can post, in the order people see them.
//!
//! 20 types are built in; a deployment adds its own, and three more are the service's, which it causes
//! itself. A key names a type in the API and in the
//! stores; a label is what people are shown. Built-in types whose label ends in "(any state)" are
//! *umbrellas*: an event of one of their members also fires the umbrella's triggers. An umbrella can
//! be posted itself, for a state that has no type of its own.
//!
//! Every type has a sample of its `data`. All built-in samples tell one story, of one participant
//! and one appointment, so that test sends, previews and docs agree with each other.

mod built_in;
mod custom;
mod nearest;

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

pub use built_in::{BUILT_IN, OPERATOR};
pub use custom::{
    CustomKey, DEFAULT_GROUP, EventTypeInput, InvalidTypeKey, MAX_KEY, MAX_SAMPLE, MAX_TYPES,
};
pub use nearest::nearest_among;

/// A kind of event. A custom one serialises as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventType {
    /// The stable name, e.g. `participant.confirmed`.
    pub key: Cow<'static, str>,
    /// What people are shown, e.g. "Participant confirmed".
    pub label: Cow<'static, str>,
    /// The heading under which people find it.
    pub group: Cow<'static, str>,
    /// When it happens, in a sentence.
    pub description: Cow<'static, str>,
    /// The key of the umbrella type whose triggers fire too when an event of this type comes.
    pub member_of: Option<Cow<'static, str>>,
    /// Who made it.
    #[serde(skip, default = "Origin::custom")]
    pub origin: Origin,
    /// Of a custom type: grows with every change to it, and from one of its key to the next; 0 of a
    /// built-in one.
    pub revision: u64,
    #[serde(with = "raw")]
    sample: Cow<'static, str>,
}

/// Who made a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It is one of the 20.
    BuiltIn,
    /// The deployment added it.
    Custom,
    /// It is one of the service's own, see [`operator`](crate::operator).
    Operator,
}

impl Origin {
    const fn custom() -> Self {
        Self::Custom
    }
}

impl EventType {
    /// A realistic `data` object, as JSON text.
    pub fn sample(&self) -> &str {
        &self.sample
    }

    /// Whether others may be members of it.
    fn takes_members(&self) -> bool {
        match self.origin {
            Origin::BuiltIn => self.label.ends_with("(any state)"),
            Origin::Custom => self.member_of.is_none(),
            Origin::Operator => false,
        }
    }
}

/// A text that is JSON, stored as what it says: what was stored is JSON when it is read, too.
mod raw {
    use super::*;

    pub(super) fn serialize<S: Serializer>(json: &str, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(json).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Cow<'static, str>, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Ok(Cow::Owned(raw.get().to_owned()))
    }
}

/// The types of a deployment: the built-in ones and its own, which are what is stored of it.
/// [`Catalogue::default`] has the built-in ones alone.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Catalogue {
    custom: Vec<EventType>,
}

impl Catalogue {
    /// The built-in types, and these.
    pub fn with(custom: Vec<EventType>) -> Self {
        Self { custom }
    }

    /// All types, in the catalogue's order: the built-in ones, the deployment's own, the service's.
    pub fn all(&self) -> impl Iterator<Item = &EventType> {
        BUILT_IN.iter().chain(&self.custom).chain(&OPERATOR)
    }

    /// The types that the deployment added.
    pub fn custom(&self) -> &[EventType] {
        &self.custom
    }

    /// The type with exactly this key.
    pub fn find(&self, key: &str) -> Option<&EventType> {
        self.all().find(|event_type| event_type.key == key)
    }

    /// The type with exactly this key, for somebody who named it.
    ///
    /// # Errors
    ///
    /// With the keys that they may have meant.
    pub fn named(&self, key: &str) -> Result<&EventType, UnknownType> {
        self.find(key).ok_or_else(|| UnknownType {
            key: key.to_owned(),
            nearest: self.nearest(key).into_iter().map(str::to_owned).collect(),
        })
    }

    /// Takes in a type that the deployment adds or changes.
    pub fn put(&mut self, event_type: EventType) {
        let mut custom = self.custom.iter_mut();
        match custom.find(|present| present.key == event_type.key) {
            Some(present) => *present = event_type,
            None => self.custom.push(event_type),
        }
    }

    /// Drops the custom type with this key, if it is there.
    pub fn remove(&mut self, key: &str) {
        self.custom.retain(|event_type| event_type.key != key);
    }

    /// The type with exactly this key, for the main app that posts an event of it.
    ///
    /// # Errors
    ///
    /// When there is none, or the service alone causes its events.
    pub fn postable(&self, key: &str) -> Result<&EventType, NotPostable> {
        let found = self.named(key)?;
        match found.origin {
            Origin::BuiltIn | Origin::Custom => Ok(found),
            Origin::Operator => Err(NotPostable::Operator(key.to_owned())),
        }
    }

    /// The types whose events also fire this type's triggers.
    pub fn members_of(&self, umbrella: &str) -> impl Iterator<Item = &EventType> {
        self.all()
            .filter(move |event_type| event_type.member_of.as_deref() == Some(umbrella))
    }

    /// The catalogue's keys that come nearest, see [`nearest_among`].
    ///
    /// ```
    /// let catalogue = domain::catalogue::Catalogue::default();
    /// assert_eq!(catalogue.nearest("Participant-Confirmd"), ["participant.confirmed"]);
    /// assert!(catalogue.nearest("invoice.paid").is_empty());
    /// ```
    pub fn nearest(&self, key: &str) -> Vec<&str> {
        nearest_among(key, self.all().map(|event_type| &*event_type.key))
    }
}

/// The type with exactly this key that every deployment has.
pub fn built_in(key: &str) -> Option<&'static EventType> {
    let mut all = BUILT_IN.iter().chain(&OPERATOR);
    all.find(|event_type| event_type.key == key)
}

/// A key names no type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownType {
    key: String,
    nearest: Vec<String>,
}

impl std::fmt::Display for UnknownType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} is not an event type; ", self.key)?;
        if self.nearest.is_empty() {
            f.write_str("GET /v1/event-types lists them")
        } else {
            write!(f, "did you mean {}?", self.nearest.join(" or "))
        }
    }
}

impl std::error::Error for UnknownType {}

/// Events of a key are not to be posted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotPostable {
    /// It names no type.
    #[error(transparent)]
    Unknown(#[from] UnknownType),
    /// It names one of the service's own.
    #[error("{0:?} is for events that the service causes by itself; they can't be posted")]
    Operator(String),
}

#[cfg(test)]
mod tests;
