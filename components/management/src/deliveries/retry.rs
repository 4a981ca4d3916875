//! Sends a delivery again: now, or after the pause that the receiver asked for.

use domain::trigger::sendable;
use platform::{
    clock,
    http::{After, Request, Response},
    ledger::Retried,
    problem::Problem,
    store::TriggerStore,
};

use super::{Done, act};

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    let response = act(request, |ledger, account, id| {
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
    })?;
    Ok(response.then(After::Wake))
}
