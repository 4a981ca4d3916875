//! Filters and body templates that somebody is still writing: whether an event meets the one, what
//! the other makes of a sample. By the rules for saving them, and nothing is saved.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    account::AccountId,
    catalogue::{Catalogue, EventType, built_in},
    event::object,
    filter::Subject,
    headers,
    input::FieldError,
    preview,
    template::{BodyTemplate, Tries},
    trigger::{self, DEFAULT_CONTENT_TYPE, Errors},
};
#[cfg(feature = "document")]
use crate::{schema, template::MAX_SOURCE_BYTES};

/// The type on whose sample a template is rendered where none is named.
const DEFAULT_TYPE: &str = "participant.confirmed";

/// A filter, and an event to try it on.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
#[serde(
    deny_unknown_fields,
    expecting = "a check: an object with filter and event"
)]
pub struct FilterCheckInput {
    /// The filter.
    #[cfg_attr(feature = "document", schemars(with = "crate::filter::Filter"))]
    pub filter: Option<Box<RawValue>>,
    /// The event.
    #[cfg_attr(feature = "document", schemars(required))]
    pub event: Option<CheckedEvent>,
}

/// An event that a filter is tried on.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema), schemars(inline))]
#[serde(
    deny_unknown_fields,
    expecting = "an event: an object with type and data"
)]
pub struct CheckedEvent {
    /// The key of an event type, as `GET /v1/event-types` lists them.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "document", schemars(with = "schema::EventTypeKey"))]
    pub event_type: Option<String>,
    /// What happened.
    #[cfg_attr(feature = "document", schemars(with = "schema::Data"))]
    pub data: Option<Box<RawValue>>,
    /// The account that it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

/// Whether an event passes a filter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
pub struct FilterCheck {
    /// Whether the event passes.
    pub matches: bool,
    /// The first condition that it fails; null when it passes.
    pub reason: Option<String>,
}

/// A body template to render.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(
    feature = "document",
    derive(schemars::JsonSchema),
    schemars(rename = "BodyTemplateInput")
)]
#[serde(deny_unknown_fields, expecting = "an object with template")]
pub struct RenderInput {
    /// The template.
    #[cfg_attr(feature = "document", schemars(required, length(max = MAX_SOURCE_BYTES)))]
    pub template: Option<String>,
    /// The media type of the body. Of JSON's, the body has to be JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schemars(extend("default" = DEFAULT_CONTENT_TYPE)))]
    pub content_type: Option<String>,
    /// The event type whose sample it is rendered with.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schemars(with = "Option<schema::EventTypeKey>"))]
    pub event_type: Option<String>,
}

impl FilterCheckInput {
    /// The key of the event's type, as it was written.
    pub fn event_type(&self) -> Option<&str> {
        self.event.as_ref()?.event_type.as_deref()
    }

    /// Asks the filter about the event. Where no account is named, it is an empty text.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with either, each with its JSON pointer.
    pub fn check(self, catalogue: &Catalogue) -> Result<FilterCheck, Vec<FieldError>> {
        let mut errors = Errors::default();
        let filter = match &self.filter {
            Some(source) => errors.take_all(Some(trigger::filter(source))),
            None => errors.take("/filter", Err("is required")),
        };
        let event = errors.required("/event", self.event, Ok);
        let event = event.and_then(|event| {
            let named = |key: &str| catalogue.named(key).map_err(|error| error.to_string());
            let event_type = errors.required("/event/type", event.event_type.as_deref(), named);
            let data = errors.required("/event/data", event.data, object);
            let account = event.account.as_deref().map(AccountId::parse).transpose();
            let account = errors.take("/event/account", account);
            Some((event_type?, data?, account?))
        });
        let (Some(filter), Some((event_type, data, account))) = (filter, event) else {
            return Err(errors.into_all());
        };
        let subject = Subject {
            account: account.as_ref().map_or("", AccountId::as_str),
            event_type: &event_type.key,
            data: &serde_json::from_str(data.get()).unwrap_or_default(),
        };
        let reason = filter.explain(&subject).err();
        Ok(FilterCheck {
            matches: reason.is_none(),
            reason: reason.map(|mismatch| mismatch.to_string()),
        })
    }
}

impl RenderInput {
    /// The key of the type, as it was written.
    pub fn event_type(&self) -> Option<&str> {
        self.event_type.as_deref()
    }

    /// The body that the template makes of the type's sample, as much of it as is shown.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, each with its JSON pointer: of the template what saving an action
    /// would say of it.
    pub fn render(self, catalogue: &Catalogue) -> Result<String, Vec<FieldError>> {
        let mut errors = Errors::default();
        let template = errors.required("/template", self.template, |source| {
            BodyTemplate::parse(&source).map_err(|error| error.to_string())
        });
        let content_type = self.content_type.as_deref().unwrap_or(DEFAULT_CONTENT_TYPE);
        let content_type = errors.take("/content_type", headers::parse_content_type(content_type));
        let event_type = errors.take(
            "/type",
            self.event_type
                .as_deref()
                .map_or_else(|| Ok(default_type()), |key| catalogue.named(key)),
        );
        let body = template.zip(content_type).zip(event_type);
        let body = body.and_then(|((template, content_type), event_type)| {
            let tried = Tries::default().try_out(&template, event_type, &content_type);
            errors.take("/template", tried)
        });
        body.map(preview::shown).ok_or_else(|| errors.into_all())
    }
}

fn default_type() -> &'static EventType {
    built_in(DEFAULT_TYPE).expect("the type is in the catalogue")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{trigger::ActionInput, url_policy::UrlPolicy};

    fn check(body: &Value) -> Result<FilterCheck, Vec<FieldError>> {
        let input: FilterCheckInput = crate::input::parse(body.to_string().as_bytes()).unwrap();
        input.check(&Catalogue::default())
    }

    fn render(body: &Value) -> Result<String, Vec<FieldError>> {
        let input: RenderInput = crate::input::parse(body.to_string().as_bytes()).unwrap();
        input.render(&Catalogue::default())
    }

    fn pointers(errors: &[FieldError]) -> Vec<&str> {
        errors.iter().map(|error| error.pointer.as_str()).collect()
    }

    #[test]
    fn a_filter_says_whether_it_matches_and_why_not() {
        let event = json!({"type": "message.sent", "data": {"n": 2}, "account": "acme"});
        let said = |filter: Value| check(&json!({"filter": filter, "event": event})).unwrap();
        for filter in [
            json!({}),
            json!({"data.n": 2}),
            json!({"account": "acme", "type": "message.sent"}),
        ] {
            let met = FilterCheck {
                matches: true,
                reason: None,
            };
            assert_eq!(said(filter), met);
        }
        let missed = said(json!({"data.n": {"$gt": 2}}));
        assert!(!missed.matches);
        assert_eq!(
            missed.reason.as_deref(),
            Some("data.n: expected $gt 2, found 2")
        );
        let nobody = json!({"type": "message.sent", "data": {}});
        let filter = json!({"account": "acme"});
        let missed = check(&json!({"filter": filter, "event": nobody})).unwrap();
        assert_eq!(
            missed.reason.as_deref(),
            Some("account: expected $eq \"acme\", found \"\"")
        );
    }

    #[test]
    fn all_that_is_wrong_with_a_check_is_told_at_once() {
        let event = json!({"type": "message.snt", "data": [], "account": "a b"});
        let errors = check(&json!({"filter": {"data.n": {"$gtt": 1}}, "event": event}));
        let errors = errors.unwrap_err();
        assert_eq!(
            pointers(&errors),
            [
                "/filter/data.n/$gtt",
                "/event/type",
                "/event/data",
                "/event/account"
            ]
        );
        assert!(errors[1].detail.contains("message.sent"), "{errors:?}");
        let errors = check(&json!({})).unwrap_err();
        assert_eq!(pointers(&errors), ["/filter", "/event"]);
        let errors = check(&json!({"filter": [], "event": {}})).unwrap_err();
        assert_eq!(pointers(&errors), ["/filter", "/event/type", "/event/data"]);
    }

    #[test]
    fn a_template_makes_its_body_of_a_sample() {
        let template = "{\"type\": {{ type|tojson }}}";
        let body = render(&json!({"template": template})).unwrap();
        assert_eq!(body, format!("{{\"type\": \"{DEFAULT_TYPE}\"}}"));
        let body = render(&json!({"template": template, "type": "message.sent"})).unwrap();
        assert_eq!(body, "{\"type\": \"message.sent\"}");
        let text = json!({"template": "Hi {{ type }}", "content_type": "text/plain"});
        assert_eq!(render(&text).unwrap(), format!("Hi {DEFAULT_TYPE}"));
    }

    #[test]
    fn a_long_body_is_cut_as_in_a_preview() {
        // The longest that one template can have in itself, twice.
        let long = "ä".repeat(preview::MAX_BODY / 4);
        let template =
            format!("{{% set long = \"{long}\" %}}{{{{ long }}}}é{{{{ long }}}}{{{{ long }}}}");
        let body = render(&json!({"template": template, "content_type": "text/plain"})).unwrap();
        assert!(body.len() > preview::MAX_BODY - 2 && body.len() <= preview::MAX_BODY);
    }

    #[test]
    fn a_template_is_refused_in_the_words_of_saving_it() {
        for template in [
            "{\n{{ data. }}",
            "{{ data.nothing.there }}",
            "Hi {{ type }}",
        ] {
            let refused = render(&json!({"template": template})).unwrap_err();
            let action = json!({
                "name": "A", "url": "https://example.com/", "body_template": template,
            });
            let action: ActionInput = serde_json::from_value(action).unwrap();
            let saving = action.check(built_in(DEFAULT_TYPE), &UrlPolicy::default());
            let saving = saving.unwrap_err();
            assert_eq!(pointers(&saving), ["/body_template"]);
            assert_eq!(pointers(&refused), ["/template"]);
            assert_eq!(refused[0].detail, saving[0].detail);
        }
        let wrong = json!({"template": "{{", "content_type": "\n", "type": "message.snt"});
        let errors = render(&wrong).unwrap_err();
        assert_eq!(pointers(&errors), ["/template", "/content_type", "/type"]);
        assert!(errors[0].detail.starts_with("line 1: "), "{errors:?}");
        assert_eq!(pointers(&render(&json!({})).unwrap_err()), ["/template"]);
    }
}
