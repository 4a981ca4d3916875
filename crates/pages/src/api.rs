//! What the API answers, as far as pages show it.

use std::collections::BTreeMap;

use domain::{
    delivery::Status,
    headers::NOT_SHOWN,
    id::{ActionId, DeliveryId, EventId, TriggerId},
    matching::{OmittedDeliveries, UnevaluatedTriggers},
    time::Timestamp,
};
use serde::Deserialize;
use serde_json::value::RawValue;

/// A page of a list.
#[derive(Debug, Deserialize)]
pub struct List<T> {
    /// What is on it.
    pub data: Vec<T>,
    /// Where the next one begins, if there is one.
    pub next_cursor: Option<String>,
}

/// A type of the catalogue.
#[derive(Debug, Deserialize)]
pub struct EventType {
    /// Its key.
    pub key: String,
    /// What people call it.
    pub label: String,
    /// What it belongs to in the catalogue.
    pub group: String,
    /// When such an event happens.
    pub description: String,
    /// The keys of the types that it covers.
    #[serde(default)]
    pub members: Vec<String>,
    /// What data of this type look like.
    pub sample: Box<RawValue>,
}

/// A trigger.
#[derive(Debug, Deserialize)]
pub struct Trigger {
    /// Its id.
    pub id: TriggerId,
    /// The key of its type.
    #[serde(rename = "type")]
    pub event_type: String,
    /// What people call it.
    pub name: String,
    /// What they say of it.
    pub description: String,
    /// Whether it fires.
    pub enabled: bool,
    /// Which events fire it.
    pub filter: Option<Box<RawValue>>,
    /// What it does, the oldest first.
    pub actions: Vec<Action>,
}

/// An action.
#[derive(Debug, Deserialize)]
pub struct Action {
    /// Its id.
    pub id: ActionId,
    /// What people call it.
    pub name: String,
    /// Whether it sends.
    pub enabled: bool,
    /// That the service disabled it.
    pub disabled: Option<Disabled>,
    /// Where it sends to.
    pub url: String,
    /// With which method.
    pub method: String,
    /// With which headers.
    pub headers: BTreeMap<String, String>,
    /// The names of those whose values are not shown.
    pub secret_headers: Vec<String>,
    /// The names of those that are shown although the names sound secret.
    pub public_headers: Vec<String>,
    /// How they are signed.
    pub signature_schemes: Vec<String>,
    /// What makes its bodies.
    pub body_template: Option<String>,
    /// Of which media type.
    pub content_type: String,
    /// How long an attempt may take.
    pub timeout_seconds: u32,
    /// The pauses between attempts, in seconds.
    pub retry_schedule: Vec<u32>,
    /// Whether they go one at a time, the oldest first.
    pub ordered: bool,
    /// The most requests in a second.
    pub max_per_second: Option<u32>,
    /// How its attempts have gone.
    pub health: Health,
}

impl Action {
    /// Hides the values of its headers, from whoever may only look.
    pub fn hide_values(&mut self) {
        for value in self.headers.values_mut() {
            NOT_SHOWN.clone_into(value);
        }
    }
}

/// That the service disabled an action, and why.
#[derive(Debug, Deserialize)]
pub struct Disabled {
    /// Why, in words.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// How the attempts of an action have gone.
#[derive(Debug, Deserialize)]
pub struct Health {
    /// When one last succeeded.
    pub last_success_at: Option<Timestamp>,
    /// When one last failed.
    pub last_failure_at: Option<Timestamp>,
    /// Since when they have failed.
    pub failing_since: Option<Timestamp>,
    /// How many, since the last success.
    pub consecutive_failures: u64,
}

/// What an action signs with.
#[derive(Deserialize)]
pub struct Secret {
    /// The secret.
    pub secret: String,
    /// Those before it that still sign.
    pub previous: Vec<PreviousSecret>,
}

/// A secret that was rotated.
#[derive(Deserialize)]
pub struct PreviousSecret {
    /// The secret.
    pub secret: String,
    /// Until when it signs.
    pub expires_at: Timestamp,
}

/// An event.
#[derive(Debug, Deserialize)]
pub struct Event {
    /// Its id.
    pub id: EventId,
    /// Its type's key.
    #[serde(rename = "type")]
    pub event_type: String,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// When it came.
    pub received_at: Timestamp,
    /// The producer's own id.
    pub producer_id: Option<String>,
    /// Whether it was made up to test an action.
    pub test: bool,
    /// What it says; lists leave it out.
    pub data: Option<Box<RawValue>>,
    /// What it is owed to; lists leave them out.
    #[serde(default)]
    pub deliveries: Vec<Delivery>,
    /// The triggers whose filters were not evaluated.
    pub unevaluated_triggers: Option<UnevaluatedTriggers>,
    /// The deliveries that it does not have, because it has as many as it may have.
    pub omitted_deliveries: Option<OmittedDeliveries>,
}

/// A delivery.
#[derive(Debug, Deserialize)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// The event.
    pub event_id: EventId,
    /// The trigger.
    pub trigger_id: TriggerId,
    /// The action.
    pub action_id: ActionId,
    /// The event's type.
    #[serde(rename = "type")]
    pub event_type: String,
    /// Where it stands.
    #[serde(deserialize_with = "status")]
    pub status: Status,
    /// Why it stands so.
    pub reason: Option<String>,
    /// The attempts made.
    pub attempt_count: u32,
    /// When the next is due.
    pub next_attempt_at: Option<Timestamp>,
    /// When it came to be.
    pub created_at: Timestamp,
    /// Whether it is a test.
    pub test: bool,
    /// Its attempts, the first first; lists leave them out.
    #[serde(default)]
    pub attempts: Vec<Attempt>,
}

/// An attempt.
#[derive(Debug, Deserialize)]
pub struct Attempt {
    /// 1 for the first.
    pub number: u32,
    /// When it started.
    pub started_at: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The status of the receiver's answer, if one came.
    pub status_code: Option<u16>,
    /// What went wrong, in words.
    pub error: Option<String>,
    /// What was sent.
    pub request_headers: BTreeMap<String, String>,
    /// What came: names and values.
    #[serde(deserialize_with = "header_lines")]
    pub response_headers: Vec<(String, String)>,
    /// The beginning of what came.
    pub response_body: Option<String>,
}

/// What an account's events and deliveries have come to in a time.
#[derive(Debug, Deserialize)]
pub struct Statistics {
    /// From when on.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// The events that came.
    pub events: u64,
    /// What became of what they were owed to.
    pub deliveries: Outcomes,
    /// The requests that were made.
    pub attempts: Attempts,
    /// What is due and not sent yet.
    pub backlog: Backlog,
    /// The same over time.
    pub series: Vec<Bucket>,
    /// Deliveries of the triggers that were asked for.
    pub triggers: Vec<TriggerCount>,
    /// Actions whose attempts fail.
    pub failing_actions: Vec<FailingAction>,
    /// Whether there is more than was counted.
    #[serde(default)]
    pub truncated: bool,
}

/// Deliveries by where they stand.
#[derive(Debug, Default, Deserialize)]
pub struct Outcomes {
    /// To be sent.
    pub pending: u64,
    /// Being sent.
    pub delivering: u64,
    /// Taken by their receivers.
    pub succeeded: u64,
    /// Given up.
    pub failed: u64,
    /// Called off.
    pub canceled: u64,
    /// Never to be sent: the trigger or the action was off, or the event had too many deliveries.
    pub skipped: u64,
}

/// Attempts, counted and timed.
#[derive(Debug, Deserialize)]
pub struct Attempts {
    /// How many.
    pub count: u64,
    /// How many failed.
    pub failed: u64,
    /// How long half of them took at most, in milliseconds.
    pub p50_ms: Option<u64>,
    /// How long 99 of 100 took at most.
    pub p99_ms: Option<u64>,
}

/// What is due and not sent yet.
#[derive(Debug, Deserialize)]
pub struct Backlog {
    /// How many.
    pub due: u64,
    /// Since when the oldest of them.
    pub oldest_due_at: Option<Timestamp>,
}

/// What happened in a part of the time.
#[derive(Debug, Deserialize)]
pub struct Bucket {
    /// When it begins.
    pub at: Timestamp,
    /// The events that came in it.
    pub events: u64,
    /// Their deliveries that were taken.
    pub succeeded: u64,
    /// Those that were given up.
    pub failed: u64,
}

/// Deliveries of a trigger.
#[derive(Debug, Deserialize)]
pub struct TriggerCount {
    /// The trigger.
    pub trigger_id: TriggerId,
    /// How many.
    pub deliveries: u64,
    /// How many of them fail or have failed.
    pub failed: u64,
}

/// An action whose attempts fail.
#[derive(Debug, Deserialize)]
pub struct FailingAction {
    /// Its trigger.
    pub trigger_id: TriggerId,
    /// The action.
    pub action_id: ActionId,
    /// Since when.
    pub failing_since: Timestamp,
    /// How many attempts, one after the other.
    pub consecutive_failures: u64,
}

/// What the API answers to what it refuses.
#[derive(Debug, Default, Deserialize)]
pub struct Problem {
    /// What is wrong, in words.
    pub detail: String,
    /// What is wrong with each member.
    #[serde(default)]
    pub errors: Vec<FieldError>,
}

/// What is wrong with a member of what was sent.
#[derive(Debug, Deserialize)]
pub struct FieldError {
    /// JSON pointer to the member.
    pub pointer: String,
    /// What is wrong with it.
    pub detail: String,
}

/// Reads headers, whose values are texts or lists of texts, as lines.
fn header_lines<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<(String, String)>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Values {
        One(String),
        More(Vec<String>),
    }

    let headers = BTreeMap::<String, Values>::deserialize(deserializer)?;
    let lines = headers.into_iter().flat_map(|(name, values)| {
        let values = match values {
            Values::One(value) => vec![value],
            Values::More(values) => values,
        };
        values.into_iter().map(move |value| (name.clone(), value))
    });
    Ok(lines.collect())
}

fn status<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Status, D::Error> {
    let name = String::deserialize(deserializer)?;
    Status::parse(&name).ok_or_else(|| serde::de::Error::custom(format!("{name:?} is no status")))
}
