//! Looking for a value in data, for other ends than deciding on a webhook.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{Number, Value, value::RawValue};

use super::{FilterError, Path, Root, Segment, parse};
use crate::number;

/// "This value is at this path", with a filter's paths and what `$eq` means there.
///
/// Unlike a filter it reads the JSON text itself. So it always comes to an answer, however long the
/// data is and whatever numbers are in it; and a member that is written twice is looked at twice.
#[derive(Debug)]
pub struct ValueAt {
    path: Path,
    wanted: Value,
}

impl ValueAt {
    /// A text, number or boolean that is to be at a path below `data`.
    ///
    /// # Errors
    ///
    /// When the path is none, or leads to something else than data.
    pub fn parse(path: &str, wanted: Value) -> Result<Self, FilterError> {
        let path = parse::path(path)?;
        if path.root != Root::Data {
            let detail = format!("`{}`: a path starts with `data.` here", path.written);
            return Err(FilterError {
                path: String::new(),
                detail,
            });
        }
        Ok(Self { path, wanted })
    }

    /// Whether the value is there in this JSON text.
    pub fn is_in(&self, data: &RawValue) -> bool {
        // A stack and no recursion, as in `evaluate`.
        let mut waiting = vec![(data, self.path.segments.as_slice())];
        while let Some((value, segments)) = waiting.pop() {
            match segments.split_first() {
                None if value.get().starts_with('[') => {
                    waiting.extend(elements(value).into_iter().map(|e| (e, segments)));
                }
                None if self.is_wanted(value) => return true,
                None => {}
                Some((segment, below)) => waiting.extend(
                    step(value, segment)
                        .into_iter()
                        .map(|(value, taken)| (value, if taken { below } else { segments })),
                ),
            }
        }
        false
    }

    fn is_wanted(&self, value: &RawValue) -> bool {
        match &self.wanted {
            Value::Number(wanted) => {
                parsed::<Number>(value).is_some_and(|it| number::compare(wanted, &it).is_eq())
            }
            Value::String(wanted) => parsed::<Cow<'_, str>>(value).is_some_and(|it| it == *wanted),
            Value::Bool(wanted) => value.get() == if *wanted { "true" } else { "false" },
            _ => false,
        }
    }
}

/// What a segment of a path leads to, and whether it is used up by that.
fn step<'a>(value: &'a RawValue, segment: &Segment) -> Vec<(&'a RawValue, bool)> {
    match value.get().as_bytes().first() {
        Some(b'{') => {
            let Members(members) = parsed(value).unwrap_or_default();
            let named = members.into_iter().filter(|(name, _)| {
                parsed::<Cow<'_, str>>(name).is_some_and(|name| name == segment.name)
            });
            named.map(|(_, member)| (member, true)).collect()
        }
        Some(b'[') => match segment.index {
            Some(index) => {
                let element = elements(value).into_iter().nth(index);
                element.into_iter().map(|element| (element, true)).collect()
            }
            None => {
                let elements = elements(value).into_iter();
                elements.map(|element| (element, false)).collect()
            }
        },
        _ => Vec::new(),
    }
}

fn elements(array: &RawValue) -> Vec<&RawValue> {
    parsed(array).unwrap_or_default()
}

/// A value of this kind. None when it is of another; a text with half a character in it
/// (`"\ud800"`) is of none.
fn parsed<'a, T: Deserialize<'a>>(value: &'a RawValue) -> Option<T> {
    serde_json::from_str(value.get()).ok()
}

/// An object's members as they are written, in their order, those of the same name too.
#[derive(Default)]
struct Members<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;

        impl<'de> Visitor<'de> for Written {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(name) = map.next_key()? {
                    members.push((name, map.next_value()?));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Written)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn is_in(path: &str, wanted: Value, data: &str) -> bool {
        let data = RawValue::from_string(data.to_owned()).unwrap();
        ValueAt::parse(path, wanted).unwrap().is_in(&data)
    }

    #[test]
    fn a_value_is_found_at_its_path_and_nowhere_else() {
        for (path, wanted, data, expected) in [
            ("data.p.id", json!("7"), r#"{"p":{"id":"7"}}"#, true),
            ("data.p.id", json!("7"), r#"{"p":{"id":7}}"#, false),
            ("data.p.id", json!("7"), r#"{"id":"7","p":{}}"#, false),
            ("data.p.id", json!(7), r#"{"p":{"id":7.0}}"#, true),
            ("data.p.id", json!(7), r#"{"p":{"id":"7"}}"#, false),
            ("data.ok", json!(true), r#"{"ok":true}"#, true),
            ("data.ok", json!(true), r#"{"ok":1}"#, false),
            ("data.ok", json!(false), r#"{"ok":null}"#, false),
            // Arrays: any of their elements.
            (
                "data.p.id",
                json!("7"),
                r#"{"p":[{"id":"6"},{"id":"7"}]}"#,
                true,
            ),
            ("data.ids", json!("7"), r#"{"ids":["6",["7"]]}"#, true),
            (
                "data.p.1.id",
                json!("6"),
                r#"{"p":[{"id":"6"},{"id":"7"}]}"#,
                false,
            ),
            (
                "data.p.0.id",
                json!("6"),
                r#"{"p":[{"id":"6"},{"id":"7"}]}"#,
                true,
            ),
            // Names and values with what has to be escaped, in whatever way that was done.
            (r"data.a\.b", json!("x"), r#"{"a.b":"x"}"#, true),
            (r"data.a\\b", json!("x"), r#"{"a\\b":"x"}"#, true),
            ("data.it's", json!("x"), r#"{"it's":"x"}"#, true),
            (
                r#"data.say "hi""#,
                json!("x"),
                r#"{"say \"hi\"":"x"}"#,
                true,
            ),
            (
                r#"data.say "hi""#,
                json!("x"),
                r#"{"say \u0022hi\u0022":"x"}"#,
                true,
            ),
            ("data.n", json!("Zo\u{eb}"), r#"{"n":"Zo\u00eb"}"#, true),
            (
                "data.n",
                json!("\u{1f600}"),
                r#"{"n":"\ud83d\ude00"}"#,
                true,
            ),
            ("data.n", json!("a/b"), r#"{"n":"a\/b"}"#, true),
            ("data.$.x", json!("x"), r#"{"$":{"x":"x"}}"#, true),
        ] {
            assert_eq!(is_in(path, wanted, data), expected, "{path} in {data}");
        }
    }

    #[test]
    fn what_other_readers_of_json_stumble_over_hides_nothing() {
        // A member that is written twice, numbers beyond all others, half a character.
        let data = r#"{"id":"7", "n":1e400, "half":"\ud800", "\udfff":1, "id":"8"}"#;
        for id in ["7", "8"] {
            assert!(is_in("data.id", json!(id), data), "{id}");
        }
        assert!(!is_in("data.n", json!(1), data));
        assert!(!is_in("data.half", json!("x"), data));
        // As much data as an event can have: more steps than a filter takes.
        let long = format!(r#"{{"ids":[{}"7"]}}"#, "0,".repeat(500_000));
        assert!(is_in("data.ids", json!("7"), &long));
        let deep = format!("{{\"a\":{}7{}}}", "[".repeat(98), "]".repeat(98));
        assert!(is_in("data.a", json!(7), &deep));
    }

    #[test]
    fn a_path_that_leads_to_no_data_is_refused() {
        for (path, part) in [
            ("participant.id", "perhaps `data.participant.id`"),
            ("type", "starts with `data.`"),
            ("account", "starts with `data.`"),
            ("data", "below `data`"),
            ("data..id", "no empty name"),
            ("", "empty name"),
        ] {
            let error = ValueAt::parse(path, json!("x")).unwrap_err();
            assert!(error.detail.contains(part), "{path}: {}", error.detail);
        }
    }
}
