//! Lists the event types.

use platform::{
    catalogue,
    http::{Request, Response},
    problem::Problem,
    store::TriggerStore,
};

use super::View;

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let catalogue = catalogue::load(&TriggerStore::open()?)?;
    let views = catalogue
        .all()
        .map(|event_type| View::of(event_type, &catalogue));
    Ok(Response::ok(&views.collect::<Result<Vec<_>, _>>()?))
}
