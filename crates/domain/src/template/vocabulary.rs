//! The filters and tests of templates.

use std::borrow::Cow;
use std::ops::RangeInclusive;
use std::rc::Rc;

use super::cost::{Fault, Meter, wrong};
use super::value::{Value, within_bounds};

/// How a filter or test is written.
pub(super) struct Signature {
    pub(super) name: &'static str,
    /// How many values it takes in brackets.
    pub(super) takes: RangeInclusive<usize>,
    /// The value that it takes by name.
    pub(super) named: Option<&'static str>,
}

/// The values in brackets after the name of a filter or test.
#[derive(Default)]
pub(super) struct Arguments {
    pub(super) positional: Vec<Value>,
    pub(super) named: Option<Value>,
}

/// A filter: makes a value of another.
pub(super) struct Filter {
    pub(super) signature: Signature,
    pub(super) run: fn(&Value, &Arguments, &Meter) -> Result<Value, Fault>,
}

/// A test: answers a question about a value.
pub(super) struct Test {
    pub(super) signature: Signature,
    pub(super) run: fn(&Value, &Arguments, &Meter) -> Result<bool, Fault>,
}

const fn signature(name: &'static str, takes: RangeInclusive<usize>) -> Signature {
    Signature {
        name,
        takes,
        named: None,
    }
}

macro_rules! filters {
    ($($name:literal $takes:expr, $named:expr, $run:expr;)*) => {
        [$(Filter {
            signature: Signature { named: $named, ..signature($name, $takes) },
            run: $run,
        }),*]
    };
}

macro_rules! tests {
    ($($name:literal $takes:expr, $run:expr;)*) => {
        [$(Test { signature: signature($name, $takes), run: $run }),*]
    };
}

pub(super) static FILTERS: [Filter; 22] = filters! {
    "capitalize" 0..=0, None, |value, _, meter| change(value, meter, capitalize);
    "count" 0..=0, None, length;
    "d" 0..=2, None, default;
    "default" 0..=2, None, default;
    "e" 0..=0, None, |value, _, meter| change(value, meter, escape);
    "escape" 0..=0, None, |value, _, meter| change(value, meter, escape);
    "first" 0..=0, None, |value, _, _| Ok(or_undefined(list(value)?.first()));
    "int" 0..=0, None, int;
    "items" 0..=0, None, items;
    "join" 0..=1, Some("attribute"), join;
    "last" 0..=0, None, |value, _, _| Ok(or_undefined(list(value)?.last()));
    "length" 0..=0, None, length;
    "lower" 0..=0, None, |value, _, meter| change(value, meter, str::to_lowercase);
    "map" 0..=0, Some("attribute"), map;
    "replace" 2..=2, None, replace;
    "round" 0..=1, None, round;
    "string" 0..=0, None, |value, _, meter| change(value, meter, str::to_owned);
    "tojson" 0..=0, None, tojson;
    "trim" 0..=0, None, |value, _, meter| change(value, meter, |text| text.trim().to_owned());
    "truncate" 1..=1, None, truncate;
    "upper" 0..=0, None, |value, _, meter| change(value, meter, str::to_uppercase);
    "urlencode" 0..=0, None, |value, _, meter| change(value, meter, urlencode);
};

pub(super) static TESTS: [Test; 11] = tests! {
    "boolean" 0..=0, |value, _, _| Ok(matches!(value, Value::Bool(_)));
    "defined" 0..=0, |value, _, _| Ok(!value.is_undefined());
    "endingwith" 1..=1, |value, end, meter| {
        Ok(text(value, meter)?.ends_with(&*text(&end.positional[0], meter)?))
    };
    "in" 1..=usize::MAX, |value, places, meter| is_in(value, &places.positional, meter);
    "mapping" 0..=0, |value, _, _| Ok(matches!(value, Value::Object(_)));
    "none" 0..=0, |value, _, _| Ok(matches!(value, Value::Null));
    "number" 0..=0, |value, _, _| Ok(matches!(value, Value::Number(_)));
    "sequence" 0..=0, |value, _, _| Ok(matches!(value, Value::List(_)));
    "startingwith" 1..=1, |value, start, meter| {
        Ok(text(value, meter)?.starts_with(&*text(&start.positional[0], meter)?))
    };
    "string" 0..=0, |value, _, _| Ok(matches!(value, Value::Text(_)));
    "undefined" 0..=0, |value, _, _| Ok(value.is_undefined());
};

/// The filter of this name.
pub(super) fn filter(name: &str) -> Result<&'static Filter, String> {
    let found = FILTERS.iter().find(|filter| filter.signature.name == name);
    found.ok_or_else(|| {
        let known: Vec<_> = FILTERS.iter().map(|filter| filter.signature.name).collect();
        format!("unknown filter `{name}`; there are {}", known.join(", "))
    })
}

/// The test of this name.
pub(super) fn test(name: &str) -> Result<&'static Test, String> {
    let found = TESTS.iter().find(|test| test.signature.name == name);
    found.ok_or_else(|| {
        let known: Vec<_> = TESTS.iter().map(|test| test.signature.name).collect();
        format!("unknown test `{name}`; there are {}", known.join(", "))
    })
}

// What filters are given.

/// A text; numbers and booleans as they are printed. All of it counts as read.
pub(super) fn text<'v>(value: &'v Value, meter: &Meter) -> Result<Cow<'v, str>, Fault> {
    match value {
        Value::Nothing => Ok(Cow::Borrowed("")),
        Value::Text(text) | Value::Number(text) => {
            meter.charge_text(text.len())?;
            Ok(Cow::Borrowed(text))
        }
        Value::Bool(value) => Ok(Cow::Borrowed(if *value { "true" } else { "false" })),
        _ => {
            let kind = value.defined()?.kind();
            Err(wrong(format!("a text is needed, not {kind}")))
        }
    }
}

fn list(value: &Value) -> Result<&Rc<[Value]>, Fault> {
    match value.defined()? {
        Value::List(items) => Ok(items),
        _ => Err(wrong(format!("a list is needed, not {}", value.kind()))),
    }
}

/// A number as it is written.
pub(super) fn number<'v>(value: &'v Value, meter: &Meter) -> Result<&'v str, Fault> {
    match value.defined()? {
        Value::Number(number) => {
            meter.charge_characters(number.len())?;
            Ok(number)
        }
        _ => Err(wrong(format!("a number is needed, not {}", value.kind()))),
    }
}

/// A number that says how many.
fn count(value: &Value, meter: &Meter) -> Result<usize, Fault> {
    let number = number(value, meter)?;
    number
        .parse()
        .map_err(|_| wrong(format!("a whole number from 0 is needed, not {number}")))
}

fn or_undefined(found: Option<&Value>) -> Value {
    found.cloned().unwrap_or(Value::Undefined(None))
}

// Filters.

/// Makes one text of another, a character at a time.
fn change(value: &Value, meter: &Meter, change: fn(&str) -> String) -> Result<Value, Fault> {
    let text = text(value, meter)?;
    meter.charge_characters(text.len())?;
    let changed = change(&text);
    meter.charge_text(changed.len())?;
    within_bounds(changed.len())?;
    Ok(Value::text(changed))
}

fn capitalize(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + &characters.as_str().to_lowercase()
    })
}

/// For HTML, between tags and in quoted attributes.
fn escape(text: &str) -> String {
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
    escaped
}

/// For `application/x-www-form-urlencoded` (URL Standard, section 5.2).
fn urlencode(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// At most so many characters; where it cuts, the last one is an ellipsis.
fn truncate(value: &Value, arguments: &Arguments, meter: &Meter) -> Result<Value, Fault> {
    let length = count(&arguments.positional[0], meter)?;
    let text = text(value, meter)?;
    if text.chars().nth(length).is_none() {
        return Ok(Value::text(text));
    }
    let kept = text.chars().take(length.saturating_sub(1));
    let kept: String = kept.chain((length > 0).then_some('…')).collect();
    meter.charge_characters(kept.len())?;
    Ok(Value::text(kept))
}

fn replace(value: &Value, arguments: &Arguments, meter: &Meter) -> Result<Value, Fault> {
    let value = text(value, meter)?;
    let from = text(&arguments.positional[0], meter)?;
    let to = text(&arguments.positional[1], meter)?;
    if from.is_empty() {
        return Err(wrong("the text to replace is empty"));
    }
    meter.charge_characters(value.len())?;
    // Before it is made, for it may be the product of both lengths.
    let found = value.matches(&*from).count();
    let length = value.len() - found * from.len() + found.saturating_mul(to.len());
    within_bounds(length)?;
    meter.charge(found)?;
    meter.charge_text(length)?;
    Ok(Value::text(value.replace(&*from, &to)))
}

fn tojson(value: &Value, _: &Arguments, meter: &Meter) -> Result<Value, Fault> {
    let mut json = String::new();
    value.write_json(&mut json, meter)?;
    Ok(Value::text(json))
}

fn default(value: &Value, arguments: &Arguments, meter: &Meter) -> Result<Value, Fault> {
    let (instead, also_when_false) = match arguments.positional.as_slice() {
        [] => (&Value::text(""), false),
        [instead] => (instead, false),
        [instead, when_false, ..] => (instead, when_false.is_true(meter)?),
    };
    if value.is_undefined() || (also_when_false && !value.is_true(meter)?) {
        return Ok(instead.defined()?.clone());
    }
    Ok(value.clone())
}

fn length(value: &Value, _: &Arguments, meter: &Meter) -> Result<Value, Fault> {
    Ok(Value::count(match value.defined()? {
        Value::Text(text) => {
            meter.charge_text(text.len())?;
            text.chars().count()
        }
        Value::List(items) => items.len(),
        Value::Object(members) => members.len(),
        other => {
            let kind = other.kind();
            return Err(wrong(format!(
                "a text, list or object is needed, not {kind}"
            )));
        }
    }))
}

/// An object's members as pairs of name and value.
fn items(value: &Value, _: &Arguments, meter: &Meter) -> Result<Value, Fault> {
    let Value::Object(members) = value.defined()? else {
        let kind = value.kind();
        return Err(wrong(format!("an object is needed, not {kind}")));
    };
    meter.charge(members.len() * 4)?;
    let pairs = members.iter().map(|(name, member)| {
        let pair = [Value::Text(Rc::clone(name)), member.clone()];
        Value::List(Rc::new(pair))
    });
    Ok(Value::List(pairs.collect()))
}

/// The field at `path`, dotted, of a list's element.
fn attribute(item: &Value, path: &str, meter: &Meter) -> Result<Value, Fault> {
    let mut found = item;
    for name in path.split('.') {
        meter.charge(1)?;
        let member = found.member(name, meter)?;
        found = member.ok_or_else(|| wrong(format!("an element has no `{path}`")))?;
    }
    Ok(found.clone())
}

fn map(value: &Value, arguments: &Arguments, meter: &Meter) -> Result<Value, Fault> {
    let items = list(value)?;
    let path = arguments.named.as_ref();
    let path = path.ok_or_else(|| wrong("`map` needs a field: `map(attribute=\"name\")`"))?;
    let path = text(path, meter)?;
    let fields = items.iter().map(|item| attribute(item, &path, meter));
    Ok(Value::List(fields.collect::<Result<_, _>>()?))
}

fn join(value: &Value, arguments: &Arguments, meter: &Meter) -> Result<Value, Fault> {
    let items = list(value)?;
    let path = arguments.named.as_ref();
    let path = path.map(|path| text(path, meter)).transpose()?;
    let separator = match arguments.positional.first() {
        Some(separator) => text(separator, meter)?,
        None => Cow::Borrowed(""),
    };
    let mut joined = String::new();
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            meter.charge_text(separator.len())?;
            joined.push_str(&separator);
        }
        meter.charge(1)?;
        match &path {
            Some(path) => joined.push_str(&text(&attribute(item, path, meter)?, meter)?),
            None => joined.push_str(&text(item, meter)?),
        }
        within_bounds(joined.len())?;
    }
    Ok(Value::text(joined))
}

/// A whole number: of a number its part before the point, of a text what it says.
fn int(value: &Value, _: &Arguments, meter: &Meter) -> Result<Value, Fault> {
    if let Value::Text(_) = value {
        let text = text(value, meter)?;
        let integer = text.trim().parse::<i128>();
        let integer = integer.map_err(|_| wrong("the text is not a whole number"))?;
        return Ok(Value::integer(integer));
    }
    let number = number(value, meter)?;
    if is_integer(number) {
        return Ok(value.clone());
    }
    let whole = double(number).trunc();
    // Beyond these `as` would not give the number that is meant.
    if !(-1.0e38..=1.0e38).contains(&whole) {
        return Err(wrong("the number is too large"));
    }
    Ok(Value::integer(whole as i128))
}

/// Half away from zero, to so many digits after the point.
fn round(value: &Value, arguments: &Arguments, meter: &Meter) -> Result<Value, Fault> {
    let written = number(value, meter)?;
    let digits = match arguments.positional.first() {
        Some(digits) => count(digits, meter)?,
        None => 0,
    };
    if is_integer(written) {
        return Ok(value.clone());
    }
    let number = double(written);
    let scale = 10_f64.powi(i32::try_from(digits).unwrap_or(15).min(15));
    let rounded = (number * scale).round() / scale;
    if digits == 0 && rounded.abs() < 9.0e15 {
        return Ok(Value::integer(rounded as i64));
    }
    // So large that it has no digits to round.
    if !rounded.is_finite() {
        return Ok(value.clone());
    }
    Value::float(rounded)
}

/// Whether a number is written without a point and an exponent.
fn is_integer(number: &str) -> bool {
    !number.contains(['.', 'e', 'E'])
}

/// The double that is nearest to a number.
pub(super) fn double(number: &str) -> f64 {
    number.parse().unwrap_or(f64::NAN)
}

// Tests.

/// In a list, among an object's names, within a text; or one of several values.
pub(super) fn is_in(value: &Value, places: &[Value], meter: &Meter) -> Result<bool, Fault> {
    value.defined()?;
    for place in places {
        place.defined()?;
    }
    let among = |values: &[Value]| {
        for candidate in values {
            if value.equals(candidate, meter)? {
                return Ok(true);
            }
        }
        Ok(false)
    };
    match (places, value) {
        ([Value::Text(within)], Value::Text(part)) => {
            meter.charge_characters(within.len())?;
            meter.charge_text(part.len())?;
            Ok(within.contains(&**part))
        }
        ([Value::Text(_)], _) => Ok(false),
        ([Value::List(items)], _) => among(items),
        ([object @ Value::Object(_)], Value::Text(name)) => {
            Ok(object.member(name, meter)?.is_some())
        }
        ([Value::Object(_)], _) => Ok(false),
        (values, _) => among(values),
    }
}
