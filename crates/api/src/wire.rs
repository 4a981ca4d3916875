//! The resources as they are sent and answered, each described once: the service writes them, the
//! dashboard and the Rust client read them, and the API's document takes its schemas from them.
//!
//! Types that belong to a rule stand beside it in `domain` and are named here.

mod accounts;
mod actions;
mod api_keys;
mod deliveries;
mod event_types;
mod events;
mod list;
mod monitoring;
mod portal;
mod previews;
mod problem;
mod signing_keys;
mod statistics;
mod triggers;

pub use domain::{
    access::ApiKeyInput,
    catalogue::EventTypeInput,
    check::{CheckedEvent, FilterCheck, FilterCheckInput, RenderInput as BodyTemplateInput},
    delivery::Status as DeliveryStatus,
    event::EventInput as NewEvent,
    filter::Mismatch,
    input::FieldError,
    matching::{OmittedDeliveries, UnevaluatedTriggers},
    portal::LinkInput as PortalLinkInput,
    preview::{ActionPreview, RequestPreview, TriggerPreview},
    secret::RotationInput as Rotation,
    signing_keys::WebKey,
    transfer::{
        ActionSummary as ImportedAction, Document, ImportInput, TriggerSummary as ImportedTrigger,
    },
    trial::{PreviewInput, TestInput},
    trigger::{ActionInput, Disabled, TriggerInput},
};

pub use accounts::{Counts, ExportInput, Imported, PurgeInput, Purged, Unfinished};
pub use actions::{Action, ActionHealth, PreviousSecret, Secrets};
pub use api_keys::{ApiKey, NewApiKey};
pub use deliveries::{
    Attempt, Delivery, DeliveryDetails, HeaderValues, Recovered, Recovery, Run, header_lines,
};
pub use event_types::EventType;
pub use events::{AcceptedDelivery, AcceptedEvent, Event, EventDetails};
pub use list::{Item, List};
pub use monitoring::{
    EncryptionUsage, Health, LedgerUsage, RequestUsage, ServiceState, StoreState, Usage,
};
pub use portal::{PortalLink, PortalLinkToken, PortalSession};
pub use previews::{MadeUp, Preview, RenderedBody};
pub use problem::Problem;
pub use signing_keys::{PublicKeys, SigningKey};
pub use statistics::{
    AttemptCounts, Backlog, FailingAction, Piece, Statistics, StatusCounts, TriggerCounts,
};
pub use triggers::Trigger;
