//! From a claimed delivery to what it takes to send it: the action as it is now.

use std::{collections::HashMap, time::Duration};

use domain::{
    account::AccountId,
    delivery::Status,
    id::TriggerId,
    sealing::Sealer,
    signing_keys::{Scheme, SigningKeys},
    trigger::{Action, Trigger, Vault},
    url_policy::UrlPolicy,
    webhook::Event,
};
use platform::{
    config::{self, Outbound},
    entropy,
    ledger::{Claimed, Ledger, Lines, Withdrawn},
    problem::Problem,
    signing_keys,
    store::TriggerStore,
};

/// The settings of a run, read once.
pub(crate) struct Settings {
    pub(crate) sealer: Sealer,
    pub(crate) policy: UrlPolicy,
    pub(crate) retention: Duration,
    pub(crate) outbound: Outbound,
}

impl Settings {
    pub(crate) fn read() -> Result<Self, Problem> {
        Ok(Self {
            sealer: config::sealer()?,
            policy: config::url_policy()?,
            retention: config::retention()?,
            outbound: config::outbound()?,
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
    /// The account's key pairs, where the action signs with them.
    pub(crate) keys: SigningKeys,
}

/// What to do about each delivery of a claim.
#[derive(Default)]
pub(crate) struct Plan {
    pub(crate) send: Vec<Prepared>,
    pub(crate) withdraw: Vec<Withdrawn>,
    pub(crate) lines: Lines,
}

/// Looks up what each delivery is about. Each trigger is read once, each event too, and the key pairs of each account where an action
/// signs with them; nothing is kept from one claim to the next, so that what an account changes holds from the next on.
pub(crate) fn prepare(
    claimed: Vec<Claimed>,
    store: &TriggerStore,
    ledger: &Ledger,
) -> Result<Plan, Problem> {
    let mut wanted: Vec<_> = claimed
        .iter()
        .map(|delivery| (delivery.account.clone(), delivery.event))
        .collect();
    wanted.sort_by(|one, other| {
        one.1
            .cmp(&other.1)
            .then_with(|| one.0.as_str().cmp(other.0.as_str()))
    });
    wanted.dedup();
    let events = ledger.events_to_send(&wanted)?;

    let mut keys: HashMap<AccountId, SigningKeys> = HashMap::new();
    let mut triggers: HashMap<(AccountId, TriggerId), Option<Trigger>> = HashMap::new();
    let mut plan = Plan::default();
    for claimed in claimed {
        let trigger = match triggers.entry((claimed.account.clone(), claimed.trigger)) {
            std::collections::hash_map::Entry::Occupied(read) => read.into_mut(),
            std::collections::hash_map::Entry::Vacant(missing) => {
                missing.insert(store.trigger(&claimed.account, claimed.trigger)?)
            }
        };
        match live(
            trigger.as_ref(),
            events.get(&(claimed.account.clone(), claimed.event)),
            &claimed,
        ) {
            Ok((_, action, _)) if !plan.lines.admit(&claimed, action.pace) => {}
            Ok((trigger, action, event)) => plan.send.push(Prepared {
                event: event.clone(),
                trigger: trigger.clone(),
                action: action.clone(),
                keys: match (action.signs_with(Scheme::V1a), keys.get(&claimed.account)) {
                    (false, _) => SigningKeys::default(),
                    (true, Some(read)) => read.clone(),
                    (true, None) => {
                        let read = signing_keys::of(store, &claimed.account)?;
                        keys.insert(claimed.account.clone(), read.clone());
                        read
                    }
                },
                claimed,
            }),
            Err((status, reason)) => {
                plan.lines.withdrawn(&claimed);
                plan.withdraw.push(Withdrawn {
                    account: claimed.account,
                    delivery: claimed.id,
                    status,
                    reason: reason.to_owned(),
                });
            }
        }
    }
    Ok(plan)
}

/// Why a test that nobody has finished is over: it was to show what happens now, not later.
const INTERRUPTED: &str = "the test was interrupted; whether the receiver got it is not known";

/// The trigger, action and event of a delivery, or what becomes of one that is not to be sent any
/// more, and why.
fn live<'a>(
    trigger: Option<&'a Trigger>,
    event: Option<&'a Event>,
    claimed: &Claimed,
) -> Result<(&'a Trigger, &'a Action, &'a Event), (Status, &'static str)> {
    if claimed.test {
        return Err((Status::Failed, INTERRUPTED));
    }
    let canceled = |reason| (Status::Canceled, reason);
    let trigger = trigger.ok_or(canceled("trigger was deleted"))?;
    let action = trigger.action(claimed.action);
    let action = action.ok_or(canceled("action was deleted"))?;
    if !trigger.enabled {
        Err(canceled("trigger was disabled"))
    } else if !action.enabled {
        Err(canceled("action was disabled"))
    } else {
        let event = event.ok_or(canceled("event was deleted"))?;
        Ok((trigger, action, event))
    }
}
