//! Deliveries: looked at, and made due again.

use api::wire::{Delivery, DeliveryDetails, DeliveryStatus, List, Recovered, Recovery};
use domain::{
    id::{ActionId, DeliveryId, EventId, TriggerId},
    time::Timestamp,
};
use serde::Serialize;

use crate::{Account, Error};

/// Which deliveries to list.
#[derive(Debug, Clone, Default, Serialize)]
pub struct DeliveryQuery {
    /// In this state only.
    pub status: Option<DeliveryStatus>,
    /// Of this trigger only.
    pub trigger: Option<TriggerId>,
    /// Of this action only.
    pub action: Option<ActionId>,
    /// Of this event only.
    pub event: Option<EventId>,
    /// Of events of this type only.
    #[serde(rename = "type")]
    pub event_type: Option<String>,
    /// Only tests of actions, or none of them.
    pub test: Option<bool>,
    /// Created at this time or later.
    pub since: Option<Timestamp>,
    /// Created before this time.
    pub until: Option<Timestamp>,
    /// The most on a page, 200 at most.
    pub limit: Option<u32>,
    /// Where the page begins: the `next_cursor` of the one before.
    pub cursor: Option<String>,
}

impl Account {
    /// A page of the account's deliveries, the newest first.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn deliveries(&self, query: &DeliveryQuery) -> Result<List<Delivery>, Error> {
        let call = self.get(&[&"deliveries"]).query(query);
        self.client().call(call).await
    }

    /// A delivery, with its attempts.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn delivery(&self, id: DeliveryId) -> Result<DeliveryDetails, Error> {
        self.client().call(self.get(&[&"deliveries", &id])).await
    }

    /// Makes a delivery due now, whatever its status.
    ///
    /// # Errors
    ///
    /// As any request; [`Conflict`](crate::Code::Conflict) while an attempt is under way, for a test,
    /// and where the action is gone or disabled.
    pub async fn retry(&self, id: DeliveryId) -> Result<DeliveryDetails, Error> {
        let call = self.post(&[&"deliveries", &id, &"retry"]);
        self.client().call(call).await
    }

    /// Cancels a delivery that waits for an attempt.
    ///
    /// # Errors
    ///
    /// As any request; [`Conflict`](crate::Code::Conflict) where none is to come.
    pub async fn cancel(&self, id: DeliveryId) -> Result<DeliveryDetails, Error> {
        let call = self.post(&[&"deliveries", &id, &"cancel"]);
        self.client().call(call).await
    }

    /// Makes all failed deliveries of a time due now. Returns how many there are.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn recover(&self, recovery: &Recovery) -> Result<usize, Error> {
        // Those that are due already are not failed: a second time finds the rest.
        let call = self.post(&[&"deliveries", &"recover"]).json(recovery);
        let Recovered { recovered } = self.client().call(call.repeatable()).await?;
        Ok(recovered)
    }
}
