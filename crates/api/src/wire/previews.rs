use domain::{
    id::{DeliveryId, EventId},
    preview::TriggerPreview,
};
use serde::{Deserialize, Serialize};

/// What an event would do, had it happened now.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
pub struct Preview {
    /// The key of the event's type.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "document", schemars(with = "domain::schema::EventTypeKey"))]
    pub event_type: String,
    /// The ids in the requests that stand for those of what does not exist.
    pub made_up: MadeUp,
    /// The triggers of the event's type and of its umbrella.
    pub triggers: Vec<TriggerPreview>,
    /// The `cursor` of the next page; null on the last one.
    #[cfg_attr(
        feature = "document",
        schemars(with = "Option<domain::schema::Cursor>")
    )]
    pub next_cursor: Option<String>,
}

/// Ids of an event and a delivery that do not exist.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema), schemars(inline))]
pub struct MadeUp {
    /// The event's id.
    pub event_id: EventId,
    /// The delivery's id.
    pub delivery_id: DeliveryId,
}

/// The result of rendering a body template.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
pub struct RenderedBody {
    /// The body.
    #[cfg_attr(feature = "document", schemars(length(max = domain::template::MAX_OUTPUT_BYTES)))]
    pub body: String,
}
