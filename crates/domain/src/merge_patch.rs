//! JSON merge patch, RFC 7396.

use std::{collections::HashMap, fmt};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, MapAccess, Visitor},
};
use serde_json::{Value, value::RawValue};

use crate::input::{self, Unreadable};

/// JSON that can be merged. Whatever is no object keeps its text, so numbers stay as they are written.
#[derive(Debug, Clone)]
pub enum Document {
    /// An object: its members, in their order.
    Object(Vec<(String, Document)>),
    /// Anything else.
    Other(Box<RawValue>),
}

impl Document {
    /// Parses the body of a request.
    ///
    /// # Errors
    ///
    /// As [`input::parse_exact`].
    pub fn parse(json: &[u8]) -> Result<Self, Unreadable> {
        // A `Value` bounds how deep the text nests.
        input::parse_exact::<Value>(json)?;
        input::parse(json)
    }

    /// The member of this name.
    pub fn get(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else {
            return None;
        };
        let found = members.iter().find(|(present, _)| present == name);
        found.map(|(_, value)| value)
    }

    /// What it says, where it is a text.
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Object(_) => None,
            Self::Other(text) => serde_json::from_str(text.get()).ok(),
        }
    }

    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut Self> {
        let Self::Object(members) = self else {
            return None;
        };
        let found = members.iter_mut().find(|(present, _)| present == name);
        found.map(|(_, value)| value)
    }

    /// Whether it is an object.
    pub fn is_object(&self) -> bool {
        matches!(self, Self::Object(_))
    }

    fn is_null(&self) -> bool {
        matches!(self, Self::Other(text) if text.get() == "null")
    }

    /// Applies `patch` as RFC 7396, section 2 says: objects merge member by member, `null` removes a
    /// member, anything else replaces what was there.
    pub fn apply(&mut self, patch: Self) {
        let Self::Object(patch) = patch else {
            *self = patch;
            return;
        };
        if !self.is_object() {
            *self = Self::Object(Vec::new());
        }
        let Self::Object(members) = self else {
            return;
        };
        // By name, because a patch may have as many members as fit into a request.
        let names = members.iter().map(|(name, _)| name.clone());
        let mut places: HashMap<String, usize> = names.zip(0..).collect();
        let present = std::mem::take(members).into_iter();
        let mut merged: Vec<_> = present.map(|(name, value)| (name, Some(value))).collect();
        for (name, change) in patch {
            let place = *places.entry(name.clone()).or_insert_with(|| {
                merged.push((name, None));
                merged.len() - 1
            });
            let value = &mut merged[place].1;
            if change.is_null() {
                *value = None;
            } else {
                let value = value.get_or_insert_with(|| Self::Object(Vec::new()));
                value.apply(change);
            }
        }
        let left = merged.into_iter();
        *members = left
            .filter_map(|(name, value)| Some((name, value?)))
            .collect();
    }
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Object(members) => {
                serializer.collect_map(members.iter().map(|(name, value)| (name, value)))
            }
            Self::Other(text) => text.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        if !text.get().starts_with('{') {
            return Ok(Self::Other(text));
        }
        let Members(members) = serde_json::from_str(text.get()).map_err(D::Error::custom)?;
        Ok(Self::Object(members))
    }
}

#[derive(Deserialize)]
#[serde(transparent)]
struct Members(#[serde(deserialize_with = "members")] Vec<(String, Document)>);

fn members<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<(String, Document)>, D::Error> {
    struct InOrder;

    impl<'de> Visitor<'de> for InOrder {
        type Value = Vec<(String, Document)>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
            let mut read = Vec::new();
            while let Some(member) = members.next_entry()? {
                read.push(member);
            }
            Ok(read)
        }
    }

    deserializer.deserialize_map(InOrder)
}

#[cfg(test)]
impl From<Value> for Document {
    fn from(value: Value) -> Self {
        serde_json::from_str(&value.to_string()).expect("a value is JSON")
    }
}

/// Applies a patch to a value.
#[cfg(test)]
pub(crate) fn apply(target: &mut Value, patch: Value) {
    let mut merged = Document::from(target.take());
    merged.apply(patch.into());
    *target = serde_json::from_str(&serde_json::to_string(&merged).expect("JSON")).expect("JSON");
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_examples_of_rfc_7396_appendix_a_hold() {
        for (mut original, patch, result) in [
            (json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"b"}), json!({"b":"c"}), json!({"a":"b","b":"c"})),
            (json!({"a":"b"}), json!({"a":null}), json!({})),
            (
                json!({"a":"b","b":"c"}),
                json!({"a":null}),
                json!({"b":"c"}),
            ),
            (json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"c"}), json!({"a":["b"]}), json!({"a":["b"]})),
            (
                json!({"a":{"b":"c"}}),
                json!({"a":{"b":"d","c":null}}),
                json!({"a":{"b":"d"}}),
            ),
            (json!({"a":[{"b":"c"}]}), json!({"a":[1]}), json!({"a":[1]})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a":"b"}), json!(["c"]), json!(["c"])),
            (json!({"a":"foo"}), json!(null), json!(null)),
            (json!({"a":"foo"}), json!("bar"), json!("bar")),
            (json!({"e":null}), json!({"a":1}), json!({"e":null,"a":1})),
            (json!([1, 2]), json!({"a":"b","c":null}), json!({"a":"b"})),
            (
                json!({}),
                json!({"a":{"bb":{"ccc":null}}}),
                json!({"a":{"bb":{}}}),
            ),
        ] {
            let patch_text = patch.to_string();
            apply(&mut original, patch);
            assert_eq!(original, result, "patch {patch_text}");
        }
    }

    #[test]
    fn numbers_and_the_order_of_members_stay_as_they_are_written() {
        let document = |json: &str| Document::parse(json.as_bytes()).unwrap();
        let mut merged = document(r#"{"z": {"n": 1E5, "gone": 2}, "a": [ -0, 1e2 ], "m": 3}"#);
        merged.apply(document(r#"{"m": 1.0, "z": {"gone": null, "o": 1e20}}"#));
        assert_eq!(
            serde_json::to_string(&merged).unwrap(),
            r#"{"z":{"n":1E5,"o":1e20},"a":[ -0, 1e2 ],"m":1.0}"#
        );
    }

    #[test]
    fn what_nests_too_deep_or_has_a_member_twice_is_refused() {
        let deep = "{\"a\":".repeat(200_000);
        assert!(Document::parse(deep.as_bytes()).is_err());
        let deep = format!("{}1{}", "{\"a\":".repeat(2_000), "}".repeat(2_000));
        assert!(Document::parse(deep.as_bytes()).is_err());
        assert!(Document::parse(br#"{"a": {"b": 1, "b": 2}}"#).is_err());
    }
}
