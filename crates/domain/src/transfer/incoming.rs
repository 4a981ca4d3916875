//! From a document to triggers that are in order.

use std::collections::HashSet;

use serde_json::Value;

use super::{
    document::{ActionEntry, Document, SealedValues, TriggerEntry, place},
    lock::Lock,
    seal::Seal,
};
use crate::{
    account::AccountId,
    catalogue::Catalogue,
    id::{ActionId, TriggerId},
    input::FieldError,
    page::MAX_LIMIT,
    secret::{MAX_PREVIOUS, SigningSecret},
    template::Tries,
    time::Timestamp,
    trigger::{
        ActionInput, ActionSettings, Disabled, MAX_DESCRIPTION, Secrets, TriggerInput,
        TriggerSettings,
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
    /// Its id in the document. [`Incoming::local_id`] is its id in the account.
    pub document_id: TriggerId,
    pub(super) settings: TriggerSettings,
    pub(super) actions: Vec<(ActionSettings, Beside)>,
    pub(super) created_at: Option<Timestamp>,
    /// Whether what is stored for an action stays when the document moves its URL to another origin.
    pub(super) is_trusted: bool,
}

/// What an action of a document has beside its settings.
#[derive(Debug)]
pub(super) struct Beside {
    pub(super) pointer: String,
    pub(super) document_id: ActionId,
    /// The headers that the document gives no value, in lower case; the settings have them with
    /// an empty one.
    pub(super) blank: HashSet<String>,
    pub(super) secrets: Option<Secrets>,
    pub(super) disabled: Option<Disabled>,
    pub(super) created_at: Option<Timestamp>,
}

impl Incoming {
    /// The id of this trigger in `account`: the document's id where the account already has a
    /// trigger of that id, and an id derived from the two elsewhere. So no document can name ids
    /// that another account has, whatever it says, and a second import finds the first one's
    /// triggers.
    pub fn local_id(&self, account: &AccountId, is_present: bool) -> TriggerId {
        if is_present {
            self.document_id
        } else {
            self.document_id.derived(account.as_str())
        }
    }
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
        // Whoever has the passphrase can seal a document, so only the deployment's own key counts; and
        // users of another account decide what an export of that says.
        let is_trusted =
            lock.is_none() && self.seal() == Seal::Intact && self.account == to.account.as_str();
        let mut checks = Checks {
            is_trusted,
            from: self.account,
            to,
            lock,
            triggers: HashSet::new(),
            actions: HashSet::new(),
            tries: Tries::default(),
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
    is_trusted: bool,
    /// The ids that were there so far.
    triggers: HashSet<TriggerId>,
    actions: HashSet<ActionId>,
    tries: Tries,
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
        let checked = input.check_with(&self.tries, self.to.catalogue, self.to.policy);
        let (settings, actions) = match checked {
            Ok(checked) => checked,
            Err(errors) => {
                let errors = errors.into_iter().map(|error| error.under(&pointer));
                self.errors.extend(errors);
                return None;
            }
        };
        Some(Incoming {
            document_id: entry.id,
            settings,
            actions: actions.into_iter().zip(rest).collect(),
            created_at: entry.created_at,
            is_trusted: self.is_trusted,
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
            public_headers: Some(entry.public_headers),
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
}
