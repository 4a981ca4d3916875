use domain::{
    id::TriggerId,
    time::Timestamp,
    trigger::{self, TriggerInput},
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Action, list::Item};

/// "When an event of this type happens, run these actions."
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
pub struct Trigger {
    /// The trigger's id.
    pub id: TriggerId,
    /// The key of the type whose events fire it.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "document", schemars(with = "domain::schema::EventTypeKey"))]
    pub event_type: String,
    /// What people call it.
    #[cfg_attr(feature = "document", schemars(with = "domain::schema::Name"))]
    pub name: String,
    /// What people note about it.
    #[cfg_attr(feature = "document", schemars(with = "domain::schema::Description"))]
    pub description: String,
    /// Whether it fires.
    pub enabled: bool,
    /// Which of the type's events fire it; all when there is none.
    #[cfg_attr(
        feature = "document",
        schemars(with = "Option<domain::filter::Filter>")
    )]
    pub filter: Option<Box<RawValue>>,
    /// Its actions, the oldest first.
    #[cfg_attr(feature = "document", schemars(length(max = domain::trigger::MAX_ACTIONS)))]
    pub actions: Vec<Action>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it or one of its actions was changed last.
    pub updated_at: Timestamp,
}

impl Item for Trigger {
    const PLURAL: &'static str = "Triggers";
}

impl Trigger {
    /// A stored trigger, with its actions as they are shown.
    pub fn of(trigger: &trigger::Trigger, actions: Vec<Action>) -> Self {
        let filter = trigger.filter.as_ref();
        Self {
            id: trigger.id,
            event_type: trigger.event_type.clone(),
            name: trigger.name.clone(),
            description: trigger.description.clone(),
            enabled: trigger.enabled,
            filter: filter.map(|filter| filter.source().to_owned()),
            actions,
            created_at: trigger.created_at,
            updated_at: trigger.updated_at,
        }
    }
}

impl From<Trigger> for TriggerInput {
    /// Its settings, to change them and put them back. The actions have paths of their own.
    fn from(trigger: Trigger) -> Self {
        Self {
            description: Some(trigger.description),
            enabled: Some(trigger.enabled),
            filter: trigger.filter,
            ..Self::new(trigger.event_type, trigger.name)
        }
    }
}
