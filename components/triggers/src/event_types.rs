//! `GET /v1/event-types`: what the main app can post.

use domain::catalogue::{Catalogue, EventType, Origin};
use platform::{
    catalogue,
    http::{Request, Response},
    problem::Problem,
    store::TriggerStore,
};
use serde::Serialize;
use serde_json::value::RawValue;

#[derive(Serialize)]
struct View<'a> {
    key: &'a str,
    label: &'a str,
    group: &'a str,
    description: &'a str,
    custom: bool,
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
            members: members.map(|member| &*member.key).collect(),
            member_of: event_type.member_of.as_deref(),
            sample: serde_json::from_str(event_type.sample()).map_err(Problem::internal)?,
        })
    }
}

pub(crate) fn list(request: &Request) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let catalogue = catalogue::load(&TriggerStore::open()?)?;
    let views = catalogue
        .all()
        .map(|event_type| View::of(event_type, &catalogue));
    Ok(Response::ok(&views.collect::<Result<Vec<_>, _>>()?))
}
