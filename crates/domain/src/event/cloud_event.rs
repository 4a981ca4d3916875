//! CloudEvents 1.0, in the three content modes of HTTP.
//!
//! `type` is the key of an event type; `source` and `id` are, together, what the event is accepted
//! once under; `time` is when it occurred; `data` has to be a JSON object. Whatever else an event
//! has is checked and dropped: extensions that trace a request, for one, differ from one attempt to
//! the next.
//!
//! Sources, all of version 1.0.2: the [specification], its [JSON format] and its [HTTP binding].
//!
//! [specification]: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
//! [JSON format]: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
//! [HTTP binding]: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use fluent_uri::{Uri, UriRef};
use percent_encoding::percent_decode;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{NewEvent, fingerprint, object};
use crate::{
    catalogue::Catalogue,
    input::{
        self, FieldError, Unreadable,
        exact::{self, Repeats},
    },
    time::Timestamp,
};

/// The media type of structured mode.
pub const STRUCTURED: &str = "application/cloudevents+json";

/// The media type of batched mode.
pub const BATCHED: &str = "application/cloudevents-batch+json";

/// The one version that is read.
const VERSION: &str = "1.0";

/// The longest `id` or `source`, in bytes.
pub const MAX_IDENTIFIER: usize = 1_024;

/// What the headers of binary mode start with.
const PREFIX: &str = "ce-";

/// The attributes that the specification itself defines. All are texts.
const CORE: [&str; 8] = [
    "specversion",
    "id",
    "source",
    "type",
    "time",
    "datacontenttype",
    "dataschema",
    "subject",
];

/// Whether a request with these headers, and a body of JSON, is a CloudEvent in binary mode: it has
/// at least one of the attributes that each of them has.
pub fn is_binary<'a>(names: impl IntoIterator<Item = &'a str>) -> bool {
    const REQUIRED: [&str; 4] = ["ce-specversion", "ce-id", "ce-source", "ce-type"];
    let mut names = names.into_iter();
    names.any(|name| {
        REQUIRED
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known))
    })
}

/// Whether a media type says that what it describes is JSON: `…/json` or `…/…+json`, with whatever
/// parameters.
pub fn is_json(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    let subtype = essence.split_once('/').map(|(_, subtype)| subtype);
    subtype.is_some_and(|subtype| {
        let subtype = subtype.to_ascii_lowercase();
        subtype == "json" || subtype.ends_with("+json")
    })
}

/// A CloudEvent as it came.
#[derive(Debug, Default)]
pub(super) struct CloudEvent {
    /// Those of [`CORE`] that it has.
    attributes: BTreeMap<&'static str, String>,
    /// The names of its extensions.
    extensions: BTreeSet<String>,
    data: Option<Box<RawValue>>,
    data_base64: Option<Box<RawValue>>,
    binary: bool,
    errors: Vec<FieldError>,
}

impl CloudEvent {
    /// One in binary mode.
    ///
    /// # Errors
    ///
    /// When the body is no JSON.
    pub(super) fn binary<'a>(
        headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
        body: &[u8],
    ) -> Result<Self, Unreadable> {
        let mut event = Self {
            binary: true,
            ..Self::default()
        };
        for (header, value) in headers {
            let header = header.to_ascii_lowercase();
            match (header.strip_prefix(PREFIX), decode(value)) {
                (None, _) => {}
                (Some(name @ "datacontenttype"), _) => {
                    event.wrong(name, "is what Content-Type says in binary mode");
                }
                (Some(name), Ok(value)) => event.put(name, value),
                (Some(name), Err(error)) => event.wrong(name, error),
            }
        }
        if !body.is_empty() {
            event.data = Some(input::parse(body)?);
        }
        Ok(event)
    }

    /// Takes in an attribute.
    fn put(&mut self, name: &str, value: String) {
        let Some(core) = CORE.into_iter().find(|core| *core == name) else {
            let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
            if name.is_empty() || !name.bytes().all(letter) {
                self.wrong(name, "is no attribute: names are made of a-z and 0-9");
            } else if name == "data" {
                self.wrong(name, "is the body in binary mode, and no header");
            } else if !self.extensions.insert(name.to_owned()) {
                self.wrong(name, "is there twice");
            } else if value.chars().any(char::is_control) {
                self.wrong(name, NO_CONTROLS);
            }
            return;
        };
        if self.attributes.insert(core, value).is_some() {
            self.wrong(name, "is there twice");
        }
    }

    /// Takes in a member of structured mode.
    fn put_member(&mut self, name: &str, value: Box<RawValue>) {
        let is_text = value.get().starts_with('"');
        let part = match name {
            "data" => &mut self.data,
            // What is null is as good as missing, but for the data itself.
            _ if value.get() == "null" => return,
            "data_base64" => &mut self.data_base64,
            _ if is_text => {
                return match serde_json::from_str(value.get()) {
                    Ok(text) => self.put(name, text),
                    Err(_) => self.wrong(name, "has an escape that is no character"),
                };
            }
            _ if CORE.contains(&name) => return self.wrong(name, "must be a string"),
            _ if matches!(value.get(), "true" | "false") || value.get().parse::<i32>().is_ok() => {
                return self.put(name, value.get().to_owned());
            }
            _ => {
                return self.wrong(
                    name,
                    "must be a string, a boolean or a whole number of 32 bits (-2147483648 to \
                     2147483647)",
                );
            }
        };
        match part {
            None => *part = Some(value),
            Some(_) => self.wrong(name, "is there twice"),
        }
    }

    /// Of an attribute, what is found first is told.
    fn wrong(&mut self, name: &str, detail: impl fmt::Display) {
        let pointer = format!("/{}", input::escape(name));
        if self.errors.iter().any(|error| error.pointer == pointer) {
            return;
        }
        let detail = match self.binary && name != "data" {
            true => format!("{detail} (header {PREFIX}{name})"),
            false => detail.to_string(),
        };
        self.errors.push(FieldError::new(pointer, detail));
    }

    /// The key of its type, as it was written.
    pub(super) fn event_type(&self) -> Option<&str> {
        self.attributes.get("type").map(String::as_str)
    }

    /// The CloudEvent as an event.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, each with the JSON pointer that its attribute has in structured
    /// mode.
    pub(super) fn check(mut self, catalogue: &Catalogue) -> Result<NewEvent<'_>, Vec<FieldError>> {
        self.checked("specversion", |version| match version {
            Some(VERSION) => Ok(()),
            Some(other) => Err(format!("is {other:?}; only {VERSION:?} is understood").into()),
            None => Err("is required".into()),
        });
        let id = self.checked("id", identifier);
        let source = self.checked("source", source);
        let event_type = self.checked("type", |key| {
            let found = catalogue.postable(key.ok_or("is required")?);
            found.map_err(|error| error.to_string().into())
        });
        self.checked("subject", subject);
        self.checked("dataschema", data_schema);
        let occurred_at = self.checked("time", |time| {
            let time = time.map(Timestamp::parse).transpose();
            time.map_err(|error| error.to_string().into())
        });
        let data = self.data();
        match (id, source, event_type, occurred_at, data) {
            (Some(id), Some(source), Some(event_type), Some(occurred_at), Some(data))
                if self.errors.is_empty() =>
            {
                // One time is written in several ways: an SDK has one for each mode.
                let time = occurred_at.map_or(String::new(), |time| time.to_string());
                let fingerprint = fingerprint([&event_type.key, &time, &source, &id], &data);
                Ok(NewEvent {
                    event_type,
                    data,
                    occurred_at,
                    producer_id: Some(id),
                    source: Some(source),
                    fingerprint,
                })
            }
            _ => Err(self.errors),
        }
    }

    /// What `check` makes of an attribute, if it finds nothing wrong.
    fn checked<T>(
        &mut self,
        name: &str,
        check: impl FnOnce(Option<&str>) -> Result<T, Cow<'static, str>>,
    ) -> Option<T> {
        check(self.attributes.get(name).map(String::as_str))
            .map_err(|error| self.wrong(name, error))
            .ok()
    }

    fn data(&mut self) -> Option<Box<RawValue>> {
        let media_type = self.attributes.get("datacontenttype");
        let is_json = media_type.map(|media_type| is_json(media_type));
        let is_encoded = self.data_base64.is_some();
        let checked = match (self.data.take(), self.data_base64.take(), is_json) {
            (Some(_), Some(_), _) => {
                Err(("data_base64", "can't be there together with data".into()))
            }
            (_, _, Some(false)) => Err((
                "datacontenttype",
                "must be JSON's, such as application/json".into(),
            )),
            (Some(data), None, _) => object(data).map_err(|error| ("data", error)),
            // JSON format, 3.1.2: without a content type, nothing may be taken for JSON here.
            (None, Some(_), None) => Err((
                "datacontenttype",
                "is required where there is data_base64".into(),
            )),
            (None, Some(data), Some(true)) => from_base64(&data)
                .and_then(object)
                .map_err(|error| ("data_base64", error)),
            (None, None, _) => Err(("data", "is required".into())),
        };
        let data = checked
            .map_err(|(name, error)| self.wrong(name, error))
            .ok()?;
        let lost = exact::check(&data, Repeats::Allowed).err();
        match lost {
            None => return Some(data),
            Some(FieldError { pointer, detail }) if is_encoded => {
                self.wrong("data_base64", format!("{pointer} {detail}"));
            }
            Some(error) => self.errors.push(error.under("/data")),
        }
        None
    }
}

/// An `id` or a `source`.
fn identifier(text: Option<&str>) -> Result<String, Cow<'static, str>> {
    let text = text.ok_or("is required")?;
    if text.is_empty() {
        Err(EMPTY.into())
    } else if text.len() > MAX_IDENTIFIER {
        Err(format!("has {} bytes; the most is {MAX_IDENTIFIER}", text.len()).into())
    } else if text.chars().any(char::is_control) {
        Err(NO_CONTROLS.into())
    } else {
        Ok(text.to_owned())
    }
}

fn source(text: Option<&str>) -> Result<String, Cow<'static, str>> {
    let text = identifier(text)?;
    match UriRef::parse(text.as_str()) {
        Ok(_) => Ok(text),
        Err(_) => Err(format!(
            "is {text:?}, which is no URI-reference (RFC 3986), such as /bookings or \
             https://example.com/bookings"
        )
        .into()),
    }
}

fn subject(text: Option<&str>) -> Result<(), Cow<'static, str>> {
    match text {
        Some("") => Err(EMPTY.into()),
        Some(text) if text.chars().any(char::is_control) => Err(NO_CONTROLS.into()),
        _ => Ok(()),
    }
}

/// A URI with a scheme. The specification's text has it without a fragment, its own JSON schema does
/// not; fragments name a part of a schema and are let pass.
fn data_schema(text: Option<&str>) -> Result<(), Cow<'static, str>> {
    match text {
        Some("") => Err(EMPTY.into()),
        Some(text) if Uri::parse(text).is_err() => Err(format!(
            "is {text:?}, which is no absolute URI (RFC 3986), such as https://example.com/schema.json"
        )
        .into()),
        _ => Ok(()),
    }
}

const EMPTY: &str = "must not be empty";

const NO_CONTROLS: &str = "must not have control characters";

fn from_base64(text: &RawValue) -> Result<Box<RawValue>, String> {
    let text: String = serde_json::from_str(text.get()).map_err(|_| "must be a string")?;
    let bytes = BASE64_STANDARD
        .decode(text)
        .map_err(|error| format!("is not base64: {error}"))?;
    serde_json::from_slice(&bytes).map_err(|error| format!("has no JSON in it: {error}"))
}

/// The value of a header (HTTP binding, 3.1.3.2): quoted parts lose their quotes, then percent
/// encoding is undone once.
fn decode(value: &[u8]) -> Result<String, &'static str> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut quoted = false;
    let mut rest = value.trim_ascii().iter();
    while let Some(byte) = rest.next() {
        match byte {
            b'"' => quoted = !quoted,
            b'\\' if quoted => bytes.extend(rest.next()),
            other => bytes.push(*other),
        }
    }
    if quoted {
        return Err("has a quote that does not end");
    }
    let decoded = percent_decode(&bytes).decode_utf8();
    decoded
        .map(Cow::into_owned)
        .map_err(|_| "is not UTF-8 once its percent encoding is undone")
}

impl<'de> Deserialize<'de> for CloudEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = CloudEvent;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a CloudEvent: an object with specversion, id, source, type and data; "
        )?;
        write!(f, "an array of them is sent as {BATCHED}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<CloudEvent, A::Error> {
        let mut event = CloudEvent::default();
        while let Some(name) = members.next_key::<String>()? {
            event.put_member(&name, members.next_value()?);
        }
        Ok(event)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        event::{Posted, built_in},
        merge_patch,
    };

    /// A CloudEvent, with what `change` says.
    fn structured(change: Value) -> Result<NewEvent<'static>, Vec<FieldError>> {
        let mut event = json!({
            "specversion": "1.0", "id": "7", "source": "/bookings", "type": "message.sent",
            "data": {"n": 1},
        });
        merge_patch::apply(&mut event, change);
        parsed(&event.to_string())
    }

    fn parsed(body: &str) -> Result<NewEvent<'static>, Vec<FieldError>> {
        input::parse::<CloudEvent>(body.as_bytes())
            .unwrap()
            .check(built_in())
    }

    /// A CloudEvent in binary mode; these headers take the place of those of the same name.
    fn binary(headers: &[(&str, &str)], body: &str) -> Result<NewEvent<'static>, Vec<FieldError>> {
        let mut all = vec![
            ("Ce-Specversion", "1.0"),
            ("ce-id", "7"),
            ("CE-SOURCE", "/bookings"),
            ("ce-type", "message.sent"),
            ("content-type", "application/json"),
        ];
        all.retain(|(name, _)| {
            !headers
                .iter()
                .any(|(other, _)| name.eq_ignore_ascii_case(other))
        });
        all.extend(headers.iter().filter(|(_, value)| *value != "-"));
        let all = all.iter().map(|(name, value)| (*name, value.as_bytes()));
        CloudEvent::binary(all, body.as_bytes())
            .unwrap()
            .check(built_in())
    }

    fn only(result: Result<NewEvent<'static>, Vec<FieldError>>) -> (String, String) {
        let mut errors = result.unwrap_err();
        assert_eq!(errors.len(), 1, "{errors:?}");
        let FieldError { pointer, detail } = errors.remove(0);
        (pointer, detail)
    }

    #[test]
    fn a_cloud_event_becomes_an_event() {
        let event = structured(json!({
            "time": "2018-04-05T17:31:00Z", "subject": "s", "dataschema": "https://example.com/s",
            "datacontenttype": "application/json", "traceparent": "00-0af", "count": 5, "on": true,
            "unset": null,
        }));
        let event = event.unwrap();
        assert_eq!(event.event_type.key, "message.sent");
        assert_eq!(event.data.get(), r#"{"n":1}"#);
        assert_eq!(event.producer_id.as_deref(), Some("7"));
        assert_eq!(event.source.as_deref(), Some("/bookings"));
        assert_eq!(
            event.occurred_at,
            Timestamp::parse("2018-04-05T17:31:00Z").ok()
        );
    }

    #[test]
    fn attributes_that_are_in_order_pass() {
        for change in [
            json!({"source": "https://example.com/a?b#c"}),
            json!({"source": "urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66"}),
            json!({"source": "1-555-123-4567"}),
            json!({"source": "/a%20b"}),
            json!({"dataschema": "https://example.com/schema.json#/part"}),
            json!({"dataschema": "urn:example:schema"}),
            json!({"ext": -2_147_483_648_i64, "other": 2_147_483_647, "zero": 0, "on": false}),
            json!({"ext": "", "unset": null}),
            json!({"time": "9999-12-31T23:59:59Z"}),
            json!({"time": "1969-07-20t20:17:40z"}),
        ] {
            assert!(structured(change.clone()).is_ok(), "{change}");
        }
    }

    #[test]
    fn both_modes_make_the_same_event() {
        let structured = structured(json!({"id": "€ \"1\"%", "time": "2018-04-05T17:31:00Z"}));
        let headers = [
            ("ce-id", "%E2%82%ac%20%221%22%25"),
            ("ce-time", "2018-04-05T18:31:00.000+01:00"),
            ("ce-traceparent", "00-0af"),
        ];
        let binary = binary(&headers, r#"{"n":1}"#);
        let (structured, binary) = (structured.unwrap(), binary.unwrap());
        assert_eq!(structured.producer_id, binary.producer_id);
        assert_eq!(structured.fingerprint, binary.fingerprint);
    }

    #[test]
    fn what_is_required_is_named_all_at_once() {
        let errors = parsed("{}").unwrap_err();
        let pointers: Vec<_> = errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(
            pointers,
            ["/specversion", "/id", "/source", "/type", "/data"]
        );
    }

    #[test]
    fn each_attribute_that_is_wrong_is_named() {
        let long = "x".repeat(MAX_IDENTIFIER + 1);
        for (change, pointer, said) in [
            (json!({"specversion": "0.3"}), "/specversion", "\"1.0\""),
            (json!({"specversion": 1.0}), "/specversion", "string"),
            (json!({"id": ""}), "/id", "empty"),
            (json!({"id": null}), "/id", "required"),
            (json!({"id": 7}), "/id", "string"),
            (json!({"id": "a\nb"}), "/id", "control"),
            (json!({"id": long}), "/id", "1024"),
            (json!({"source": ""}), "/source", "empty"),
            (json!({"source": "not a uri"}), "/source", "URI-reference"),
            (json!({"source": "%zz"}), "/source", "URI-reference"),
            (json!({"source": "/a{b}"}), "/source", "URI-reference"),
            (json!({"source": "1:b"}), "/source", "URI-reference"),
            (json!({"source": "/é"}), "/source", "URI-reference"),
            (json!({"time": "20180405T183100Z"}), "/time", "RFC 3339"),
            (
                json!({"time": "2018-04-05T18:31:00+25:59"}),
                "/time",
                "RFC 3339",
            ),
            (
                json!({"time": "2018-04-05T18:31:00Z[Europe/Paris]"}),
                "/time",
                "RFC 3339",
            ),
            (json!({"subject": ""}), "/subject", "empty"),
            (json!({"subject": "a\u{7f}"}), "/subject", "control"),
            (json!({"dataschema": ""}), "/dataschema", "empty"),
            (
                json!({"dataschema": "/schemas/1"}),
                "/dataschema",
                "absolute URI",
            ),
            (
                json!({"dataschema": "schema.json"}),
                "/dataschema",
                "absolute URI",
            ),
            (
                json!({"dataschema": "https://a b/"}),
                "/dataschema",
                "absolute URI",
            ),
            (
                json!({"type": "message.snt"}),
                "/type",
                "did you mean message.sent",
            ),
            (json!({"time": "noon"}), "/time", "RFC 3339"),
            (json!({"subject": 1}), "/subject", "string"),
            (json!({"data": [1]}), "/data", "array"),
            (json!({"data": null}), "/data", "required"),
            (
                json!({"datacontenttype": "text/xml"}),
                "/datacontenttype",
                "JSON",
            ),
            (json!({"traceParent": "x"}), "/traceParent", "a-z"),
            (json!({"a/b": 1}), "/a~1b", "a-z"),
            (json!({"": 1}), "/", "a-z"),
            (json!({"ext": {"a": 1}}), "/ext", "number"),
            (json!({"ext": [1]}), "/ext", "string"),
            (json!({"ext": 1.5}), "/ext", "whole number"),
            (json!({"ext": 1.0}), "/ext", "whole number"),
            (json!({"ext": 2_147_483_648_u64}), "/ext", "2147483647"),
            (json!({"ext": -2_147_483_649_i64}), "/ext", "-2147483648"),
            (json!({"ext": "a\u{0}"}), "/ext", "control"),
        ] {
            let (at, detail) = only(structured(change.clone()));
            assert_eq!(at, pointer, "{change}");
            assert!(detail.contains(said), "{change}: {detail}");
        }
    }

    #[test]
    fn a_member_that_is_there_twice_is_refused() {
        let event = |more: &str| {
            format!(
                r#"{{"specversion":"1.0","id":"7","source":"/s","type":"message.sent",
                     "data":{{}}{more}}}"#
            )
        };
        assert!(parsed(&event("")).is_ok());
        for (more, pointer) in [
            (r#","id":"8""#, "/id"),
            (r#","data":{}"#, "/data"),
            (
                r#","data_base64":"e30=","datacontenttype":"text/json""#,
                "/data_base64",
            ),
            (r#","subject":"\ud800""#, "/subject"),
            (r#","ext":1,"ext":2"#, "/ext"),
            (r#","ext":1e3"#, "/ext"),
        ] {
            assert_eq!(only(parsed(&event(more))).0, pointer, "{more}");
        }
        assert_eq!(only(parsed(&event(r#","data":null"#))).0, "/data");
    }

    #[test]
    fn data_in_base64_is_taken_where_it_is_said_to_be_json() {
        let encoded = |media_type: Value, text: &str| {
            structured(json!({
                "data": null, "datacontenttype": media_type,
                "data_base64": BASE64_STANDARD.encode(text),
            }))
        };
        let event = encoded(
            "application/vnd.acme+json; charset=utf-8".into(),
            " {\"n\": 1} ",
        );
        assert_eq!(event.unwrap().data.get(), "{\"n\": 1}");
        let (at, _) = only(encoded(Value::Null, "{}"));
        assert_eq!(at, "/datacontenttype");
        for (text, said) in [("[]", "array"), ("{", "JSON"), ("\u{7f}", "JSON")] {
            let (at, detail) = only(encoded("APPLICATION/JSON".into(), text));
            assert!(at == "/data_base64" && detail.contains(said), "{detail}");
        }
        let change = json!({"data": null, "datacontenttype": "text/json", "data_base64": "{}"});
        assert!(only(structured(change)).1.contains("base64"));
    }

    #[test]
    fn headers_are_decoded_as_the_binding_says() {
        for (header, value) in [
            ("plain", "plain"),
            ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"),
            ("%41%5a%5A", "AZZ"),
            ("\"a b\"", "a b"),
            (r#""say \"hi\" \\ 100%25""#, r#"say "hi" \ 100%"#),
            ("  a%20b ", "a b"),
            // Once, and no more.
            ("%2520", "%20"),
            // From those who don't encode at all.
            ("100%", "100%"),
            ("a b€", "a b€"),
        ] {
            assert_eq!(decode(header.as_bytes()).as_deref(), Ok(value), "{header}");
        }
        for header in ["%C0%A0", "%ff", "\"open", r#""open\""#] {
            assert!(decode(header.as_bytes()).is_err(), "{header}");
        }
        assert!(decode(b"\xff").is_err());
    }

    #[test]
    fn headers_that_are_wrong_are_named() {
        for (header, value, pointer) in [
            ("ce-source", "-", "/source"),
            ("ce-source", "not a uri", "/source"),
            ("ce-source", "%25zz", "/source"),
            ("ce-subject", "", "/subject"),
            ("ce-dataschema", "", "/dataschema"),
            ("ce-dataschema", "/schema", "/dataschema"),
            ("ce-my_extension", "1", "/my_extension"),
            ("ce-id", "%ff", "/id"),
            ("ce-time", "noon", "/time"),
            ("ce-datacontenttype", "application/json", "/datacontenttype"),
            ("ce-data", "{}", "/data"),
            ("ce-my-extension", "1", "/my-extension"),
            ("ce-", "1", "/"),
        ] {
            let result = binary(&[(header, value)], "{}");
            let errors = result.unwrap_err();
            assert_eq!(errors[0].pointer, pointer, "{errors:?}");
            assert!(
                header == "ce-data" || errors[0].detail.contains(header),
                "{errors:?}"
            );
        }
        let twice = binary(&[("ce-id", "7"), ("CE-ID", "7")], "{}");
        assert!(only(twice).1.contains("twice"));
        assert_eq!(only(binary(&[], "")).0, "/data");
        assert!(matches!(
            Posted::binary([], b"{"),
            Err(Unreadable::Syntax { .. })
        ));
    }

    #[test]
    fn binary_mode_and_json_are_told_by_their_headers() {
        assert!(is_binary(["host", "Ce-Id"]));
        assert!(!is_binary(["host", "ce-traceparent", "content-type"]));
        for json in [
            "application/json",
            "Text/JSON;charset=utf-8",
            "application/ld+json ;x=y",
        ] {
            assert!(is_json(json), "{json}");
        }
        for other in [
            "",
            "json",
            "text/plain",
            "application/jsonx",
            "application/json+xml",
        ] {
            assert!(!is_json(other), "{other}");
        }
    }
}
