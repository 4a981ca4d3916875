//! Events: posted, previewed, listed, replayed.

use api::wire::{AcceptedEvent, Event, EventDetails, List, NewEvent, Preview, PreviewInput};
use domain::{id::EventId, time::Timestamp};
use serde::Serialize;

use crate::{Account, Error, client::Call};

/// Which events to list.
#[derive(Debug, Clone, Default, Serialize)]
pub struct EventQuery {
    /// Of this type only.
    #[serde(rename = "type")]
    pub event_type: Option<String>,
    /// Only events that were made up to test an action, or none of them.
    pub test: Option<bool>,
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
    pub async fn post_event(&self, event: &NewEvent) -> Result<AcceptedEvent, Error> {
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
    pub async fn post_event_under(
        &self,
        key: &str,
        event: &NewEvent,
    ) -> Result<AcceptedEvent, Error> {
        let call = self.posted(event).under_key(key)?;
        self.client().call(call).await
    }

    /// Posts 1 to 500 events, which are accepted or refused together. As with
    /// [`Account::post_event`], each is accepted once. What became of them comes in their order.
    ///
    /// # Errors
    ///
    /// As any request; a refusal names each event that is wrong by its place.
    pub async fn post_events(&self, events: &[NewEvent]) -> Result<Vec<AcceptedEvent>, Error> {
        let call = self.posted(&events);
        let call = if events.iter().all(|event| event.id.is_some()) {
            call.repeatable()
        } else {
            call.once()?
        };
        self.client().call(call).await
    }

    fn posted(&self, body: &impl Serialize) -> Call {
        self.post(&[&"events"]).json(body)
    }

    /// A page of the account's events.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn events(&self, query: &EventQuery) -> Result<List<Event>, Error> {
        let call = self.get(&[&"events"]).query(query);
        self.client().call(call).await
    }

    /// An event.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn event(&self, id: EventId) -> Result<EventDetails, Error> {
        self.client().call(self.get(&[&"events", &id])).await
    }

    /// What an event would do: which triggers would fire, which webhooks would be sent. Nothing is
    /// sent. `cursor` is the `next_cursor` of the preview before, for the next page.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn preview(
        &self,
        event: &PreviewInput,
        cursor: Option<&str>,
    ) -> Result<Preview, Error> {
        #[derive(Serialize)]
        struct Query<'a> {
            cursor: Option<&'a str>,
        }
        let call = self.post(&[&"events", &"preview"]).json(event).repeatable();
        self.client().call(call.query(&Query { cursor })).await
    }

    /// Sends an event again, to the actions of the triggers that match it now.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn replay(&self, id: EventId) -> Result<AcceptedEvent, Error> {
        let call = self.post(&[&"events", &id, &"replay"]).once()?;
        self.client().call(call).await
    }
}
