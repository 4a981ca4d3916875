use serde::{Deserialize as _, Deserializer, Serialize, de::Error as _};
use serde_json::Value;

/// Reads one of several values that are written as words. What serde derives for an enum names Rust's
/// variants in its messages, and takes an object for one, too.
///
/// # Errors
///
/// For anything but one of the words, with all of them.
pub(crate) fn word<'de, T, D>(deserializer: D, all: &[T]) -> Result<T, D::Error>
where
    T: Copy + Serialize,
    D: Deserializer<'de>,
{
    let given = String::deserialize(deserializer)?;
    let written = |value: &T| match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    };
    let found = all.iter().find(|value| written(value) == given);
    found.copied().ok_or_else(|| {
        let words: Vec<_> = all.iter().map(written).collect();
        let given: String = given.chars().take(60).collect();
        D::Error::custom(format!("must be {}, not {given:?}", words.join(" or ")))
    })
}

#[cfg(test)]
mod tests {
    use crate::{
        input::{Unreadable, parse},
        trigger::Method,
    };

    #[test]
    fn reads_a_word_and_names_all_of_them_where_it_is_none() {
        let read = |json: &str| match parse::<Vec<Method>>(json.as_bytes()) {
            Ok(methods) => format!("{methods:?}"),
            Err(Unreadable::Shape(error)) => format!("{} {}", error.pointer, error.detail),
            Err(error) => format!("{error:?}"),
        };
        assert_eq!(read(r#"["PUT", "POST"]"#), "[Put, Post]");
        let words = "/0 must be POST or PUT or PATCH or DELETE, not";
        assert_eq!(read(r#"["GET"]"#), format!("{words} \"GET\""));
        assert_eq!(read(r#"["put"]"#), format!("{words} \"put\""));
        assert_eq!(read("[7]"), "/0 must be a string, not 7");
        assert_eq!(read("[null]"), "/0 must be a string, not null");
        assert_eq!(read("[[]]"), "/0 must be a string, not a list");
        assert_eq!(
            read(r#"[{"PUT": null}]"#),
            "/0 must be a string, not an object"
        );
    }
}
