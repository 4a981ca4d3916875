//! Disabling actions whose receivers are gone, or have been failing for days.

use std::{collections::HashMap, time::Duration};

use domain::{
    account::AccountId,
    delivery::FAILING_LIMIT,
    id::{ActionId, TriggerId},
    operator::{Announcement, Disabling, Fact, Failing},
};
use platform::{
    clock,
    ledger::Ledger,
    problem::Problem,
    store::{TriggerStore, Turn},
};

/// How long a run waits for its turn to change an account's triggers: deliveries wait with it.
const PATIENCE: Duration = Duration::from_millis(500);

/// Actions with failed attempts, to be looked at: what each belongs to, and whether its receiver
/// said that it is gone.
#[derive(Default)]
pub(crate) struct Suspects(HashMap<ActionId, Suspect>);

struct Suspect {
    account: AccountId,
    trigger: TriggerId,
    gone: bool,
}

impl Suspects {
    /// An attempt failed.
    pub(crate) fn add(
        &mut self,
        account: &AccountId,
        (trigger, action): (TriggerId, ActionId),
        gone: bool,
    ) {
        let suspect = self.0.entry(action).or_insert_with(|| Suspect {
            account: account.clone(),
            trigger,
            gone,
        });
        suspect.gone |= gone;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Disables those that are gone or have failed for too long, and forgets the others.
    ///
    /// What fails here, or is cut off by a crash, is only logged: the next attempt at the action
    /// comes to the same.
    pub(crate) async fn judge(&mut self, store: &TriggerStore, ledger: &Ledger) {
        let suspects = std::mem::take(&mut self.0);
        let actions: Vec<_> = suspects.keys().copied().collect();
        let health = match ledger.health(&actions) {
            Ok(health) => health,
            Err(error) => return eprintln!("warning no action's health can be read: {error}"),
        };
        let now = clock::now();
        for (action, suspect) in suspects {
            let health = health.get(&action).cloned().unwrap_or_default();
            let failing_since = health.failing_since;
            let reason = if suspect.gone {
                "the receiver answered 410 Gone".to_owned()
            } else if let Some(since) =
                failing_since.filter(|since| now.since(*since) >= FAILING_LIMIT)
            {
                format!("every attempt has failed since {since}")
            } else {
                continue;
            };
            let failing = Failing {
                failed_attempts: health.consecutive_failures,
                failing_since,
            };
            let disabled = Announcement {
                account: suspect.account,
                trigger: suspect.trigger,
                action,
                at: now,
                fact: Fact::ActionDisabled(Disabling { reason, failing }),
            };
            if let Err(problem) = disable(store, ledger, &disabled).await {
                eprintln!("warning action={action} could not be disabled: {problem:?}");
            }
        }
    }
}

async fn disable(
    store: &TriggerStore,
    ledger: &Ledger,
    disabled: &Announcement,
) -> Result<(), Problem> {
    let Announcement {
        account,
        trigger,
        action,
        ..
    } = disabled;
    let turn = Turn {
        store,
        ledger,
        account,
        patience: PATIENCE,
        types: &[],
    };
    turn.take(|writer| {
        let Some(before) = store.trigger(account, *trigger)? else {
            return Ok(());
        };
        // Somebody may have done so meanwhile.
        if before.action(*action).is_none_or(|action| !action.enabled) {
            return Ok(());
        }
        writer.disable(&before, disabled)
    })
    .await
}
