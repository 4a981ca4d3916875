//! What belongs to the service as a whole: event types, API keys, runs, health.

use api::wire::{
    ApiKey, ApiKeyInput, BodyTemplateInput, EventType, EventTypeInput, FilterCheck,
    FilterCheckInput, Health, List, NewApiKey, RenderedBody, Run, Usage,
};
use domain::id::ApiKeyId;
use reqwest::Method;

use crate::{Client, Error, Versioned, client::Call};

impl Client {
    /// The event types, in the order in which people are shown them.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn event_types(&self) -> Result<Vec<EventType>, Error> {
        let call = Call::new(Method::GET, &[&"v1", &"event-types"]);
        self.call(call).await
    }

    /// Adds an event type, or replaces one that was added. Built-in types cannot be changed.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn put_event_type(
        &self,
        key: &str,
        input: &EventTypeInput,
    ) -> Result<Versioned<EventType>, Error> {
        let call = Call::new(Method::PUT, &[&"v1", &"event-types", &key]);
        self.versioned(call.json(input)).await
    }

    /// Deletes an event type that was added.
    ///
    /// # Errors
    ///
    /// As any request; [`Conflict`](crate::Code::Conflict) while triggers use it.
    pub async fn delete_event_type(&self, key: &str) -> Result<(), Error> {
        let call = Call::new(Method::DELETE, &[&"v1", &"event-types", &key]);
        self.done(call).await
    }

    /// Tries a filter on an event.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn check_filter(&self, input: &FilterCheckInput) -> Result<FilterCheck, Error> {
        let call = Call::new(Method::POST, &[&"v1", &"filters", &"check"]);
        self.call(call.json(input).repeatable()).await
    }

    /// Renders a body template with an event type's sample.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn render(&self, input: &BodyTemplateInput) -> Result<String, Error> {
        let call = Call::new(Method::POST, &[&"v1", &"body-templates", &"render"]);
        let RenderedBody { body } = self.call(call.json(input).repeatable()).await?;
        Ok(body)
    }

    /// Runs the dispatcher for some seconds. The service does so by itself when events come; a
    /// scheduler calls this for retries that are due later, each minute or so.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn run(&self) -> Result<Run, Error> {
        let call = Call::new(Method::POST, &[&"v1", &"deliveries", &"run"]);
        self.call(call.repeatable()).await
    }

    /// Whether the service can do its work. Where it can't, the error has the status 503.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn health(&self) -> Result<Health, Error> {
        self.call(Call::new(Method::GET, &[&"v1", &"health"])).await
    }

    /// How much the service holds and has sent.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn usage(&self) -> Result<Usage, Error> {
        self.call(Call::new(Method::GET, &[&"v1", &"usage"])).await
    }

    /// Makes an API key. This takes a key of the setting `api_key`, as do the other methods on keys.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn create_api_key(&self, input: &ApiKeyInput) -> Result<NewApiKey, Error> {
        let call = Call::new(Method::POST, &[&"v1", &"api-keys"]);
        self.call(call.json(input).once()?).await
    }

    /// The API keys, the oldest first.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn api_keys(&self) -> Result<Vec<ApiKey>, Error> {
        let call = Call::new(Method::GET, &[&"v1", &"api-keys"]);
        let List { data, .. } = self.call(call).await?;
        Ok(data)
    }

    /// An API key.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn api_key(&self, id: ApiKeyId) -> Result<ApiKey, Error> {
        self.call(Call::new(Method::GET, &[&"v1", &"api-keys", &id]))
            .await
    }

    /// Revokes an API key, with the portal links and sessions that it made.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn revoke_api_key(&self, id: ApiKeyId) -> Result<(), Error> {
        self.done(Call::new(Method::DELETE, &[&"v1", &"api-keys", &id]))
            .await
    }
}
