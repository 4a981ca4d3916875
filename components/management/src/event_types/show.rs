//! Shows an event type.

use api::wire::EventType;
use domain::catalogue::Origin;
use platform::{
    catalogue,
    http::{Request, Response, etag},
    problem::Problem,
    store::TriggerStore,
};

use super::find;

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let catalogue = catalogue::load(&TriggerStore::open()?)?;
    let event_type = find(&catalogue, request.named("key"))?;
    let whole = || Ok(Response::ok(&EventType::of(event_type, &catalogue)));
    match event_type.origin {
        Origin::Custom => request
            .preconditions()?
            .read(&etag(event_type.revision), whole),
        Origin::BuiltIn | Origin::Operator => whole(),
    }
}
