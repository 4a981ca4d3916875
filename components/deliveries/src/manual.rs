//! What people do by hand: retry, cancel, recover.

use std::collections::{HashMap, hash_map::Entry};

use domain::{
    id::{ActionId, DeliveryId, TriggerId},
    input::FieldError,
    time::Timestamp,
    trigger::{NotSendable, sendable},
};
use http::StatusCode;
use platform::{
    clock,
    http::{Request, Response, account},
    ledger::{self, Cancelled, Ledger, Recovery, Retried},
    problem::Problem,
    store::TriggerStore,
};
use serde::Deserialize;
use serde_json::json;

/// `POST …/deliveries/{delivery}/retry`: due now, whatever became of it before, or after the pause that the receiver asked for.
pub(crate) fn retry(
    request: &Request,
    account_id: &str,
    delivery_id: &str,
) -> Result<Response, Problem> {
    act(request, account_id, delivery_id, |ledger, account, id| {
        let Some(found) = ledger.delivery(account, id)? else {
            return Ok(Done::Missing);
        };
        let delivery = found.delivery;
        if !delivery.test {
            let trigger = TriggerStore::open()?.trigger(account, delivery.trigger_id)?;
            if let Err(why) = sendable(trigger.as_ref(), delivery.action_id) {
                return Ok(Done::NotSendable(why));
            }
        }
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
    NotSendable(NotSendable),
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
        Done::NotSendable(why) => Err(Problem::conflict(if why.is_deleted() {
            format!("the {why}, so the delivery can't be sent again")
        } else {
            format!("the {why}; enable it, then retry")
        })),
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

/// `POST …/deliveries/recover`: all that failed since a time is due now, but for actions that are deleted or disabled.
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
    if let Some(until) = until.filter(|until| *until < since) {
        let detail = format!("is before since: {until} is earlier than {since}");
        return Err(Problem::invalid(vec![FieldError::new("/until", detail)]));
    }
    let mut recovery = Recovery {
        since,
        until,
        trigger,
        action,
        except: Vec::new(),
    };
    let (ledger, store) = (ledger::open()?, TriggerStore::open()?);
    let mut triggers = HashMap::new();
    for (trigger, action) in ledger.failed_actions(&account, &recovery)? {
        let trigger = match triggers.entry(trigger) {
            Entry::Occupied(read) => read.into_mut(),
            Entry::Vacant(unread) => unread.insert(store.trigger(&account, trigger)?),
        };
        if sendable(trigger.as_ref(), action).is_err() {
            recovery.except.push(action);
        }
    }
    let recovered = ledger.recover(&account, &recovery, clock::now())?;
    Ok(Response::json(
        StatusCode::ACCEPTED,
        &json!({ "recovered": recovered }),
    ))
}
