//! What an import does to a trigger, and what it says about that.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    document::in_the_clear,
    incoming::{Beside, Incoming},
};
use crate::{
    headers::CustomHeaders,
    id::{ActionId, TriggerId},
    input::{self, FieldError},
    sealing::OpenError,
    secret::{LENGTH, SigningSecret},
    time::Timestamp,
    trigger::{Action, ActionSettings, Restored, Secrets, Trigger, Vault},
};

/// What becomes of a trigger or an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema), schemars(inline))]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It was not there.
    Created,
    /// It was there, and is another one now.
    Updated,
    /// It is there already.
    Unchanged,
    /// It was there, and the document does not have it.
    Removed,
}

/// A trigger as it is to be, and what that changes.
#[derive(Debug)]
pub struct Planned {
    /// The trigger.
    pub trigger: Trigger,
    /// What changes.
    pub summary: TriggerSummary,
}

/// What an import does to a trigger.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(
    feature = "document",
    derive(schemars::JsonSchema),
    schemars(rename = "ImportedTrigger")
)]
pub struct TriggerSummary {
    /// Its id in the account.
    pub id: TriggerId,
    /// Its id in the document, where that is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document_id: Option<TriggerId>,
    /// Its name.
    pub name: String,
    /// What becomes of it. Updated also when only an action is.
    #[cfg_attr(feature = "document", schemars(with = "crate::schema::TriggerOutcome"))]
    pub result: Outcome,
    /// Its actions: the document's, then those that go.
    pub actions: Vec<ActionSummary>,
}

/// What an import does to an action.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(
    feature = "document",
    derive(schemars::JsonSchema),
    schemars(rename = "ImportedAction")
)]
pub struct ActionSummary {
    /// Its id in the account.
    pub id: ActionId,
    /// Its id in the document, where that is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document_id: Option<ActionId>,
    /// Its name.
    pub name: String,
    /// What becomes of it.
    pub result: Outcome,
    /// Where it goes to from now on, where that changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url_change: Option<UrlChange>,
    /// It gets a signing secret that its receiver does not know yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(feature = "document", schemars(with = "crate::schema::True"))]
    pub new_secret: bool,
    /// The headers without a value, neither in the document nor in the action: they are not sent until
    /// somebody sets it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "document", schemars(length(min = 1)))]
    pub headers_without_value: Vec<String>,
}

/// The URL of an action that is there, before and after an import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema), schemars(inline))]
pub struct UrlChange {
    /// What it is.
    pub from: String,
    /// What the document says.
    pub to: String,
}

/// A trigger could not be planned.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The document's doing.
    #[error("the document is not in order")]
    Invalid(Vec<FieldError>),
    /// A stored secret does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
}

/// What planning takes beside the triggers.
struct Planning<'a> {
    vault: &'a Vault<'a>,
    /// Random bytes for a new secret.
    entropy: &'a dyn Fn() -> [u8; LENGTH],
    now: Timestamp,
    /// Whether what is stored for an action stays when its URL moves to another origin.
    is_trusted: bool,
}

impl Incoming {
    /// What the import makes of the trigger that is to have `id` in the account, its
    /// [`local_id`](Incoming::local_id); `present` is the trigger that has it. `entropy` gives
    /// random bytes for new secrets.
    ///
    /// # Errors
    ///
    /// When headers get too long with the values that are kept, two actions would get the same id,
    /// or a stored secret does not open.
    pub fn plan(
        self,
        id: TriggerId,
        present: Option<&Trigger>,
        vault: &Vault<'_>,
        entropy: &dyn Fn() -> [u8; LENGTH],
        now: Timestamp,
    ) -> Result<Planned, PlanError> {
        let planning = Planning {
            vault,
            entropy,
            now,
            is_trusted: self.is_trusted,
        };
        let mut trigger = Trigger::new(id, self.settings, now);
        let mut summaries = Vec::new();
        let mut errors = Vec::new();
        for (settings, beside) in self.actions {
            // As with triggers: an id is kept where it is there already, and derived elsewhere.
            let kept = present.and_then(|trigger| trigger.action(beside.document_id));
            let id = kept.map_or_else(
                || {
                    beside
                        .document_id
                        .derived(&format!("{}/{id}", vault.account))
                },
                |action| action.id,
            );
            if trigger.action(id).is_some() {
                let detail = format!("stands for {id}, as another action of this trigger does");
                errors.push(FieldError::new(format!("{}/id", beside.pointer), detail));
                continue;
            }
            let present = present.and_then(|trigger| trigger.action(id));
            match planning.action(id, settings, beside, present) {
                Ok((action, summary)) => {
                    trigger.actions.push(action);
                    summaries.push(summary);
                }
                Err(PlanError::Invalid(more)) => errors.extend(more),
                Err(error @ PlanError::Open(_)) => return Err(error),
            }
        }
        if !errors.is_empty() {
            return Err(PlanError::Invalid(errors));
        }
        let kept: HashSet<_> = trigger.actions.iter().map(|action| action.id).collect();
        let present_actions = present.map_or(&[][..], |trigger| &trigger.actions);
        let removed = present_actions
            .iter()
            .filter(|action| !kept.contains(&action.id));
        summaries.extend(removed.map(ActionSummary::removed));

        trigger.created_at = self
            .created_at
            .or(present.map(|trigger| trigger.created_at))
            .unwrap_or(now);
        let result = match present {
            None => Outcome::Created,
            Some(present) if same(present, &trigger, &summaries) => {
                trigger = present.clone();
                Outcome::Unchanged
            }
            Some(present) => {
                trigger.revision = present.revision + 1;
                Outcome::Updated
            }
        };
        let summary = TriggerSummary {
            id: trigger.id,
            document_id: (self.document_id != trigger.id).then_some(self.document_id),
            name: trigger.name.clone(),
            result,
            actions: summaries,
        };
        Ok(Planned { trigger, summary })
    }
}

/// Whether the trigger is to be what it is. Its actions' order is part of it.
fn same(present: &Trigger, wanted: &Trigger, actions: &[ActionSummary]) -> bool {
    let ids =
        |trigger: &Trigger| -> Vec<_> { trigger.actions.iter().map(|action| action.id).collect() };
    actions
        .iter()
        .all(|action| action.result == Outcome::Unchanged)
        && ids(present) == ids(wanted)
        && present.event_type == wanted.event_type
        && present.name == wanted.name
        && present.description == wanted.description
        && present.enabled == wanted.enabled
        && present.filter == wanted.filter
        && present.created_at == wanted.created_at
}

impl Planning<'_> {
    fn action(
        &self,
        id: ActionId,
        mut settings: ActionSettings,
        beside: Beside,
        present: Option<&Action>,
    ) -> Result<(Action, ActionSummary), PlanError> {
        let before = present
            .map(|action| in_the_clear(action, self.vault, self.now))
            .transpose()?;
        let url = settings.url.to_string();
        let url_change = present
            .filter(|present| present.url != url)
            .map(|present| UrlChange {
                from: present.url.clone(),
                to: url.clone(),
            });
        let moves = present.is_some_and(|present| !settings.url.has_origin_of(&present.url));
        let stored = before.as_ref().filter(|_| self.is_trusted || !moves);
        let mut headers_without_value = Vec::new();
        let headers = settings.headers.iter().filter_map(|(name, value)| {
            if !beside.blank.contains(name) {
                return Some((name.to_owned(), value.to_owned()));
            }
            let kept = stored
                .and_then(|(entry, _)| entry.headers.get(name))
                .and_then(Value::as_str);
            if kept.is_none() {
                headers_without_value.push(name.to_owned());
            }
            kept.map(|value| (name.to_owned(), value.to_owned()))
        });
        let headers: Vec<_> = headers.collect();
        // One that is kept stays secret, and one that is not there is none.
        let was_secret = present.map_or(&[][..], |action| &action.secret_headers);
        for name in was_secret
            .iter()
            .filter(|name| beside.blank.contains(*name))
        {
            if !settings.secret_headers.contains(name) {
                settings.secret_headers.push(name.clone());
            }
            settings.public_headers.retain(|public| public != name);
        }
        let there = |name: &String| headers.iter().any(|(present, _)| present == name);
        settings.secret_headers.retain(there);
        settings.public_headers.retain(there);
        settings.headers = CustomHeaders::parse(headers).map_err(|refusals| {
            let errors = refusals.into_iter().map(|(name, refusal)| {
                let name = input::escape(&name);
                FieldError::new(format!("{}/headers/{name}", beside.pointer), refusal)
            });
            PlanError::Invalid(errors.collect())
        })?;

        let kept = stored.map(|(_, secrets)| secrets.clone());
        let known = beside.secrets.or(kept);
        let new_secret = known.is_none();
        let secrets = known.unwrap_or_else(|| Secrets {
            current: SigningSecret::new((self.entropy)()),
            previous: Vec::new(),
        });
        let created_at = beside
            .created_at
            .or(present.map(|action| action.created_at))
            .unwrap_or(self.now);
        let restored = Restored {
            id,
            settings,
            secrets,
            disabled: beside.disabled,
            created_at,
        };
        let mut action = Action::restored(restored, self.vault, self.now);
        let result = match present.zip(before) {
            None => Outcome::Created,
            Some((present, before)) if in_the_clear(&action, self.vault, self.now)? == before => {
                action = present.clone();
                Outcome::Unchanged
            }
            Some((present, _)) => {
                action.revision = present.revision + 1;
                Outcome::Updated
            }
        };
        let summary = ActionSummary {
            id: action.id,
            document_id: (beside.document_id != action.id).then_some(beside.document_id),
            name: action.name.clone(),
            result,
            url_change,
            new_secret,
            headers_without_value,
        };
        Ok((action, summary))
    }
}

impl ActionSummary {
    fn removed(action: &Action) -> Self {
        Self {
            id: action.id,
            document_id: None,
            name: action.name.clone(),
            result: Outcome::Removed,
            url_change: None,
            new_secret: false,
            headers_without_value: Vec::new(),
        }
    }
}
