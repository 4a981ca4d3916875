//! Adds or replaces an event type of the deployment's own.

use api::wire::EventType;
use domain::catalogue::EventTypeInput;
use platform::{
    catalogue::EventTypes,
    http::{Request, Response, etag},
    problem::Problem,
};

use super::find;
use crate::created;

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let key = request.named("key");
    let input: EventTypeInput = request.json()?;
    let put = EventTypes::open()?
        .put(key, input, &request.preconditions()?)
        .await?;
    let event_type = find(&put.catalogue, key)?;
    let view = EventType::of(event_type, &put.catalogue);
    let etag = etag(event_type.revision);
    Ok(if put.created {
        created(&format!("/v1/event-types/{key}"), &etag, &view)
    } else {
        Response::ok(&view).header("etag", etag)
    })
}
