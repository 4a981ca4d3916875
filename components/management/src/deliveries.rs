//! Deliveries: their history, and manual retries. Nothing is sent from here: what is made due, a run of `delivery` sends.

pub(crate) mod cancel;
pub(crate) mod list;
pub(crate) mod recover;
pub(crate) mod retry;
pub(crate) mod show;

use domain::{account::AccountId, id::DeliveryId, trigger::NotSendable};
use http::StatusCode;
use platform::{
    http::{Request, Response},
    ledger::{self, Ledger},
    problem::Problem,
};

/// The account has no delivery of the id in the path.
fn missing(request: &Request) -> Problem {
    let (account, id) = (request.named("account"), request.named("delivery"));
    Problem::not_found(format!("{account} has no delivery {id:?}"))
}

/// The result of what somebody did to a delivery.
enum Done {
    Yes,
    UnderWay,
    Settled,
    Test,
    NotSendable(NotSendable),
    Missing,
}

fn act(
    request: &Request,
    act: impl FnOnce(&Ledger, &AccountId, DeliveryId) -> Result<Done, Problem>,
) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let account = request.account()?;
    let id = DeliveryId::parse(request.named("delivery")).map_err(|_| missing(request))?;
    let ledger = ledger::open()?;
    match act(&ledger, &account, id)? {
        Done::Yes => {
            let delivery = ledger
                .delivery(&account, id)?
                .ok_or_else(|| missing(request))?;
            Ok(Response::json(StatusCode::ACCEPTED, &delivery))
        }
        Done::UnderWay => Err(Problem::conflict(
            "an attempt is under way; try again after it",
        )),
        Done::Settled => Err(Problem::conflict(
            "nothing is owed any more, so nothing to cancel",
        )),
        Done::Test => Err(Problem::conflict(
            "a test is one attempt; test the action again with POST …/actions/{action}/test",
        )),
        Done::NotSendable(why) => Err(Problem::conflict(if why.is_deleted() {
            format!("the {why}, so the delivery can't be sent again")
        } else {
            format!("the {why}; enable it, then retry")
        })),
        Done::Missing => Err(missing(request)),
    }
}
