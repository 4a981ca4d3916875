use domain::{
    account::AccountId,
    transfer::{Seal, TriggerSummary},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How to export an account's triggers with their secrets.
#[derive(Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, expecting = "an object with passphrase")]
pub struct ExportInput {
    /// Encrypts the secrets.
    #[cfg_attr(feature = "document", schemars(with = "domain::schema::Passphrase"))]
    pub passphrase: Option<String>,
}

/// The result of an import.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
pub struct Imported {
    /// The account.
    pub account: AccountId,
    /// Whether nothing was written.
    pub dry_run: bool,
    /// Whether the document is the one that an export made. A broken seal is of one that was altered,
    /// or of another deployment or encryption key. Unless the seal is intact and the document was
    /// exported from this account without a passphrase, an action whose URL moves to another origin
    /// keeps neither its signing secret nor the values of its headers.
    pub seal: Seal,
    /// Triggers that were not there.
    pub created: usize,
    /// Triggers that were there, and are others now.
    pub updated: usize,
    /// Triggers that were there already.
    pub unchanged: usize,
    /// Each of them.
    pub triggers: Vec<TriggerSummary>,
}

/// Numbers of an account's resources.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
pub struct Counts {
    /// Triggers.
    pub triggers: usize,
    /// Events.
    pub events: usize,
    /// Deliveries.
    pub deliveries: usize,
}

/// The progress of deleting an account: another request goes on.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
pub struct Unfinished {
    /// What this request deleted.
    pub deleted: Counts,
    /// What is left, counted up to 10,000 of a kind.
    pub remaining: Counts,
}

/// The events to delete.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, expecting = "an object with path and equals")]
pub struct PurgeInput {
    /// Where the value is, as filters name it: below `data.`. In arrays any element counts.
    #[cfg_attr(
        feature = "document",
        schemars(required, regex(pattern = r"^data\.[\s\S]+$"))
    )]
    pub path: Option<String>,
    /// The value. Upper and lower case differ, and so do `7` and `"7"`.
    #[cfg_attr(
        feature = "document",
        schemars(required, extend("type" = ["string", "number", "boolean"]))
    )]
    pub equals: Option<Value>,
    /// The `next_cursor` of the request before, to go on from there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// The progress of deleting events.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
pub struct Purged {
    /// Events that were deleted.
    pub events: usize,
    /// Deliveries that were deleted with them.
    pub deliveries: usize,
    /// Whether all events were looked at.
    pub done: bool,
    /// From where to go on; null when it is done, or has to start again.
    #[cfg_attr(
        feature = "document",
        schemars(with = "Option<domain::schema::Cursor>")
    )]
    pub next_cursor: Option<String>,
}
