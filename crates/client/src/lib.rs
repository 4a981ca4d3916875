//! A client of Webhook Triggers, for the main app that posts events to it.
//!
//! ```no_run
//! use serde_json::json;
//! use webhook_triggers_client::{Client, Error, NewAction, NewEvent, NewTrigger};
//!
//! # async fn tell() -> Result<(), Error> {
//! let client = Client::new("https://hooks.example.com", "the api key")?;
//! let acme = client.account("acme");
//!
//! let action = NewAction::new("Desk", "https://desk.example.com/hooks");
//! let trigger = NewTrigger::new("participant.confirmed", "Tell the desk").with_action(action);
//! acme.create_trigger(&trigger).await?;
//!
//! let data = json!({"participant": {"name": "Ada Lovelace"}});
//! let accepted = acme.post_event(&NewEvent::new("participant.confirmed", data)).await?;
//! println!("{} is owed to {} actions", accepted.id, accepted.deliveries.len());
//! # Ok(())
//! # }
//! ```
//!
//! `examples/tour.rs` shows the rest, and runs in this project's tests.
//!
//! **What is sent again.** A request that never reached the service, or that it was too busy for
//! (429), is sent again, after a pause that grows; see [`RetryPolicy`]. One that got no answer, or a
//! 5xx, may have been done all the same: it is sent again where doing it twice does no harm. Events,
//! triggers, actions, rotations and replays are among those: each goes under an idempotency key, so
//! that it is done once, however often it is sent. Where a request is not sent again,
//! [`Error::outcome_is_known`] tells when to look.
//!
//! The client runs in [tokio](https://docs.rs/tokio)'s runtime.

mod client;
mod deliveries;
mod error;
mod events;
mod query;
mod retry;
mod triggers;

pub use client::{Account, Client, EventType};
pub use deliveries::{
    Attempt, Delivery, DeliveryDetails, DeliveryQuery, Recovery, RunSummary, Status,
};
pub use error::{Error, FieldError, Problem};
pub use events::{
    Accepted, Event, EventDetails, EventQuery, NewEvent, OmittedDeliveries, Owed,
    UnevaluatedTrigger, UnevaluatedTriggers,
};
pub use query::Page;
pub use retry::RetryPolicy;
pub use triggers::{
    Action, Disabled, Health, NewAction, NewTrigger, PreviousSecret, Secret, Trigger, TriggerQuery,
    TriggerSettings,
};
