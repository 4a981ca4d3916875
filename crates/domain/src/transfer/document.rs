//! The document, as it is written and read.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, value::RawValue};

use super::{
    lock::{Encryption, Lock, Passphrase},
    seal::{self, Seal},
};
#[cfg(feature = "document")]
use crate::schema;
use crate::{
    id::{ActionId, TriggerId},
    input::{self, FieldError, Whole},
    sealing::{OpenError, Sealer},
    signing_keys::Scheme,
    time::Timestamp,
    trigger::{Action, Disabled, Method, Secrets, Trigger, Vault},
};

const FORMAT: &str = "webhook-triggers/export";
const VERSION: u32 = 1;

/// Some or all of an account's triggers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
#[serde(
    deny_unknown_fields,
    expecting = "a document that an export made: an object with format, version and triggers"
)]
pub struct Document {
    #[cfg_attr(feature = "document", schemars(with = "schema::ExportFormat"))]
    format: String,
    #[cfg_attr(feature = "document", schemars(with = "schema::ExportVersion"))]
    version: u32,
    /// The account that it was exported from.
    #[cfg_attr(feature = "document", schemars(with = "crate::account::AccountId"))]
    pub(super) account: String,
    /// When it was exported.
    exported_at: Timestamp,
    /// How its secrets are encrypted; missing where it has none.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "input::object_if_any"
    )]
    pub(super) encryption: Option<Encryption>,
    #[serde(deserialize_with = "input::objects")]
    #[cfg_attr(feature = "document", schemars(length(max = crate::page::MAX_LIMIT)))]
    pub(super) triggers: Vec<TriggerEntry>,
    /// The `cursor` of the next document; null on the last one. An import does not look at it.
    #[serde(default)]
    #[cfg_attr(feature = "document", schemars(with = "Option<schema::Cursor>"))]
    next_cursor: Option<String>,
    /// Authenticates all other members: under the passphrase where there is one, else under the newest
    /// `encryption_key` of the deployment that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seal: Option<String>,
    /// What the seal said when the document was read.
    #[serde(skip)]
    pub(super) sealed: Option<Seal>,
}

impl Document {
    /// The `cursor` of the next document, where this is not the last one.
    pub fn next_cursor(&self) -> Option<&str> {
        self.next_cursor.as_deref()
    }
}

/// A trigger of a document: what makes it again.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(
    feature = "document",
    derive(schemars::JsonSchema),
    schemars(rename = "DocumentTrigger")
)]
#[serde(
    deny_unknown_fields,
    expecting = "a trigger: an object with id, type and name"
)]
pub struct TriggerEntry {
    pub(super) id: TriggerId,
    #[serde(rename = "type")]
    #[cfg_attr(feature = "document", schemars(with = "schema::EventTypeKey"))]
    pub(super) event_type: Option<String>,
    #[cfg_attr(feature = "document", schemars(with = "schema::Name"))]
    pub(super) name: Option<String>,
    #[cfg_attr(feature = "document", schemars(with = "Option<schema::Description>"))]
    pub(super) description: Option<String>,
    pub(super) enabled: Option<bool>,
    /// Which of the type's events fire it; all when there is none.
    #[cfg_attr(feature = "document", schemars(with = "Option<crate::filter::Filter>"))]
    pub(super) filter: Option<Box<RawValue>>,
    #[serde(default, deserialize_with = "input::objects")]
    #[cfg_attr(feature = "document", schemars(length(max = crate::trigger::MAX_ACTIONS)))]
    pub(super) actions: Vec<ActionEntry>,
    pub(super) created_at: Option<Timestamp>,
}

/// An action of a document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "document",
    derive(schemars::JsonSchema),
    schemars(rename = "DocumentAction")
)]
#[serde(
    deny_unknown_fields,
    expecting = "an action: an object with id, name and url"
)]
pub(super) struct ActionEntry {
    pub(super) id: ActionId,
    #[cfg_attr(feature = "document", schemars(with = "schema::Name"))]
    pub(super) name: Option<String>,
    pub(super) enabled: Option<bool>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "input::object_if_any"
    )]
    pub(super) disabled: Option<Disabled>,
    #[cfg_attr(feature = "document", schemars(with = "schema::Url"))]
    pub(super) url: Option<String>,
    pub(super) method: Option<Method>,
    /// Null where the value is left out, or sealed.
    #[serde(default)]
    #[cfg_attr(feature = "document", schemars(with = "schema::NullableHeaders"))]
    pub(super) headers: Map<String, Value>,
    /// The names of those whose values are never shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "document", schemars(length(max = crate::headers::MAX_COUNT)))]
    pub(super) secret_headers: Vec<String>,
    /// The names of those whose values are shown although the names sound secret.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "document", schemars(length(max = crate::headers::MAX_COUNT)))]
    pub(super) public_headers: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schemars(with = "Option<schema::Schemes>"))]
    pub(super) signature_schemes: Option<Vec<Scheme>>,
    #[cfg_attr(feature = "document", schemars(length(max = crate::template::MAX_SOURCE_BYTES)))]
    pub(super) body_template: Option<String>,
    #[cfg_attr(feature = "document", schemars(length(min = 1, max = crate::headers::MAX_CONTENT_TYPE)))]
    pub(super) content_type: Option<String>,
    #[cfg_attr(feature = "document", schemars(range(min = 1, max = crate::trigger::MAX_TIMEOUT)))]
    pub(super) timeout_seconds: Option<Whole>,
    #[cfg_attr(
        feature = "document",
        schemars(with = "Option<crate::schedule::RetrySchedule>")
    )]
    pub(super) retry_schedule: Option<Vec<Whole>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ordered: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schemars(range(min = 1, max = crate::pace::MAX_PER_SECOND)))]
    pub(super) max_per_second: Option<Whole>,
    pub(super) created_at: Option<Timestamp>,
    /// Its signing secrets and the values of its headers, encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sealed: Option<String>,
}

/// What is secret of an action, before it is sealed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SealedValues {
    pub(super) secret: String,
    /// With the times until which they sign.
    pub(super) previous: Vec<(String, Timestamp)>,
    pub(super) headers: Map<String, Value>,
}

/// Where an action's sealed values stand. The URL belongs to it: whoever alters a document does not
/// get credentials sent to another place.
pub(super) fn place(account: &str, trigger: TriggerId, action: ActionId, url: &str) -> String {
    let place = (FORMAT, VERSION, account, trigger, action, url);
    serde_json::to_string(&place).expect("ids and texts are JSON")
}

impl Document {
    /// A document of these triggers of the vault's account, encrypted with `lock` where there is one.
    pub fn new(
        exported_at: Timestamp,
        lock: Option<&Lock>,
        (triggers, next_cursor): (Vec<TriggerEntry>, Option<String>),
        vault: &Vault<'_>,
    ) -> Self {
        let mut document = Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            account: vault.account.to_owned(),
            exported_at,
            encryption: lock.map(|lock| lock.encryption().clone()),
            triggers,
            next_cursor,
            seal: None,
            sealed: None,
        };
        let whole = serde_json::to_value(&document).expect("a document is JSON");
        document.seal = Some(seal::seal(&whole, lock, vault));
        document
    }

    /// What its seal says, for one that was read.
    pub fn seal(&self) -> Seal {
        self.sealed.unwrap_or(Seal::Missing)
    }

    /// The keys of the event types of its triggers, as they are written.
    pub fn event_types(&self) -> impl Iterator<Item = &str> {
        let triggers = self.triggers.iter();
        triggers.filter_map(|trigger| trigger.event_type.as_deref())
    }

    /// Reads a document, which has to be of a version that is understood.
    ///
    /// # Errors
    ///
    /// When it is something else; pointers lead from the import's body.
    fn read(whole: &Value, text: &RawValue) -> Result<Self, FieldError> {
        // First, so that a document of another version is not taken for a broken one.
        if whole.get("format").and_then(Value::as_str) != Some(FORMAT) {
            let detail = format!("has to be {FORMAT:?}, as in every document that an export made");
            return Err(FieldError::new("/document/format", detail));
        }
        match whole.get("version").and_then(Value::as_u64) {
            Some(version) if version == u64::from(VERSION) => {}
            _ => {
                let detail = format!("has to be {VERSION}: no other version is understood here");
                return Err(FieldError::new("/document/version", detail));
            }
        }
        // Of the text, which has numbers as they are written.
        let input::Object(document) =
            input::from_text(text.get()).map_err(|error| error.under("/document"))?;
        Ok(document)
    }
}

impl TriggerEntry {
    /// What a document says of a trigger. Its actions' secrets that are live at `now` are sealed
    /// with `lock`; without one they are left out.
    ///
    /// # Errors
    ///
    /// When a stored secret does not open.
    pub fn of(
        trigger: &Trigger,
        lock: Option<&Lock>,
        vault: &Vault<'_>,
        now: Timestamp,
    ) -> Result<Self, OpenError> {
        let actions = trigger.actions.iter().map(|action| {
            let (mut entry, secrets) = in_the_clear(action, vault, now)?;
            entry.sealed = lock.map(|lock| {
                let place = place(vault.account, trigger.id, action.id, &action.url);
                let values = SealedValues::of(&secrets, &entry.headers);
                let values = serde_json::to_vec(&values).expect("texts are JSON");
                lock.seal(&place, &values, (vault.nonce)())
            });
            entry
                .headers
                .values_mut()
                .for_each(|value| *value = Value::Null);
            Ok(entry)
        });
        Ok(Self {
            id: trigger.id,
            event_type: Some(trigger.event_type.clone()),
            name: Some(trigger.name.clone()),
            description: Some(trigger.description.clone()),
            enabled: Some(trigger.enabled),
            filter: trigger
                .filter
                .as_ref()
                .map(|filter| filter.source().to_owned()),
            actions: actions.collect::<Result<_, OpenError>>()?,
            created_at: Some(trigger.created_at),
        })
    }
}

/// An action as a document would say it, but with its headers' values; and its secrets that are
/// live at `now`. Two actions of which this is the same are the same.
pub(super) fn in_the_clear(
    action: &Action,
    vault: &Vault<'_>,
    now: Timestamp,
) -> Result<(ActionEntry, Secrets), OpenError> {
    let entry = ActionEntry {
        id: action.id,
        name: Some(action.name.clone()),
        enabled: Some(action.enabled),
        disabled: action.disabled.clone(),
        url: Some(action.url.clone()),
        method: Some(action.method),
        headers: action.headers(vault)?,
        secret_headers: action.secret_headers.clone(),
        public_headers: action.public_headers.clone(),
        signature_schemes: Some(action.signature_schemes.clone()),
        body_template: action
            .body_template
            .as_ref()
            .map(|template| template.source().to_owned()),
        content_type: Some(action.content_type.clone()),
        timeout_seconds: Some(action.timeout_seconds.into()),
        retry_schedule: Some(
            (action.retry_schedule.delays().iter())
                .map(|delay| (*delay).into())
                .collect(),
        ),
        ordered: Some(action.pace.ordered).filter(|ordered| *ordered),
        max_per_second: action.pace.max_per_second.map(Whole::from),
        created_at: Some(action.created_at),
        sealed: None,
    };
    Ok((entry, action.secrets(vault)?.without_expired(now)))
}

impl SealedValues {
    fn of(secrets: &Secrets, headers: &Map<String, Value>) -> Self {
        let previous = secrets.previous.iter();
        Self {
            secret: secrets.current.reveal(),
            previous: previous
                .map(|(secret, expires_at)| (secret.reveal(), *expires_at))
                .collect(),
            headers: headers.clone(),
        }
    }
}

/// A document to import.
#[derive(Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
#[serde(
    deny_unknown_fields,
    expecting = "an object with document, and with passphrase where the document has secrets"
)]
pub struct ImportInput {
    /// The document, as an export answered it.
    #[cfg_attr(feature = "document", schemars(with = "Document"))]
    pub document: Option<Box<RawValue>>,
    /// The passphrase that it was exported with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schemars(with = "Option<schema::Passphrase>"))]
    pub passphrase: Option<String>,
}

impl ImportInput {
    /// The document, and what opens its secrets where it has some. `sealer` checks its seal. Takes the
    /// time that the document's encryption asks for, within bounds.
    ///
    /// # Errors
    ///
    /// When there is no document that is understood, or the passphrase is missing or another one.
    pub fn open(self, sealer: &Sealer) -> Result<(Document, Option<Lock>), Vec<FieldError>> {
        let text = self
            .document
            .ok_or_else(|| vec![FieldError::new("/document", "is required")])?;
        let whole: Value =
            input::from_text(text.get()).map_err(|error| vec![error.under("/document")])?;
        let mut document = Document::read(&whole, &text).map_err(|error| vec![error])?;
        let refused = |detail: String| vec![FieldError::new("/passphrase", detail)];
        let lock = match (document.encryption.clone(), self.passphrase) {
            (None, None) => None,
            (Some(encryption), Some(text)) => {
                let passphrase =
                    Passphrase::parse(&text).map_err(|error| refused(error.to_string()))?;
                Some(Lock::of(encryption, &passphrase)?)
            }
            (Some(_), None) => {
                return Err(refused(
                    "is required: the document was exported with one".into(),
                ));
            }
            (None, Some(_)) => {
                return Err(refused(
                    "has nothing to open: the document was exported without one".into(),
                ));
            }
        };
        document.sealed = Some(seal::check(&whole, lock.as_ref(), sealer));
        Ok((document, lock))
    }
}
