//! From a document to triggers that are in order.

use std::collections::HashSet;

use serde_json::Value;

use super::{
    document::{ActionEntry, Document, SealedValues, TriggerEntry, place},
    lock::Lock,
};
use crate::{
    account::AccountId,
    catalogue::Catalogue,
    id::{ActionId, TriggerId},
    input::FieldError,
    page::MAX_LIMIT,
    secret::SigningSecret,
    time::Timestamp,
    trigger::{
        ActionInput, ActionSettings, Disabled, MAX_DESCRIPTION, MAX_PREVIOUS, Secrets,
        TriggerInput, TriggerSettings,
    },
    url_policy::UrlPolicy,
};

/// Where a document is imported to, and what is allowed there.
#[derive(Debug, Clone, Copy)]
pub struct Destination<'a> {
    /// The account.
    pub account: &'a AccountId,
    /// The event types that there are.
    pub catalogue: &'a Catalogue,
    /// Which URLs webhooks may go to.
    pub policy: &'a UrlPolicy,
    /// What time it is.
    pub now: Timestamp,
}

/// A trigger of a document that is in order.
#[derive(Debug)]
pub struct Incoming {
    /// JSON pointer to it in the import's body.
    pub pointer: String,
    /// The id that it has in the account.
    pub id: TriggerId,
    pub(super) document_id: TriggerId,
    pub(super) settings: TriggerSettings,
    pub(super) actions: Vec<(ActionSettings, Beside)>,
    pub(super) created_at: Option<Timestamp>,
}

/// What an action of a document has beside its settings.
#[derive(Debug)]
pub(super) struct Beside {
    pub(super) pointer: String,
    pub(super) id: ActionId,
    pub(super) document_id: ActionId,
    /// The headers that the document gives no value, in lower case; the settings have them with
    /// an empty one.
    pub(super) blank: HashSet<String>,
    pub(super) secrets: Option<Secrets>,
    pub(super) disabled: Option<Disabled>,
    pub(super) created_at: Option<Timestamp>,
}

impl Document {
    /// The document's triggers, as they are to be in the account that it comes to. `lock` opens
    /// its secrets.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, each with the JSON pointer to it in the import's body.
    pub fn check(
        self,
        to: &Destination<'_>,
        lock: Option<&Lock>,
    ) -> Result<Vec<Incoming>, Vec<FieldError>> {
        let mut checks = Checks {
            from: self.account,
            to,
            lock,
            triggers: HashSet::new(),
            actions: HashSet::new(),
            errors: Vec::new(),
        };
        if AccountId::parse(&checks.from).is_err() {
            let detail = "is no account id";
            checks.error("/document/account", detail);
        }
        // More would take longer to write than one caller has the account for.
        if self.triggers.len() > MAX_LIMIT {
            let detail = format!(
                "has {} triggers; a document has at most {MAX_LIMIT}, as an export makes it",
                self.triggers.len()
            );
            return Err(vec![FieldError::new("/document/triggers", detail)]);
        }
        let triggers = self.triggers.into_iter().enumerate();
        let incoming: Vec<_> = triggers
            .filter_map(|(index, entry)| checks.trigger(entry, index))
            .collect();
        if checks.errors.is_empty() {
            Ok(incoming)
        } else {
            Err(checks.errors)
        }
    }
}

/// The checks of one document, and what they found wrong.
struct Checks<'a> {
    /// The account that it was exported from.
    from: String,
    to: &'a Destination<'a>,
    lock: Option<&'a Lock>,
    /// The ids that were there so far.
    triggers: HashSet<TriggerId>,
    actions: HashSet<ActionId>,
    errors: Vec<FieldError>,
}

impl Checks<'_> {
    fn error(&mut self, pointer: impl Into<String>, detail: impl std::fmt::Display) {
        self.errors.push(FieldError::new(pointer, detail));
    }

    fn trigger(&mut self, entry: TriggerEntry, index: usize) -> Option<Incoming> {
        let pointer = format!("/document/triggers/{index}");
        if !self.triggers.insert(entry.id) {
            self.error(format!("{pointer}/id"), "is there twice");
        }
        let mut inputs = Vec::new();
        let mut rest = Vec::new();
        for (index, action) in entry.actions.into_iter().enumerate() {
            let pointer = format!("{pointer}/actions/{index}");
            let (input, beside) = self.action(entry.id, action, pointer);
            inputs.push(input);
            rest.push(beside);
        }
        let input = TriggerInput {
            event_type: entry.event_type,
            name: entry.name,
            description: entry.description,
            enabled: entry.enabled,
            filter: entry.filter,
            actions: Some(inputs),
        };
        let (settings, actions) = match input.check(self.to.catalogue, self.to.policy) {
            Ok(checked) => checked,
            Err(errors) => {
                let errors = errors.into_iter().map(|error| error.under(&pointer));
                self.errors.extend(errors);
                return None;
            }
        };
        Some(Incoming {
            id: self.local(entry.id, TriggerId::derived),
            document_id: entry.id,
            settings,
            actions: actions.into_iter().zip(rest).collect(),
            created_at: entry.created_at,
            pointer,
        })
    }

    /// What the domain checks of an action, and what it has beside that.
    fn action(
        &mut self,
        trigger: TriggerId,
        entry: ActionEntry,
        pointer: String,
    ) -> (ActionInput, Beside) {
        if !self.actions.insert(entry.id) {
            self.error(format!("{pointer}/id"), "is there twice");
        }
        if let Some(disabled) = &entry.disabled {
            if entry.enabled != Some(false) {
                let detail = "goes with \"enabled\": false only";
                self.error(format!("{pointer}/disabled"), detail);
            }
            if disabled.reason.chars().count() > MAX_DESCRIPTION {
                let detail = format!("has more than {MAX_DESCRIPTION} characters");
                self.error(format!("{pointer}/disabled/reason"), detail);
            }
        }
        let mut headers = entry.headers;
        let mut secrets = None;
        if let Some(sealed) = &entry.sealed {
            let url = entry.url.as_deref().unwrap_or_default();
            let place = place(&self.from, trigger, entry.id, url);
            match self.open(&place, sealed) {
                Ok((opened, values)) => {
                    secrets = Some(opened);
                    for (name, value) in &mut headers {
                        if let (Value::Null, Some(sealed)) = (&value, values.headers.get(name)) {
                            *value = sealed.clone();
                        }
                    }
                }
                Err(detail) => self.error(format!("{pointer}/sealed"), detail),
            }
        }
        let mut blank = HashSet::new();
        for (name, value) in &mut headers {
            if value.is_null() {
                blank.insert(name.to_ascii_lowercase());
                *value = Value::String(String::new());
            }
        }
        let beside = Beside {
            id: self.local(entry.id, ActionId::derived),
            document_id: entry.id,
            blank,
            secrets,
            disabled: entry.disabled,
            created_at: entry.created_at,
            pointer,
        };
        let input = ActionInput {
            name: entry.name,
            url: entry.url,
            enabled: entry.enabled,
            method: entry.method,
            headers: Some(headers),
            secret_headers: Some(entry.secret_headers),
            signature_schemes: entry.signature_schemes,
            body_template: entry.body_template,
            content_type: entry.content_type,
            timeout_seconds: entry.timeout_seconds,
            retry_schedule: entry.retry_schedule,
            ordered: entry.ordered,
            max_per_second: entry.max_per_second,
        };
        (input, beside)
    }

    /// The secrets of an action that are live, and its sealed values; or why they can't be used.
    fn open(&self, place: &str, sealed: &str) -> Result<(Secrets, SealedValues), String> {
        let lock = self
            .lock
            .ok_or("cannot be opened: the document has no encryption member")?;
        let opened = lock.open(place, sealed).map_err(
            |_| "does not open: it was altered, or the account, an id or the URL beside it was",
        )?;
        let values: SealedValues = serde_json::from_slice(&opened)
            .map_err(|_| "has something else in it than an export seals")?;
        let parse = |text: &str| SigningSecret::parse(text).map_err(|error| error.to_string());
        let previous = values
            .previous
            .iter()
            .map(|(text, expires_at)| Ok((parse(text)?, *expires_at)));
        let secrets = Secrets {
            current: parse(&values.secret)?,
            previous: previous.collect::<Result<_, String>>()?,
        };
        let secrets = secrets.without_expired(self.to.now);
        if secrets.previous.len() > MAX_PREVIOUS {
            return Err(format!("has more than {MAX_PREVIOUS} previous secrets"));
        }
        Ok((secrets, values))
    }

    /// The id that something of the document has in the account.
    fn local<I>(&self, id: I, derived: impl FnOnce(I, &str) -> I) -> I {
        let to = self.to.account.as_str();
        if self.from == to { id } else { derived(id, to) }
    }
}
