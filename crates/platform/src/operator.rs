//! Operator events: what is to be told becomes an event of its account, like those that are posted.

use domain::{
    account::AccountId,
    id::EventId,
    operator::{Announcement, Fact},
    origin::Origin,
    time::Timestamp,
    trigger::Trigger,
};
use serde_json::value::RawValue;

use crate::{
    clock, entropy,
    ledger::{Ledger, NewEventRow, Outcome, Place},
    matching::{Owed, Unmatched, operator_events_owed_to},
    problem::Problem,
    store::{ReadOnce, TriggerStore},
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
/// under the same idempotency key: the event stays the only one. What can't be told of an account is
/// left for the next run, and does not hold up the others'.
///
/// # Errors
///
/// When the ledger fails.
pub fn tell(store: &TriggerStore, ledger: &Ledger, after: Place) -> Result<Told, Problem> {
    let announcements = ledger.announcements(after, AT_ONCE)?;
    let mut told = Told {
        up_to: announcements.last().map_or(after, |(place, _)| *place),
        count: announcements.len(),
        owed: false,
    };
    let mut done = Vec::new();
    for of_account in announcements.chunk_by(|(_, one), (_, next)| one.account == next.account) {
        match announce(store, ledger, of_account) {
            Ok(owed) => {
                told.owed |= owed;
                done.extend(of_account.iter().map(|(place, _)| *place));
            }
            Err(problem) => {
                let (count, account) = (of_account.len(), &of_account[0].1.account);
                eprintln!("error {count} events of account={account} are untold: {problem:?}");
            }
        }
    }
    if !done.is_empty() {
        ledger.announced(&done)?;
    }
    Ok(told)
}

/// An announcement as the event that is to be stored.
struct Plan<'a> {
    announcement: &'a Announcement,
    key: String,
    data: Box<RawValue>,
    owed: Owed,
}

impl Plan<'_> {
    fn row(&self, now: Timestamp) -> NewEventRow<'_> {
        NewEventRow {
            account: &self.announcement.account,
            id: EventId::new(now, entropy::bits()),
            event_type: &self.announcement.event_type().key,
            occurred_at: self.announcement.at,
            received_at: now,
            data: &self.data,
            idempotency_key: Some(&self.key),
            batch: None,
            producer_id: None,
            source: None,
            fingerprint: &self.key,
            origin: Origin::default(),
            deliveries: &self.owed.deliveries,
            omitted: &self.owed.omitted,
        }
    }
}

/// Accepts the events of an account's announcements. Answers whether an action is owed one of them.
fn announce(
    store: &TriggerStore,
    ledger: &Ledger,
    announcements: &[(Place, Announcement)],
) -> Result<bool, Problem> {
    let Some((_, Announcement { account, .. })) = announcements.first() else {
        return Ok(false);
    };
    let mut triggers = ReadOnce::new(store);
    let mut events = Vec::with_capacity(announcements.len());
    for (_, announcement) in announcements {
        let trigger = triggers.trigger(account, announcement.trigger)?;
        events.push((announcement, announcement.data(trigger)));
    }
    let now = clock::now();
    let unmatched = (events.iter().enumerate()).map(|(place, (announcement, data))| Unmatched {
        place,
        event_type: announcement.event_type(),
        data,
    });
    let unmatched: Vec<_> = unmatched.collect();
    let owed = operator_events_owed_to(store, account, &unmatched, now)?;
    let plans = events.into_iter().zip(owed);
    let plans = plans.map(|((announcement, data), owed)| Plan {
        announcement,
        key: announcement.idempotency_key(),
        data,
        owed,
    });
    let plans: Vec<_> = plans.collect();
    let rows: Vec<_> = plans.iter().map(|plan| plan.row(now)).collect();
    let accepted = ledger.accept_all(&rows)?;
    let mut accepted = plans.iter().zip(&accepted.outcomes);
    Ok(accepted.any(|(plan, outcome)| matches!(outcome, Outcome::New) && plan.owed.is_sent()))
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
    let action = trigger.zip(intent.action);
    let action = action.and_then(|(trigger, action)| trigger.action(action));
    let disabled = action.and_then(|action| action.disabled.as_ref());
    matches!(intent.fact, Fact::ActionDisabled(_))
        && disabled.is_some_and(|disabled| disabled.at == intent.at)
}
