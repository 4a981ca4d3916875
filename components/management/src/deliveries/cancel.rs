//! Cancels a delivery.

use platform::{
    clock,
    http::{Request, Response},
    ledger::Cancelled,
    problem::Problem,
};

use super::{Done, act};

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    act(request, |ledger, account, id| {
        Ok(match ledger.cancel_by_hand(account, id, clock::now())? {
            Cancelled::Done => Done::Yes,
            Cancelled::UnderWay => Done::UnderWay,
            Cancelled::Settled => Done::Settled,
            Cancelled::Missing => Done::Missing,
        })
    })
}
