//! Deliveries: looked at, and made due again.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::Number;

use crate::{Account, Error, Page, client::Call};

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Status {
    /// The next attempt is to come.
    Pending,
    /// An attempt is under way.
    Delivering,
    /// The receiver took it.
    Succeeded,
    /// The receiver never took it, and the schedule is over.
    Failed,
    /// Its trigger or action is gone or off, or it was canceled by hand.
    Canceled,
    /// Its trigger or action was off when the event came.
    Skipped,
}

/// An event that is owed to an action.
#[derive(Debug, Clone, Deserialize)]
pub struct Delivery {
    /// Its id: the `webhook-id` that the receiver gets.
    pub id: String,
    /// The event.
    pub event_id: String,
    /// The trigger.
    pub trigger_id: String,
    /// The action.
    pub action_id: String,
    /// The event's type.
    #[serde(rename = "type")]
    pub event_type: String,
    /// Where it stands.
    pub status: Status,
    /// Why it stands so, where there is something to say.
    #[serde(default)]
    pub reason: Option<String>,
    /// The attempts made.
    #[serde(deserialize_with = "flattened_count")]
    pub attempt_count: u32,
    /// When the next is due.
    #[serde(default)]
    pub next_attempt_at: Option<Timestamp>,
    /// When it came to be.
    pub created_at: Timestamp,
    /// Whether it is a test of the action.
    #[serde(default)]
    pub test: bool,
}

/// Reads a count in a struct that others flatten. With serde_json's feature `arbitrary_precision`,
/// which any crate of a build can switch on, a flattened number is readable as a [`Number`] alone.
pub(crate) fn flattened_count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let number = Number::deserialize(deserializer)?;
    let count = number.as_u64().and_then(|count| u32::try_from(count).ok());
    count.ok_or_else(|| D::Error::custom(format!("{number} is no count")))
}

/// A delivery with its attempts.
#[derive(Debug, Clone, Deserialize)]
pub struct DeliveryDetails {
    /// The delivery.
    #[serde(flatten)]
    pub delivery: Delivery,
    /// Its attempts, the first first.
    pub attempts: Vec<Attempt>,
}

/// One request of a delivery.
#[derive(Debug, Clone, Deserialize)]
pub struct Attempt {
    /// 1 for the first.
    pub number: u32,
    /// When it started.
    pub started_at: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The status of the receiver's answer, if one came.
    #[serde(default)]
    pub status_code: Option<u16>,
    /// What went wrong, in words.
    #[serde(default)]
    pub error: Option<String>,
    /// What was sent.
    pub request_headers: BTreeMap<String, String>,
    /// What came: a value for each name, and several for `set-cookie` where it came several times.
    #[serde(deserialize_with = "one_or_more")]
    pub response_headers: BTreeMap<String, Vec<String>>,
    /// The beginning of what came.
    pub response_body: Option<String>,
}

/// Reads header values: texts, and lists of texts.
fn one_or_more<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, Vec<String>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Values {
        One(String),
        More(Vec<String>),
    }

    let headers = BTreeMap::<String, Values>::deserialize(deserializer)?;
    let headers = headers.into_iter().map(|(name, values)| match values {
        Values::One(value) => (name, vec![value]),
        Values::More(values) => (name, values),
    });
    Ok(headers.collect())
}

/// Which deliveries to list.
#[derive(Debug, Clone, Default, Serialize)]
pub struct DeliveryQuery {
    /// In this state only.
    pub status: Option<Status>,
    /// Of this trigger only.
    pub trigger: Option<String>,
    /// Of this action only.
    pub action: Option<String>,
    /// Of this event only.
    pub event: Option<String>,
    /// Of events of this type only.
    #[serde(rename = "type")]
    pub event_type: Option<String>,
    /// Created at this time or later.
    pub since: Option<Timestamp>,
    /// Created before this time.
    pub until: Option<Timestamp>,
    /// The most on a page, 200 at most.
    pub limit: Option<u32>,
    /// Where the page begins: the `next_cursor` of the one before.
    pub cursor: Option<String>,
}

/// Which failed deliveries to make due again.
#[derive(Debug, Clone, Serialize)]
pub struct Recovery {
    /// Created at this time or later.
    pub since: Timestamp,
    /// Created before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Of this trigger only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger: Option<String>,
    /// Of this action only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
}

impl Recovery {
    /// Of all that were created at this time or later.
    pub fn since(since: Timestamp) -> Self {
        Self {
            since,
            until: None,
            trigger: None,
            action: None,
        }
    }
}

/// What a run did.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RunSummary {
    /// The deliveries that it took on.
    pub claimed: u64,
    /// Of them, those that receivers took.
    pub succeeded: u64,
    /// Those that are tried again later.
    pub retrying: u64,
    /// Those that are given up.
    pub failed: u64,
    /// When the next is due.
    pub next_due_at: Option<Timestamp>,
    /// Whether something is left for the next hour, because this hour's requests are used up.
    #[serde(default)]
    pub put_off: bool,
}

#[derive(Deserialize)]
struct Recovered {
    recovered: u64,
}

impl Account {
    /// A page of the account's deliveries.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn deliveries(&self, query: &DeliveryQuery) -> Result<Page<Delivery>, Error> {
        let call = Call::get(self.path(&["deliveries"])).query(query);
        self.client().call(call).await
    }

    /// A delivery, with its attempts.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn delivery(&self, id: &str) -> Result<DeliveryDetails, Error> {
        let call = Call::get(self.path(&["deliveries", id]));
        self.client().call(call).await
    }

    /// Makes a delivery due now, whatever became of it before.
    ///
    /// # Errors
    ///
    /// As any request; 409 while an attempt is under way.
    pub async fn retry(&self, delivery: &str) -> Result<DeliveryDetails, Error> {
        let call = Call::post(self.path(&["deliveries", delivery, "retry"]));
        self.client().call(call).await
    }

    /// Has a delivery not be sent again.
    ///
    /// # Errors
    ///
    /// As any request; 409 while an attempt is under way, or when nothing is owed any more.
    pub async fn cancel(&self, delivery: &str) -> Result<DeliveryDetails, Error> {
        let call = Call::post(self.path(&["deliveries", delivery, "cancel"]));
        self.client().call(call).await
    }

    /// Makes failed deliveries due now. Returns how many.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn recover(&self, recovery: &Recovery) -> Result<u64, Error> {
        // What is due already is not failed: a second time finds the rest.
        let call = Call::post(self.path(&["deliveries", "recover"]))
            .json(recovery)
            .repeatable();
        let Recovered { recovered } = self.client().call(call).await?;
        Ok(recovered)
    }
}
