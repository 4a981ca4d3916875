//! Deletes all of an account.

use api::wire::{Counts, Unfinished};
use http::StatusCode;
use platform::{
    http::{Request, Response},
    problem::Problem,
    signing_keys,
    triggers::Triggers,
};

use super::budget::Budget;

/// Deletes all of an account: first the triggers, so that nothing new is owed to anybody.
pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    let account = request.account()?;
    let budget = Budget::of(request)?;
    let triggers = Triggers::of(account)?;
    let (account, ledger) = (triggers.account(), triggers.ledger());
    let unfinished = |deleted, triggers| {
        let remains = ledger.remains(account)?;
        let remaining = Counts {
            triggers,
            events: remains.events,
            deliveries: remains.deliveries,
        };
        let answer = Unfinished { deleted, remaining };
        Ok(Response::json(StatusCode::ACCEPTED, &answer))
    };

    let mut deleted = Counts::default();
    loop {
        let (removed, left) = triggers.remove_some().await?;
        deleted.triggers += removed;
        if left == 0 {
            break;
        }
        if budget.is_spent() {
            return unfinished(deleted, left);
        }
    }
    signing_keys::forget(triggers.store(), account)?;
    loop {
        let step = ledger.purge_account(account)?;
        deleted.events += step.events;
        deleted.deliveries += step.deliveries;
        if !step.more {
            return Ok(Response::empty(StatusCode::NO_CONTENT));
        }
        if budget.is_spent() {
            return unfinished(deleted, 0);
        }
    }
}
