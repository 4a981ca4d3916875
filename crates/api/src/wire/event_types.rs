use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A kind of event that the main app can post, or that the service emits.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
pub struct EventType {
    /// The stable name.
    #[cfg_attr(feature = "document", schemars(length(min = 1)))]
    pub key: String,
    /// What people are shown.
    #[cfg_attr(feature = "document", schemars(length(min = 1)))]
    pub label: String,
    /// The heading under which people find it.
    #[cfg_attr(feature = "document", schemars(length(min = 1)))]
    pub group: String,
    /// When it happens.
    pub description: String,
    /// Whether the deployment added it.
    pub custom: bool,
    /// Whether its events are the service's own. They can't be posted.
    pub operator: bool,
    /// The types whose events fire this type's triggers, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "document", schemars(length(min = 1)))]
    pub members: Vec<String>,
    /// The type whose triggers its events fire, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "document",
        schemars(with = "Option<domain::schema::EventTypeKey>")
    )]
    pub member_of: Option<String>,
    /// A realistic `data`.
    #[cfg_attr(feature = "document", schemars(with = "domain::schema::Data"))]
    pub sample: Box<RawValue>,
}
