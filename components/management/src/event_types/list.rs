//! Lists the event types.

use api::wire::EventType;
use platform::{
    catalogue,
    http::{Request, Response},
    problem::Problem,
    store::TriggerStore,
};

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let catalogue = catalogue::load(&TriggerStore::open()?)?;
    let all = catalogue.all();
    let all = all.map(|event_type| EventType::of(event_type, &catalogue));
    Ok(Response::ok(&all.collect::<Vec<_>>()))
}
