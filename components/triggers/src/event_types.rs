//! `GET /v1/event-types`: what the main app can post.

use domain::catalogue;
use platform::{
    http::{Request, Response},
    problem::Problem,
};
use serde::Serialize;
use serde_json::value::RawValue;

#[derive(Serialize)]
struct View {
    key: &'static str,
    label: &'static str,
    group: &'static str,
    description: &'static str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    members: &'static [&'static str],
    sample: &'static RawValue,
}

pub(crate) fn list(request: &Request) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let views = catalogue::all().iter().map(|event_type| {
        Ok(View {
            key: event_type.key,
            label: event_type.label,
            group: event_type.group,
            description: event_type.description,
            members: event_type.members,
            sample: serde_json::from_str(event_type.sample()).map_err(Problem::internal)?,
        })
    });
    Ok(Response::ok(&views.collect::<Result<Vec<_>, Problem>>()?))
}
