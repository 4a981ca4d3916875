//! Triggers and actions as the API shows them: never a secret.

use std::collections::HashMap;

use domain::{
    filter::Filter,
    headers::NOT_SHOWN,
    id::{ActionId, TriggerId},
    schedule::RetrySchedule,
    signing_keys::Scheme,
    template::BodyTemplate,
    time::Timestamp,
    trigger::{Action, Disabled, Method, Trigger, Vault},
};
use http::Method as HttpMethod;
use platform::{auth, http::Head, ledger::Health, problem::Problem, triggers::Triggers};
use serde::Serialize;
use serde_json::{Map, Value};

#[derive(Serialize)]
pub(crate) struct TriggerView<'a> {
    id: TriggerId,
    #[serde(rename = "type")]
    event_type: &'a str,
    name: &'a str,
    description: &'a str,
    enabled: bool,
    filter: Option<&'a Filter>,
    actions: Vec<ActionView<'a>>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Serialize)]
pub(crate) struct ActionView<'a> {
    id: ActionId,
    name: &'a str,
    enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled: Option<&'a Disabled>,
    url: &'a str,
    method: Method,
    headers: Map<String, Value>,
    secret_headers: &'a [String],
    public_headers: &'a [String],
    signature_schemes: &'a [Scheme],
    body_template: Option<&'a str>,
    content_type: &'a str,
    timeout_seconds: u32,
    retry_schedule: &'a RetrySchedule,
    ordered: bool,
    max_per_second: Option<u32>,
    health: Health,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// What showing actions takes beside the actions: what opens their headers, whether the caller may
/// see their values, and their health.
pub(crate) struct Lens<'a> {
    vault: Vault<'a>,
    shows_values: bool,
    health: HashMap<ActionId, Health>,
}

impl<'a> Lens<'a> {
    /// For showing these actions to whoever sent the request with this head.
    pub(crate) fn on<'b>(
        actions: impl IntoIterator<Item = &'b Action>,
        triggers: &'a Triggers,
        head: &Head,
    ) -> Result<Self, Problem> {
        Ok(Self {
            vault: triggers.vault(),
            // Whatever changes an action took the right to manage it.
            shows_values: head.method != HttpMethod::GET || auth::may_manage(head)?,
            health: triggers.health(actions)?,
        })
    }
}

impl<'a> TriggerView<'a> {
    pub(crate) fn of(trigger: &'a Trigger, lens: &Lens<'_>) -> Result<Self, Problem> {
        let actions = trigger
            .actions
            .iter()
            .map(|action| ActionView::of(action, lens));
        Ok(Self {
            id: trigger.id,
            event_type: &trigger.event_type,
            name: &trigger.name,
            description: &trigger.description,
            enabled: trigger.enabled,
            filter: trigger.filter.as_ref(),
            actions: actions.collect::<Result<_, _>>()?,
            created_at: trigger.created_at,
            updated_at: trigger.updated_at,
        })
    }
}

impl<'a> ActionView<'a> {
    pub(crate) fn of(action: &'a Action, lens: &Lens<'_>) -> Result<Self, Problem> {
        let mut headers = action.shown_headers(&lens.vault)?;
        if !lens.shows_values {
            let values = headers.values_mut();
            values.for_each(|value| *value = Value::from(NOT_SHOWN));
        }
        Ok(Self {
            id: action.id,
            name: &action.name,
            enabled: action.enabled,
            disabled: action.disabled.as_ref(),
            url: &action.url,
            method: action.method,
            headers,
            secret_headers: &action.secret_headers,
            public_headers: &action.public_headers,
            signature_schemes: &action.signature_schemes,
            body_template: action.body_template.as_ref().map(BodyTemplate::source),
            content_type: &action.content_type,
            timeout_seconds: action.timeout_seconds,
            retry_schedule: &action.retry_schedule,
            ordered: action.pace.ordered,
            max_per_second: action.pace.max_per_second,
            health: lens.health.get(&action.id).cloned().unwrap_or_default(),
            created_at: action.created_at,
            updated_at: action.updated_at,
        })
    }
}
