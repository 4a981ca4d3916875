//! What forms bring, and what becomes of it in the API's words.

use std::collections::BTreeMap;

use api::wire::{Action, Problem, Trigger};
use domain::{
    schedule::RetrySchedule,
    trigger::{DEFAULT_CONTENT_TYPE, DEFAULT_TIMEOUT, Method},
};
use serde::Serialize;
use serde_json::{Map, Value, json, value::RawValue};

use crate::text;

/// The fields of a form that was sent.
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads a body of the media type `application/x-www-form-urlencoded`.
    pub fn parse(body: &[u8]) -> Self {
        let fields = form_urlencoded::parse(body);
        Self(fields.into_owned().collect())
    }

    /// The value of a field; empty for one that was not sent.
    pub fn get(&self, name: &str) -> &str {
        let field = self.0.iter().find(|(field, _)| field == name);
        field.map_or("", |(_, value)| value)
    }

    /// The value of a field without what surrounds it.
    fn trimmed(&self, name: &str) -> String {
        self.get(name).trim().to_owned()
    }

    /// Text of several lines. A browser sends each line break as CRLF, whatever was typed or
    /// pasted (HTML, "constructing the entry list"); here it is LF.
    fn lines(&self, name: &str) -> String {
        with_lf(self.get(name))
    }

    /// Whether a box was ticked.
    fn ticked(&self, name: &str) -> bool {
        !self.get(name).is_empty()
    }
}

/// The text with LF for CRLF.
fn with_lf(text: &str) -> String {
    text.replace("\r\n", "\n")
}

/// Whether one of the header names is `name`, in whatever case.
fn is_in<'a>(name: &str, names: impl IntoIterator<Item = &'a String>) -> bool {
    let mut names = names.into_iter();
    names.any(|present| present.eq_ignore_ascii_case(name))
}

/// Puts `stored` in the place of `typed` if they differ in line breaks alone: a form cannot carry
/// that difference, so nobody can have meant it.
fn keep_line_breaks(typed: &mut String, stored: &str) {
    if with_lf(stored) == *typed {
        stored.clone_into(typed);
    }
}

/// What is wrong with each field, and with the form as a whole.
#[derive(Debug, Default)]
pub struct Errors {
    /// By the field's name.
    pub(crate) fields: BTreeMap<String, Vec<String>>,
    /// What belongs to no field.
    pub general: Vec<String>,
}

impl Errors {
    /// What is wrong with a field.
    pub fn of(&self, field: &str) -> &[String] {
        self.fields.get(field).map_or(&[], Vec::as_slice)
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.general.is_empty()
    }

    /// Adds what is wrong with a field.
    pub fn add(&mut self, field: &str, detail: impl Into<String>) {
        self.fields
            .entry(field.to_owned())
            .or_default()
            .push(detail.into());
    }

    /// Adds what the API found wrong, each beside the field that it came from.
    fn refused(&mut self, problem: &Problem, fields: &[&str]) {
        if problem.errors.is_empty() {
            self.general.push(problem.detail.clone());
        }
        for error in &problem.errors {
            let mut segments = error.pointer.split('/').skip(1);
            let field = segments.next().unwrap_or_default();
            let within: Vec<_> = segments.collect();
            let detail = if within.is_empty() {
                error.detail.clone()
            } else {
                format!("{}: {}", within.join("/"), error.detail)
            };
            if fields.contains(&field) {
                self.add(field, detail);
            } else {
                self.general
                    .push(format!("{} {detail}", error.pointer).trim().to_owned());
            }
        }
    }
}

/// What a trigger's form shows: what is stored, or what was typed.
#[derive(Debug, Default)]
pub struct TriggerForm {
    /// The key of its type.
    pub event_type: String,
    /// What people call it.
    pub name: String,
    /// What they say of it.
    pub description: String,
    /// Whether it fires.
    pub enabled: bool,
    /// Which events fire it, as JSON; empty for all.
    pub filter: String,
    /// The version that was shown.
    pub revision: String,
    /// What is wrong with it.
    pub errors: Errors,
}

impl TriggerForm {
    /// The form of a trigger that is to be made.
    pub fn new(event_type: &str) -> Self {
        Self {
            event_type: event_type.to_owned(),
            enabled: true,
            ..Self::default()
        }
    }

    /// The form of a trigger that is there.
    pub fn of(trigger: &Trigger, revision: String) -> Self {
        let filter = trigger.filter.as_ref();
        Self {
            event_type: trigger.event_type.clone(),
            name: trigger.name.clone(),
            description: trigger.description.clone(),
            enabled: trigger.enabled,
            filter: filter.map_or_else(String::new, |filter| text::indented(filter.get())),
            revision,
            errors: Errors::default(),
        }
    }

    /// What was typed.
    pub fn read(fields: &Fields) -> Self {
        Self {
            event_type: fields.trimmed("type"),
            name: fields.trimmed("name"),
            description: fields.lines("description"),
            enabled: fields.ticked("enabled"),
            filter: fields.lines("filter").trim().to_owned(),
            revision: fields.trimmed("revision"),
            errors: Errors::default(),
        }
    }

    /// The same with the line breaks that the `stored` trigger has, where only they differ.
    #[must_use]
    pub fn with_line_breaks_of(mut self, stored: &Trigger) -> Self {
        keep_line_breaks(&mut self.description, &stored.description);
        self
    }

    /// The settings as the API takes them, the filter to the letter. `None` if a field can't be
    /// read; the errors then say why.
    pub fn to_json(&mut self) -> Option<String> {
        #[derive(Serialize)]
        struct Settings<'a> {
            #[serde(rename = "type")]
            event_type: &'a str,
            name: &'a str,
            description: &'a str,
            enabled: bool,
            filter: Option<Box<RawValue>>,
        }

        let filter = self.filter()?;
        let settings = Settings {
            event_type: &self.event_type,
            name: &self.name,
            description: &self.description,
            enabled: self.enabled,
            filter: Some(filter).filter(|_| !self.filter.is_empty()),
        };
        serde_json::to_string(&settings).ok()
    }

    /// The filter that was typed; one without conditions where there is none.
    pub fn filter(&mut self) -> Option<Box<RawValue>> {
        let typed = if self.filter.is_empty() {
            "{}"
        } else {
            &self.filter
        };
        match serde_json::from_str(typed) {
            Ok(filter) => Some(filter),
            Err(error) => {
                self.errors.add("filter", format!("is not JSON: {error}"));
                None
            }
        }
    }

    /// Takes what the API found wrong.
    pub fn refused(&mut self, problem: &Problem) {
        self.errors
            .refused(problem, &["type", "name", "description", "filter"]);
    }
}

/// What an action's form shows: what is stored, or what was typed.
#[derive(Debug, Default)]
pub struct ActionForm {
    /// What people call it.
    pub name: String,
    /// Where it sends to.
    pub url: String,
    /// Whether it sends.
    pub enabled: bool,
    /// With which method.
    pub method: String,
    /// With which headers, `name: value`, a line each. [`SECRET`] stands for a value that is not shown.
    pub headers: String,
    /// Whose values are not to be shown again: names with commas between them.
    pub secret_headers: String,
    /// Whose values are to be shown although the names sound secret: names with commas between them.
    pub public_headers: String,
    /// How webhooks are signed: schemes with spaces between them, one of [`SIGNATURES`].
    pub signatures: String,
    /// What makes the bodies; empty for the usual ones.
    pub body_template: String,
    /// Of which media type.
    pub content_type: String,
    /// How long an attempt may take, in seconds.
    pub timeout_seconds: String,
    /// The pauses between attempts.
    pub retry_schedule: String,
    /// Whether webhooks go one at a time, the oldest first.
    pub ordered: bool,
    /// The most requests in a second; empty where that is not limited.
    pub max_per_second: String,
    /// The version that was shown.
    pub revision: String,
    /// What is wrong with it.
    pub errors: Errors,
}

/// The ways to sign, with what people are told of them.
pub const SIGNATURES: [(&str, &str); 3] = [
    ("v1", "With the action's own secret"),
    ("v1a", "With the account's key pair"),
    ("v1 v1a", "With both"),
];

/// What stands for the value of a secret header: left so, the value stays as it is.
pub const SECRET: &str = "(secret)";

/// The methods of requests.
pub const METHODS: [Method; 4] = Method::ALL;

/// An action's fields, as the API calls them.
const ACTION_FIELDS: [&str; 13] = [
    "name",
    "url",
    "method",
    "headers",
    "secret_headers",
    "public_headers",
    "signature_schemes",
    "body_template",
    "content_type",
    "timeout_seconds",
    "retry_schedule",
    "ordered",
    "max_per_second",
];

impl ActionForm {
    /// The form of an action that is to be made, with what the API would set.
    pub fn new() -> Self {
        Self {
            enabled: true,
            method: METHODS[0].to_string(),
            signatures: SIGNATURES[0].0.to_owned(),
            content_type: DEFAULT_CONTENT_TYPE.to_owned(),
            timeout_seconds: DEFAULT_TIMEOUT.to_string(),
            retry_schedule: text::delays(RetrySchedule::default().delays()),
            ..Self::default()
        }
    }

    /// The form of an action that is there.
    pub fn of(action: &Action, revision: String) -> Self {
        let headers = action.headers.iter();
        let secret = action.secret_headers.iter();
        let signatures = action.signature_schemes.iter();
        let signatures: Vec<_> = signatures.map(|scheme| scheme.as_str()).collect();
        let headers: Vec<_> = headers
            .map(|(name, value)| format!("{name}: {value}"))
            .chain(secret.map(|name| format!("{name}: {SECRET}")))
            .collect();
        Self {
            name: action.name.clone(),
            url: action.url.clone(),
            enabled: action.enabled,
            method: action.method.to_string(),
            headers: headers.join("\n"),
            secret_headers: action.secret_headers.join(", "),
            public_headers: action.public_headers.join(", "),
            signatures: signatures.join(" "),
            body_template: action.body_template.clone().unwrap_or_default(),
            content_type: action.content_type.clone(),
            timeout_seconds: action.timeout_seconds.to_string(),
            retry_schedule: text::delays(action.retry_schedule.delays()),
            ordered: action.ordered,
            max_per_second: action
                .max_per_second
                .map(|most| most.to_string())
                .unwrap_or_default(),
            revision,
            errors: Errors::default(),
        }
    }

    /// What was typed.
    pub fn read(fields: &Fields) -> Self {
        Self {
            name: fields.trimmed("name"),
            url: fields.trimmed("url"),
            enabled: fields.ticked("enabled"),
            method: fields.trimmed("method"),
            headers: fields.lines("headers").trim().to_owned(),
            secret_headers: fields.trimmed("secret_headers"),
            public_headers: fields.trimmed("public_headers"),
            signatures: fields.trimmed("signature_schemes"),
            body_template: fields.lines("body_template"),
            content_type: fields.trimmed("content_type"),
            timeout_seconds: fields.trimmed("timeout_seconds"),
            retry_schedule: fields.trimmed("retry_schedule"),
            ordered: fields.ticked("ordered"),
            max_per_second: fields.trimmed("max_per_second"),
            revision: fields.trimmed("revision"),
            errors: Errors::default(),
        }
    }

    /// The same with the line breaks that the `stored` action has, where only they differ.
    #[must_use]
    pub fn with_line_breaks_of(mut self, stored: &Action) -> Self {
        let template = stored.body_template.as_deref();
        keep_line_breaks(&mut self.body_template, template.unwrap_or_default());
        self
    }

    /// The settings as the API takes them. `None` if a field can't be read; the errors then say why.
    /// `stored_secret` are the names of the secret headers that the action has: the API keeps the
    /// value of one that is named secret and has no value.
    pub fn to_json(&mut self, stored_secret: &[String]) -> Option<String> {
        let headers = self.header_map(stored_secret);
        let secret_headers = names(&self.secret_headers);
        let public_headers = names(&self.public_headers);
        let delays = text::parse_delays(&self.retry_schedule)
            .map_err(|detail| self.errors.add("retry_schedule", detail));
        let timeout = self.timeout_seconds.parse::<u32>().map_err(|_| {
            self.errors
                .add("timeout_seconds", "is a whole number of seconds");
        });
        let per_second = match self.max_per_second.as_str() {
            "" => Ok(None),
            text => text.parse::<u32>().map(Some),
        };
        let per_second = per_second.map_err(|_| {
            self.errors
                .add("max_per_second", "is a whole number, or empty");
        });
        let (headers, delays, timeout) = (headers?, delays.ok()?, timeout.ok()?);
        let per_second = per_second.ok()?;
        let template = Some(&self.body_template).filter(|template| !template.trim().is_empty());
        let settings = json!({
            "name": self.name,
            "url": self.url,
            "enabled": self.enabled,
            "method": self.method,
            "headers": headers,
            "secret_headers": secret_headers,
            "public_headers": public_headers,
            "signature_schemes": self.signatures.split_whitespace().collect::<Vec<_>>(),
            "body_template": template,
            "content_type": self.content_type,
            "timeout_seconds": timeout,
            "retry_schedule": delays,
            "ordered": self.ordered,
            "max_per_second": per_second,
        });
        Some(settings.to_string())
    }

    fn header_map(&mut self, stored_secret: &[String]) -> Option<Map<String, Value>> {
        let mut headers = Map::new();
        let mut wrong = Vec::new();
        for line in self.headers.lines().filter(|line| !line.trim().is_empty()) {
            let Some((name, value)) = line.split_once(':') else {
                let detail = format!("has the line {line:?}, which is not of the form name: value");
                wrong.push(("headers", detail));
                continue;
            };
            let name = name.trim();
            if is_in(name, headers.keys()) {
                wrong.push(("headers", format!("has {name:?} twice")));
            }
            headers.insert(name.to_owned(), value.trim().into());
        }
        let secret = names(&self.secret_headers);
        for name in &secret {
            if !is_in(name, headers.keys()) {
                let detail = format!("names {name:?}, and there is no such header");
                wrong.push(("secret_headers", detail));
            }
        }
        headers.retain(|name, value| {
            let is_kept = value == SECRET && is_in(name, stored_secret);
            if is_kept && !is_in(name, &secret) {
                let detail = format!(
                    "has to name {name:?}, whose value is secret; write another value, or take \
                     the header away"
                );
                wrong.push(("secret_headers", detail));
            }
            !is_kept
        });
        let is_right = wrong.is_empty();
        for (field, detail) in wrong {
            self.errors.add(field, detail);
        }
        is_right.then_some(headers)
    }

    /// Takes what the API found wrong.
    pub fn refused(&mut self, problem: &Problem) {
        self.errors.refused(problem, &ACTION_FIELDS);
    }

    /// Whether the request is not the usual one, or something is wrong with it.
    pub(crate) fn has_advanced(&self) -> bool {
        let fields = [
            "method",
            "headers",
            "secret_headers",
            "public_headers",
            "signature_schemes",
            "content_type",
            "body_template",
        ];
        !self.headers.is_empty()
            || self.signatures != SIGNATURES[0].0
            || !self.body_template.is_empty()
            || fields.iter().any(|field| !self.errors.of(field).is_empty())
    }

    /// Whether webhooks do not go as they come, or something is wrong with how they do.
    pub(crate) fn is_paced(&self) -> bool {
        self.ordered
            || !self.max_per_second.is_empty()
            || !self.errors.of("max_per_second").is_empty()
    }

    /// Whether something is wrong with the timeout or the schedule.
    pub(crate) fn has_schedule_errors(&self) -> bool {
        let fields = ["timeout_seconds", "retry_schedule"];
        fields.iter().any(|field| !self.errors.of(field).is_empty())
    }
}

/// Names that have commas between them.
fn names(text: &str) -> Vec<String> {
    let names = text.split(',').map(str::trim);
    let names = names.filter(|name| !name.is_empty());
    names.map(ToOwned::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(body: &str) -> Fields {
        Fields::parse(body.as_bytes())
    }

    #[test]
    fn a_filter_that_is_no_json_is_told_with_its_place() {
        let mut form = TriggerForm::read(&fields("type=a&name=+N+&filter=%7B%22a%22"));
        assert_eq!((form.name.as_str(), form.enabled), ("N", false));
        assert_eq!(form.to_json(), None);
        let [error] = form.errors.of("filter") else {
            panic!("{:?}", form.errors);
        };
        assert!(error.contains("line 1 column 4"), "{error}");
    }

    fn json(body: Option<String>) -> Value {
        serde_json::from_str(&body.unwrap()).unwrap()
    }

    #[test]
    fn a_filter_is_sent_as_it_was_typed() {
        let mut form = TriggerForm::new("message.sent");
        form.filter = r#"{"n": 100000000000000000001, "m": 1.0, "m": null}"#.into();
        let sent = form.to_json().unwrap();
        assert!(sent.contains(&form.filter), "{sent}");
        form.filter.clear();
        assert_eq!(json(form.to_json())["filter"], Value::Null);
    }

    #[test]
    fn text_has_the_line_breaks_that_were_typed() {
        let sent = "description=%0D%0AOne%0D%0ATwo%0D%0A&body_template=%0D%0A%7B%7D%0D%0A";
        assert_eq!(TriggerForm::read(&fields(sent)).description, "\nOne\nTwo\n");
        assert_eq!(ActionForm::read(&fields(sent)).body_template, "\n{}\n");
    }

    #[test]
    fn text_that_was_left_alone_keeps_its_crlf() {
        let keep = |typed: &str, stored: &str| {
            let mut typed = typed.to_owned();
            keep_line_breaks(&mut typed, stored);
            typed
        };
        assert_eq!(keep("a\nb", "a\r\nb"), "a\r\nb");
        assert_eq!(keep("a\nc", "a\r\nb"), "a\nc");
    }

    #[test]
    fn headers_are_lines() {
        let mut form = ActionForm::new();
        form.headers = "X-Team: desk: 1\n\nauthorization:Bearer x".into();
        assert_eq!(
            json(form.to_json(&[]))["headers"],
            json!({"X-Team": "desk: 1", "authorization": "Bearer x"})
        );
    }

    #[test]
    fn a_secret_header_that_was_left_alone_is_not_sent() {
        let mut form = ActionForm::new();
        form.headers = format!("x-team: {SECRET}\nAuthorization: {SECRET}\nx-key: new");
        form.secret_headers = "authorization, x-key,".into();
        let stored = ["authorization", "x-key", "x-gone"].map(str::to_owned);
        let sent = json(form.to_json(&stored));
        // What is not secret may have that value.
        assert_eq!(sent["headers"], json!({"x-team": SECRET, "x-key": "new"}));
        assert_eq!(sent["secret_headers"], json!(["authorization", "x-key"]));
    }

    #[test]
    fn a_secret_header_is_neither_revealed_nor_kept_unseen() {
        let stored = ["authorization".to_owned()];
        for (headers, secret_headers, part) in [
            (format!("authorization: {SECRET}"), "", "has to name"),
            (String::new(), "authorization", "no such header"),
        ] {
            let mut form = ActionForm::new();
            form.headers = headers;
            form.secret_headers = secret_headers.into();
            assert_eq!(form.to_json(&stored), None);
            let [error] = form.errors.of("secret_headers") else {
                panic!("{:?}", form.errors);
            };
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn everything_that_can_t_be_said_is_told_at_once() {
        let mut form = ActionForm::new();
        form.headers = "no header\na: 1\nA: 2".into();
        form.retry_schedule = "5x".into();
        form.timeout_seconds = "soon".into();
        assert_eq!(form.to_json(&[]), None);
        assert_eq!(form.errors.of("headers").len(), 2);
        assert_eq!(form.errors.of("retry_schedule").len(), 1);
        assert_eq!(form.errors.of("timeout_seconds").len(), 1);
    }

    #[test]
    fn what_the_api_refuses_stands_beside_its_field() {
        let problem: Problem = serde_json::from_value(json!({
            "type": "about:blank", "title": "Unprocessable Entity", "status": 422, "code": "invalid",
            "detail": "3 things are wrong, see errors",
            "errors": [
                {"pointer": "/name", "detail": "is required"},
                {"pointer": "/filter/$or/0", "detail": "is no object"},
                {"pointer": "/actions", "detail": "is unknown"},
            ],
        }))
        .unwrap();
        let mut form = TriggerForm::new("message.sent");
        form.refused(&problem);
        assert_eq!(form.errors.of("name"), ["is required"]);
        assert_eq!(form.errors.of("filter"), ["$or/0: is no object"]);
        assert_eq!(form.errors.general, ["/actions is unknown"]);
    }

    #[test]
    fn the_form_of_a_new_action_is_what_the_api_would_set() {
        let sent = json(ActionForm::new().to_json(&[]));
        assert_eq!(sent["timeout_seconds"], 15);
        assert_eq!(sent["retry_schedule"].as_array().unwrap().len(), 9);
        assert_eq!(sent["body_template"], Value::Null);
    }
}
