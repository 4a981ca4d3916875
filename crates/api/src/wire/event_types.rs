use domain::catalogue::{self, Catalogue, Origin};
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

impl EventType {
    /// A type of this catalogue.
    pub fn of(event_type: &catalogue::EventType, catalogue: &Catalogue) -> Self {
        let members = catalogue.members_of(&event_type.key);
        let sample = RawValue::from_string(event_type.sample().to_owned());
        Self {
            key: event_type.key.to_string(),
            label: event_type.label.to_string(),
            group: event_type.group.to_string(),
            description: event_type.description.to_string(),
            custom: event_type.origin == Origin::Custom,
            operator: event_type.origin == Origin::Operator,
            members: members.map(|member| member.key.to_string()).collect(),
            member_of: event_type.member_of.as_deref().map(Into::into),
            sample: sample.expect("a sample was JSON when it was saved"),
        }
    }
}
