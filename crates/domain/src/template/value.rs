//! An event's values, as templates see them.
//!
//! Lists and objects are one type of our own, so that nothing the engine does with them by itself
//! depends on their size: to it they all are maps, which it can neither add nor multiply, they
//! turn into a short text where it wants one, and equal only themselves. What looks inside them is
//! ours, and bounded.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::sync::Arc;

use minijinja::value::{DynObject, Enumerator, Object, ObjectExt, ObjectRepr, ValueKind};
use minijinja::{Error, ErrorKind, Output, State, Value};
use serde::Serialize;

use super::{MAX_OUTPUT_BYTES, TemplateError};

/// A list or an object. Only an event's own are nested, so that no value is deeper than JSON text
/// may be.
#[derive(Debug)]
pub(super) enum Node {
    List(Vec<Value>),
    Object(BTreeMap<String, Value>),
}

impl Node {
    pub(super) fn len(&self) -> usize {
        match self {
            Node::List(items) => items.len(),
            Node::Object(members) => members.len(),
        }
    }

    /// The list or object that `value` is, if it is one.
    pub(super) fn of(value: &Value) -> Option<&Node> {
        value.downcast_object_ref()
    }
}

impl Object for Node {
    // For lists too: the engine adds, repeats and slices sequences, without paying enough.
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match &**self {
            Node::List(items) => {
                let index = key.as_i64().filter(|_| key.is_integer())?;
                let from_start = if index < 0 {
                    items
                        .len()
                        .checked_sub(index.unsigned_abs().try_into().ok()?)?
                } else {
                    index.try_into().ok()?
                };
                items.get(from_start).cloned()
            }
            Node::Object(members) => members.get(key.as_str()?).cloned(),
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        self.mapped_enumerator(|node| match node {
            Node::List(items) => Box::new(items.iter().cloned()),
            Node::Object(members) => {
                Box::new(members.keys().map(|name| Value::from(name.as_str())))
            }
        })
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.len())
    }

    fn is_true(self: &Arc<Self>) -> bool {
        self.len() > 0
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        let same = other
            .downcast_ref::<Node>()
            .is_some_and(|other| std::ptr::eq(&raw const **self, other));
        // There is no order to speak of; only equality is asked for on purpose.
        Some(if same {
            Ordering::Equal
        } else {
            Ordering::Less
        })
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &**self {
            Node::List(_) => "[list]",
            Node::Object(_) => "[object]",
        })
    }
}

/// What a template can name, the members of `event`, and the length of its longest text.
pub(super) fn context(event: &impl Serialize) -> Result<(Value, usize), TemplateError> {
    let json = serde_json::to_value(event)
        .map_err(|error| TemplateError::new(None, format!("the event: {error}")))?;
    let mut longest_text = 0;
    // JSON text nests up to 128 levels, so that nothing recurses deeper than this.
    Ok((from_json(json, &mut longest_text), longest_text))
}

fn from_json(json: serde_json::Value, longest_text: &mut usize) -> Value {
    match json {
        serde_json::Value::Null => Value::from(()),
        serde_json::Value::Bool(value) => Value::from(value),
        serde_json::Value::Number(number) => {
            if let Some(integer) = number.as_i64() {
                Value::from(integer)
            } else if let Some(integer) = number.as_u64() {
                Value::from(integer)
            } else {
                Value::from(number.as_f64())
            }
        }
        serde_json::Value::String(text) => {
            *longest_text = text.len().max(*longest_text);
            Value::from(text)
        }
        serde_json::Value::Array(items) => {
            let items = items.into_iter().map(|item| from_json(item, longest_text));
            Value::from_object(Node::List(items.collect()))
        }
        serde_json::Value::Object(members) => {
            let members = members.into_iter().map(|(name, member)| {
                *longest_text = name.len().max(*longest_text);
                (name, from_json(member, longest_text))
            });
            Value::from_object(Node::Object(members.collect()))
        }
    }
}

/// Prints what `{{ … }}` holds: a text as it is, anything else as JSON.
pub(super) fn print(output: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    match value.as_str() {
        Some(text) => output.write_str(text)?,
        // An `if` without its `else`; any other undefined value was refused before.
        None if value.is_undefined() => {}
        None => output.write_str(&to_json(state, value)?)?,
    }
    Ok(())
}

/// A value as JSON text, no longer than a body may be.
pub(super) fn to_json(state: &State, value: &Value) -> Result<String, Error> {
    let mut text = String::new();
    write_json(&mut text, value)?;
    // Dearer than copying the text, which the engine charges by itself.
    state.consume_fuel(text.len() as u64 / 32)?;
    Ok(text)
}

fn write_json(text: &mut String, value: &Value) -> Result<(), Error> {
    if text.len() > MAX_OUTPUT_BYTES {
        return Err(too_long());
    }
    match (Node::of(value), value.kind()) {
        (Some(Node::List(items)), _) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_json(text, item)?;
            }
            text.push(']');
        }
        (Some(Node::Object(members)), _) => {
            text.push('{');
            for (index, (name, member)) in members.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_json_text(text, name)?;
                text.push(':');
                write_json(text, member)?;
            }
            text.push('}');
        }
        (None, ValueKind::None) => text.push_str("null"),
        (None, ValueKind::Bool) => text.push_str(if value.is_true() { "true" } else { "false" }),
        (None, ValueKind::Number) if value.is_integer() => write!(text, "{value}")?,
        (None, ValueKind::Number) => {
            let number = serde_json::Number::from_f64(f64::try_from(value.clone())?)
                .ok_or_else(|| invalid("a number is too large, or none at all"))?;
            write!(text, "{number}")?;
        }
        (None, ValueKind::String) => write_json_text(text, value.as_str().unwrap_or_default())?,
        (None, kind) => return Err(invalid(format!("cannot write {kind} as JSON"))),
    }
    if text.len() > MAX_OUTPUT_BYTES {
        return Err(too_long());
    }
    Ok(())
}

fn write_json_text(json: &mut String, text: &str) -> Result<(), Error> {
    let quoted = serde_json::to_string(text).map_err(|error| invalid(error.to_string()))?;
    json.push_str(&quoted);
    Ok(())
}

pub(super) fn invalid(detail: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, detail.into())
}

pub(super) fn too_long() -> Error {
    invalid(format!("a text is longer than {MAX_OUTPUT_BYTES} bytes"))
}
