//! Renders a body template with the sample of an event type. Nothing is saved.

use api::wire::RenderedBody;
use domain::check::RenderInput;
use platform::{
    catalogue,
    http::{Request, Response},
    problem::Problem,
    store::TriggerStore,
};

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let input: RenderInput = request.json()?;
    let catalogue = catalogue::covering(&TriggerStore::open()?, input.event_type())?;
    let body = input.render(&catalogue)?;
    Ok(Response::ok(&RenderedBody { body }))
}
