use api::wire::{Action, EventType, FilterCheck, Trigger};
use askama::Template;

use crate::{Catalogue, Chrome, form::TriggerForm};

/// The account's triggers.
#[derive(Template)]
#[template(path = "triggers.html")]
pub struct TriggersPage<'a> {
    /// What is around it.
    pub chrome: Chrome,
    /// The types of events.
    pub catalogue: &'a Catalogue,
    /// Which triggers are wanted.
    pub filter: TriggerFilter,
    /// Those that are shown.
    pub rows: Vec<TriggerRow>,
    /// The address of the first page, where this is a later one.
    pub first: Option<String>,
    /// The address of the next page.
    pub next: Option<String>,
}

/// Which triggers to list.
#[derive(Debug, Default)]
pub struct TriggerFilter {
    /// Of this type only; empty for all.
    pub event_type: String,
    /// With this in their name; empty for all.
    pub text: String,
}

impl TriggerFilter {
    /// Whether every trigger is wanted.
    pub fn is_empty(&self) -> bool {
        self.event_type.is_empty() && self.text.is_empty()
    }
}

/// A trigger in the list.
pub struct TriggerRow {
    /// The trigger.
    pub trigger: Trigger,
    /// Its deliveries of the last 24 hours.
    pub deliveries: u64,
    /// Those of them that fail or have failed.
    pub failed: u64,
}

/// A trigger that is to be made.
#[derive(Template)]
#[template(path = "trigger_new.html")]
pub struct NewTriggerPage<'a> {
    /// What is around it.
    pub chrome: Chrome,
    /// The types of events.
    pub catalogue: &'a Catalogue,
    /// What is shown in the fields.
    pub form: TriggerForm,
}

/// A trigger, with its actions.
#[derive(Template)]
#[template(path = "trigger.html")]
pub struct TriggerPage<'a> {
    /// What is around it.
    pub chrome: Chrome,
    /// The types of events.
    pub catalogue: &'a Catalogue,
    /// What is shown in the fields.
    pub form: TriggerForm,
    /// The trigger as it is stored.
    pub trigger: &'a Trigger,
    /// What came of checking the filter.
    pub check: Option<FilterCheck>,
}

impl TriggerPage<'_> {
    fn here(&self) -> String {
        format!("{}/triggers/{}", self.chrome.base(), self.trigger.id)
    }

    fn event_type(&self) -> Option<&EventType> {
        self.catalogue.find(&self.trigger.event_type)
    }
}

/// Whether a trigger is really to be deleted.
#[derive(Template)]
#[template(path = "trigger_delete.html")]
pub struct DeleteTriggerPage<'a> {
    /// What is around it.
    pub chrome: Chrome,
    /// The trigger.
    pub trigger: &'a Trigger,
}

/// How an action does, in a word or two.
pub(crate) fn state(action: &Action) -> (&'static str, &'static str) {
    if action.disabled.is_some() {
        ("bad", "Disabled by the service")
    } else if !action.enabled {
        ("off", "Off")
    } else if action.health.failing_since.is_some() {
        ("bad", "Failing")
    } else if action.health.last_success_at.is_some() {
        ("good", "Healthy")
    } else {
        ("off", "Nothing sent yet")
    }
}
