//! The event types: the built-in ones, and those that the deployment adds.

pub(crate) mod delete;
pub(crate) mod list;
pub(crate) mod put;
pub(crate) mod show;

use domain::catalogue::{Catalogue, EventType, Origin};
use platform::problem::Problem;
use serde::Serialize;
use serde_json::value::RawValue;

#[derive(Serialize)]
struct View<'a> {
    key: &'a str,
    label: &'a str,
    group: &'a str,
    description: &'a str,
    custom: bool,
    operator: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    members: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    member_of: Option<&'a str>,
    sample: &'a RawValue,
}

impl<'a> View<'a> {
    fn of(event_type: &'a EventType, catalogue: &'a Catalogue) -> Result<Self, Problem> {
        let members = catalogue.members_of(&event_type.key);
        Ok(Self {
            key: &event_type.key,
            label: &event_type.label,
            group: &event_type.group,
            description: &event_type.description,
            custom: event_type.origin == Origin::Custom,
            operator: event_type.origin == Origin::Operator,
            members: members.map(|member| &*member.key).collect(),
            member_of: event_type.member_of.as_deref(),
            sample: serde_json::from_str(event_type.sample()).map_err(Problem::internal)?,
        })
    }
}

/// The type that a path names.
fn find<'c>(catalogue: &'c Catalogue, key: &str) -> Result<&'c EventType, Problem> {
    let found = catalogue.named(key);
    found.map_err(|error| Problem::not_found(error.to_string()))
}
