//! Tells whether an event would pass a filter. Nothing is saved.

use domain::check::FilterCheckInput;
use platform::{
    catalogue,
    http::{Request, Response},
    problem::Problem,
    store::TriggerStore,
};

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let input: FilterCheckInput = request.json()?;
    let catalogue = catalogue::covering(&TriggerStore::open()?, input.event_type())?;
    Ok(Response::ok(&input.check(&catalogue)?))
}
