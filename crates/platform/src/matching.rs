//! What events create deliveries for, by what their account has set up now.

use std::collections::HashMap;

use domain::{
    account::AccountId,
    catalogue::EventType,
    id::DeliveryId,
    input::FieldError,
    matching::{MAX_REQUEST_STEPS, MatchDocument, MatchError, Matcher, Omitted},
    time::Timestamp,
};
use serde_json::value::RawValue;

use crate::{config, entropy, ledger::PlannedDelivery, problem::Problem, store::TriggerStore};

/// The most deliveries that several events of one request may create, all together. What one
/// statement writes holds up every other writer.
const MAX_TOGETHER: usize = 20_000;

/// An event that is to be matched.
pub struct Unmatched<'a> {
    /// Where in its request it is.
    pub place: usize,
    /// Its type.
    pub event_type: &'a EventType,
    /// Its data.
    pub data: &'a RawValue,
}

/// What an event is owed to.
pub struct Owed {
    /// The deliveries that it creates.
    pub deliveries: Vec<PlannedDelivery>,
    /// What it has no deliveries for, though it may match.
    pub omitted: Omitted,
}

impl Owed {
    /// Whether anything is to be sent.
    pub fn is_sent(&self) -> bool {
        self.deliveries
            .iter()
            .any(|delivery| delivery.skip.is_none())
    }
}

/// What each of these events is owed to, which are of one account. Two reads of the store at most for
/// each type.
///
/// # Errors
///
/// 422 when several events create too many deliveries together, or take too many steps of filters,
/// with the pointer of the event from which on; or when the store fails.
pub fn owed_to(
    store: &TriggerStore,
    account: &AccountId,
    events: &[Unmatched<'_>],
    now: Timestamp,
) -> Result<Vec<Owed>, Problem> {
    let mut steps = MAX_REQUEST_STEPS;
    let mut deliveries = 0;
    let each = |event: &Unmatched<'_>, owed: Result<Owed, MatchError>| {
        let owed = owed.map_err(|error| match error {
            MatchError::TooManySteps => too_many_steps(event.place),
            MatchError::Unreadable { .. } => Problem::internal(error),
        })?;
        deliveries += owed.deliveries.len();
        if events.len() > 1 && deliveries > MAX_TOGETHER {
            return Err(too_many_deliveries(event.place));
        }
        Ok(owed)
    };
    match_each(store, account, events, &mut steps, now, each)
}

/// As [`owed_to`], of the service's own events, whose number and data are bounded.
///
/// # Errors
///
/// When the store fails.
pub(crate) fn operator_events_owed_to(
    store: &TriggerStore,
    account: &AccountId,
    events: &[Unmatched<'_>],
    now: Timestamp,
) -> Result<Vec<Owed>, Problem> {
    let mut steps = usize::MAX;
    let each = |_: &Unmatched<'_>, owed: Result<Owed, _>| owed.map_err(Problem::internal);
    match_each(store, account, events, &mut steps, now, each)
}

fn match_each(
    store: &TriggerStore,
    account: &AccountId,
    events: &[Unmatched<'_>],
    steps: &mut usize,
    now: Timestamp,
    mut each: impl FnMut(&Unmatched<'_>, Result<Owed, MatchError>) -> Result<Owed, Problem>,
) -> Result<Vec<Owed>, Problem> {
    let limit = config::max_deliveries_per_event()?;
    let mut documents: HashMap<&str, Vec<MatchDocument>> = HashMap::new();
    for Unmatched { event_type, .. } in events {
        if !documents.contains_key(&*event_type.key) {
            let found = store.match_documents(account, event_type)?;
            documents.insert(&event_type.key, found);
        }
    }
    let several = events.len() > 1;
    let matchers = documents.iter().map(|(event_type, documents)| {
        let matcher = Matcher::new(documents, (account, event_type), several);
        (*event_type, matcher)
    });
    let matchers: HashMap<&str, Matcher<'_>> = matchers.collect();
    let owed = events.iter().map(|event| {
        let matched = matchers[&*event.event_type.key].matches(event.data, steps);
        let owed = matched.map(|matched| {
            let (actions, omitted) = matched.limited(limit);
            let planned = actions.into_iter().map(|matched| PlannedDelivery {
                id: DeliveryId::new(now, entropy::bits()),
                trigger: matched.trigger,
                action: matched.action,
                skip: matched.skip,
            });
            Owed {
                deliveries: planned.collect(),
                omitted,
            }
        });
        each(event, owed)
    });
    owed.collect()
}

fn too_many_steps(place: usize) -> Problem {
    let detail = format!(
        "the filters of the account's triggers take too many steps on the events up to this one; \
         post at most {} of them at once, or make the filters simpler",
        place.max(1)
    );
    Problem::invalid(vec![FieldError::new(format!("/{place}"), detail)])
}

fn too_many_deliveries(place: usize) -> Problem {
    let detail = format!(
        "the events up to this one create more than {MAX_TOGETHER} deliveries together; post \
         fewer of them at once, such as {}",
        place.max(1)
    );
    Problem::invalid(vec![FieldError::new(format!("/{place}"), detail)])
}
