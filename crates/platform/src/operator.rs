//! Operator events: what is to be told becomes an event of its account, like those that are posted.

use domain::{
    account::AccountId,
    id::EventId,
    operator::{Announcement, Fact},
    trigger::Trigger,
};

use crate::{
    clock, entropy,
    ledger::{Inserted, Ledger, NewEventRow, Place},
    matching::owed_to,
    problem::Problem,
    store::TriggerStore,
};

/// How many announcements are made at once.
const AT_ONCE: usize = 50;

/// What was told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Told {
    /// How far it got in the order of what is to be told.
    pub up_to: Place,
    /// How many announcements there were.
    pub count: usize,
    /// Whether an action is owed one of them now.
    pub owed: bool,
}

/// Makes events of the first announcements after `after`, a bounded number.
///
/// An announcement is forgotten once its event is stored. After a crash in between it is made again,
/// under the same idempotency key: the event stays the only one. One that can't be told is left for
/// the next run, and does not hold up the others.
///
/// # Errors
///
/// When the ledger fails.
pub fn tell(store: &TriggerStore, ledger: &Ledger, after: Place) -> Result<Told, Problem> {
    let announcements = ledger.announcements(after, AT_ONCE)?;
    let mut told = Told {
        up_to: after,
        count: announcements.len(),
        owed: false,
    };
    let mut done = Vec::new();
    for (place, announcement) in &announcements {
        told.up_to = *place;
        match announce(store, ledger, announcement) {
            Ok(owed) => {
                told.owed |= owed;
                done.push(*place);
            }
            Err(problem) => {
                let key = announcement.idempotency_key();
                eprintln!("error {key:?} could not be told: {problem:?}");
            }
        }
    }
    if !done.is_empty() {
        ledger.announced(&done)?;
    }
    Ok(told)
}

/// Accepts the event of an announcement. Answers whether an action is owed it.
fn announce(
    store: &TriggerStore,
    ledger: &Ledger,
    announcement: &Announcement,
) -> Result<bool, Problem> {
    let Announcement { account, .. } = announcement;
    let event_type = announcement.event_type();
    let trigger = store.trigger(account, announcement.trigger)?;
    let data = announcement.data(trigger.as_ref());
    let now = clock::now();
    let deliveries = owed_to(store, (account, event_type), &data, now)?;
    let key = announcement.idempotency_key();
    let inserted = ledger.accept(&NewEventRow {
        account,
        id: EventId::new(now, entropy::bits()),
        event_type: &event_type.key,
        occurred_at: announcement.at,
        received_at: now,
        data: &data,
        idempotency_key: Some(&key),
        producer_id: None,
        fingerprint: &key,
        deliveries: &deliveries,
    })?;
    let owed = deliveries.iter().any(|delivery| delivery.skip.is_none());
    Ok(owed && matches!(inserted, Inserted::New { .. }))
}

/// Settles what was to be done in an account by what its triggers say now. Only who has the lease on
/// them may ask.
///
/// # Errors
///
/// When a store fails.
pub(crate) fn settle(
    store: &TriggerStore,
    ledger: &Ledger,
    account: &AccountId,
) -> Result<(), Problem> {
    for (place, intent) in ledger.intents(account)? {
        let trigger = store.trigger(account, intent.trigger)?;
        ledger.settle_intent(place, came_to_pass(&intent, trigger.as_ref()))?;
    }
    Ok(())
}

/// Whether what was intended is what the trigger says.
fn came_to_pass(intent: &Announcement, trigger: Option<&Trigger>) -> bool {
    let action = trigger.and_then(|trigger| trigger.action(intent.action));
    let disabled = action.and_then(|action| action.disabled.as_ref());
    matches!(intent.fact, Fact::ActionDisabled(_))
        && disabled.is_some_and(|disabled| disabled.at == intent.at)
}
