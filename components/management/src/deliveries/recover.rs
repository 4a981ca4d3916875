//! Sends again all deliveries that failed since a time, except those of actions that are deleted or disabled.

use api::wire::{self, Recovered};
use domain::{input::FieldError, trigger::sendable};
use http::StatusCode;
use platform::{
    clock,
    http::{After, Request, Response},
    ledger::{self, Recovery},
    problem::Problem,
    store::{ReadOnce, TriggerStore},
};

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let account = request.account()?;
    let wanted: wire::Recovery = request.json()?;
    let Some(since) = wanted.since else {
        return Err(Problem::invalid(vec![FieldError::new(
            "/since",
            "is required",
        )]));
    };
    let wire::Recovery {
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
    let mut triggers = ReadOnce::new(&store);
    for (trigger, action) in ledger.failed_actions(&account, &recovery)? {
        let trigger = triggers.trigger(&account, trigger)?;
        if sendable(trigger, action).is_err() {
            recovery.except.push(action);
        }
    }
    let recovered = ledger.recover(&account, &recovery, clock::now())?;
    let answer = Recovered { recovered };
    Ok(Response::json(StatusCode::ACCEPTED, &answer).then(After::Wake))
}
