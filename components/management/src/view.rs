//! Triggers and actions as the API shows them: never a secret.

use std::collections::HashMap;

use api::wire::{self, ActionHealth};
use domain::{
    id::ActionId,
    trigger::{Action, Trigger, Vault},
};
use http::Method as HttpMethod;
use platform::{auth, http::Head, problem::Problem, triggers::Triggers};

/// What showing actions takes beside the actions: what opens their headers, whether the caller may
/// see their values, and their health.
pub(crate) struct Lens<'a> {
    vault: Vault<'a>,
    shows_values: bool,
    health: HashMap<ActionId, ActionHealth>,
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

impl Lens<'_> {
    /// A trigger as it is shown.
    pub(crate) fn trigger(&self, trigger: &Trigger) -> Result<wire::Trigger, Problem> {
        let actions = trigger.actions.iter().map(|action| self.action(action));
        Ok(wire::Trigger::of(
            trigger,
            actions.collect::<Result<_, _>>()?,
        ))
    }

    /// An action as it is shown.
    pub(crate) fn action(&self, action: &Action) -> Result<wire::Action, Problem> {
        let headers = action.shown_headers(&self.vault)?;
        let health = self.health.get(&action.id).cloned().unwrap_or_default();
        let mut action = wire::Action::of(action, headers, health);
        if !self.shows_values {
            action.hide_values();
        }
        Ok(action)
    }
}
