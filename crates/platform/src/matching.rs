//! What events create deliveries for, by what their account has set up now.

use std::collections::HashMap;

use domain::{
    account::AccountId,
    catalogue::EventType,
    id::DeliveryId,
    input::FieldError,
    matching::{MAX_REQUEST_STEPS, MatchDocument, MatchError, Matcher, Omitted},
    pause::{never, without_waiting},
    time::Timestamp,
};
use serde_json::value::RawValue;

use crate::{
    config, entropy, ledger::PlannedDelivery, pauses::Pauses, problem::Problem, store::TriggerStore,
};

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
pub async fn owed_to(
    store: &TriggerStore,
    account: &AccountId,
    events: &[Unmatched<'_>],
    now: Timestamp,
    pauses: &Pauses,
) -> Result<Vec<Owed>, Problem> {
    let documents = documents(store, account, events)?;
    let matching = Matching::new(&documents, account, events.len() > 1, now)?;
    let pause = async || pauses.pause_when_due().await;
    let mut steps = MAX_REQUEST_STEPS;
    let mut deliveries = 0;
    let mut owed = Vec::with_capacity(events.len());
    for event in events {
        let found = matching.owed(event, &mut steps, &pause).await;
        let found = found.map_err(|error| match error {
            MatchError::TooManySteps => too_many_steps(event.place),
            MatchError::Unreadable { .. } => Problem::internal(error),
        })?;
        deliveries += found.deliveries.len();
        if events.len() > 1 && deliveries > MAX_TOGETHER {
            return Err(too_many_deliveries(event.place));
        }
        owed.push(found);
    }
    Ok(owed)
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
    let documents = documents(store, account, events)?;
    let matching = Matching::new(&documents, account, events.len() > 1, now)?;
    let mut steps = usize::MAX;
    let owed =
        (events.iter()).map(|event| without_waiting(matching.owed(event, &mut steps, &never)));
    owed.map(|owed| owed.map_err(Problem::internal)).collect()
}

/// The match documents that events need, by their types.
type Documents<'e> = HashMap<&'e str, Vec<MatchDocument>>;

fn documents<'e>(
    store: &TriggerStore,
    account: &AccountId,
    events: &'e [Unmatched<'_>],
) -> Result<Documents<'e>, Problem> {
    let mut documents = HashMap::new();
    for Unmatched { event_type, .. } in events {
        if !documents.contains_key(&*event_type.key) {
            let found = store.match_documents(account, event_type)?;
            documents.insert(&*event_type.key, found);
        }
    }
    Ok(documents)
}

/// What it takes to match the events of a request.
struct Matching<'d> {
    matchers: HashMap<&'d str, Matcher<'d>>,
    limit: usize,
    now: Timestamp,
}

impl<'d> Matching<'d> {
    fn new(
        documents: &'d Documents<'d>,
        account: &'d AccountId,
        several: bool,
        now: Timestamp,
    ) -> Result<Self, Problem> {
        let matchers = documents.iter().map(|(event_type, documents)| {
            let matcher = Matcher::new(documents, (account, event_type), several);
            (*event_type, matcher)
        });
        Ok(Self {
            matchers: matchers.collect(),
            limit: config::max_deliveries_per_event()?,
            now,
        })
    }

    /// What an event is owed to; its steps are taken from those of the request.
    async fn owed(
        &self,
        event: &Unmatched<'_>,
        steps: &mut usize,
        pause: &impl AsyncFn(),
    ) -> Result<Owed, MatchError> {
        let matcher = &self.matchers[&*event.event_type.key];
        let matched = matcher.matches(event.data, steps, pause).await?;
        let (actions, omitted) = matched.limited(self.limit);
        let planned = actions.into_iter().map(|matched| PlannedDelivery {
            id: DeliveryId::new(self.now, entropy::bits()),
            trigger: matched.trigger,
            action: matched.action,
            skip: matched.skip,
        });
        Ok(Owed {
            deliveries: planned.collect(),
            omitted,
        })
    }
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
