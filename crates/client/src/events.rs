//! Events: posted, listed, replayed.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::Value;

use crate::{Account, Delivery, Error, Page, client::Call, deliveries::flattened_count};

/// An event to be posted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NewEvent {
    /// Its type's key, e.g. `participant.confirmed`.
    #[serde(rename = "type")]
    pub event_type: String,
    /// What happened: a JSON object.
    pub data: Value,
    /// When it occurred; when it comes, unless it is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// Your own id for it, under which it is accepted once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

impl NewEvent {
    /// An event of this type, with this data.
    pub fn new(event_type: impl Into<String>, data: Value) -> Self {
        Self {
            event_type: event_type.into(),
            data,
            occurred_at: None,
            id: None,
        }
    }

    /// The same event, which occurred at this time.
    #[must_use]
    pub fn occurred_at(self, time: Timestamp) -> Self {
        Self {
            occurred_at: Some(time),
            ..self
        }
    }

    /// The same event with your own id for it: 1 to 255 visible ASCII characters.
    #[must_use]
    pub fn with_id(self, id: impl Into<String>) -> Self {
        Self {
            id: Some(id.into()),
            ..self
        }
    }
}

/// What became of an event that was posted.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Accepted {
    /// Its id.
    pub id: String,
    /// Its type's key.
    #[serde(rename = "type")]
    pub event_type: String,
    /// What it is owed to.
    pub deliveries: Vec<Owed>,
    /// Whether it was there already.
    pub duplicate: bool,
    /// The triggers whose filters were not evaluated on it.
    #[serde(default)]
    pub unevaluated_triggers: Option<UnevaluatedTriggers>,
    /// The deliveries that it would have had, had it not as many as it may have.
    #[serde(default)]
    pub omitted_deliveries: Option<OmittedDeliveries>,
}

/// The triggers whose filters were not evaluated on an event, so that they did not fire.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct UnevaluatedTriggers {
    /// How many.
    #[serde(deserialize_with = "flattened_count")]
    pub count: u32,
    /// The first hundred.
    pub triggers: Vec<UnevaluatedTrigger>,
}

/// A trigger whose filter was not evaluated on an event.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct UnevaluatedTrigger {
    /// Its id.
    pub id: String,
    /// Why, as a code: `filter_too_expensive` or `event_too_expensive`.
    pub reason: String,
}

/// Deliveries that an event did not create.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct OmittedDeliveries {
    /// How many.
    #[serde(deserialize_with = "flattened_count")]
    pub count: u32,
    /// The most that one event creates.
    #[serde(deserialize_with = "flattened_count")]
    pub limit: u32,
}

/// A delivery that an event is owed to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Owed {
    /// The delivery's id.
    pub id: String,
    /// The trigger.
    pub trigger_id: String,
    /// The action.
    pub action_id: String,
}

/// An event, as the history lists it.
#[derive(Debug, Clone, Deserialize)]
pub struct Event {
    /// Its id.
    pub id: String,
    /// Its type's key.
    #[serde(rename = "type")]
    pub event_type: String,
    /// When it occurred; the last moment that a [`Timestamp`] has, where it was later.
    #[serde(deserialize_with = "clamped")]
    pub occurred_at: Timestamp,
    /// When it came.
    pub received_at: Timestamp,
    /// The id that it was posted with, if any.
    #[serde(default)]
    pub producer_id: Option<String>,
    /// The `source` of a CloudEvent.
    #[serde(default)]
    pub source: Option<String>,
    /// The triggers whose filters were not evaluated on it, when it was last matched.
    #[serde(default)]
    pub unevaluated_triggers: Option<UnevaluatedTriggers>,
    /// The deliveries that it would have had then, had it not as many as it may have.
    #[serde(default)]
    pub omitted_deliveries: Option<OmittedDeliveries>,
}

/// An event with what it is about and what it is owed to.
#[derive(Debug, Clone, Deserialize)]
pub struct EventDetails {
    /// The event.
    #[serde(flatten)]
    pub event: Event,
    /// What happened.
    pub data: Value,
    /// What it is owed to, the newest first.
    pub deliveries: Vec<Delivery>,
}

/// Which events to list.
#[derive(Debug, Clone, Default, Serialize)]
pub struct EventQuery {
    /// Of this type only.
    #[serde(rename = "type")]
    pub event_type: Option<String>,
    /// That came at this time or later.
    pub since: Option<Timestamp>,
    /// That came before this time.
    pub until: Option<Timestamp>,
    /// The most on a page, 200 at most.
    pub limit: Option<u32>,
    /// Where the page begins: the `next_cursor` of the one before.
    pub cursor: Option<String>,
}

impl Account {
    /// Posts an event. It is accepted once, however often it has to be sent: under its id or,
    /// where it has none, under an idempotency key made for this call.
    ///
    /// # Errors
    ///
    /// As any request; when the outcome is not known, posting again may post it twice, unless it
    /// has an id. [`Account::post_event_under`] takes a key that outlives the call.
    pub async fn post_event(&self, event: &NewEvent) -> Result<Accepted, Error> {
        let call = self.posted(event);
        let call = match &event.id {
            Some(_) => call.repeatable(),
            None => call.once()?,
        };
        self.client().call(call).await
    }

    /// Posts an event under an idempotency key of yours: 1 to 255 visible ASCII characters.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn post_event_under(&self, key: &str, event: &NewEvent) -> Result<Accepted, Error> {
        let call = self.posted(event).under_key(key)?;
        self.client().call(call).await
    }

    /// Posts 1 to 500 events, which are accepted or refused together. As with
    /// [`Account::post_event`], each is accepted once. What became of them comes in their order.
    ///
    /// # Errors
    ///
    /// As any request; a refusal names each event that is wrong by its place.
    pub async fn post_events(&self, events: &[NewEvent]) -> Result<Vec<Accepted>, Error> {
        let call = self.posted(&events);
        let call = if events.iter().all(|event| event.id.is_some()) {
            call.repeatable()
        } else {
            call.once()?
        };
        self.client().call(call).await
    }

    fn posted(&self, body: &impl Serialize) -> Call<'_> {
        Call::post(self.path(&["events"])).json(body)
    }

    /// A page of the account's events.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn events(&self, query: &EventQuery) -> Result<Page<Event>, Error> {
        let call = Call::get(self.path(&["events"])).query(query);
        self.client().call(call).await
    }

    /// An event.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn event(&self, id: &str) -> Result<EventDetails, Error> {
        self.client()
            .call(Call::get(self.path(&["events", id])))
            .await
    }

    /// Owes an event again to what matches it now.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn replay(&self, event: &str) -> Result<Accepted, Error> {
        let call = Call::post(self.path(&["events", event, "replay"])).once()?;
        self.client().call(call).await
    }
}

/// The service has times until the end of 9999, a [`Timestamp`] ends a day before.
fn clamped<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    match text.parse() {
        Err(_) if text.starts_with("9999-12-3") => Ok(Timestamp::MAX),
        parsed => parsed.map_err(D::Error::custom),
    }
}
