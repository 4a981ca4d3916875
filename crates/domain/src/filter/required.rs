//! What most filters ask for can be looked up before they are parsed: of a hundred filters that each
//! want another calendar, one is parsed for an event.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, value::RawValue};

/// A text that is among the [`texts`] of every event that the filter matches, if it is written with
/// one: that of a condition like `"data.channel": "sms"`.
pub fn required_text(filter: &RawValue) -> Option<&str> {
    // What is written with escapes is not borrowed, and goes the long way.
    let conditions: BTreeMap<&str, &RawValue> = serde_json::from_str(filter.get()).ok()?;
    let of_data = conditions
        .into_iter()
        .filter(|(path, _)| path.starts_with("data."));
    let mut texts = of_data.filter_map(|(_, operand)| {
        let quoted = operand.get().strip_prefix('"')?;
        quoted.strip_suffix('"')
    });
    texts.find(|text| !text.contains('\\'))
}

/// All texts that are values somewhere in an event's data.
pub fn texts(data: &Value) -> BTreeSet<&str> {
    let mut texts = BTreeSet::new();
    // A stack and no recursion: data may nest as deep as its parser allowed.
    let mut waiting = vec![data];
    while let Some(value) = waiting.pop() {
        match value {
            Value::String(text) => {
                texts.insert(text.as_str());
            }
            Value::Array(elements) => waiting.extend(elements),
            Value::Object(members) => waiting.extend(members.values()),
            _ => {}
        }
    }
    texts
}
