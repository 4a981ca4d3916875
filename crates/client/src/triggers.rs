//! Triggers and their actions.

use api::wire::{
    Action, ActionInput, DeliveryDetails, List, Rotation, Secrets, TestInput, Trigger, TriggerInput,
};
use domain::id::{ActionId, TriggerId};
use reqwest::Method;
use serde::Serialize;
use serde_json::Value;

use crate::{Account, Error, Versioned};

/// Which triggers to list.
#[derive(Debug, Clone, Default, Serialize)]
pub struct TriggerQuery {
    /// Of this type only.
    #[serde(rename = "type")]
    pub event_type: Option<String>,
    /// Only those that fire, or that don't.
    pub enabled: Option<bool>,
    /// Only those with this in their name.
    #[serde(rename = "q")]
    pub text: Option<String>,
    /// The most on a page, 200 at most.
    pub limit: Option<u32>,
    /// Where the page begins: the `next_cursor` of the one before.
    pub cursor: Option<String>,
}

/// The media type of a JSON merge patch (RFC 7396).
const MERGE_PATCH: &str = "application/merge-patch+json";

impl Account {
    /// Makes a trigger, with its actions.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn create_trigger(&self, input: &TriggerInput) -> Result<Versioned<Trigger>, Error> {
        let call = self.post(&[&"triggers"]).json(input).once()?;
        self.client().versioned(call).await
    }

    /// A page of the account's triggers.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn triggers(&self, query: &TriggerQuery) -> Result<List<Trigger>, Error> {
        let call = self.get(&[&"triggers"]).query(query);
        self.client().call(call).await
    }

    /// A trigger, with its actions.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn trigger(&self, id: TriggerId) -> Result<Versioned<Trigger>, Error> {
        let call = self.get(&[&"triggers", &id]);
        self.client().versioned(call).await
    }

    /// Changes a trigger by a JSON merge patch, such as `{"enabled": false, "filter": null}`. A
    /// patch merges filters: [`put_trigger`](Account::put_trigger) sets one as a whole.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn change_trigger(
        &self,
        id: TriggerId,
        patch: &Value,
    ) -> Result<Versioned<Trigger>, Error> {
        let call = self.change(Method::PATCH, &[&"triggers", &id])?;
        self.client().versioned(call.body(MERGE_PATCH, patch)).await
    }

    /// Replaces the settings of a trigger. A member that is left out gets its default. The actions
    /// stay, and `settings` has none.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn put_trigger(
        &self,
        id: TriggerId,
        settings: &TriggerInput,
    ) -> Result<Versioned<Trigger>, Error> {
        let call = self.change(Method::PUT, &[&"triggers", &id])?;
        self.client().versioned(call.json(settings)).await
    }

    /// Deletes a trigger, with its actions.
    ///
    /// # Errors
    ///
    /// As any request; [`NotFound`](crate::Code::NotFound) when it is gone already.
    pub async fn delete_trigger(&self, id: TriggerId) -> Result<(), Error> {
        let call = self.change(Method::DELETE, &[&"triggers", &id])?;
        self.client().done(call).await
    }

    /// Adds an action to a trigger.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn add_action(
        &self,
        trigger: TriggerId,
        input: &ActionInput,
    ) -> Result<Versioned<Action>, Error> {
        let call = self.post(&[&"triggers", &trigger, &"actions"]);
        self.client().versioned(call.json(input).once()?).await
    }

    /// An action.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn action(
        &self,
        trigger: TriggerId,
        id: ActionId,
    ) -> Result<Versioned<Action>, Error> {
        let call = self.get(&[&"triggers", &trigger, &"actions", &id]);
        self.client().versioned(call).await
    }

    /// Changes an action by a JSON merge patch, such as `{"headers": {"x-team": "desk"}}`.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn change_action(
        &self,
        trigger: TriggerId,
        id: ActionId,
        patch: &Value,
    ) -> Result<Versioned<Action>, Error> {
        let call = self.change(Method::PATCH, &[&"triggers", &trigger, &"actions", &id])?;
        self.client().versioned(call.body(MERGE_PATCH, patch)).await
    }

    /// Replaces the settings of an action. A member that is left out gets its default. The signing
    /// secret stays, and so do the values of secret headers that `settings` names.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn put_action(
        &self,
        trigger: TriggerId,
        id: ActionId,
        settings: &ActionInput,
    ) -> Result<Versioned<Action>, Error> {
        let call = self.change(Method::PUT, &[&"triggers", &trigger, &"actions", &id])?;
        self.client().versioned(call.json(settings)).await
    }

    /// Deletes an action.
    ///
    /// # Errors
    ///
    /// As any request; [`NotFound`](crate::Code::NotFound) when it is gone already.
    pub async fn delete_action(&self, trigger: TriggerId, id: ActionId) -> Result<(), Error> {
        let call = self.change(Method::DELETE, &[&"triggers", &trigger, &"actions", &id])?;
        self.client().done(call).await
    }

    /// Sends one webhook now, made of the type's sample unless `event` has other data, whether or not
    /// the action is enabled. The delivery says how the receiver answered.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn test_action(
        &self,
        trigger: TriggerId,
        id: ActionId,
        event: &TestInput,
    ) -> Result<DeliveryDetails, Error> {
        let call = self.post(&[&"triggers", &trigger, &"actions", &id, &"test"]);
        self.client().call(call.json(event)).await
    }

    /// The secrets that an action's webhooks are signed with: for the receiver.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn secret(&self, trigger: TriggerId, action: ActionId) -> Result<Secrets, Error> {
        let call = self.get(&[&"triggers", &trigger, &"actions", &action, &"secret"]);
        self.client().call(call).await
    }

    /// Gives an action a new secret; the one before goes on signing, too, for a while.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn rotate_secret(
        &self,
        trigger: TriggerId,
        action: ActionId,
        rotation: &Rotation,
    ) -> Result<Secrets, Error> {
        let call = self.post(&[
            &"triggers",
            &trigger,
            &"actions",
            &action,
            &"secret",
            &"rotate",
        ]);
        self.client().call(call.json(rotation).once()?).await
    }
}
