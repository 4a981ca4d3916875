//! The pages of the dashboard: what the API answers, as people see it, and what their forms bring.
//!
//! No I/O and no host: a page is a value with a template, so that every one of them can be rendered
//! in a test. Templates escape what they show; `text` has the one thing that writes HTML
//! itself.

mod catalogue;
mod chrome;
pub mod form;
mod text;
mod verify;

mod action;
mod deliveries;
mod entrance;
mod events;
mod overview;
mod trigger;

pub use action::{ActionPage, DeleteActionPage, Preview, SecretPanel};
pub use catalogue::Catalogue;
pub use chrome::{Chrome, Notice, Section};
pub use deliveries::{DeliveriesPage, DeliveryFilter, DeliveryPage, Names};
pub use entrance::{
    AccountsPage, ErrorPage, ReplaceSessionPage, SignInNotice, SignInPage, SignOutEverywherePage,
};
pub use events::{EventFilter, EventPage, EventsPage};
pub use overview::{OverviewPage, Span};
pub use trigger::{
    DeleteTriggerPage, NewTriggerPage, TriggerFilter, TriggerPage, TriggerRow, TriggersPage,
};

/// What the pages look like.
pub const STYLE: &str = include_str!("../assets/style.css");
/// What they do beyond what forms and links do.
pub const SCRIPT: &str = include_str!("../assets/script.js");

/// The page as HTML.
///
/// # Panics
///
/// Never: templates write into memory, and what they show can be written.
pub fn html(page: &impl askama::Template) -> String {
    page.render().expect("a page can be written into memory")
}

#[cfg(test)]
mod tests;
