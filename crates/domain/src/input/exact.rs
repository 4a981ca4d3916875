//! JSON text that every reader reads the same (I-JSON, RFC 7493): characters are whole, numbers fit a
//! double, and no member is there twice.

use std::collections::HashSet;

use serde_json::{Value, value::RawValue};

use super::{FieldError, escape};
use crate::number;

/// Whether an object may have two members of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeats {
    /// It may: the text goes on as it came.
    Allowed,
    /// It may not: one of them would be lost.
    Refused,
}

/// What serde_json takes for something of its own where it is a member's name.
const RESERVED: &str = "$serde_json::private::";

/// Checks that nothing in a JSON text would be lost or misread.
///
/// # Errors
///
/// With the pointer of the first member or value that is wrong.
pub fn check(json: &RawValue, repeats: Repeats) -> Result<(), FieldError> {
    // The text is JSON already. A list of what is open and no recursion: it may nest deep.
    let text = json.get();
    let bytes = text.as_bytes();
    let mut open: Vec<Open> = Vec::new();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let start = at;
        at += 1;
        match byte {
            b'{' => open.push(Open::Object {
                name: None,
                names: HashSet::new(),
            }),
            b'[' => open.push(Open::Array { index: 0 }),
            b'}' | b']' => drop(open.pop()),
            b',' => match open.last_mut() {
                Some(Open::Object { name, .. }) => *name = None,
                Some(Open::Array { index }) => *index += 1,
                None => {}
            },
            b'"' => {
                at = end_of_string(bytes, at);
                let quoted = &text[start..at];
                let half = half_a_pair(quoted);
                let mut wrong = half.map(|half| format!("has {half}, which is half a character"));
                if let Some(Open::Object {
                    name: name @ None,
                    names,
                }) = open.last_mut()
                {
                    *name = Some(quoted);
                    // The pointer is to the member from here on.
                    if wrong.is_none() {
                        let unescaped = unescaped(quoted);
                        if unescaped.starts_with(RESERVED) {
                            wrong = Some("is a name that can't be kept".to_owned());
                        } else if repeats == Repeats::Refused && !names.insert(unescaped) {
                            wrong = Some("is a duplicate: this member is there twice".to_owned());
                        }
                    }
                }
                if let Some(wrong) = wrong {
                    return Err(FieldError::new(pointer(&open), wrong));
                }
            }
            b'-' | b'0'..=b'9' => {
                let is_part =
                    |byte: &u8| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
                at += bytes[at..].iter().take_while(|byte| is_part(byte)).count();
                let number = &text[start..at];
                // Shorter ones without an exponent always do.
                if (number.len() > 300 || number.contains(['e', 'E']))
                    && !number::fits_a_double(number)
                {
                    let detail = format!(
                        "is {}, which is beyond the numbers that receivers can read (1.7e308)",
                        shown(number)
                    );
                    return Err(FieldError::new(pointer(&open), detail));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// The same JSON without white space between its parts and with no needless escapes. Numbers and the
/// order of members stay as they are written.
pub fn compact(json: &RawValue) -> Box<RawValue> {
    let text = json.get();
    let bytes = text.as_bytes();
    let mut compact = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let start = at;
        at += 1;
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => {}
            b'"' => {
                at = end_of_string(bytes, at);
                let quoted = &text[start..at];
                match serde_json::from_str(quoted) {
                    Ok(escaped) if quoted.contains('\\') => {
                        compact.push_str(&Value::String(escaped).to_string());
                    }
                    _ => compact.push_str(quoted),
                }
            }
            // Between texts there is ASCII alone.
            _ => compact.push(char::from(*byte)),
        }
    }
    RawValue::from_string(compact).unwrap_or_else(|_| json.to_owned())
}

/// An object or array that has begun.
enum Open<'a> {
    Object {
        /// The present member's name, as it is written.
        name: Option<&'a str>,
        names: HashSet<String>,
    },
    Array {
        index: usize,
    },
}

fn pointer(open: &[Open<'_>]) -> String {
    let segments = open.iter().filter_map(|open| match open {
        Open::Object { name, .. } => name.map(|name| format!("/{}", escape(&unescaped(name)))),
        Open::Array { index } => Some(format!("/{index}")),
    });
    segments.collect()
}

/// What a string says; as it is written where that is no text.
fn unescaped(quoted: &str) -> String {
    serde_json::from_str(quoted).unwrap_or_else(|_| quoted.trim_matches('"').to_owned())
}

/// Where the string ends whose first character is at `at`.
fn end_of_string(bytes: &[u8], mut at: usize) -> usize {
    loop {
        match bytes.get(at) {
            None => return at,
            Some(b'"') => return at + 1,
            Some(b'\\') => at += 2,
            Some(_) => at += 1,
        }
    }
}

/// The first escape of a string that is half of a surrogate pair alone.
fn half_a_pair(quoted: &str) -> Option<&str> {
    let mut rest = quoted;
    while let Some(found) = rest.find('\\') {
        let escape = &rest[found..];
        let unit = |escape: &str| -> Option<u16> {
            let digits = escape.strip_prefix("\\u")?.get(..4)?;
            u16::from_str_radix(digits, 16).ok()
        };
        rest = match unit(escape) {
            None => &escape[2..],
            Some(0xD800..=0xDBFF) => match escape.get(6..).and_then(unit) {
                Some(0xDC00..=0xDFFF) => &escape[12..],
                _ => return escape.get(..6),
            },
            Some(0xDC00..=0xDFFF) => return escape.get(..6),
            Some(_) => &escape[6..],
        };
    }
    None
}

fn shown(number: &str) -> String {
    match number.get(..40) {
        Some(start) if number.len() > 40 => format!("{start}…"),
        _ => number.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(json: &str, repeats: Repeats) -> Option<(String, String)> {
        let json = RawValue::from_string(json.to_owned()).unwrap();
        let error = check(&json, repeats).err()?;
        Some((error.pointer, error.detail))
    }

    #[test]
    fn takes_what_every_reader_reads_the_same() {
        for json in [
            "null",
            "-0",
            "1e308",
            "\"\\ud83d\\ude00 \\\\ud83d \\\" \\u00e9\"",
            r#"{"a": [1, {"a": 2}], "b": {"a": 3}, "": 123456789012345678901234567890}"#,
            r#"[[], {}, [{"x": "}{][,:"}]]"#,
            "0.0000000001e-999",
        ] {
            assert_eq!(wrong(json, Repeats::Refused), None, "{json}");
        }
        assert_eq!(wrong(r#"{"a": 1, "a": 2}"#, Repeats::Allowed), None);
    }

    #[test]
    fn compacts_all_but_numbers_and_what_texts_say() {
        for (json, expected) in [
            (" 1E5 ", "1E5"),
            (
                "{ \"b\" : [ 1e20 ,\t-0,1.0\n] , \"a\":{ } }",
                r#"{"b":[1e20,-0,1.0],"a":{}}"#,
            ),
            (
                r#"{"a  b\"": "\u0041 \u00e9\\ \n", "é": "x  y"}"#,
                r#"{"a  b\"":"A é\\ \n","é":"x  y"}"#,
            ),
            ("100000000000000000001", "100000000000000000001"),
        ] {
            let json: Box<RawValue> = serde_json::from_str(json).unwrap();
            assert_eq!(compact(&json).get(), expected);
        }
    }

    #[test]
    fn says_where_something_would_be_lost() {
        for (json, pointer, detail) in [
            (r#""\ud83d""#, "", "\\ud83d"),
            (r#"{"a": ["x", "\ud83dx"]}"#, "/a/1", "\\ud83d"),
            (r#"{"a": "\udE00\ud83d"}"#, "/a", "\\udE00"),
            (r#"{"a": "\ud83d\u0041"}"#, "/a", "\\ud83d"),
            (r#"{"a": {"\ud83d": 1}}"#, "/a/\\ud83d", "half a character"),
            (r#"{"a/b": {"~": 1e400}}"#, "/a~1b/~0", "1e400"),
            ("[0, -1E+400]", "/1", "-1E+400"),
            (r#"{"a": 1, "b": {"c": 1, "\u0063": 2}}"#, "/b/c", "twice"),
            (
                r#"{"a": {"$serde_json::private::Number": "1"}}"#,
                "/a/$serde_json::private::Number",
                "can't be kept",
            ),
        ] {
            let found = wrong(json, Repeats::Refused).expect(json);
            assert_eq!(found.0, pointer, "{json}");
            assert!(found.1.contains(detail), "{json}: {}", found.1);
        }
        let digits = "1".repeat(400);
        assert!(wrong(&digits, Repeats::Allowed).is_some());
    }
}
