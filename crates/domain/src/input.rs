//! Reading what callers send: JSON into a type, and what is wrong with it in their words.

pub mod exact;
mod object;
mod whole;
mod word;

pub use object::{Object, object_if_any, objects, objects_if_any};
pub use whole::Whole;
pub(crate) use word::word;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

/// The largest body of a request, in bytes.
pub const MAX_BODY: usize = 1024 * 1024;

/// One thing that is wrong with a request, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
pub struct FieldError {
    /// JSON pointer (RFC 6901) to the member; empty for the whole body.
    #[cfg_attr(feature = "document", schemars(regex(pattern = r"^(/[\s\S]*)?$")))]
    pub pointer: String,
    /// What is wrong, as a clause that follows the member's name.
    #[cfg_attr(feature = "document", schemars(length(min = 1)))]
    pub detail: String,
}

impl FieldError {
    /// An error of the member that `pointer` leads to.
    pub fn new(pointer: impl Into<String>, detail: impl std::fmt::Display) -> Self {
        Self {
            pointer: pointer.into(),
            detail: detail.to_string(),
        }
    }

    /// The same error seen from outside: its pointer starts at `prefix`.
    #[must_use]
    pub fn under(mut self, prefix: &str) -> Self {
        self.pointer.insert_str(0, prefix);
        self
    }
}

/// Why a body could not be turned into what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreadable {
    /// It is no JSON.
    Syntax {
        /// Line of the fault, from 1.
        line: usize,
        /// Column of the fault, from 1; 0 at the very start.
        column: usize,
        /// What the parser expected.
        detail: String,
    },
    /// It is JSON, of another shape than is wanted.
    Shape(FieldError),
}

/// What a text may begin with to say that it is UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Parses a JSON document. A byte order mark before it is skipped (RFC 8259, 8.1).
///
/// # Errors
///
/// With the line and column where it stops being JSON, or with the member that has a wrong type
/// or an unknown name.
pub fn parse<T: DeserializeOwned>(json: &[u8]) -> Result<T, Unreadable> {
    let json = without_mark(json);
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let parsed = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let pointer = pointer(error.path());
        unreadable(&error.into_inner(), pointer)
    })?;
    deserializer
        .end()
        .map_err(|error| unreadable(&error, String::new()))?;
    Ok(parsed)
}

/// A text without the byte order mark that it may begin with.
pub(crate) fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)
}

/// Parses a JSON document of which nothing may be lost: no member is there twice, and every reader
/// reads its texts and numbers the same.
///
/// # Errors
///
/// As [`parse`].
pub fn parse_exact<T: DeserializeOwned>(json: &[u8]) -> Result<T, Unreadable> {
    let text: &RawValue = serde_json::from_slice(without_mark(json))
        .map_err(|error| unreadable(&error, String::new()))?;
    exact::check(text, exact::Repeats::Refused).map_err(Unreadable::Shape)?;
    parse(json)
}

/// Turns a JSON text into `T`, with errors as [`parse`] gives them.
///
/// # Errors
///
/// With the member that has a wrong type or an unknown name, or that nests too deep.
pub fn from_text<T: DeserializeOwned>(json: &str) -> Result<T, FieldError> {
    parse(json.as_bytes()).map_err(|error| match error {
        Unreadable::Shape(error) => error,
        Unreadable::Syntax { detail, .. } => FieldError::new("", detail),
    })
}

fn unreadable(error: &serde_json::Error, pointer: String) -> Unreadable {
    let detail = plain(&error.to_string());
    if error.is_data() {
        Unreadable::Shape(FieldError { pointer, detail })
    } else {
        Unreadable::Syntax {
            line: error.line(),
            column: error.column(),
            detail,
        }
    }
}

/// What serde says is wrong, in words that name no type of ours, and without the position, which
/// has a place of its own here.
fn plain(message: &str) -> String {
    let message = message
        .rfind(" at line ")
        .map_or(message, |end| &message[..end]);
    let of_type = message
        .strip_prefix("invalid type: ")
        .or_else(|| message.strip_prefix("invalid value: "));
    match of_type.and_then(|rest| rest.rsplit_once(", expected ")) {
        Some((found, expected)) => {
            format!(
                "must be {}, not {}",
                plain_expected(expected),
                plain_found(found)
            )
        }
        None => match message.strip_prefix("duplicate field ") {
            Some(name) => format!("has the duplicate member {name}"),
            None => message.to_owned(),
        },
    }
}

/// What was expected, as people say it.
fn plain_expected(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number that is not negative",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" => "an object",
        other if other.starts_with("struct ") || other.starts_with("enum ") => "an object",
        other => other,
    }
}

/// What was found, as people say it.
fn plain_found(found: &str) -> String {
    match found {
        "sequence" => "a list".to_owned(),
        "map" => "an object".to_owned(),
        "number" => "a number".to_owned(),
        "unit value" => "null".to_owned(),
        other => {
            let kinds = ["string ", "integer ", "floating point ", "boolean "];
            let value = kinds.iter().find_map(|kind| other.strip_prefix(kind));
            value.unwrap_or(other).trim_matches('`').to_owned()
        }
    }
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;

    path.iter()
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(format!("/{index}")),
            Segment::Map { key } => Some(format!("/{}", escape(key))),
            Segment::Enum { .. } | Segment::Unknown => None,
        })
        .collect()
}

/// These in order, where there is one at least and none is there twice; `thing` is what one is called,
/// and `choices` are those that there are.
pub(crate) fn distinct<T: Ord>(
    mut things: Vec<T>,
    thing: &str,
    choices: &str,
) -> Result<Vec<T>, String> {
    let count = things.len();
    things.sort_unstable();
    things.dedup();
    if things.is_empty() {
        Err(format!("has to have one {thing} at least: {choices}"))
    } else if things.len() < count {
        Err(format!("has a {thing} twice"))
    } else {
        Ok(things)
    }
}

/// Whether a character leaves no mark: white space, what Unicode calls default-ignorable (zero-width
/// spaces, joiners, marks of direction, fillers, tags), and the few others that fonts leave blank.
pub(crate) fn is_invisible(character: char) -> bool {
    character.is_whitespace()
        || matches!(
            character,
            // Default_Ignorable_Code_Point.
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fff8}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
                // Marks of interlinear annotations, and Braille's blank.
                | '\u{fff9}'..='\u{fffb}'
                | '\u{2800}'
        )
}

/// The charset that a content type says.
pub fn charset(content_type: &str) -> Option<&str> {
    let parameters = content_type.split(';').skip(1);
    let mut parameters = parameters.filter_map(|parameter| parameter.split_once('='));
    let (_, charset) = parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))?;
    Some(charset.trim().trim_matches('"'))
}

/// Whether a charset is UTF-8.
pub fn is_utf8(charset: &str) -> bool {
    charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("utf8")
}

/// A member's name as a JSON pointer writes it.
pub fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wanted {
        name: String,
        list: Option<Vec<u8>>,
    }

    fn refusal(json: &str) -> Unreadable {
        parse::<Wanted>(json.as_bytes()).unwrap_err()
    }

    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(expecting = "a thing: an object with inner")]
    struct Outer {
        #[serde(default, deserialize_with = "objects_if_any")]
        inner: Option<Vec<Wanted>>,
    }

    #[test]
    fn only_an_object_is_a_struct_at_the_top_and_in_lists() {
        let read = |json: &str| parse::<Object<Outer>>(json.as_bytes()).map(|Object(outer)| outer);
        let wanted = |name: &str| Wanted {
            name: name.to_owned(),
            list: None,
        };
        let inner = Some(vec![wanted("a"), wanted("b")]);
        let json = r#"{"inner":[{"name":"a"},{"list":null,"name":"b"}]}"#;
        assert_eq!(read(json), Ok(Outer { inner }));
        assert_eq!(read("{}"), Ok(Outer { inner: None }));
        assert_eq!(read(r#"{"inner":null}"#), Ok(Outer { inner: None }));
        for (json, pointer, detail) in [
            (
                "[[]]",
                "",
                "must be a thing: an object with inner, not a list",
            ),
            (
                "[]",
                "",
                "must be a thing: an object with inner, not a list",
            ),
            ("7", "", "must be a thing: an object with inner, not 7"),
            (
                "-7.5",
                "",
                "must be a thing: an object with inner, not a number",
            ),
            (
                "\"x\"",
                "",
                "must be a thing: an object with inner, not \"x\"",
            ),
            (
                "true",
                "",
                "must be a thing: an object with inner, not true",
            ),
            (
                "null",
                "",
                "must be a thing: an object with inner, not null",
            ),
            (
                r#"{"inner":[["a"]]}"#,
                "/inner/0",
                "must be an object, not a list",
            ),
            (
                r#"{"inner":[{"name":1}]}"#,
                "/inner/0/name",
                "must be a string, not 1",
            ),
        ] {
            let Err(Unreadable::Shape(error)) = read(json) else {
                panic!("{json}")
            };
            assert_eq!(
                (&*error.pointer, &*error.detail),
                (pointer, detail),
                "{json}"
            );
        }
    }

    #[test]
    fn a_byte_order_mark_is_skipped_once() {
        let json = "\u{feff}{\"name\":\"a\"}";
        assert_eq!(parse::<Wanted>(json.as_bytes()).unwrap().name, "a");
        assert!(matches!(
            refusal(&format!("\u{feff}{json}")),
            Unreadable::Syntax { .. }
        ));
    }

    #[test]
    fn the_charset_of_a_content_type_is_found() {
        for (content_type, found) in [
            ("application/json", None),
            ("application/json; version=1", None),
            ("application/json;charset=utf-8", Some("utf-8")),
            (
                "application/json; version=1; Charset = \"UTF8\" ",
                Some("UTF8"),
            ),
            ("text/json; charset=iso-8859-1", Some("iso-8859-1")),
        ] {
            assert_eq!(charset(content_type), found, "{content_type}");
        }
        assert!(is_utf8("UTF-8") && is_utf8("utf8") && !is_utf8("utf-16") && !is_utf8(""));
    }

    #[test]
    fn broken_json_is_told_with_its_place() {
        assert_eq!(
            refusal("{\n  \"name\": oops}"),
            Unreadable::Syntax {
                line: 2,
                column: 11,
                detail: "expected value".into()
            }
        );
        assert!(matches!(refusal(""), Unreadable::Syntax { .. }));
        assert!(matches!(
            refusal("{\"name\":\"a\"} x"),
            Unreadable::Syntax { .. }
        ));
    }

    #[test]
    fn a_wrong_member_is_told_with_its_pointer() {
        let Unreadable::Shape(error) = refusal(r#"{"name":"a","list":[1,"x"]}"#) else {
            panic!()
        };
        assert_eq!(error.pointer, "/list/1");
        assert!(
            error
                .detail
                .starts_with("must be a whole number that is not negative, not \"x\""),
            "{}",
            error.detail
        );
        let Unreadable::Shape(error) = refusal(r#"{"name":"a","nmae":1}"#) else {
            panic!()
        };
        assert!(
            error.detail.contains("unknown field `nmae`"),
            "{}",
            error.detail
        );
        assert!(!error.detail.contains("line"), "{}", error.detail);
    }
}
