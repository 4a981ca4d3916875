//! The filters and tests of templates, all of them.

#![expect(
    clippy::needless_pass_by_value,
    reason = "the engine hands over lists of arguments by value"
)]

use std::borrow::Cow;

use minijinja::value::{Kwargs, Rest, StringInput, ValueKind};
use minijinja::{Environment, Error, State, Value};

use super::MAX_OUTPUT_BYTES;
use super::value::{Node, invalid, to_json, too_long};

pub(super) const FILTERS: [&str; 22] = [
    "capitalize",
    "count",
    "d",
    "default",
    "e",
    "escape",
    "first",
    "int",
    "items",
    "join",
    "last",
    "length",
    "lower",
    "map",
    "replace",
    "round",
    "string",
    "tojson",
    "trim",
    "truncate",
    "upper",
    "urlencode",
];

pub(super) const TESTS: [&str; 11] = [
    "boolean",
    "defined",
    "endingwith",
    "in",
    "mapping",
    "none",
    "number",
    "sequence",
    "startingwith",
    "string",
    "undefined",
];

pub(super) fn register(environment: &mut Environment<'_>) {
    environment.add_filter("capitalize", capitalize);
    environment.add_filter("count", length);
    environment.add_filter("d", default);
    environment.add_filter("default", default);
    environment.add_filter("e", escape);
    environment.add_filter("escape", escape);
    environment.add_filter("first", first);
    environment.add_filter("int", int);
    environment.add_filter("items", items);
    environment.add_filter("join", join);
    environment.add_filter("last", last);
    environment.add_filter("length", length);
    environment.add_filter("lower", lower);
    environment.add_filter("map", map);
    environment.add_filter("replace", replace);
    environment.add_filter("round", round);
    environment.add_filter("string", string);
    environment.add_filter("tojson", tojson);
    environment.add_filter("trim", trim);
    environment.add_filter("truncate", truncate);
    environment.add_filter("upper", upper);
    environment.add_filter("urlencode", urlencode);

    environment.add_test("boolean", |value: &Value| value.kind() == ValueKind::Bool);
    environment.add_test("defined", |value: &Value| !value.is_undefined());
    environment.add_test("endingwith", ending_with);
    environment.add_test("in", is_in);
    environment.add_test("mapping", |value: &Value| {
        matches!(Node::of(value), Some(Node::Object(_)))
    });
    environment.add_test("none", |value: &Value| value.is_none());
    environment.add_test("number", |value: &Value| value.is_number());
    environment.add_test("sequence", |value: &Value| {
        matches!(Node::of(value), Some(Node::List(_)))
    });
    environment.add_test("startingwith", starting_with);
    environment.add_test("string", |value: &Value| value.as_str().is_some());
    environment.add_test("undefined", |value: &Value| value.is_undefined());
}

// What filters are given.

/// Refuses a missing value, naming it.
fn present(state: &State, value: &Value) -> Result<(), Error> {
    if value.is_undefined() {
        // The engine knows where the value should have come from.
        StringInput::new(state, value)?;
        return Err(invalid("the value is undefined"));
    }
    Ok(())
}

/// A text; numbers and booleans as they are printed.
fn text<'v>(state: &State, value: &'v Value) -> Result<Cow<'v, str>, Error> {
    present(state, value)?;
    match value.kind() {
        ValueKind::String => {
            let text = value.as_str().unwrap_or_default();
            // Whoever asks for it reads it; the engine charges only for what filters return.
            state.consume_fuel(text.len() as u64 / 64)?;
            Ok(Cow::Borrowed(text))
        }
        ValueKind::Number | ValueKind::Bool => to_json(state, value).map(Cow::Owned),
        _ => Err(invalid(format!("a text is needed, not {}", kind(value)))),
    }
}

fn node<'v>(state: &State, value: &'v Value) -> Result<&'v Node, Error> {
    present(state, value)?;
    Node::of(value)
        .ok_or_else(|| invalid(format!("a list or object is needed, not {}", kind(value))))
}

fn list<'v>(state: &State, value: &'v Value) -> Result<&'v [Value], Error> {
    match node(state, value)? {
        Node::List(items) => Ok(items),
        Node::Object(_) => Err(invalid("a list is needed, not an object")),
    }
}

fn number(state: &State, value: &Value) -> Result<f64, Error> {
    present(state, value)?;
    f64::try_from(value.clone())
        .map_err(|_| invalid(format!("a number is needed, not {}", kind(value))))
}

fn kind(value: &Value) -> &'static str {
    match (Node::of(value), value.kind()) {
        (Some(Node::List(_)), _) => "a list",
        (Some(Node::Object(_)), _) => "an object",
        (None, ValueKind::None) => "null",
        (None, ValueKind::Bool) => "a boolean",
        (None, ValueKind::Number) => "a number",
        (None, ValueKind::String) => "a text",
        (None, _) => "this",
    }
}

// Filters.

fn capitalize(state: &State, value: &Value) -> Result<String, Error> {
    let text = text(state, value)?;
    let mut characters = text.chars();
    Ok(match characters.next() {
        Some(first) => {
            first.to_uppercase().collect::<String>() + &characters.as_str().to_lowercase()
        }
        None => String::new(),
    })
}

fn lower(state: &State, value: &Value) -> Result<String, Error> {
    Ok(text(state, value)?.to_lowercase())
}

fn upper(state: &State, value: &Value) -> Result<String, Error> {
    Ok(text(state, value)?.to_uppercase())
}

fn trim(state: &State, value: &Value) -> Result<String, Error> {
    Ok(text(state, value)?.trim().to_owned())
}

fn string(state: &State, value: &Value) -> Result<String, Error> {
    Ok(text(state, value)?.into_owned())
}

/// At most `length` characters; where it cuts, the last one is an ellipsis.
fn truncate(state: &State, value: &Value, length: usize) -> Result<String, Error> {
    let text = text(state, value)?;
    if text.chars().count() <= length {
        return Ok(text.into_owned());
    }
    let kept = text.chars().take(length.saturating_sub(1));
    Ok(kept.chain((length > 0).then_some('…')).collect())
}

fn replace(state: &State, value: &Value, from: &Value, to: &Value) -> Result<String, Error> {
    let (value, from, to) = (text(state, value)?, text(state, from)?, text(state, to)?);
    if from.is_empty() {
        return Err(invalid("the text to replace is empty"));
    }
    // Before it is made, for it may be the product of both lengths.
    let added = value.matches(&*from).count().saturating_mul(to.len());
    if added.saturating_add(value.len()) > MAX_OUTPUT_BYTES {
        return Err(too_long());
    }
    Ok(value.replace(&*from, &to))
}

/// For HTML, between tags and in quoted attributes.
fn escape(state: &State, value: &Value) -> Result<String, Error> {
    let text = text(state, value)?;
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            plain => escaped.push(plain),
        }
    }
    Ok(escaped)
}

/// For `application/x-www-form-urlencoded` (URL Standard, section 5.2).
fn urlencode(state: &State, value: &Value) -> Result<String, Error> {
    Ok(url::form_urlencoded::byte_serialize(text(state, value)?.as_bytes()).collect())
}

fn tojson(state: &State, value: &Value) -> Result<String, Error> {
    present(state, value)?;
    to_json(state, value)
}

fn default(
    state: &State,
    value: &Value,
    arguments: Rest<Value>,
    named: Kwargs,
) -> Result<Value, Error> {
    named.assert_all_used()?;
    let (instead, when_false) = match arguments.as_slice() {
        [] => (Value::from(""), false),
        [instead] => (instead.clone(), false),
        [instead, when_false] => (instead.clone(), when_false.is_true()),
        _ => return Err(invalid("`default` takes one or two values")),
    };
    if !value.is_undefined() && (value.is_true() || !when_false) {
        return Ok(value.clone());
    }
    present(state, &instead)?;
    Ok(instead)
}

fn length(state: &State, value: &Value) -> Result<usize, Error> {
    match value.as_str() {
        Some(text) => Ok(text.chars().count()),
        None => Ok(node(state, value)?.len()),
    }
}

fn first(state: &State, value: &Value) -> Result<Value, Error> {
    Ok(list(state, value)?.first().cloned().unwrap_or_default())
}

fn last(state: &State, value: &Value) -> Result<Value, Error> {
    Ok(list(state, value)?.last().cloned().unwrap_or_default())
}

/// An object's members as pairs of name and value.
fn items(state: &State, value: &Value) -> Result<Value, Error> {
    let Node::Object(members) = node(state, value)? else {
        return Err(invalid("an object is needed, not a list"));
    };
    state.consume_fuel(members.len() as u64)?;
    let pair = |(name, member): (&String, &Value)| {
        Value::from_object(Node::List(vec![Value::from(name.as_str()), member.clone()]))
    };
    Ok(Value::from_object(Node::List(
        members.iter().map(pair).collect(),
    )))
}

/// The field at `path`, dotted, of a list's element.
fn attribute(item: &Value, path: &str) -> Result<Value, Error> {
    path.split('.')
        .try_fold(item.clone(), |value, name| value.get_attr(name).ok())
        .filter(|found| !found.is_undefined())
        .ok_or_else(|| invalid(format!("an element has no `{path}`")))
}

fn map(state: &State, value: &Value, named: Kwargs) -> Result<Value, Error> {
    let items = list(state, value)?;
    let path: &str = named.get("attribute")?;
    named.assert_all_used()?;
    state.consume_fuel(items.len() as u64)?;
    let mapped: Result<_, Error> = items.iter().map(|item| attribute(item, path)).collect();
    Ok(Value::from_object(Node::List(mapped?)))
}

fn join(
    state: &State,
    value: &Value,
    separator: Rest<Value>,
    named: Kwargs,
) -> Result<String, Error> {
    let items = list(state, value)?;
    let path: Option<&str> = named.get("attribute")?;
    named.assert_all_used()?;
    let separator = match separator.as_slice() {
        [] => Cow::Borrowed(""),
        [separator] => text(state, separator)?,
        _ => return Err(invalid("`join` takes one separator")),
    };
    state.consume_fuel(items.len() as u64)?;
    let mut joined = String::new();
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            joined.push_str(&separator);
        }
        match path {
            Some(path) => joined.push_str(&text(state, &attribute(item, path)?)?),
            None => joined.push_str(&text(state, item)?),
        }
        if joined.len() > MAX_OUTPUT_BYTES {
            return Err(too_long());
        }
    }
    Ok(joined)
}

/// A whole number: of a number its part before the point, of a text what it says.
fn int(state: &State, value: &Value) -> Result<i64, Error> {
    if let Some(text) = value.as_str() {
        return text
            .trim()
            .parse()
            .map_err(|_| invalid("the text is not a whole number"));
    }
    if let (true, Some(integer)) = (value.is_integer(), value.as_i64()) {
        return Ok(integer);
    }
    let whole = number(state, value)?.trunc();
    // Beyond these `as` would not give the number that was asked for.
    if !(-9.0e18..=9.0e18).contains(&whole) {
        return Err(invalid("the number is too large"));
    }
    Ok(whole as i64)
}

/// Half away from zero, to this many digits after the point.
fn round(state: &State, value: &Value, digits: Option<i32>) -> Result<Value, Error> {
    if value.is_integer() {
        return Ok(value.clone());
    }
    let scale = 10_f64.powi(digits.unwrap_or(0).clamp(0, 15));
    let number = number(state, value)?;
    let rounded = (number * scale).round() / scale;
    if digits.unwrap_or(0) <= 0 && rounded.abs() < 9.0e15 {
        return Ok(Value::from(rounded as i64));
    }
    // So large that it has no digits to round.
    Ok(Value::from(if rounded.is_finite() {
        rounded
    } else {
        number
    }))
}

// Tests.

fn starting_with(state: &State, value: &Value, start: &Value) -> Result<bool, Error> {
    Ok(text(state, value)?.starts_with(&*text(state, start)?))
}

fn ending_with(state: &State, value: &Value, end: &Value) -> Result<bool, Error> {
    Ok(text(state, value)?.ends_with(&*text(state, end)?))
}

/// In a list, among an object's names, within a text; or one of several values.
fn is_in(state: &State, value: &Value, places: Rest<Value>) -> Result<bool, Error> {
    present(state, value)?;
    for place in places.iter() {
        present(state, place)?;
    }
    let [place] = places.as_slice() else {
        return Ok(places.contains(value));
    };
    if let Some(within) = place.as_str() {
        state.consume_fuel(within.len() as u64 / 64)?;
        return Ok(value.as_str().is_some_and(|part| within.contains(part)));
    }
    match Node::of(place) {
        Some(Node::List(items)) => {
            state.consume_fuel(items.len() as u64)?;
            Ok(items.contains(value))
        }
        Some(Node::Object(members)) => Ok(value
            .as_str()
            .is_some_and(|name| members.contains_key(name))),
        None => Ok(place == value),
    }
}
