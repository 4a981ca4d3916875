use domain::{
    id::{ActionId, DeliveryId, EventId, TriggerId},
    matching::{OmittedDeliveries, UnevaluatedTriggers},
    time::Timestamp,
};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::{
    Delivery,
    list::{Item, split},
};

/// An event that was accepted.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
pub struct AcceptedEvent {
    /// The event's id.
    pub id: EventId,
    /// The key of its type.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "document", schemars(with = "domain::schema::EventTypeKey"))]
    pub event_type: String,
    /// The webhooks that will be sent.
    pub deliveries: Vec<AcceptedDelivery>,
    /// Whether it was there already. The ids are then those of before.
    pub duplicate: bool,
    /// The triggers that did not fire because their filters take too many steps on this event. There
    /// where there are any, when it was last matched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unevaluated_triggers: Option<UnevaluatedTriggers>,
    /// The deliveries that the event would have had, had it not as many as one event may have
    /// (`max_deliveries_per_event`). There where there are any, when it was last matched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub omitted_deliveries: Option<OmittedDeliveries>,
}

impl AcceptedEvent {
    /// Whether there is something that it has no deliveries for, though it may match.
    pub fn omits_something(&self) -> bool {
        self.unevaluated_triggers.is_some() || self.omitted_deliveries.is_some()
    }
}

/// A delivery of an event that was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema), schemars(inline))]
pub struct AcceptedDelivery {
    /// The delivery's id: the `webhook-id` of each of its attempts.
    pub id: DeliveryId,
    /// The trigger.
    pub trigger_id: TriggerId,
    /// The action.
    pub action_id: ActionId,
}

/// An event, as lists show it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
pub struct Event {
    /// The event's id.
    pub id: EventId,
    /// The key of its type.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "document", schemars(with = "domain::schema::EventTypeKey"))]
    pub event_type: String,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// When it came.
    pub received_at: Timestamp,
    /// The main app's own id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub producer_id: Option<String>,
    /// A CloudEvent's source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Whether it was made up to test an action.
    pub test: bool,
    /// The triggers that did not fire because their filters take too many steps on this event. There
    /// where there are any, when it was last matched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unevaluated_triggers: Option<UnevaluatedTriggers>,
    /// The deliveries that the event would have had, had it not as many as one event may have
    /// (`max_deliveries_per_event`). There where there are any, when it was last matched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub omitted_deliveries: Option<OmittedDeliveries>,
}

impl Item for Event {
    const PLURAL: &'static str = "Events";
}

/// An event with its data and deliveries.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
pub struct EventDetails {
    /// The event.
    #[serde(flatten)]
    pub event: Event,
    /// What happened.
    #[cfg_attr(feature = "document", schemars(with = "domain::schema::Data"))]
    pub data: Box<RawValue>,
    /// Its deliveries, the newest first. `GET …/deliveries?event=` has those beyond.
    #[cfg_attr(feature = "document", schemars(length(max = domain::page::MAX_LIMIT)))]
    pub deliveries: Vec<Delivery>,
}

impl<'de> Deserialize<'de> for EventDetails {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Rest {
            data: Box<RawValue>,
            deliveries: Vec<Delivery>,
        }
        let (event, Rest { data, deliveries }) = split(deserializer)?;
        Ok(Self {
            event,
            data,
            deliveries,
        })
    }
}
