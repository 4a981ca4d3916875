use api::wire::{Attempt, Delivery, DeliveryDetails, EventDetails, Trigger};
use askama::Template;
use domain::{
    delivery::Status,
    id::{ActionId, TriggerId},
};

use crate::{Catalogue, Chrome};

/// What people call triggers and actions that are known by their ids.
#[derive(Default)]
pub struct Names(Vec<Trigger>);

impl Names {
    /// Those of these triggers and their actions.
    pub fn new(triggers: Vec<Trigger>) -> Self {
        Self(triggers)
    }

    /// The name of a trigger; `None` when it is gone.
    pub fn trigger(&self, id: &TriggerId) -> Option<&str> {
        let trigger = self.0.iter().find(|trigger| trigger.id == *id)?;
        Some(&trigger.name)
    }

    /// The name of an action; `None` when it is gone.
    pub fn action(&self, id: &ActionId) -> Option<&str> {
        let mut actions = self.0.iter().flat_map(|trigger| &trigger.actions);
        let action = actions.find(|action| action.id == *id)?;
        Some(&action.name)
    }
}

/// The account's deliveries.
#[derive(Template)]
#[template(path = "deliveries.html")]
pub struct DeliveriesPage<'a> {
    /// What is around it.
    pub chrome: Chrome,
    /// The types of events.
    pub catalogue: &'a Catalogue,
    /// Which deliveries are wanted.
    pub filter: DeliveryFilter,
    /// What is wrong with that.
    pub problem: Option<String>,
    /// Those that are shown, the newest first.
    pub deliveries: Vec<Delivery>,
    /// What their triggers and actions are called.
    pub names: Names,
    /// The address of the next page.
    pub next: Option<String>,
}

/// Which deliveries to list; what is empty is not asked for.
#[derive(Debug, Default)]
pub struct DeliveryFilter {
    /// In this state only.
    pub status: String,
    /// Of events of this type only.
    pub event_type: String,
    /// Of this trigger only.
    pub trigger: String,
    /// Of this action only.
    pub action: String,
    /// Created at this time or later, as the form has it.
    pub since: String,
    /// Created before this time, as the form has it.
    pub until: String,
}

impl DeliveryFilter {
    fn statuses(&self) -> [(&'static str, &'static str); 6] {
        Status::ALL.map(|status| (status.as_str(), label(&status)))
    }
}

/// Deliveries as lists show them.
#[derive(Template)]
#[template(path = "delivery_table.html")]
pub(crate) struct DeliveryTable<'a> {
    /// What the table is called.
    pub(crate) label: &'static str,
    /// The path that the account's pages are under.
    pub(crate) base: String,
    /// The types of events.
    pub(crate) catalogue: &'a Catalogue,
    /// What triggers and actions are called.
    pub(crate) names: &'a Names,
    /// The deliveries.
    pub(crate) deliveries: &'a [Delivery],
}

/// A delivery, with its attempts.
#[derive(Template)]
#[template(path = "delivery.html")]
pub struct DeliveryPage<'a> {
    /// What is around it.
    pub chrome: Chrome,
    /// The types of events.
    pub catalogue: &'a Catalogue,
    /// The delivery.
    pub details: &'a DeliveryDetails,
    /// Its event, unless that is gone.
    pub event: Option<&'a EventDetails>,
    /// What its trigger and action are called.
    pub names: Names,
    /// What went wrong with what was asked for, in words.
    pub problem: Option<String>,
}

impl DeliveryPage<'_> {
    /// Whether something is to come of it by itself.
    fn is_live(&self) -> bool {
        matches!(
            self.details.delivery.status,
            Status::Pending | Status::Delivering
        )
    }

    fn may_cancel(&self) -> bool {
        self.chrome.may_manage() && self.details.delivery.status == Status::Pending
    }

    fn may_retry(&self) -> bool {
        self.chrome.may_manage()
            && !self.details.delivery.test
            && self.details.delivery.status != Status::Delivering
    }

    /// The attempts, the last first: what people look for.
    fn attempts(&self) -> impl Iterator<Item = &Attempt> {
        self.details.attempts.iter().rev()
    }
}

/// What a state is called.
pub(crate) fn label(status: &Status) -> &'static str {
    match status {
        Status::Pending => "Waiting",
        Status::Delivering => "Sending",
        Status::Succeeded => "Succeeded",
        Status::Failed => "Failed",
        Status::Canceled => "Canceled",
        Status::Skipped => "Skipped",
    }
}

/// What a state looks like.
pub(crate) fn tone(status: &Status) -> &'static str {
    match status {
        Status::Pending | Status::Delivering => "busy",
        Status::Succeeded => "good",
        Status::Failed => "bad",
        Status::Canceled | Status::Skipped => "off",
    }
}

impl DeliveriesPage<'_> {
    fn table(&self) -> DeliveryTable<'_> {
        DeliveryTable {
            label: "Deliveries",
            base: self.chrome.base(),
            catalogue: self.catalogue,
            names: &self.names,
            deliveries: &self.deliveries,
        }
    }
}
