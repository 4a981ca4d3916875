//! Tries a template when it is saved: on its type's sample, and on events that are harder than
//! that.

use std::cell::Cell;

use serde_json::{Value, value::RawValue};

use super::cost::Meter;
use super::{BodyTemplate, MAX_STEPS, TemplateError, TemplateErrorKind, is_json};
use crate::{
    catalogue::EventType,
    webhook::{self, Payload},
};

/// About how many bytes a large event has.
const LARGE: usize = 200_000;
/// How many elements a long list has at most.
const LONG: usize = 2_000;

/// What people may write, and JSON does not take as it is.
const AWKWARD: &str = "\"\\\n\r\t\u{1}";
const AWKWARD_NAME: &str = "\"A\\B\"";

/// The steps that one request may take to try its templates, enough for a hundred ordinary ones.
/// Templates beyond that are not tried, because it would delay the requests of others; what is wrong
/// with them fails their deliveries.
const MAX_STEPS_TO_TRY: u64 = 1_000_000;

/// Tries the templates of one request.
pub struct Tries {
    left: Cell<u64>,
}

impl Default for Tries {
    fn default() -> Self {
        Self {
            left: Cell::new(MAX_STEPS_TO_TRY),
        }
    }
}

impl Tries {
    /// The body that a template makes of the type's sample.
    ///
    /// # Errors
    ///
    /// Where it cannot be rendered for the sample, makes no JSON of some texts although that is what
    /// is to be sent, or does too much work on a large event.
    pub(crate) fn try_out(
        &self,
        template: &BodyTemplate,
        event_type: &EventType,
        content_type: &str,
    ) -> Result<String, String> {
        let sample = webhook::sample(event_type);
        let key = &event_type.key;
        let body = self.render(template, content_type, &sample);
        let body = body.map_err(|error| format!("{error} (on the sample of {key})"))?;

        let data: Value = serde_json::from_str(sample.data.get()).unwrap_or_default();
        let awkward = is_json(content_type).then(|| awkward(&data));
        let harder = [
            (
                awkward,
                "with quotes, backslashes and line breaks in its texts",
            ),
            (Some(long_texts(&data)), "with texts of 200 KB in all"),
            (long_lists(&data), "with lists of up to 2,000 elements"),
        ];
        for (data, how) in harder {
            let Some(data) = data.and_then(|data| RawValue::from_string(data.to_string()).ok())
            else {
                continue;
            };
            let mut event = webhook::sample(event_type);
            event.data = &data;
            event.trigger.name = AWKWARD_NAME;
            event.action.name = AWKWARD_NAME;
            // Other errors are the matter of such an event: a text may have become no number.
            match self.render(template, content_type, &event) {
                Err(error) if error.kind != TemplateErrorKind::Wrong => {
                    return Err(format!("{error} (on the sample of {key} {how})"));
                }
                _ => {}
            }
        }
        Ok(body)
    }

    fn render(
        &self,
        template: &BodyTemplate,
        content_type: &str,
        event: &Payload<'_>,
    ) -> Result<String, TemplateError> {
        let Some(left) = self.left.get().checked_sub(MAX_STEPS) else {
            return Ok(String::new());
        };
        let meter = Meter::new(MAX_STEPS);
        let body = template.render_within(&meter, Some(content_type), event);
        self.left.set(left + meter.left());
        body
    }
}

/// The sample with awkward characters in its texts.
fn awkward(sample: &Value) -> Value {
    with_texts(sample, &|text| format!("{AWKWARD}{text}{AWKWARD}"))
}

/// The sample with long texts.
fn long_texts(sample: &Value) -> Value {
    let length = LARGE / count_texts(sample).max(1);
    with_texts(sample, &|text| {
        let padded = format!("{text} ");
        padded.chars().cycle().take(length).collect()
    })
}

/// The sample with long lists, if it has any.
fn long_lists(sample: &Value) -> Option<Value> {
    let lists = count_lists(sample);
    (lists > 0).then(|| with_lists(sample, LARGE / lists))
}

fn with_texts(value: &Value, change: &impl Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) if is_prose(text) => change(text).into(),
        Value::Array(items) => items.iter().map(|item| with_texts(item, change)).collect(),
        Value::Object(members) => {
            let members = members.iter();
            let changed = members.map(|(name, value)| (name.clone(), with_texts(value, change)));
            Value::Object(changed.collect())
        }
        other => other.clone(),
    }
}

/// Whether a text is more than a time or a number.
fn is_prose(text: &str) -> bool {
    !text
        .chars()
        .all(|c| c.is_ascii_digit() || "-:.+TZ".contains(c))
}

fn count_texts(value: &Value) -> usize {
    match value {
        Value::String(text) => usize::from(is_prose(text)),
        Value::Array(items) => items.iter().map(count_texts).sum(),
        Value::Object(members) => members.values().map(count_texts).sum(),
        _ => 0,
    }
}

/// The value with each of its outermost lists repeated to about so many bytes.
fn with_lists(value: &Value, bytes: usize) -> Value {
    match value {
        Value::Array(items) if !items.is_empty() => {
            let length = bytes * items.len() / value.to_string().len();
            let length = length.min(LONG).max(items.len());
            let repeated = items.iter().cycle().take(length);
            repeated.cloned().collect()
        }
        Value::Object(members) => {
            let members = members.iter();
            let changed = members.map(|(name, value)| (name.clone(), with_lists(value, bytes)));
            Value::Object(changed.collect())
        }
        other => other.clone(),
    }
}

fn count_lists(value: &Value) -> usize {
    match value {
        Value::Array(items) => usize::from(!items.is_empty()),
        Value::Object(members) => members.values().map(count_lists).sum(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::built_in;

    #[test]
    fn a_request_tries_its_templates_until_its_steps_are_used_up() {
        let expensive = "{% for a in type %}{% for b in type %}{% for c in type %}{{ c }}{% endfor %}\
                         {% endfor %}{% endfor %}";
        let template = BodyTemplate::parse(expensive).expect("a template");
        let event_type = built_in("message.sent").expect("a type");
        let tries = Tries {
            left: Cell::new(MAX_STEPS + 1),
        };
        let tried = |template| tries.try_out(template, event_type, "text/plain");
        assert_eq!(tried(&template).map(|body| body.len()), Ok(12 * 12 * 12));
        let wrong = BodyTemplate::parse("{{ data.nothing }}").expect("a template");
        assert_eq!(tried(&wrong).as_deref(), Ok(""));
    }
}
