use api::wire::{Event, EventDetails};
use askama::Template;

use crate::{Catalogue, Chrome, Names, deliveries::DeliveryTable};

/// The account's events.
#[derive(Template)]
#[template(path = "events.html")]
pub struct EventsPage<'a> {
    /// What is around it.
    pub chrome: Chrome,
    /// The types of events.
    pub catalogue: &'a Catalogue,
    /// Which events are wanted.
    pub filter: EventFilter,
    /// What is wrong with that.
    pub problem: Option<String>,
    /// Those that are shown, the newest first.
    pub events: Vec<Event>,
    /// The address of the next page.
    pub next: Option<String>,
}

/// Which events to list; what is empty is not asked for.
#[derive(Debug, Default)]
pub struct EventFilter {
    /// Of this type only.
    pub event_type: String,
    /// That came at this time or later, as the form has it.
    pub since: String,
    /// That came before this time, as the form has it.
    pub until: String,
}

/// An event, and what became of it.
#[derive(Template)]
#[template(path = "event.html")]
pub struct EventPage<'a> {
    /// What is around it.
    pub chrome: Chrome,
    /// The types of events.
    pub catalogue: &'a Catalogue,
    /// The event.
    pub details: &'a EventDetails,
    /// What the triggers and actions of its deliveries are called.
    pub names: Names,
    /// What went wrong with what was asked for, in words.
    pub problem: Option<String>,
}

impl EventPage<'_> {
    fn table(&self) -> DeliveryTable<'_> {
        DeliveryTable {
            label: "Deliveries of this event",
            base: self.chrome.base(),
            catalogue: self.catalogue,
            names: &self.names,
            deliveries: &self.details.deliveries,
        }
    }
}
