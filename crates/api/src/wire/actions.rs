use std::collections::BTreeMap;

use domain::{
    headers::NOT_SHOWN,
    id::ActionId,
    schedule::RetrySchedule,
    signing_keys::Scheme,
    time::Timestamp,
    trigger::{self, ActionInput, Disabled, Method},
};
use serde::{Deserialize, Serialize};

use super::list::Item;

/// A webhook to send. It never shows its signing secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
pub struct Action {
    /// The action's id.
    pub id: ActionId,
    /// What people call it.
    #[cfg_attr(feature = "document", schemars(with = "domain::schema::Name"))]
    pub name: String,
    /// Whether it runs.
    pub enabled: bool,
    /// Why the service disabled it; there until somebody enables it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<Disabled>,
    /// Where its webhooks go.
    #[cfg_attr(feature = "document", schemars(with = "domain::schema::Url"))]
    pub url: String,
    /// The method of its requests.
    pub method: Method,
    /// Headers of its own, without the secret ones. A key that may only read gets `(not shown)` in the
    /// place of each value.
    #[cfg_attr(feature = "document", schemars(with = "domain::schema::Headers"))]
    pub headers: BTreeMap<String, String>,
    /// The names of those headers whose values are never shown again.
    #[cfg_attr(feature = "document", schemars(length(max = domain::headers::MAX_COUNT)))]
    pub secret_headers: Vec<String>,
    /// The names of those headers whose values are shown although their names sound secret.
    #[cfg_attr(feature = "document", schemars(length(max = domain::headers::MAX_COUNT)))]
    pub public_headers: Vec<String>,
    /// How its webhooks are signed: `v1` under the action's own secret, `v1a` under the account's key
    /// pair, or both.
    #[cfg_attr(feature = "document", schemars(with = "domain::schema::Schemes"))]
    pub signature_schemes: Vec<Scheme>,
    /// Makes the body of the event, in Jinja. Without one, the event is sent as JSON.
    #[cfg_attr(feature = "document", schemars(length(max = domain::template::MAX_SOURCE_BYTES)))]
    pub body_template: Option<String>,
    /// The media type of the body.
    #[cfg_attr(
        feature = "document",
        schemars(length(min = 1, max = domain::headers::MAX_CONTENT_TYPE))
    )]
    pub content_type: String,
    /// How long an attempt may take, in seconds.
    #[cfg_attr(feature = "document", schemars(range(min = 1, max = domain::trigger::MAX_TIMEOUT)))]
    pub timeout_seconds: u32,
    /// The delays before the retries, in seconds, each ±20 %. None: one attempt only.
    pub retry_schedule: RetrySchedule,
    /// Whether its webhooks go one at a time, the oldest first.
    pub ordered: bool,
    /// The most requests in a second; null where that is not limited.
    #[cfg_attr(feature = "document", schemars(range(min = 1, max = domain::pace::MAX_PER_SECOND)))]
    pub max_per_second: Option<u32>,
    /// How its attempts have gone.
    pub health: ActionHealth,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

impl Action {
    /// A stored action, with its headers in the clear.
    pub fn of(
        action: &trigger::Action,
        headers: BTreeMap<String, String>,
        health: ActionHealth,
    ) -> Self {
        let template = action.body_template.as_ref();
        Self {
            id: action.id,
            name: action.name.clone(),
            enabled: action.enabled,
            disabled: action.disabled.clone(),
            url: action.url.clone(),
            method: action.method,
            headers,
            secret_headers: action.secret_headers.clone(),
            public_headers: action.public_headers.clone(),
            signature_schemes: action.signature_schemes.clone(),
            body_template: template.map(|template| template.source().to_owned()),
            content_type: action.content_type.clone(),
            timeout_seconds: action.timeout_seconds,
            retry_schedule: action.retry_schedule.clone(),
            ordered: action.pace.ordered,
            max_per_second: action.pace.max_per_second,
            health,
            created_at: action.created_at,
            updated_at: action.updated_at,
        }
    }

    /// Hides the values of its headers, from whoever may only look.
    pub fn hide_values(&mut self) {
        for value in self.headers.values_mut() {
            NOT_SHOWN.clone_into(value);
        }
    }
}

impl Item for Action {
    const PLURAL: &'static str = "Actions";
}

impl From<Action> for ActionInput {
    /// Its settings, to change them and put them back. Secret headers keep their values.
    fn from(action: Action) -> Self {
        let headers = action.headers.into_iter();
        let delays = action.retry_schedule.delays().iter();
        Self {
            enabled: Some(action.enabled),
            method: Some(action.method),
            headers: Some(headers.map(|(name, value)| (name, value.into())).collect()),
            secret_headers: Some(action.secret_headers),
            public_headers: Some(action.public_headers),
            signature_schemes: Some(action.signature_schemes),
            body_template: action.body_template,
            content_type: Some(action.content_type),
            timeout_seconds: Some(action.timeout_seconds.into()),
            retry_schedule: Some(delays.map(|delay| (*delay).into()).collect()),
            ordered: Some(action.ordered),
            max_per_second: action.max_per_second.map(Into::into),
            ..Self::new(action.name, action.url)
        }
    }
}

/// How the attempts of an action have gone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
pub struct ActionHealth {
    /// When an attempt last succeeded.
    pub last_success_at: Option<Timestamp>,
    /// When an attempt last failed.
    pub last_failure_at: Option<Timestamp>,
    /// When the first attempt failed since the last success; null while all is well.
    pub failing_since: Option<Timestamp>,
    /// The attempts that failed since the last success.
    pub consecutive_failures: u64,
}

/// The secrets that an action's webhooks are signed with.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
pub struct Secrets {
    /// The newest secret, as Standard Webhooks writes it.
    #[cfg_attr(feature = "document", schemars(with = "domain::schema::Secret"))]
    pub secret: String,
    /// The secrets before it that still sign, the newest first.
    pub previous: Vec<PreviousSecret>,
}

impl Secrets {
    /// The secrets that sign at `now`.
    pub fn live(secrets: trigger::Secrets, now: Timestamp) -> Self {
        let live = secrets.without_expired(now);
        let previous = live.previous.iter();
        Self {
            secret: live.current.reveal(),
            previous: previous
                .map(|(secret, expires_at)| PreviousSecret {
                    secret: secret.reveal(),
                    expires_at: *expires_at,
                })
                .collect(),
        }
    }
}

/// A secret that was rotated out.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema), schemars(inline))]
pub struct PreviousSecret {
    /// The secret.
    #[cfg_attr(feature = "document", schemars(with = "domain::schema::Secret"))]
    pub secret: String,
    /// Until when it signs, too.
    pub expires_at: Timestamp,
}
