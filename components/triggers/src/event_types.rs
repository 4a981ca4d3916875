//! `/v1/event-types[/{key}]`: what the main app can post, and what the deployment adds to it.

use domain::catalogue::{Catalogue, EventType, EventTypeInput, Origin};
use http::StatusCode;
use platform::{
    catalogue::{self, EventTypes},
    http::{Request, Response, etag},
    problem::Problem,
    store::TriggerStore,
};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::created;

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

pub(crate) fn list(request: &Request) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let catalogue = catalogue::load(&TriggerStore::open()?)?;
    let views = catalogue
        .all()
        .map(|event_type| View::of(event_type, &catalogue));
    Ok(Response::ok(&views.collect::<Result<Vec<_>, _>>()?))
}

pub(crate) fn show(request: &Request, key: &str) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let catalogue = catalogue::load(&TriggerStore::open()?)?;
    let event_type = find(&catalogue, key)?;
    let whole = || Ok(Response::ok(&View::of(event_type, &catalogue)?));
    match event_type.origin {
        Origin::Custom => request
            .preconditions()?
            .read(&etag(event_type.revision), whole),
        Origin::BuiltIn | Origin::Operator => whole(),
    }
}

pub(crate) async fn put(request: &Request, key: &str) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let input: EventTypeInput = request.json()?;
    let put = EventTypes::open()?
        .put(key, input, &request.preconditions()?)
        .await?;
    let event_type = find(&put.catalogue, key)?;
    let view = View::of(event_type, &put.catalogue)?;
    let etag = etag(event_type.revision);
    Ok(if put.created {
        created(&format!("/v1/event-types/{key}"), &etag, &view)
    } else {
        Response::ok(&view).header("etag", etag)
    })
}

pub(crate) async fn delete(request: &Request, key: &str) -> Result<Response, Problem> {
    request.head.query(&[])?;
    EventTypes::open()?
        .delete(key, &request.preconditions()?)
        .await?;
    Ok(Response::empty(StatusCode::NO_CONTENT))
}

/// The type that a path names.
fn find<'c>(catalogue: &'c Catalogue, key: &str) -> Result<&'c EventType, Problem> {
    let found = catalogue.named(key);
    found.map_err(|error| Problem::not_found(error.to_string()))
}
