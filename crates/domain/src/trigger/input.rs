//! What a caller writes of triggers and actions, and the checks that make settings of it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, value::RawValue};

use super::{
    DEFAULT_CONTENT_TYPE, DEFAULT_TIMEOUT, MAX_ACTIONS, MAX_DESCRIPTION, MAX_NAME, MAX_TIMEOUT,
    Method,
};
use crate::{
    catalogue::{Catalogue, EventType},
    filter::Filter,
    headers::{self, CustomHeaders, sounds_secret},
    input::{self, FieldError, Whole},
    pace::Pace,
    schedule::RetrySchedule,
    signing_keys::Scheme,
    template::{BodyTemplate, Tries},
    url_policy::{EndpointUrl, UrlPolicy},
};
#[cfg(feature = "document")]
use crate::{pace::MAX_PER_SECOND, schema, template::MAX_SOURCE_BYTES};

// Members that are required are options, too: `check` names everything that is wrong at once.
/// The settings of a trigger, as a caller writes them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
#[serde(
    deny_unknown_fields,
    expecting = "a trigger: an object with type and name"
)]
pub struct TriggerInput {
    /// The key of an event type, as `GET /v1/event-types` lists them.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schemars(with = "schema::EventTypeKey"))]
    pub event_type: Option<String>,
    /// What people call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schemars(with = "schema::Name"))]
    pub name: Option<String>,
    /// What people note about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schemars(with = "Option<schema::Description>", extend("default" = "")))]
    pub description: Option<String>,
    /// Whether it fires.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schemars(extend("default" = true)))]
    pub enabled: Option<bool>,
    /// Which of the type's events fire it; all when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schemars(with = "Option<Filter>"))]
    pub filter: Option<Box<RawValue>>,
    /// The actions to create with it. Later they are changed one by one.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "input::objects_if_any"
    )]
    #[cfg_attr(feature = "document", schemars(length(max = MAX_ACTIONS)))]
    pub actions: Option<Vec<ActionInput>>,
}

/// The settings of an action, as a caller writes them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
#[serde(
    deny_unknown_fields,
    expecting = "an action: an object with name and url"
)]
pub struct ActionInput {
    /// What people call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schemars(with = "schema::Name"))]
    pub name: Option<String>,
    /// Where its webhooks go: http or https, to a public host.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schemars(with = "schema::Url"))]
    pub url: Option<String>,
    /// Whether it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schemars(extend("default" = true)))]
    pub enabled: Option<bool>,
    /// The method of its requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schemars(extend("default" = "POST")))]
    pub method: Option<Method>,
    /// Headers of its own. `host`, `content-length`, `content-type`, `date`, those of the connection
    /// and those that start with `webhook-` can't be set.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schemars(with = "Option<schema::Headers>"))]
    pub headers: Option<Map<String, Value>>,
    /// The names of those headers whose values are never shown again. Names that sound secret, such as
    /// `authorization`, are among these by themselves, unless `public_headers` has them. To take a name
    /// away, give its header another value.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schemars(length(max = headers::MAX_COUNT), extend("default" = [])))]
    pub secret_headers: Option<Vec<String>>,
    /// The names of those headers whose values are shown although their names sound secret, such as
    /// `x-key-id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schemars(length(max = headers::MAX_COUNT), extend("default" = [])))]
    pub public_headers: Option<Vec<String>>,
    /// How its webhooks are signed: `v1` under the action's own secret, `v1a` under the account's key
    /// pair, which has to exist, or both.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schemars(with = "Option<schema::Schemes>", extend("default" = ["v1"])))]
    pub signature_schemes: Option<Vec<Scheme>>,
    /// Makes the body of the event, in Jinja. Without one, the event is sent as JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schemars(length(max = MAX_SOURCE_BYTES)))]
    pub body_template: Option<String>,
    /// The media type of the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schemars(length(min = 1, max = headers::MAX_CONTENT_TYPE), extend("default" = DEFAULT_CONTENT_TYPE)))]
    pub content_type: Option<String>,
    /// How long an attempt may take, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schemars(range(min = 1, max = MAX_TIMEOUT), extend("default" = DEFAULT_TIMEOUT)))]
    pub timeout_seconds: Option<Whole>,
    /// The delays before the retries, in seconds, each ±20 %. None: one attempt only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schemars(with = "Option<RetrySchedule>", extend("default" = RetrySchedule::default())))]
    pub retry_schedule: Option<Vec<Whole>>,
    /// Whether its webhooks go one at a time, the oldest first. One that fails is retried until it
    /// succeeds or is given up, and the others wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schemars(extend("default" = false)))]
    pub ordered: Option<bool>,
    /// The most requests in a second; null where that is not limited.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schemars(range(min = 1, max = MAX_PER_SECOND)))]
    pub max_per_second: Option<Whole>,
}

impl TriggerInput {
    /// A trigger of this name for events of this type, without actions.
    pub fn new(event_type: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            event_type: Some(event_type.into()),
            name: Some(name.into()),
            ..Self::default()
        }
    }

    /// The same trigger for events that match this filter.
    #[must_use]
    pub fn with_filter(self, filter: Value) -> Self {
        Self {
            filter: RawValue::from_string(filter.to_string()).ok(),
            ..self
        }
    }

    /// The same trigger with one more action.
    #[must_use]
    pub fn with_action(mut self, action: ActionInput) -> Self {
        self.actions.get_or_insert_default().push(action);
        self
    }
}

impl ActionInput {
    /// An action of this name that sends to this URL.
    pub fn new(name: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            name: Some(name.into()),
            url: Some(url.into()),
            ..Self::default()
        }
    }
}

/// A [`TriggerInput`] that is in order.
#[derive(Debug)]
pub struct TriggerSettings {
    pub(super) event_type: String,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) enabled: bool,
    pub(super) filter: Option<Filter>,
}

/// An [`ActionInput`] that is in order.
#[derive(Debug)]
pub struct ActionSettings {
    pub(crate) name: String,
    pub(crate) enabled: bool,
    pub(crate) url: EndpointUrl,
    pub(crate) method: Method,
    pub(crate) headers: CustomHeaders,
    /// The names of those whose values are never shown, in lower case.
    pub(crate) secret_headers: Vec<String>,
    /// The names of those whose values are shown although the names sound secret, in lower case.
    pub(crate) public_headers: Vec<String>,
    /// How its webhooks are signed: one at least, none twice.
    pub(crate) signature_schemes: Vec<Scheme>,
    pub(crate) body_template: Option<BodyTemplate>,
    pub(crate) content_type: String,
    pub(crate) timeout_seconds: u32,
    pub(crate) retry_schedule: RetrySchedule,
    pub(crate) pace: Pace,
}

impl TriggerInput {
    /// The key of its type, as it was written.
    pub fn event_type(&self) -> Option<&str> {
        self.event_type.as_deref()
    }

    /// The caller's words as settings of a trigger, and of the actions that come with it.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, each with its JSON pointer.
    pub fn check(
        self,
        catalogue: &Catalogue,
        policy: &UrlPolicy,
    ) -> Result<(TriggerSettings, Vec<ActionSettings>), Vec<FieldError>> {
        self.check_with(&Tries::default(), catalogue, policy)
    }

    /// As [`TriggerInput::check`], in a request with several triggers.
    pub(crate) fn check_with(
        self,
        tries: &Tries,
        catalogue: &Catalogue,
        policy: &UrlPolicy,
    ) -> Result<(TriggerSettings, Vec<ActionSettings>), Vec<FieldError>> {
        let mut errors = Errors::default();
        let event_type = errors.required("/type", self.event_type, |key| {
            catalogue.named(&key).map_err(|error| error.to_string())
        });
        let name = errors.required("/name", self.name, name);
        let description = errors.take("/description", description(self.description));
        let filter = errors.take_all(self.filter.as_deref().map(filter));
        let inputs = self.actions.unwrap_or_default();
        if inputs.len() > MAX_ACTIONS {
            errors.0.push(too_many_actions());
        }
        let actions = inputs.into_iter().enumerate().filter_map(|(index, input)| {
            let under = |error: FieldError| error.under(&format!("/actions/{index}"));
            let checked = input.check_with(tries, event_type, policy);
            errors.take_all(Some(
                checked.map_err(|all| all.into_iter().map(under).collect()),
            ))
        });
        let actions: Vec<_> = actions.collect();
        match (event_type, name, description) {
            (Some(event_type), Some(name), Some(description)) if errors.0.is_empty() => {
                let enabled = self.enabled.unwrap_or(true);
                Ok((
                    TriggerSettings {
                        event_type: event_type.key.to_string(),
                        name,
                        description,
                        enabled,
                        filter,
                    },
                    actions,
                ))
            }
            _ => Err(errors.0),
        }
    }
}

impl ActionSettings {
    /// Whether its webhooks are to be signed so.
    pub fn signs_with(&self, scheme: Scheme) -> bool {
        self.signature_schemes.contains(&scheme)
    }
}

impl ActionInput {
    /// Adds each of the `stored` headers that `secret_headers` names and `headers` leaves out.
    pub(super) fn keep_secret_headers(&mut self, stored: Map<String, Value>) {
        fn is_in<'a>(name: &str, names: impl IntoIterator<Item = &'a String>) -> bool {
            let mut names = names.into_iter();
            names.any(|present| present.eq_ignore_ascii_case(name))
        }

        for (name, value) in stored {
            let is_given = is_in(&name, self.headers.iter().flat_map(Map::keys));
            if !is_given && is_in(&name, self.secret_headers.iter().flatten()) {
                self.headers.get_or_insert_default().insert(name, value);
            }
        }
    }

    /// The caller's words as settings of an action.
    ///
    /// The body template is tried on the sample of the trigger's type, where that is known.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, each with its JSON pointer.
    pub fn check(
        self,
        event_type: Option<&EventType>,
        policy: &UrlPolicy,
    ) -> Result<ActionSettings, Vec<FieldError>> {
        self.check_with(&Tries::default(), event_type, policy)
    }

    fn check_with(
        self,
        tries: &Tries,
        event_type: Option<&EventType>,
        policy: &UrlPolicy,
    ) -> Result<ActionSettings, Vec<FieldError>> {
        let mut errors = Errors::default();
        let name = errors.required("/name", self.name, name);
        let url = errors.required("/url", self.url, |text| {
            EndpointUrl::parse(&text, policy).map_err(|refusal| refusal.to_string())
        });
        let headers = errors.take_all(Some(check_headers(self.headers.unwrap_or_default())));
        let shown_or_not = headers.as_ref().and_then(|headers| {
            let secret = self.secret_headers.unwrap_or_default();
            let public = self.public_headers.unwrap_or_default();
            errors.take_all(Some(check_shown(secret, public, headers)))
        });
        let schemes = self.signature_schemes.unwrap_or_else(default_schemes);
        let signature_schemes = errors.take(
            "/signature_schemes",
            input::distinct(schemes, "scheme", "v1 or v1a"),
        );
        let content_type = self.content_type.as_deref().unwrap_or(DEFAULT_CONTENT_TYPE);
        let content_type = errors.take("/content_type", headers::parse_content_type(content_type));
        let timeout_seconds =
            errors.take("/timeout_seconds", timeout(self.timeout_seconds.as_ref()));
        let retry_schedule = self.retry_schedule.as_deref().map(RetrySchedule::parse);
        let retry_schedule = retry_schedule.unwrap_or_else(|| Ok(RetrySchedule::default()));
        let retry_schedule = retry_schedule.map_err(|error| vec![error.under("/retry_schedule")]);
        let retry_schedule = errors.take_all(Some(retry_schedule));
        let ordered = self.ordered.unwrap_or_default();
        let pace = errors.take(
            "/max_per_second",
            Pace::parse(ordered, self.max_per_second.as_ref()),
        );
        let body_template =
            self.body_template
                .zip(content_type.as_deref())
                .and_then(|(source, content_type)| {
                    errors.take(
                        "/body_template",
                        template(&source, event_type, content_type, tries),
                    )
                });
        match (
            name,
            url,
            headers,
            shown_or_not,
            signature_schemes,
            content_type,
            timeout_seconds,
            retry_schedule,
            pace,
        ) {
            (
                Some(name),
                Some(url),
                Some(headers),
                Some((secret_headers, public_headers)),
                Some(signature_schemes),
                Some(content_type),
                Some(timeout_seconds),
                Some(retry_schedule),
                Some(pace),
            ) if errors.0.is_empty() => Ok(ActionSettings {
                name,
                enabled: self.enabled.unwrap_or(true),
                url,
                method: self.method.unwrap_or_default(),
                headers,
                secret_headers,
                public_headers,
                signature_schemes,
                body_template,
                content_type,
                timeout_seconds,
                retry_schedule,
                pace,
            }),
            _ => Err(errors.0),
        }
    }
}

/// What is wrong, gathered member by member.
#[derive(Default)]
pub(crate) struct Errors(Vec<FieldError>);

impl Errors {
    pub(crate) fn into_all(self) -> Vec<FieldError> {
        self.0
    }

    pub(crate) fn take<T, E: std::fmt::Display>(
        &mut self,
        pointer: &str,
        checked: Result<T, E>,
    ) -> Option<T> {
        checked
            .map_err(|error| self.0.push(FieldError::new(pointer, error)))
            .ok()
    }

    pub(crate) fn take_all<T>(&mut self, checked: Option<Result<T, Vec<FieldError>>>) -> Option<T> {
        checked?.map_err(|errors| self.0.extend(errors)).ok()
    }

    pub(crate) fn required<T, U>(
        &mut self,
        pointer: &str,
        value: Option<T>,
        check: impl FnOnce(T) -> Result<U, String>,
    ) -> Option<U> {
        self.take(
            pointer,
            value
                .ok_or_else(|| "is required".to_owned())
                .and_then(check),
        )
    }
}

pub(crate) fn name(text: String) -> Result<String, String> {
    let length = text.chars().count();
    if text.chars().all(input::is_invisible) {
        Err("must not be empty, or of invisible characters alone".into())
    } else if length > MAX_NAME {
        Err(format!("has {length} characters; the most is {MAX_NAME}"))
    } else if text.chars().any(char::is_control) {
        Err("must not have control characters".into())
    } else {
        Ok(text)
    }
}

pub(crate) fn description(text: Option<String>) -> Result<String, String> {
    let text = text.unwrap_or_default();
    let length = text.chars().count();
    let unfit = |character: char| character.is_control() && !"\n\r\t".contains(character);
    if length > MAX_DESCRIPTION {
        Err(format!(
            "has {length} characters; the most is {MAX_DESCRIPTION}"
        ))
    } else if text.chars().any(unfit) {
        Err("must not have control characters but line breaks and tabs".into())
    } else {
        Ok(text)
    }
}

fn timeout(seconds: Option<&Whole>) -> Result<u32, String> {
    seconds.map_or(Ok(DEFAULT_TIMEOUT), |seconds| {
        seconds.within(1..=MAX_TIMEOUT)
    })
}

fn check_headers(members: Map<String, Value>) -> Result<CustomHeaders, Vec<FieldError>> {
    let at = |name: &str| format!("/headers/{}", input::escape(name));
    let mut pairs = Vec::new();
    for (name, value) in members {
        match value {
            Value::String(value) => pairs.push((name, value)),
            _ => return Err(vec![FieldError::new(at(&name), "must be a string")]),
        }
    }
    CustomHeaders::parse(pairs).map_err(|refusals| {
        refusals
            .iter()
            .map(|(name, refusal)| FieldError::new(at(name), refusal))
            .collect()
    })
}

/// How webhooks are signed where nothing is said.
pub(super) fn default_schemes() -> Vec<Scheme> {
    vec![Scheme::V1]
}

/// The names of secret and of public headers. A header whose name sounds secret is secret unless it
/// is among the public ones.
fn check_shown(
    secret: Vec<String>,
    public: Vec<String>,
    headers: &CustomHeaders,
) -> Result<(Vec<String>, Vec<String>), Vec<FieldError>> {
    let mut errors = Vec::new();
    let mut secret = check_names("secret_headers", secret, headers, &mut errors);
    let public = check_names("public_headers", public, headers, &mut errors);
    if let Some(index) = public.iter().position(|name| secret.contains(name)) {
        let pointer = format!("/public_headers/{index}");
        errors.push(FieldError::new(pointer, "is among secret_headers, too"));
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    for (name, _) in headers.iter().filter(|(name, _)| sounds_secret(name)) {
        let said = |names: &[String]| names.iter().any(|one| one == name);
        if !said(&secret) && !said(&public) {
            secret.push(name.to_owned());
        }
    }
    Ok((secret, public))
}

/// Names in lower case, each of a header that is there.
fn check_names(
    member: &str,
    names: Vec<String>,
    headers: &CustomHeaders,
    errors: &mut Vec<FieldError>,
) -> Vec<String> {
    let mut checked = Vec::new();
    for (index, name) in names.into_iter().enumerate() {
        let name = name.to_ascii_lowercase();
        let pointer = format!("/{member}/{index}");
        if checked.contains(&name) {
            errors.push(FieldError::new(pointer, "is there twice"));
        } else if headers.iter().any(|(present, _)| present == name) {
            checked.push(name);
        } else {
            errors.push(FieldError::new(pointer, "names no header of the action"));
        }
    }
    checked
}

/// A filter that is in order; errors point into the member `filter`.
pub(crate) fn filter(source: &RawValue) -> Result<Filter, Vec<FieldError>> {
    Filter::parse(source).map_err(|error| {
        let pointer = format!("/filter{}", error.path);
        vec![FieldError::new(pointer, error.detail)]
    })
}

/// A template that compiles, and can be tried on the type's sample where a type is known.
fn template(
    source: &str,
    event_type: Option<&EventType>,
    content_type: &str,
    tries: &Tries,
) -> Result<BodyTemplate, String> {
    let template = BodyTemplate::parse(source).map_err(|error| error.to_string())?;
    if let Some(event_type) = event_type {
        tries.try_out(&template, event_type, content_type)?;
    }
    Ok(template)
}

pub(super) fn too_many_actions() -> FieldError {
    FieldError::new(
        "/actions",
        format!("a trigger has at most {MAX_ACTIONS} actions"),
    )
}
