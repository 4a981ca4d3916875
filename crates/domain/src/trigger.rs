//! Triggers and their actions: what they are, how a caller writes them, how they change.

mod input;

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    time::Duration,
};

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::{
    catalogue::{Catalogue, EventType},
    filter::Filter,
    headers::CustomHeaders,
    id::{ActionId, TriggerId},
    input::FieldError,
    merge_patch::Document,
    pace::Pace,
    schedule::RetrySchedule,
    sealing::{NONCE_LENGTH, OpenError, Sealed, Sealer},
    secret::{self, SigningSecret, TooManyPrevious},
    signing_keys::Scheme,
    template::BodyTemplate,
    time::Timestamp,
    url_policy::UrlPolicy,
};

pub use input::{ActionInput, ActionSettings, TriggerInput, TriggerSettings};
pub(crate) use input::{Errors, description, filter, name};
use input::{default_schemes, too_many_actions};

/// The longest name of a trigger or an action, in characters.
pub const MAX_NAME: usize = 200;
/// The longest description, in characters.
pub const MAX_DESCRIPTION: usize = 2_000;
/// The most actions of one trigger.
pub const MAX_ACTIONS: usize = 100;
/// The most triggers of one account.
pub const MAX_TRIGGERS: usize = 1_000;
/// How long an attempt may take, in seconds, when the action does not say.
pub const DEFAULT_TIMEOUT: u32 = 15;
/// The longest that an attempt may take, in seconds.
pub const MAX_TIMEOUT: u32 = 20;
/// The media type of a body when the action does not say.
pub const DEFAULT_CONTENT_TYPE: &str = "application/json";

/// "When an event of this type happens, run these actions", as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Trigger {
    /// Its id.
    pub id: TriggerId,
    /// The key of the event type it waits for.
    #[serde(rename = "type")]
    pub event_type: String,
    /// What people call it.
    pub name: String,
    /// What people note about it.
    pub description: String,
    /// Whether it fires.
    pub enabled: bool,
    /// Which of the events fire it; all when there is none.
    pub filter: Option<Filter>,
    /// What it does, in the order of creation.
    pub actions: Vec<Action>,
    /// Grows by one with every change to it or to one of its actions.
    pub revision: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it or one of its actions was changed last.
    pub updated_at: Timestamp,
}

/// Why nothing is sent to an action any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotSendable {
    /// Its trigger is gone.
    #[error("trigger was deleted")]
    TriggerDeleted,
    /// It is gone.
    #[error("action was deleted")]
    ActionDeleted,
    /// Its trigger is off.
    #[error("trigger was disabled")]
    TriggerDisabled,
    /// It is off.
    #[error("action was disabled")]
    ActionDisabled,
}

impl NotSendable {
    /// Whether that can't be undone.
    pub fn is_deleted(self) -> bool {
        matches!(self, Self::TriggerDeleted | Self::ActionDeleted)
    }
}

/// The trigger and the action of a delivery, as far as something may be sent to it.
///
/// # Errors
///
/// Why it may not.
pub fn sendable(
    trigger: Option<&Trigger>,
    action: ActionId,
) -> Result<(&Trigger, &Action), NotSendable> {
    let trigger = trigger.ok_or(NotSendable::TriggerDeleted)?;
    let action = (trigger.action(action)).ok_or(NotSendable::ActionDeleted)?;
    if !trigger.enabled {
        Err(NotSendable::TriggerDisabled)
    } else if !action.enabled {
        Err(NotSendable::ActionDisabled)
    } else {
        Ok((trigger, action))
    }
}

/// A webhook to send, as it is stored: what is secret is sealed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Action {
    /// Its id.
    pub id: ActionId,
    /// What people call it.
    pub name: String,
    /// Whether it runs.
    pub enabled: bool,
    /// When and why the service disabled it by itself; none once somebody enabled it again.
    pub disabled: Option<Disabled>,
    /// Where its webhooks go. Checked against the URL policy again before each attempt.
    pub url: String,
    /// The method of its requests.
    pub method: Method,
    /// Its custom headers: a JSON object of names and values, sealed.
    headers: Sealed,
    /// The names of those whose values are never shown, in lower case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secret_headers: Vec<String>,
    /// The names of those whose values are shown although the names sound secret, in lower case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub public_headers: Vec<String>,
    /// How its webhooks are signed.
    #[serde(default = "default_schemes")]
    pub signature_schemes: Vec<Scheme>,
    /// What the body is made with, when it is not the default body.
    pub body_template: Option<BodyTemplate>,
    /// The media type of the body.
    pub content_type: String,
    /// How long an attempt may take, 1 to [`MAX_TIMEOUT`] seconds.
    pub timeout_seconds: u32,
    /// When failed attempts are repeated.
    pub retry_schedule: RetrySchedule,
    /// How fast, and in which order, its webhooks go.
    #[serde(default, skip_serializing_if = "Pace::is_free")]
    pub pace: Pace,
    /// The secret that signs, sealed.
    secret: Sealed,
    /// Secrets that were rotated out and sign, too, until their time is over.
    previous: Vec<PreviousSecret>,
    /// Grows by one with every change.
    pub revision: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// That the service disabled an action by itself, until somebody enables it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
#[serde(expecting = "an object with reason and at")]
pub struct Disabled {
    /// Why, in words.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct PreviousSecret {
    secret: Sealed,
    expires_at: Timestamp,
}

/// The methods a webhook can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// POST, the usual one.
    #[default]
    Post,
    /// PUT.
    Put,
    /// PATCH.
    Patch,
    /// DELETE.
    Delete,
}

impl Method {
    /// All methods.
    pub const ALL: [Self; 4] = [Self::Post, Self::Put, Self::Patch, Self::Delete];

    /// The method as requests have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Method {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::input::word(deserializer, &Self::ALL)
    }
}

impl Trigger {
    /// A new trigger, without actions.
    pub fn new(id: TriggerId, settings: TriggerSettings, now: Timestamp) -> Self {
        let TriggerSettings {
            event_type,
            name,
            description,
            enabled,
            filter,
        } = settings;
        Self {
            id,
            event_type,
            name,
            description,
            enabled,
            filter,
            actions: Vec::new(),
            revision: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// Applies a JSON merge patch of the members that a caller can set.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the trigger as it would be; it is then unchanged.
    pub fn patch(
        &mut self,
        patch: Document,
        catalogue: &Catalogue,
        policy: &UrlPolicy,
        now: Timestamp,
    ) -> Result<(), Vec<FieldError>> {
        if patch.get("actions").is_some() {
            return Err(vec![has_actions()]);
        }
        let current = TriggerInput {
            event_type: Some(self.event_type.clone()),
            name: Some(self.name.clone()),
            description: Some(self.description.clone()),
            enabled: Some(self.enabled),
            filter: self
                .filter
                .as_ref()
                .map(|filter| filter.source().to_owned()),
            actions: None,
        };
        let patched: TriggerInput = patched(&current, patch)?;
        self.replace(patched, catalogue, policy, now)
    }

    /// Replaces every setting: a member that `input` does not have gets its default. The actions
    /// stay.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the new settings; the trigger is then unchanged.
    pub fn replace(
        &mut self,
        input: TriggerInput,
        catalogue: &Catalogue,
        policy: &UrlPolicy,
        now: Timestamp,
    ) -> Result<(), Vec<FieldError>> {
        if input.actions.is_some() {
            return Err(vec![has_actions()]);
        }
        let (settings, _) = input.check(catalogue, policy)?;
        let TriggerSettings {
            event_type,
            name,
            description,
            enabled,
            filter,
        } = settings;
        self.event_type = event_type;
        self.name = name;
        self.description = description;
        self.enabled = enabled;
        self.filter = filter;
        self.touch(now);
        Ok(())
    }

    /// Adds an action.
    ///
    /// # Errors
    ///
    /// When there are [`MAX_ACTIONS`] already.
    pub fn add(&mut self, action: Action, now: Timestamp) -> Result<(), Vec<FieldError>> {
        if self.actions.len() >= MAX_ACTIONS {
            return Err(vec![too_many_actions()]);
        }
        self.actions.push(action);
        self.touch(now);
        Ok(())
    }

    /// The action with this id.
    pub fn action(&self, id: ActionId) -> Option<&Action> {
        self.actions.iter().find(|action| action.id == id)
    }

    /// The trigger with `action` in the place of the one with its id.
    #[must_use]
    pub fn with(&self, action: &Action, now: Timestamp) -> Self {
        let mut trigger = self.clone();
        for present in trigger
            .actions
            .iter_mut()
            .filter(|present| present.id == action.id)
        {
            *present = action.clone();
        }
        trigger.touch(now);
        trigger
    }

    /// The trigger without the action with this id.
    #[must_use]
    pub fn without(&self, id: ActionId, now: Timestamp) -> Self {
        let mut trigger = self.clone();
        trigger.actions.retain(|action| action.id != id);
        trigger.touch(now);
        trigger
    }

    /// How many sealed values of its actions are not under the newest key.
    pub fn under_older_keys(&self, sealer: &Sealer) -> usize {
        let sealed = self.actions.iter().flat_map(Action::sealed);
        sealed.filter(|value| !sealer.is_newest(value)).count()
    }

    /// Moves the sealed values of its actions under the newest key, as far as they open. For callers
    /// the trigger is the same.
    pub fn reseal(&mut self, vault: &Vault<'_>) {
        for action in &mut self.actions {
            action.reseal(vault);
        }
    }

    /// Notes that something of the trigger was changed.
    fn touch(&mut self, now: Timestamp) {
        self.revision += 1;
        self.updated_at = now;
    }
}

/// The error of a changed trigger that brings actions.
fn has_actions() -> FieldError {
    let detail = "actions are changed one by one, through the trigger's /actions";
    FieldError::new("/actions", detail)
}

/// A patch of an action with its headers' names in the lower case in which they are stored: a
/// header's name knows no case (RFC 9110, section 5.1), a member's name does.
fn with_plain_header_names(mut patch: Document) -> Result<Document, Vec<FieldError>> {
    if let Some(Document::Object(headers)) = patch.get_mut("headers") {
        let mut names = HashSet::new();
        for (name, _) in headers {
            let pointer = format!("/headers/{}", crate::input::escape(name));
            name.make_ascii_lowercase();
            if !names.insert(name.clone()) {
                return Err(vec![FieldError::new(pointer, "is there twice")]);
            }
        }
    }
    Ok(patch)
}

/// `current`, as a caller would write it, with `patch` applied.
fn patched<T>(current: &T, patch: Document) -> Result<T, Vec<FieldError>>
where
    T: Serialize + serde::de::DeserializeOwned,
{
    if !patch.is_object() {
        return Err(vec![FieldError::new("", "a merge patch is a JSON object")]);
    }
    let written = serde_json::to_string(current).expect("settings have string keys");
    let mut document: Document = crate::input::from_text(&written).map_err(|error| vec![error])?;
    document.apply(patch);
    let merged = serde_json::to_string(&document).expect("a document has string keys");
    crate::input::from_text(&merged).map_err(|error| vec![error])
}

/// What a sealed value of an action belongs to.
fn owner(account: &str, action: ActionId, what: &str) -> String {
    format!("{account}/{action}/{what}")
}

/// Where and with what an action's values are sealed.
pub struct Vault<'a> {
    /// The account that the action belongs to.
    pub account: &'a str,
    /// The keys.
    pub sealer: &'a Sealer,
    /// Gives random bytes for a nonce.
    pub nonce: &'a dyn Fn() -> [u8; NONCE_LENGTH],
}

impl Vault<'_> {
    fn seal(&self, action: ActionId, what: &str, plain: &[u8]) -> Sealed {
        self.sealer
            .seal(&owner(self.account, action, what), plain, (self.nonce)())
    }

    fn open(&self, action: ActionId, what: &str, sealed: &Sealed) -> Result<String, OpenError> {
        let plain = self
            .sealer
            .open(&owner(self.account, action, what), sealed)?;
        String::from_utf8(plain).map_err(|_| OpenError::Forged)
    }

    fn seal_headers(&self, action: ActionId, headers: &CustomHeaders) -> Sealed {
        let object: Map<String, Value> = headers
            .iter()
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        self.seal(
            action,
            "headers",
            Value::Object(object).to_string().as_bytes(),
        )
    }

    fn open_secret(&self, action: ActionId, sealed: &Sealed) -> Result<SigningSecret, OpenError> {
        let text = self.open(action, "secret", sealed)?;
        SigningSecret::parse(&text).map_err(|_| OpenError::Forged)
    }
}

/// The secrets of an action in the clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secrets {
    /// The one that signs.
    pub current: SigningSecret,
    /// Those that sign, too, and until when.
    pub previous: Vec<(SigningSecret, Timestamp)>,
}

impl Secrets {
    /// Whether one of them has this fingerprint.
    pub fn have(&self, fingerprint: &str) -> bool {
        let previous = self.previous.iter().map(|(secret, _)| secret);
        std::iter::once(&self.current)
            .chain(previous)
            .any(|secret| secret.fingerprint() == fingerprint)
    }

    /// The secrets that sign at `now`, the newest first.
    pub fn live(self, now: Timestamp) -> Vec<SigningSecret> {
        let live = self.without_expired(now);
        std::iter::once(live.current)
            .chain(live.previous.into_iter().map(|(secret, _)| secret))
            .collect()
    }

    /// The same without those whose time is over at `now`.
    #[must_use]
    pub fn without_expired(mut self, now: Timestamp) -> Self {
        self.previous.retain(|(_, expires_at)| *expires_at > now);
        self
    }
}

/// An action that comes from elsewhere, with what it had there.
pub(crate) struct Restored {
    pub(crate) id: ActionId,
    pub(crate) settings: ActionSettings,
    pub(crate) secrets: Secrets,
    pub(crate) disabled: Option<Disabled>,
    pub(crate) created_at: Timestamp,
}

impl Action {
    /// A new action with a secret of its own.
    pub fn new(
        id: ActionId,
        settings: ActionSettings,
        secret: &SigningSecret,
        vault: &Vault<'_>,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            name: settings.name,
            enabled: settings.enabled,
            disabled: None,
            url: settings.url.to_string(),
            method: settings.method,
            headers: vault.seal_headers(id, &settings.headers),
            secret_headers: settings.secret_headers,
            public_headers: settings.public_headers,
            signature_schemes: settings.signature_schemes,
            body_template: settings.body_template,
            content_type: settings.content_type,
            timeout_seconds: settings.timeout_seconds,
            retry_schedule: settings.retry_schedule,
            pace: settings.pace,
            secret: vault.seal(id, "secret", secret.reveal().as_bytes()),
            previous: Vec::new(),
            revision: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// An action as it was elsewhere.
    pub(crate) fn restored(from: Restored, vault: &Vault<'_>, now: Timestamp) -> Self {
        let Secrets { current, previous } = from.secrets;
        let seal =
            |secret: SigningSecret| vault.seal(from.id, "secret", secret.reveal().as_bytes());
        let previous = previous
            .into_iter()
            .map(|(secret, expires_at)| PreviousSecret {
                secret: seal(secret),
                expires_at,
            });
        Self {
            previous: previous.collect(),
            disabled: from.disabled,
            created_at: from.created_at,
            ..Self::new(from.id, from.settings, &current, vault, now)
        }
    }

    /// Its custom headers, in the clear.
    ///
    /// # Errors
    ///
    /// When the sealed value does not open.
    pub fn headers(&self, vault: &Vault<'_>) -> Result<Map<String, Value>, OpenError> {
        let text = vault.open(self.id, "headers", &self.headers)?;
        serde_json::from_str(&text).map_err(|_| OpenError::Forged)
    }

    /// Its custom headers without those that are secret.
    ///
    /// # Errors
    ///
    /// When the sealed value does not open.
    pub fn shown_headers(&self, vault: &Vault<'_>) -> Result<BTreeMap<String, String>, OpenError> {
        let text = vault.open(self.id, "headers", &self.headers)?;
        let mut headers: BTreeMap<String, String> =
            serde_json::from_str(&text).map_err(|_| OpenError::Forged)?;
        headers.retain(|name, _| !self.secret_headers.contains(name));
        Ok(headers)
    }

    /// Its secrets, in the clear.
    ///
    /// # Errors
    ///
    /// When a sealed value does not open.
    pub fn secrets(&self, vault: &Vault<'_>) -> Result<Secrets, OpenError> {
        let previous = self.previous.iter().map(|previous| {
            Ok((
                vault.open_secret(self.id, &previous.secret)?,
                previous.expires_at,
            ))
        });
        Ok(Secrets {
            current: vault.open_secret(self.id, &self.secret)?,
            previous: previous.collect::<Result<_, OpenError>>()?,
        })
    }

    /// Puts `secret` in the place of the current one, which goes on signing for `overlap`. Older ones
    /// go on until their time is over; without an overlap they end now.
    ///
    /// # Errors
    ///
    /// When too many older ones still sign; the action is then unchanged.
    pub fn rotate(
        &mut self,
        secret: &SigningSecret,
        overlap: Duration,
        vault: &Vault<'_>,
        now: Timestamp,
    ) -> Result<(), TooManyPrevious> {
        secret::make_room(&mut self.previous, overlap, now, |one| one.expires_at)?;
        let sealed = vault.seal(self.id, "secret", secret.reveal().as_bytes());
        let rotated_out = std::mem::replace(&mut self.secret, sealed);
        if !overlap.is_zero() {
            let previous = PreviousSecret {
                secret: rotated_out,
                expires_at: now + overlap,
            };
            self.previous.insert(0, previous);
        }
        self.touch(now);
        Ok(())
    }

    /// Its sealed values.
    fn sealed(&self) -> impl Iterator<Item = &Sealed> {
        let previous = self.previous.iter().map(|previous| &previous.secret);
        [&self.headers, &self.secret].into_iter().chain(previous)
    }

    fn reseal(&mut self, vault: &Vault<'_>) {
        let id = self.id;
        let reseal = |what: &str, value: &mut Sealed| {
            let owner = owner(vault.account, id, what);
            vault.sealer.reseal(&owner, value, (vault.nonce)());
        };
        reseal("headers", &mut self.headers);
        reseal("secret", &mut self.secret);
        for previous in &mut self.previous {
            reseal("secret", &mut previous.secret);
        }
    }

    /// Whether its webhooks are signed so.
    pub fn signs_with(&self, scheme: Scheme) -> bool {
        self.signature_schemes.contains(&scheme)
    }

    /// Disables it on the service's own account.
    pub fn disable(&mut self, reason: &str, now: Timestamp) {
        self.enabled = false;
        self.disabled = Some(Disabled {
            reason: reason.to_owned(),
            at: now,
        });
        self.touch(now);
    }

    /// Applies a JSON merge patch of the members that a caller can set; `event_type` is its trigger's.
    ///
    /// A header that is secret stays so until it is given another value: else its value would be
    /// shown. One that is taken away is taken from the names of secret and public ones, too.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the action as it would be; it is then unchanged.
    pub fn patch(
        &mut self,
        patch: Document,
        event_type: Option<&EventType>,
        policy: &UrlPolicy,
        vault: &Vault<'_>,
        now: Timestamp,
    ) -> Result<(), PatchError> {
        let current = ActionInput {
            name: Some(self.name.clone()),
            url: Some(self.url.clone()),
            enabled: Some(self.enabled),
            method: Some(self.method),
            headers: Some(self.headers(vault)?),
            secret_headers: Some(self.secret_headers.clone()),
            public_headers: Some(self.public_headers.clone()),
            signature_schemes: Some(self.signature_schemes.clone()),
            body_template: self
                .body_template
                .as_ref()
                .map(|template| template.source().to_owned()),
            content_type: Some(self.content_type.clone()),
            timeout_seconds: Some(self.timeout_seconds.into()),
            retry_schedule: serde_json::to_value(&self.retry_schedule)
                .and_then(serde_json::from_value)
                .ok(),
            ordered: Some(self.pace.ordered),
            max_per_second: self.pace.max_per_second.map(Into::into),
        };
        let patch = with_plain_header_names(patch)?;
        let says = |member| patch.get(member).is_some();
        let (says_secret, says_public) = (says("secret_headers"), says("public_headers"));
        let given: Vec<String> = match patch.get("headers") {
            Some(Document::Object(headers)) => {
                headers.iter().map(|(name, _)| name.clone()).collect()
            }
            _ => Vec::new(),
        };
        let mut patched: ActionInput = patched(&current, patch)?;
        // What the patch says nothing of gives way to what it says.
        let headers = patched.headers.take().unwrap_or_default();
        let secret = patched.secret_headers.take().unwrap_or_default();
        let public = patched.public_headers.take().unwrap_or_default();
        let left = |names: &[String], others: &[String]| -> Vec<String> {
            let there = |name: &&String| {
                let mut others = others.iter();
                headers.contains_key(*name) && !others.any(|other| other.eq_ignore_ascii_case(name))
            };
            names.iter().filter(there).cloned().collect()
        };
        let said = |says, names: &[String]| if says { names.to_vec() } else { Vec::new() };
        patched.public_headers = Some(if says_public {
            public.clone()
        } else {
            left(&public, &said(says_secret, &secret))
        });
        patched.secret_headers = Some(if says_secret {
            secret
        } else {
            left(&secret, &said(says_public, &public))
        });
        patched.headers = Some(headers);
        let settings = patched.check(event_type, policy)?;
        let revealed = self.secret_headers.iter().find(|name| {
            let is_there = settings
                .headers
                .iter()
                .any(|(present, _)| present == **name);
            is_there && !settings.secret_headers.contains(name) && !given.contains(name)
        });
        if let Some(name) = revealed {
            let (pointer, what) = if settings.public_headers.contains(name) {
                ("/public_headers", "can't name")
            } else {
                ("/secret_headers", "has to name")
            };
            let detail = format!(
                "{what} {name}, whose value is secret; give the header another value, or take it \
                 away"
            );
            return Err(vec![FieldError::new(pointer, detail)].into());
        }
        self.set(settings, vault, now);
        Ok(())
    }

    /// Replaces every setting: a member that `input` does not have gets its default; `event_type` is
    /// its trigger's.
    ///
    /// A secret header keeps its value if `secret_headers` of `input` names it and `headers` does
    /// not: whoever read the action does not know the value.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the new settings; the action is then unchanged.
    pub fn replace(
        &mut self,
        mut input: ActionInput,
        event_type: Option<&EventType>,
        policy: &UrlPolicy,
        vault: &Vault<'_>,
        now: Timestamp,
    ) -> Result<(), PatchError> {
        let mut stored = self.headers(vault)?;
        stored.retain(|name, _| self.secret_headers.contains(name));
        input.keep_secret_headers(stored);
        let settings = input.check(event_type, policy)?;
        self.set(settings, vault, now);
        Ok(())
    }

    fn set(&mut self, settings: ActionSettings, vault: &Vault<'_>, now: Timestamp) {
        self.secret_headers = settings.secret_headers;
        self.public_headers = settings.public_headers;
        self.signature_schemes = settings.signature_schemes;
        self.headers = vault.seal_headers(self.id, &settings.headers);
        self.name = settings.name;
        self.enabled = settings.enabled;
        self.disabled = self.disabled.take().filter(|_| !settings.enabled);
        self.url = settings.url.to_string();
        self.method = settings.method;
        self.body_template = settings.body_template;
        self.content_type = settings.content_type;
        self.timeout_seconds = settings.timeout_seconds;
        self.retry_schedule = settings.retry_schedule;
        self.pace = settings.pace;
        self.touch(now);
    }

    fn touch(&mut self, now: Timestamp) {
        self.revision += 1;
        self.updated_at = now;
    }
}

/// An action could not be patched.
#[derive(Debug, thiserror::Error)]
pub enum PatchError {
    /// The caller's doing.
    #[error("the action would not be in order")]
    Invalid(Vec<FieldError>),
    /// The stored headers do not open.
    #[error(transparent)]
    Open(#[from] OpenError),
}

impl From<Vec<FieldError>> for PatchError {
    fn from(errors: Vec<FieldError>) -> Self {
        Self::Invalid(errors)
    }
}

#[cfg(test)]
mod tests;
