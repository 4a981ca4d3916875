//! From a claimed delivery to what it takes to send it: the action as it is now.

use std::{collections::HashMap, time::Duration};

use domain::{
    account::AccountId,
    delivery::{Status, held_reason},
    id::ActionId,
    sealing::Sealer,
    signing_keys::{Scheme, SigningKeys},
    time::Timestamp,
    trigger::{Action, Trigger, Vault, sendable},
    url_policy::{UrlPolicy, host_of},
    webhook::Event,
};
use platform::{
    config::{self, Outbound},
    entropy,
    ledger::{Claimed, Ledger, Lines, Returned, Withdrawn},
    problem::Problem,
    signing_keys,
    store::{ReadOnce, TriggerStore},
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
    /// What is not sent now, and when it is due again.
    pub(crate) returned: Vec<Returned>,
    /// The hosts of actions whose requests are not counted by them yet.
    pub(crate) hosts: HashMap<(AccountId, ActionId), String>,
    /// The actions whose receivers asked to be left alone, and until when.
    pub(crate) held: HashMap<(AccountId, ActionId), Timestamp>,
}

impl Plan {
    /// Gives a delivery back to be due at a later time, or now.
    fn give_back(&mut self, claimed: Claimed, due_at: Timestamp, reason: Option<String>) {
        self.returned.push(Returned {
            account: claimed.account,
            delivery: claimed.id,
            due_at,
            reason,
        });
    }

    /// Defers what is to be sent of an account beyond the first `granted`.
    pub(crate) fn defer(
        &mut self,
        account: &AccountId,
        granted: usize,
        (due_at, reason): (Timestamp, Option<&str>),
    ) {
        let mut sent = 0;
        let beyond = |prepared: &mut Prepared| {
            let of_account = prepared.claimed.account == *account;
            sent += usize::from(of_account);
            of_account && sent > granted
        };
        let deferred: Vec<_> = self.send.extract_if(.., beyond).collect();
        for prepared in deferred {
            self.give_back(prepared.claimed, due_at, reason.map(Into::into));
        }
    }
}

/// Looks up what each delivery is about. Each trigger is read once, each event too, and the key pairs of each account where an action
/// signs with them; nothing is kept from one claim to the next, so that what an account changes holds from the next on.
pub(crate) fn prepare(
    claimed: Vec<Claimed>,
    store: &TriggerStore,
    ledger: &Ledger,
    now: Timestamp,
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
    let mut triggers = ReadOnce::new(store);
    let mut plan = Plan::default();
    for claimed in claimed {
        match live(
            triggers.trigger(&claimed.account, claimed.trigger)?,
            events.get(&(claimed.account.clone(), claimed.event)),
            &claimed,
        ) {
            Ok(_) if claimed.held_until > now => {
                let until = claimed.held_until;
                let action = (claimed.account.clone(), claimed.action);
                plan.held.insert(action, until);
                plan.give_back(claimed, until, Some(held_reason(until)));
            }
            // Claimed once to find out its host, and then again as one of those to that host.
            Ok((_, action, _)) if claimed.host.as_deref() != Some(host_of(&action.url)) => {
                let host = host_of(&action.url).to_owned();
                let action = (claimed.account.clone(), claimed.action);
                plan.hosts.insert(action, host);
                plan.give_back(claimed, now, None);
            }
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
                    reason,
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
) -> Result<(&'a Trigger, &'a Action, &'a Event), (Status, String)> {
    if claimed.test {
        return Err((Status::Failed, INTERRUPTED.to_owned()));
    }
    let canceled = |reason: String| (Status::Canceled, reason);
    let sendable = sendable(trigger, claimed.action);
    let (trigger, action) = sendable.map_err(|why| canceled(why.to_string()))?;
    let event = event.ok_or_else(|| canceled("event was deleted".to_owned()))?;
    Ok((trigger, action, event))
}
