//! Disabling actions whose receivers are gone, or have been failing for days.

use std::{collections::HashMap, time::Duration};

use domain::{
    account::AccountId,
    delivery::FAILING_LIMIT,
    id::{ActionId, TriggerId},
    operator::{Announcement, Disabling, Fact, Failing},
    trigger::sendable,
};
use platform::{
    clock,
    ledger::Ledger,
    problem::Problem,
    store::{ReadOnce, TriggerStore, Turn},
};

/// How long a run waits for its turn to change an account's triggers: deliveries wait with it.
const PATIENCE: Duration = Duration::from_millis(500);

/// Actions with failed attempts, by their accounts, to be looked at: the trigger of each, and
/// whether its receiver said that it is gone.
#[derive(Default)]
pub(crate) struct Suspects(HashMap<AccountId, HashMap<ActionId, Suspect>>);

struct Suspect {
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
        let of_account = match self.0.get_mut(account) {
            Some(present) => present,
            None => self.0.entry(account.clone()).or_default(),
        };
        let suspect = of_account.entry(action);
        suspect.or_insert(Suspect { trigger, gone }).gone |= gone;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Disables those that are gone or have failed for too long, and forgets the others.
    ///
    /// What fails here, or is cut off by a crash, is only logged: the next attempt at the action
    /// comes to the same.
    pub(crate) async fn judge(&mut self, store: &TriggerStore, ledger: &Ledger) {
        for (account, suspects) in std::mem::take(&mut self.0) {
            judge(store, ledger, &account, suspects).await;
        }
    }
}

async fn judge(
    store: &TriggerStore,
    ledger: &Ledger,
    account: &AccountId,
    suspects: HashMap<ActionId, Suspect>,
) {
    let actions: Vec<_> = suspects.keys().copied().collect();
    let health = match ledger.health(account, &actions) {
        Ok(health) => health,
        Err(error) => {
            return eprintln!(
                "warning account={account} its actions' health can't be read: {error}"
            );
        }
    };
    let now = clock::now();
    // A trigger may have a hundred actions that fail together.
    let mut triggers = ReadOnce::new(store);
    for (action, suspect) in suspects {
        let trigger = match triggers.trigger(account, suspect.trigger) {
            Ok(trigger) => trigger,
            Err(problem) => {
                eprintln!("warning action={action} could not be looked at: {problem:?}");
                continue;
            }
        };
        // Deleted while the attempt was under way: nobody else cancels the retry that comes of it.
        if let Err(why) = sendable(trigger, action)
            && why.is_deleted()
        {
            if let Err(error) = ledger.cancel_pending(account, &[action], &why.to_string()) {
                eprintln!("warning action={action} its deliveries could not be canceled: {error}");
            }
            continue;
        }
        let health = health.get(&action).cloned().unwrap_or_default();
        let failing_since = health.failing_since;
        let reason = if suspect.gone {
            "the receiver answered 410 Gone".to_owned()
        } else if let Some(since) = failing_since.filter(|since| now.since(*since) >= FAILING_LIMIT)
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
            account: account.clone(),
            trigger: suspect.trigger,
            action: Some(action),
            at: now,
            fact: Fact::ActionDisabled(Disabling { reason, failing }),
        };
        if let Err(problem) = disable(store, ledger, &disabled).await {
            eprintln!("warning action={action} could not be disabled: {problem:?}");
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
        let action = action.and_then(|id| before.action(id));
        if action.is_none_or(|action| !action.enabled) {
            return Ok(());
        }
        writer.disable(&before, disabled)
    })
    .await
}
