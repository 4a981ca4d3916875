//! Triggers and their actions.

use std::collections::BTreeMap;

use jiff::Timestamp;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{Account, Error, Page, client::Call};

/// A trigger to be made.
#[derive(Debug, Clone, Serialize)]
pub struct NewTrigger {
    /// The key of the type whose events fire it.
    #[serde(rename = "type")]
    pub event_type: String,
    /// What people call it.
    pub name: String,
    /// What people say of it.
    pub description: String,
    /// Whether it fires.
    pub enabled: bool,
    /// Which events fire it: conditions on their data. All do, without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<Value>,
    /// What it does.
    pub actions: Vec<NewAction>,
}

/// The settings of a trigger: all but its actions.
#[derive(Debug, Clone, Serialize)]
pub struct TriggerSettings {
    /// The key of the type whose events fire it.
    #[serde(rename = "type")]
    pub event_type: String,
    /// What people call it.
    pub name: String,
    /// What people say of it.
    pub description: String,
    /// Whether it fires.
    pub enabled: bool,
    /// Which events fire it: conditions on their data. Without, all do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<Value>,
}

impl From<Trigger> for TriggerSettings {
    fn from(trigger: Trigger) -> Self {
        Self {
            event_type: trigger.event_type,
            name: trigger.name,
            description: trigger.description,
            enabled: trigger.enabled,
            filter: trigger.filter,
        }
    }
}

impl NewTrigger {
    /// A trigger for events of this type, with this name and without actions.
    pub fn new(event_type: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            event_type: event_type.into(),
            name: name.into(),
            description: String::new(),
            enabled: true,
            filter: None,
            actions: Vec::new(),
        }
    }

    /// The same for events only that these conditions hold for, such as
    /// `{"data.channel": "sms"}`.
    #[must_use]
    pub fn with_filter(self, filter: Value) -> Self {
        Self {
            filter: Some(filter),
            ..self
        }
    }

    /// The same with one more action.
    #[must_use]
    pub fn with_action(mut self, action: NewAction) -> Self {
        self.actions.push(action);
        self
    }
}

/// An action to be made. What is not set is as the service sets it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct NewAction {
    /// What people call it.
    pub name: String,
    /// Where its webhooks go.
    pub url: String,
    /// Whether they go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// The method of their requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Headers of their requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headers: Option<BTreeMap<String, String>>,
    /// The names of those whose values are never shown again, beside those whose names sound secret,
    /// such as `authorization`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secret_headers: Vec<String>,
    /// The names of those whose values are shown although the names sound secret.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub public_headers: Vec<String>,
    /// How they are signed: `v1` under the action's secret, `v1a` under the account's key pair.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub signature_schemes: Vec<String>,
    /// What makes their body of the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_template: Option<String>,
    /// The media type of what the template makes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// How long an attempt may take, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u32>,
    /// The pauses between attempts, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_schedule: Option<Vec<u32>>,
    /// Whether they go one at a time, the oldest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ordered: Option<bool>,
    /// The most requests in a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_per_second: Option<u32>,
}

impl NewAction {
    /// An action of this name that sends webhooks to this URL.
    pub fn new(name: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            url: url.into(),
            ..Self::default()
        }
    }
}

impl From<Action> for NewAction {
    /// The settings of an action, to replace them by
    /// [`put_action`](Account::put_action). Headers that are secret keep their values.
    fn from(action: Action) -> Self {
        Self {
            name: action.name,
            url: action.url,
            enabled: Some(action.enabled),
            method: Some(action.method),
            headers: Some(action.headers),
            secret_headers: action.secret_headers,
            public_headers: action.public_headers,
            signature_schemes: action.signature_schemes,
            body_template: action.body_template,
            content_type: Some(action.content_type),
            timeout_seconds: Some(action.timeout_seconds),
            retry_schedule: Some(action.retry_schedule),
            ordered: Some(action.ordered),
            max_per_second: action.max_per_second,
        }
    }
}

/// A trigger.
#[derive(Debug, Clone, Deserialize)]
pub struct Trigger {
    /// Its id.
    pub id: String,
    /// The key of the type whose events fire it.
    #[serde(rename = "type")]
    pub event_type: String,
    /// What people call it.
    pub name: String,
    /// What people say of it.
    pub description: String,
    /// Whether it fires.
    pub enabled: bool,
    /// Which events fire it.
    pub filter: Option<Value>,
    /// What it does.
    pub actions: Vec<Action>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// An action of a trigger.
#[derive(Debug, Clone, Deserialize)]
pub struct Action {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Whether its webhooks go.
    pub enabled: bool,
    /// That the service disabled it by itself.
    #[serde(default)]
    pub disabled: Option<Disabled>,
    /// Where its webhooks go.
    pub url: String,
    /// The method of their requests.
    pub method: String,
    /// Headers of their requests.
    pub headers: BTreeMap<String, String>,
    /// The names of those whose values are not shown.
    #[serde(default)]
    pub secret_headers: Vec<String>,
    /// The names of those whose values are shown although the names sound secret.
    #[serde(default)]
    pub public_headers: Vec<String>,
    /// How they are signed.
    #[serde(default)]
    pub signature_schemes: Vec<String>,
    /// What makes their body of the event.
    pub body_template: Option<String>,
    /// The media type of their body.
    pub content_type: String,
    /// How long an attempt may take, in seconds.
    pub timeout_seconds: u32,
    /// The pauses between attempts, in seconds.
    pub retry_schedule: Vec<u32>,
    /// Whether they go one at a time, the oldest first.
    #[serde(default)]
    pub ordered: bool,
    /// The most requests in a second; nothing where that is not limited.
    #[serde(default)]
    pub max_per_second: Option<u32>,
    /// How its attempts have gone.
    pub health: Health,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// That the service disabled an action by itself.
#[derive(Debug, Clone, Deserialize)]
pub struct Disabled {
    /// Why.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// How the attempts of an action have gone.
#[derive(Debug, Clone, Deserialize)]
pub struct Health {
    /// When one last succeeded.
    pub last_success_at: Option<Timestamp>,
    /// When one last failed.
    pub last_failure_at: Option<Timestamp>,
    /// Since when they have failed; `None` while all is well.
    pub failing_since: Option<Timestamp>,
    /// Those that failed since the last success.
    pub consecutive_failures: u64,
}

/// What an action's webhooks are signed with.
#[derive(Clone, Deserialize)]
pub struct Secret {
    /// The secret, `whsec_…`.
    pub secret: String,
    /// Those before it that still sign, too.
    pub previous: Vec<PreviousSecret>,
}

/// A secret that was rotated.
#[derive(Clone, Deserialize)]
pub struct PreviousSecret {
    /// The secret, `whsec_…`.
    pub secret: String,
    /// When it stops signing.
    pub expires_at: Timestamp,
}

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
    pub async fn create_trigger(&self, trigger: &NewTrigger) -> Result<Trigger, Error> {
        let call = Call::post(self.path(&["triggers"])).json(trigger).once()?;
        self.client().call(call).await
    }

    /// A page of the account's triggers.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn triggers(&self, query: &TriggerQuery) -> Result<Page<Trigger>, Error> {
        let call = Call::get(self.path(&["triggers"])).query(query);
        self.client().call(call).await
    }

    /// A trigger, with its actions.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn trigger(&self, id: &str) -> Result<Trigger, Error> {
        self.client()
            .call(Call::get(self.path(&["triggers", id])))
            .await
    }

    /// Changes a trigger by a JSON merge patch, such as `{"enabled": false, "filter": null}`. A
    /// patch merges filters: [`put_trigger`](Account::put_trigger) sets one as a whole.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn change_trigger(&self, id: &str, patch: &Value) -> Result<Trigger, Error> {
        self.client()
            .call(patched(self.path(&["triggers", id]), patch))
            .await
    }

    /// Replaces the settings of a trigger. Its actions stay.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn put_trigger(
        &self,
        id: &str,
        settings: &TriggerSettings,
    ) -> Result<Trigger, Error> {
        let call = Call::new(Method::PUT, self.path(&["triggers", id]));
        self.client().call(call.json(settings)).await
    }

    /// Deletes a trigger, with its actions.
    ///
    /// # Errors
    ///
    /// As any request; 404 when it is gone already.
    pub async fn delete_trigger(&self, id: &str) -> Result<(), Error> {
        let call = Call::new(Method::DELETE, self.path(&["triggers", id]));
        self.client().done(call).await
    }

    /// Adds an action to a trigger.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn add_action(&self, trigger: &str, action: &NewAction) -> Result<Action, Error> {
        let call = Call::post(self.path(&["triggers", trigger, "actions"]))
            .json(action)
            .once()?;
        self.client().call(call).await
    }

    /// An action.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn action(&self, trigger: &str, id: &str) -> Result<Action, Error> {
        let call = Call::get(self.path(&["triggers", trigger, "actions", id]));
        self.client().call(call).await
    }

    /// Changes an action by a JSON merge patch, such as `{"headers": {"x-team": "desk"}}`.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn change_action(
        &self,
        trigger: &str,
        id: &str,
        patch: &Value,
    ) -> Result<Action, Error> {
        let path = self.path(&["triggers", trigger, "actions", id]);
        self.client().call(patched(path, patch)).await
    }

    /// Replaces the settings of an action. Its signing secret stays.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn put_action(
        &self,
        trigger: &str,
        id: &str,
        settings: &NewAction,
    ) -> Result<Action, Error> {
        let path = self.path(&["triggers", trigger, "actions", id]);
        let call = Call::new(Method::PUT, path).json(settings);
        self.client().call(call).await
    }

    /// Deletes an action.
    ///
    /// # Errors
    ///
    /// As any request; 404 when it is gone already.
    pub async fn delete_action(&self, trigger: &str, id: &str) -> Result<(), Error> {
        let path = self.path(&["triggers", trigger, "actions", id]);
        self.client().done(Call::new(Method::DELETE, path)).await
    }

    /// What an action's webhooks are signed with: for the receiver.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn secret(&self, trigger: &str, action: &str) -> Result<Secret, Error> {
        let path = self.path(&["triggers", trigger, "actions", action, "secret"]);
        self.client().call(Call::get(path)).await
    }

    /// Gives an action a new secret; the one before goes on signing, too, for so many seconds.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn rotate_secret(
        &self,
        trigger: &str,
        action: &str,
        overlap_seconds: u32,
    ) -> Result<Secret, Error> {
        let path = self.path(&["triggers", trigger, "actions", action, "secret", "rotate"]);
        let call = Call::post(path)
            .json(&json!({ "overlap_seconds": overlap_seconds }))
            .once()?;
        self.client().call(call).await
    }
}

/// A patch says how something is to be, so that a second time changes nothing.
fn patched<'a>(path: Vec<&'a str>, patch: &Value) -> Call<'a> {
    Call::new(Method::PATCH, path)
        .body(MERGE_PATCH, patch)
        .repeatable()
}
