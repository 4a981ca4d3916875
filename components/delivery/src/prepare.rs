//! From a claimed delivery to what it takes to send it: the action as it is now.

use std::{collections::HashMap, time::Duration};

use domain::{
    account::AccountId,
    id::{EventId, TriggerId},
    sealing::{OpenError, Sealer},
    trigger::{Action, Trigger, Vault},
    url_policy::UrlPolicy,
    webhook::Event,
};
use platform::{
    config, entropy,
    ledger::{Claimed, Ledger, Withdrawn},
    problem::Problem,
    store::TriggerStore,
};

/// The settings of a run, read once.
pub(crate) struct Settings {
    pub(crate) sealer: Sealer,
    pub(crate) policy: UrlPolicy,
    pub(crate) retention: Duration,
}

impl Settings {
    pub(crate) fn read() -> Result<Self, Problem> {
        Ok(Self {
            sealer: config::sealer()?,
            policy: config::url_policy()?,
            retention: config::retention()?,
        })
    }

    /// What opens the sealed values of an account's actions. Sending seals nothing.
    pub(crate) fn vault<'a>(&'a self, account: &'a AccountId) -> Vault<'a> {
        Vault {
            account: account.as_str(),
            sealer: &self.sealer,
            nonce: &entropy::bytes,
        }
    }
}

/// A claimed delivery, ready to be sent.
pub(crate) struct Prepared {
    pub(crate) claimed: Claimed,
    pub(crate) event: Event,
    pub(crate) trigger: Trigger,
    pub(crate) action: Action,
}

/// What to do about each delivery of a claim.
#[derive(Default)]
pub(crate) struct Plan {
    pub(crate) send: Vec<Prepared>,
    pub(crate) cancel: Vec<Withdrawn>,
}

/// Looks up what each delivery is about. Each trigger is read once, each event too; nothing is
/// kept from one claim to the next, so that what an account changes holds from the next on.
pub(crate) fn prepare(
    claimed: Vec<Claimed>,
    store: &TriggerStore,
    ledger: &Ledger,
) -> Result<Plan, Problem> {
    let mut wanted: Vec<_> = claimed
        .iter()
        .map(|delivery| (delivery.account.clone(), delivery.event))
        .collect();
    wanted.sort_by_key(|(_, event)| *event);
    wanted.dedup_by_key(|(_, event)| *event);
    let events: HashMap<EventId, Event> = ledger
        .events_to_send(&wanted)?
        .into_iter()
        .map(|event| (event.id, event))
        .collect();

    let mut triggers: HashMap<TriggerId, Option<Trigger>> = HashMap::new();
    let mut plan = Plan::default();
    for claimed in claimed {
        let trigger = match triggers.entry(claimed.trigger) {
            std::collections::hash_map::Entry::Occupied(read) => read.into_mut(),
            std::collections::hash_map::Entry::Vacant(missing) => {
                missing.insert(store.trigger(&claimed.account, claimed.trigger)?)
            }
        };
        match live(trigger.as_ref(), events.get(&claimed.event), &claimed) {
            Ok((trigger, action, event)) => plan.send.push(Prepared {
                event: event.clone(),
                trigger: trigger.clone(),
                action: action.clone(),
                claimed,
            }),
            Err(reason) => plan.cancel.push(Withdrawn {
                account: claimed.account,
                delivery: claimed.id,
                reason: reason.to_owned(),
            }),
        }
    }
    Ok(plan)
}

/// The trigger, action and event of a delivery, or why it is not to be sent any more.
fn live<'a>(
    trigger: Option<&'a Trigger>,
    event: Option<&'a Event>,
    claimed: &Claimed,
) -> Result<(&'a Trigger, &'a Action, &'a Event), &'static str> {
    let trigger = trigger.ok_or("trigger was deleted")?;
    let action = trigger.action(claimed.action).ok_or("action was deleted")?;
    if !trigger.enabled {
        Err("trigger was disabled")
    } else if !action.enabled {
        Err("action was disabled")
    } else {
        Ok((trigger, action, event.ok_or("event was deleted")?))
    }
}

/// A secret that does not open is a setting gone wrong, not the receiver's fault.
pub(crate) fn sealed(error: &OpenError) -> domain::delivery::Failure {
    domain::delivery::Failure::Internal(format!("the action's secrets: {error}"))
}
