//! The values of a template: what JSON has, as it was posted, and what is missing.

use std::rc::Rc;

use indexmap::IndexMap;

use super::cost::{Fault, Meter, wrong};
use super::{MAX_OUTPUT_BYTES, TemplateError};
use crate::number;

/// An object's members, in the order in which they were posted.
pub(super) type Members = IndexMap<Rc<str>, Value>;

/// A value. Copies share what they hold.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// A missing value, with its path where that is known.
    Undefined(Option<Rc<str>>),
    /// The value of an `if` without `else` whose condition is false. It is printed as nothing.
    Nothing,
    Null,
    Bool(bool),
    /// A number, written as it was posted.
    Number(Rc<str>),
    Text(Rc<str>),
    List(Rc<[Value]>),
    Object(Rc<Members>),
}

impl Value {
    pub(super) fn text(text: impl Into<Rc<str>>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn integer(number: impl Into<i128>) -> Self {
        Self::Number(number.into().to_string().into())
    }

    pub(super) fn count(count: usize) -> Self {
        Self::Number(count.to_string().into())
    }

    /// The number of this double, which must be finite.
    pub(super) fn float(number: f64) -> Result<Self, Fault> {
        let number = serde_json::Number::from_f64(number);
        let number = number.ok_or_else(|| wrong("the number is too large"))?;
        Ok(Self::Number(number.to_string().into()))
    }

    /// What it is, for errors.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Undefined(_) | Self::Nothing => "an undefined value",
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }

    pub(super) fn is_undefined(&self) -> bool {
        matches!(self, Self::Undefined(_) | Self::Nothing)
    }

    /// The value, unless it is missing.
    pub(super) fn defined(&self) -> Result<&Self, Fault> {
        match self {
            Self::Undefined(Some(path)) => Err(wrong(format!("`{path}` is undefined"))),
            Self::Undefined(None) | Self::Nothing => Err(wrong("the value is undefined")),
            defined => Ok(defined),
        }
    }

    /// Whether a condition takes it for true: all but null, false, zero and what is empty.
    pub(super) fn is_true(&self, meter: &Meter) -> Result<bool, Fault> {
        Ok(match self {
            Self::Undefined(_) => self.defined()?.is_true(meter)?,
            Self::Nothing | Self::Null => false,
            Self::Bool(value) => *value,
            Self::Number(number) => {
                meter.charge_characters(number.len())?;
                !number::is_zero(number)
            }
            Self::Text(text) => !text.is_empty(),
            Self::List(items) => !items.is_empty(),
            Self::Object(members) => !members.is_empty(),
        })
    }

    /// The member of this name, if it is an object that has one.
    pub(super) fn member(&self, name: &str, meter: &Meter) -> Result<Option<&Self>, Fault> {
        meter.charge_text(name.len())?;
        match self {
            Self::Object(members) => Ok(members.get(name)),
            _ => Ok(None),
        }
    }

    /// Whether both are the same JSON value. Numbers are compared by their exact value.
    pub(super) fn equals(&self, other: &Self, meter: &Meter) -> Result<bool, Fault> {
        meter.charge(1)?;
        Ok(match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(left), Self::Bool(right)) => left == right,
            (Self::Number(left), Self::Number(right)) => {
                meter.charge_characters(left.len() + right.len())?;
                number::compare_text(left, right).is_eq()
            }
            (Self::Text(left), Self::Text(right)) if left.len() == right.len() => {
                meter.charge_text(left.len())?;
                left == right
            }
            (Self::List(left), Self::List(right)) if left.len() == right.len() => {
                for (left, right) in left.iter().zip(right.iter()) {
                    if !left.equals(right, meter)? {
                        return Ok(false);
                    }
                }
                true
            }
            (Self::Object(left), Self::Object(right)) if left.len() == right.len() => {
                for (name, value) in left.iter() {
                    let same = match other.member(name, meter)? {
                        Some(other) => value.equals(other, meter)?,
                        None => false,
                    };
                    if !same {
                        return Ok(false);
                    }
                }
                true
            }
            _ => false,
        })
    }

    /// Prints it at the end of `text`: a text as it is, all else as JSON.
    pub(super) fn print(&self, text: &mut String, meter: &Meter) -> Result<(), Fault> {
        match self {
            Self::Text(value) => {
                meter.charge_text(value.len())?;
                text.push_str(value);
                within_bounds(text.len())
            }
            Self::Nothing => Ok(()),
            _ => self.write_json(text, meter),
        }
    }

    /// Writes it as JSON at the end of `text`.
    pub(super) fn write_json(&self, text: &mut String, meter: &Meter) -> Result<(), Fault> {
        meter.charge(1)?;
        match self.defined()? {
            Self::Undefined(_) | Self::Nothing | Self::Null => text.push_str("null"),
            Self::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
            Self::Number(number) => {
                meter.charge_text(number.len())?;
                text.push_str(number);
            }
            Self::Text(value) => quote(value, text, meter)?,
            Self::List(items) => {
                text.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        text.push(',');
                    }
                    item.write_json(text, meter)?;
                }
                text.push(']');
            }
            Self::Object(members) => {
                text.push('{');
                for (index, (name, member)) in members.iter().enumerate() {
                    if index > 0 {
                        text.push(',');
                    }
                    quote(name, text, meter)?;
                    text.push(':');
                    member.write_json(text, meter)?;
                }
                text.push('}');
            }
        }
        within_bounds(text.len())
    }
}

fn quote(value: &str, text: &mut String, meter: &Meter) -> Result<(), Fault> {
    meter.charge_characters(value.len())?;
    let quoted = serde_json::to_string(value).map_err(|error| wrong(error.to_string()))?;
    text.push_str(&quoted);
    Ok(())
}

/// Refuses a text of so many bytes where that is more than a body may have.
pub(super) fn within_bounds(length: usize) -> Result<(), Fault> {
    if length > MAX_OUTPUT_BYTES {
        return Err(wrong(format!(
            "a text is longer than {MAX_OUTPUT_BYTES} bytes"
        )));
    }
    Ok(())
}

/// How deep the lists and objects of an event may nest, as in serde_json.
const MAX_DEPTH: usize = 128;

/// Reads JSON. Unlike serde_json it keeps how numbers are written and how members are ordered.
pub(super) fn read(json: &str) -> Result<Value, TemplateError> {
    let mut reader = Reader {
        json,
        at: 0,
        depth: 0,
    };
    let read = reader.value();
    read.ok_or_else(|| {
        let detail = format!("the event cannot be read at byte {}", reader.at);
        TemplateError::new(None, detail)
    })
}

/// Reads what serde_json has written. It answers nothing where that is not JSON after all.
struct Reader<'j> {
    json: &'j str,
    at: usize,
    depth: usize,
}

impl<'j> Reader<'j> {
    fn value(&mut self) -> Option<Value> {
        match self.peek()? {
            b'"' => self.text().map(Value::Text),
            b'[' => self.nested(Self::list),
            b'{' => self.nested(Self::object),
            b't' => self.word("true", Value::Bool(true)),
            b'f' => self.word("false", Value::Bool(false)),
            b'n' => self.word("null", Value::Null),
            _ => {
                let rest = &self.json[self.at..];
                let end =
                    rest.find(|c: char| !matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E'));
                let number = &rest[..end.unwrap_or(rest.len())];
                self.at += number.len();
                (!number.is_empty()).then(|| Value::Number(number.into()))
            }
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Option<Value>) -> Option<Value> {
        self.at += 1;
        self.depth += 1;
        let value = (self.depth <= MAX_DEPTH).then(|| read(self)).flatten();
        self.depth -= 1;
        value
    }

    fn list(&mut self) -> Option<Value> {
        let mut items = Vec::new();
        while !self.skip(b']') {
            if !items.is_empty() && !self.skip(b',') {
                return None;
            }
            items.push(self.value()?);
        }
        Some(Value::List(items.into()))
    }

    fn object(&mut self) -> Option<Value> {
        let mut members = Members::new();
        while !self.skip(b'}') {
            if !members.is_empty() && !self.skip(b',') {
                return None;
            }
            self.peek()?;
            let name = self.text()?;
            if !self.skip(b':') {
                return None;
            }
            members.insert(name, self.value()?);
        }
        Some(Value::Object(members.into()))
    }

    fn text(&mut self) -> Option<Rc<str>> {
        let rest = &self.json[self.at..];
        let inner = rest.strip_prefix('"')?;
        let mut end = inner.find(['"', '\\'])?;
        if inner.as_bytes()[end] == b'"' {
            self.at += end + 2;
            return Some(inner[..end].into());
        }
        while inner.as_bytes().get(end)? != &b'"' {
            end += inner.get(end..)?.find(['"', '\\'])?;
            if inner.as_bytes()[end] == b'\\' {
                end += 2;
            }
        }
        self.at += end + 2;
        let text: String = serde_json::from_str(&rest[..end + 2]).ok()?;
        Some(text.into())
    }

    fn word(&mut self, word: &str, value: Value) -> Option<Value> {
        let rest = &self.json[self.at..];
        rest.starts_with(word).then(|| {
            self.at += word.len();
            value
        })
    }

    /// The next character that is no white space.
    fn peek(&mut self) -> Option<u8> {
        let rest = &self.json.as_bytes()[self.at..];
        let blank = rest.iter().take_while(|byte| byte.is_ascii_whitespace());
        self.at += blank.count();
        self.json.as_bytes().get(self.at).copied()
    }

    fn skip(&mut self, wanted: u8) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }
}
