use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Whether the service can do its work.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
pub struct Health {
    /// Whether all is well.
    pub status: ServiceState,
    /// Why it is failing, in words.
    pub reasons: Vec<String>,
    /// Whether the key-value store answers.
    pub key_value_store: StoreState,
    /// Whether the ledger answers.
    pub ledger: StoreState,
    /// How long the delivery waits that is due longest, in seconds; null where that is unknown.
    pub backlog_age_seconds: Option<u64>,
}

/// Whether the service works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema), schemars(inline))]
#[serde(rename_all = "lowercase")]
pub enum ServiceState {
    /// It does.
    Ok,
    /// It does not.
    Failing,
}

/// Whether a store answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema), schemars(inline))]
#[serde(rename_all = "lowercase")]
pub enum StoreState {
    /// It does.
    Ok,
    /// It does not.
    Unreachable,
}

/// How much the service holds and has sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
pub struct Usage {
    /// When this was counted.
    pub at: Timestamp,
    /// Keys of the key-value store.
    pub key_value_keys: u64,
    /// Rows of the ledger.
    pub ledger: LedgerUsage,
    /// Events accepted since the ledger exists, deleted ones included.
    pub events_accepted: u64,
    /// Requests to receivers.
    pub requests: RequestUsage,
    /// Encryption at rest.
    pub encryption: EncryptionUsage,
}

/// Rows, near enough: those that were deleted in between are counted, too.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema), schemars(inline))]
pub struct LedgerUsage {
    /// The version of its schema.
    #[cfg_attr(feature = "document", schemars(range(min = 0, max = u32::MAX)))]
    pub version: i64,
    /// Events.
    pub events: u64,
    /// Deliveries.
    pub deliveries: u64,
    /// Attempts.
    pub attempts: u64,
}

/// Requests to receivers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema), schemars(inline))]
pub struct RequestUsage {
    /// All so far.
    pub total: u64,
    /// Since the hour began, in UTC.
    pub this_hour: u64,
    /// The setting `max_requests_per_hour`; null where they are not limited.
    pub max_per_hour: Option<usize>,
    /// The setting `max_requests_per_hour_per_account`; null where they are not limited.
    pub max_per_hour_per_account: Option<usize>,
    /// How many of this hour's are made or about to be; 0 where they are not limited.
    pub reserved_this_hour: usize,
}

/// Encryption at rest. An older key can go when `values_under_older_keys` is 0 and `checked_at` is
/// later than the start of the last instance that had another newest key.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema), schemars(inline))]
pub struct EncryptionUsage {
    /// The id of the newest key of the setting `encryption_key`.
    pub key: String,
    /// How many stored secrets, header values and key pairs are not encrypted with it. Runs encrypt
    /// them anew. Counted up to 10,000 triggers before a run has looked at all.
    pub values_under_older_keys: usize,
    /// When a run had last looked at all of them; null while none has since the setting changed.
    pub checked_at: Option<Timestamp>,
}
