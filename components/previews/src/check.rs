//! `POST /v1/filters/check` and `POST /v1/body-templates/render`: what somebody who is writing a
//! filter or a template wants to know before it is saved. Nothing is saved here.

use domain::check::{FilterCheckInput, RenderInput};
use platform::{
    catalogue,
    http::{Request, Response},
    problem::Problem,
    store::TriggerStore,
};
use serde_json::json;

/// Whether an event meets a filter.
pub(crate) fn filter(request: &Request) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let input: FilterCheckInput = request.json()?;
    let catalogue = catalogue::covering(&TriggerStore::open()?, input.event_type())?;
    Ok(Response::ok(&input.check(&catalogue)?))
}

/// What a body template makes of a type's sample.
pub(crate) fn body_template(request: &Request) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let input: RenderInput = request.json()?;
    let catalogue = catalogue::covering(&TriggerStore::open()?, input.event_type())?;
    let body = input.render(&catalogue)?;
    Ok(Response::ok(&json!({ "body": body })))
}
