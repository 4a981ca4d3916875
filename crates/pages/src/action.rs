use api::wire::{Action, DeliveryDetails, EventType, Secrets, Trigger};
use askama::Template;

use crate::{
    Chrome,
    form::{ActionForm, METHODS, SIGNATURES},
    verify,
};

/// An action: its settings, what it signs with, how it does. One that is to be made has settings
/// alone.
#[derive(Template)]
#[template(path = "action.html")]
pub struct ActionPage<'a> {
    /// What is around it.
    pub chrome: Chrome,
    /// Its trigger.
    pub trigger: &'a Trigger,
    /// The trigger's type.
    pub event_type: Option<&'a EventType>,
    /// The action as it is stored; `None` while it is to be made.
    pub action: Option<&'a Action>,
    /// What is shown in the fields.
    pub form: ActionForm,
    /// What the template makes of the sample.
    pub preview: Option<Preview>,
    /// What it signs with, when that was asked for.
    pub secret: Option<SecretPanel>,
    /// What came of a test.
    pub test: Option<DeliveryDetails>,
    /// What went wrong with what was asked for, in words.
    pub problem: Option<String>,
}

impl ActionPage<'_> {
    fn here(&self) -> String {
        let base = format!("{}/triggers/{}", self.chrome.base(), self.trigger.id);
        match self.action {
            Some(action) => format!("{base}/actions/{}", action.id),
            None => format!("{base}/actions/new"),
        }
    }

    fn title(&self) -> &str {
        self.action.map_or("Add an action", |action| &action.name)
    }
}

/// What the template makes of the sample.
pub enum Preview {
    /// The body.
    Body(String),
    /// Why there is none.
    Problem(String),
}

/// What an action signs with, to be copied to the receiver.
pub struct SecretPanel {
    /// The secret, and those before it that still sign.
    pub secret: Secrets,
    /// Whether it was just made.
    pub is_new: bool,
}

/// Whether an action is really to be deleted.
#[derive(Template)]
#[template(path = "action_delete.html")]
pub struct DeleteActionPage<'a> {
    /// What is around it.
    pub chrome: Chrome,
    /// Its trigger.
    pub trigger: &'a Trigger,
    /// The action.
    pub action: &'a Action,
}
