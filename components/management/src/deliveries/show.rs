//! Shows a delivery.

use domain::id::DeliveryId;
use platform::{
    http::{Request, Response},
    ledger,
    problem::Problem,
};

use super::missing;

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let account = request.account()?;
    let id = DeliveryId::parse(request.named("delivery")).map_err(|_| missing(request))?;
    let delivery = ledger::open()?.delivery(&account, id)?;
    Ok(Response::ok(&delivery.ok_or_else(|| missing(request))?))
}
