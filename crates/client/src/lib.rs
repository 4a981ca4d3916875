//! A client of Webhook Triggers, for the main app that posts events to it.
//!
//! ```no_run
//! use serde_json::json;
//! use webhook_triggers_client::{ActionInput, Client, Error, NewEvent, TriggerInput};
//!
//! # async fn tell() -> Result<(), Error> {
//! let client = Client::new("https://hooks.example.com", "the api key")?;
//! let acme = client.account("acme");
//!
//! let action = ActionInput::new("Desk", "https://desk.example.com/hooks");
//! let trigger = TriggerInput::new("participant.confirmed", "Tell the desk").with_action(action);
//! let trigger = acme.create_trigger(&trigger).await?;
//!
//! let data = json!({"participant": {"name": "Ada Lovelace"}});
//! let accepted = acme.post_event(&NewEvent::new("participant.confirmed", data)).await?;
//! println!("{} is sent to {} actions", accepted.id, accepted.deliveries.len());
//!
//! // Changes only what was read, and not what somebody else has made of it since.
//! let patch = json!({"enabled": false});
//! acme.if_match(&trigger.etag).change_trigger(trigger.id, &patch).await?;
//! # Ok(())
//! # }
//! ```
//!
//! `examples/tour.rs` shows the rest, and runs in this project's tests. The resources are the types
//! that the service itself writes and reads.
//!
//! **Retries.** A request that never reached the service, or that it was too busy for (429), is sent
//! again, after a pause that grows; see [`RetryPolicy`]. One that got no answer, or a 5xx, may have
//! been done all the same: it is sent again where doing it twice does no harm. Events, triggers,
//! actions, rotations, portal links, keys and replays are among those: each goes under an idempotency
//! key, so that it is done once, however often it is sent. Where a request is not sent again,
//! [`Error::outcome_is_known`] says whether nothing was done.
//!
//! The client runs in [tokio](https://docs.rs/tokio)'s runtime.

mod accounts;
mod client;
mod deliveries;
mod error;
mod events;
mod query;
mod retry;
mod service;
mod triggers;

pub use api::{
    problem::Code,
    wire::{
        AcceptedDelivery, AcceptedEvent, Action, ActionHealth, ActionInput, ActionPreview, ApiKey,
        ApiKeyInput, Attempt, BodyTemplateInput, CheckedEvent, Counts, Delivery, DeliveryDetails,
        DeliveryStatus, Disabled, Event, EventDetails, EventType, EventTypeInput, FieldError,
        FilterCheck, FilterCheckInput, HeaderValues, Health, ImportInput, Imported, ImportedAction,
        ImportedTrigger, List, Mismatch, NewApiKey, NewEvent, OmittedDeliveries, PortalLink,
        PortalLinkInput, Preview, PreviewInput, PreviousSecret, Problem, PurgeInput, Purged,
        Recovery, RequestPreview, Rotation, Run, Secrets, SigningKey, Statistics, TestInput,
        Trigger, TriggerInput, TriggerPreview, UnevaluatedTriggers, Unfinished, Usage,
    },
};
pub use domain::{
    access::Scope,
    account::AccountId,
    id::{ActionId, ApiKeyId, DeliveryId, EventId, TriggerId},
    portal::Role,
    schedule::RetrySchedule,
    signing_keys::Scheme,
    time::Timestamp,
    trigger::Method,
};

pub use accounts::{Export, StatisticsQuery};
pub use client::{Account, Client, Versioned};
pub use deliveries::DeliveryQuery;
pub use error::Error;
pub use events::EventQuery;
pub use retry::RetryPolicy;
pub use triggers::TriggerQuery;
