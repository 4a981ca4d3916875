use std::collections::BTreeMap;

use domain::{
    delivery::Status,
    id::{ActionId, DeliveryId, EventId, TriggerId},
    time::Timestamp,
};
use serde::{Deserialize, Deserializer, Serialize};

use super::list::{Item, split};

/// An event that is to be sent to an action, once.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
pub struct Delivery {
    /// The delivery's id: the `webhook-id` of each of its attempts.
    pub id: DeliveryId,
    /// The event.
    pub event_id: EventId,
    /// The trigger.
    pub trigger_id: TriggerId,
    /// The action.
    pub action_id: ActionId,
    /// The key of the event's type.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "document", schemars(with = "domain::schema::EventTypeKey"))]
    pub event_type: String,
    /// Where it stands.
    pub status: Status,
    /// Why it stands so, or why it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The attempts made.
    pub attempt_count: u32,
    /// When the next attempt is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<Timestamp>,
    /// When it was created.
    pub created_at: Timestamp,
    /// Whether it is a test of the action.
    pub test: bool,
}

impl Item for Delivery {
    const PLURAL: &'static str = "Deliveries";
}

/// A delivery with its attempts.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
pub struct DeliveryDetails {
    /// The delivery.
    #[serde(flatten)]
    pub delivery: Delivery,
    /// Its attempts, the first first.
    pub attempts: Vec<Attempt>,
}

impl<'de> Deserialize<'de> for DeliveryDetails {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Rest {
            attempts: Vec<Attempt>,
        }
        let (delivery, Rest { attempts }) = split(deserializer)?;
        Ok(Self { delivery, attempts })
    }
}

/// One request of a delivery.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
pub struct Attempt {
    /// 1 for the first.
    #[cfg_attr(feature = "document", schemars(range(min = 1)))]
    pub number: u32,
    /// When it started.
    pub started_at: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The status of the response, if one came.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schemars(range(min = 100, max = 999)))]
    pub status_code: Option<u16>,
    /// Why it failed, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The headers that were sent. The values of custom headers are not shown.
    pub request_headers: BTreeMap<String, String>,
    /// The headers of the response. The values of a header that came several times are joined with
    /// commas; those of `set-cookie` are a list.
    pub response_headers: BTreeMap<String, HeaderValues>,
    /// The beginning of the response's body; null where none came.
    pub response_body: Option<String>,
}

/// The value of a header, or several.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema), schemars(inline))]
#[serde(untagged)]
pub enum HeaderValues {
    /// One, or several that are joined.
    One(String),
    /// Those of `set-cookie`.
    Several(Vec<String>),
}

/// Headers as lines of a name and a value.
pub fn header_lines(
    headers: &BTreeMap<String, HeaderValues>,
) -> impl Iterator<Item = (&str, &str)> {
    headers.iter().flat_map(|(name, values)| {
        let values = match values {
            HeaderValues::One(value) => std::slice::from_ref(value),
            HeaderValues::Several(values) => values,
        };
        values
            .iter()
            .map(move |value| (name.as_str(), value.as_str()))
    })
}

/// The failed deliveries that are due again.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, expecting = "an object with since")]
pub struct Recovery {
    /// From this time on.
    #[cfg_attr(feature = "document", schemars(required))]
    pub since: Option<Timestamp>,
    /// Before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Of this trigger only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger: Option<TriggerId>,
    /// Of this action only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionId>,
}

/// How many failed deliveries are due again.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
pub struct Recovered {
    /// How many deliveries are due now.
    pub recovered: usize,
}

/// The result of one run of the dispatcher.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
pub struct Run {
    /// The deliveries that it took on.
    pub claimed: usize,
    /// Of these, those that arrived.
    pub succeeded: usize,
    /// Those that will be retried.
    pub retrying: usize,
    /// Those that were given up.
    pub failed: usize,
    /// When the next delivery of any account is due; null when none is.
    pub next_due_at: Option<Timestamp>,
    /// Whether something is left for the next hour, because this hour's requests are used up.
    pub put_off: bool,
}
