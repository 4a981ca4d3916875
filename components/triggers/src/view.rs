//! Triggers and actions as the API shows them: never a secret.

use std::collections::HashMap;

use domain::{
    catalogue::EventType,
    filter::Filter,
    id::{ActionId, TriggerId},
    schedule::RetrySchedule,
    template::BodyTemplate,
    time::Timestamp,
    trigger::{Action, Disabled, Method, Trigger, Vault},
};
use platform::{
    entropy,
    ledger::{Health, Ledger},
    problem::Problem,
};
use serde::Serialize;
use serde_json::{Map, Value};

#[derive(Serialize)]
pub(crate) struct TriggerView<'a> {
    id: TriggerId,
    #[serde(rename = "type")]
    event_type: &'static EventType,
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
    body_template: Option<&'a str>,
    content_type: &'a str,
    timeout_seconds: u32,
    retry_schedule: &'a RetrySchedule,
    health: Health,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// What showing actions takes beside the actions: what opens their headers, and their health.
pub(crate) struct Lens<'a> {
    vault: &'a Vault<'a>,
    health: HashMap<ActionId, Health>,
}

impl<'a> Lens<'a> {
    /// For showing these actions.
    pub(crate) fn on<'b>(
        actions: impl IntoIterator<Item = &'b Action>,
        vault: &'a Vault<'a>,
        ledger: &Ledger,
    ) -> Result<Self, Problem> {
        let ids: Vec<_> = actions.into_iter().map(|action| action.id).collect();
        let health = if ids.is_empty() {
            HashMap::new()
        } else {
            ledger.health(&ids)?
        };
        Ok(Self { vault, health })
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
            event_type: trigger.event_type,
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
        Ok(Self {
            id: action.id,
            name: &action.name,
            enabled: action.enabled,
            disabled: action.disabled.as_ref(),
            url: &action.url,
            method: action.method,
            headers: action.headers(lens.vault)?,
            body_template: action.body_template.as_ref().map(BodyTemplate::source),
            content_type: &action.content_type,
            timeout_seconds: action.timeout_seconds,
            retry_schedule: &action.retry_schedule,
            health: lens.health.get(&action.id).cloned().unwrap_or_default(),
            created_at: action.created_at,
            updated_at: action.updated_at,
        })
    }
}

/// The entity tag of something with this revision (RFC 9110, 8.8.3).
pub(crate) fn etag(revision: u64) -> String {
    format!("\"{revision}\"")
}

/// The vault of an account's actions.
pub(crate) fn vault<'a>(
    account: &'a domain::account::AccountId,
    sealer: &'a domain::sealing::Sealer,
) -> Vault<'a> {
    Vault {
        account: account.as_str(),
        sealer,
        nonce: &entropy::bytes,
    }
}
