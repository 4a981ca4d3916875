//! What people do by hand: retry, cancel, recover.

use domain::{
    id::{ActionId, DeliveryId, TriggerId},
    input::FieldError,
    time::Timestamp,
};
use http::StatusCode;
use platform::{
    clock,
    http::{Request, Response, account},
    ledger::{self, Cancelled, Ledger, Recovery, Retried},
    problem::Problem,
};
use serde::Deserialize;
use serde_json::json;

/// `POST …/deliveries/{delivery}/retry`: due now, whatever became of it before.
pub(crate) fn retry(
    request: &Request,
    account_id: &str,
    delivery_id: &str,
) -> Result<Response, Problem> {
    act(request, account_id, delivery_id, |ledger, account, id| {
        Ok(match ledger.retry(account, id, clock::now())? {
            Retried::Due => Done::Yes,
            Retried::UnderWay => Done::UnderWay,
            Retried::Test => Done::Test,
            Retried::Missing => Done::Missing,
        })
    })
}

/// `POST …/deliveries/{delivery}/cancel`: not sent again.
pub(crate) fn cancel(
    request: &Request,
    account_id: &str,
    delivery_id: &str,
) -> Result<Response, Problem> {
    act(request, account_id, delivery_id, |ledger, account, id| {
        Ok(match ledger.cancel_by_hand(account, id, clock::now())? {
            Cancelled::Done => Done::Yes,
            Cancelled::UnderWay => Done::UnderWay,
            Cancelled::Settled => Done::Settled,
            Cancelled::Missing => Done::Missing,
        })
    })
}

enum Done {
    Yes,
    UnderWay,
    Settled,
    Test,
    Missing,
}

fn act(
    request: &Request,
    account_id: &str,
    delivery_id: &str,
    act: impl FnOnce(&Ledger, &domain::account::AccountId, DeliveryId) -> Result<Done, Problem>,
) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let account = account(account_id)?;
    let missing = || Problem::not_found(format!("{account} has no delivery {delivery_id:?}"));
    let id = DeliveryId::parse(delivery_id).map_err(|_| missing())?;
    let ledger = ledger::open()?;
    match act(&ledger, &account, id)? {
        Done::Yes => {
            let delivery = ledger.delivery(&account, id)?.ok_or_else(missing)?;
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
        Done::Missing => Err(missing()),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with since")]
struct Wanted {
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    trigger: Option<TriggerId>,
    action: Option<ActionId>,
}

/// `POST …/deliveries/recover`: all that failed since a time is due now.
pub(crate) fn recover(request: &Request, account_id: &str) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let account = account(account_id)?;
    let wanted: Wanted = request.json()?;
    let Some(since) = wanted.since else {
        return Err(Problem::invalid(vec![FieldError::new(
            "/since",
            "is required",
        )]));
    };
    let Wanted {
        until,
        trigger,
        action,
        ..
    } = wanted;
    let recovery = Recovery {
        since,
        until,
        trigger,
        action,
    };
    let recovered = ledger::open()?.recover(&account, &recovery, clock::now())?;
    Ok(Response::json(
        StatusCode::ACCEPTED,
        &json!({ "recovered": recovered }),
    ))
}
