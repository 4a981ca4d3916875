//! Accepts an event, or an array of them.
//!
//! For one event, at most two reads of the trigger store and one write to the ledger, whatever is
//! in them. For an array, two reads for each type that comes in it, and still one write. Types that
//! are not built in take one read more.

use api::wire::{AcceptedDelivery, AcceptedEvent};
use domain::{
    account::AccountId,
    catalogue::EventType,
    event::{Events, NewEvent},
    id::EventId,
    input::FieldError,
    matching::Omitted,
    origin::Origin,
    time::Timestamp,
};
use http::StatusCode;
use platform::{
    catalogue, clock, entropy,
    http::{After, Request, Response},
    ledger::{self, EarlierEvent, NewEventRow, Outcome, PlannedDelivery},
    matching::{self, Unmatched, owed_to},
    pauses::Pauses,
    problem::Problem,
    store::TriggerStore,
};

use crate::posted;

/// The answer to what was posted.
pub(crate) struct Accepted {
    pub(crate) response: Response,
    /// How many events had been accepted before.
    pub(crate) duplicates: usize,
}

/// The answer to an event that was accepted.
pub(crate) fn accepted(
    id: EventId,
    event_type: &EventType,
    deliveries: Vec<AcceptedDelivery>,
    omitted: Omitted,
) -> AcceptedEvent {
    AcceptedEvent {
        id,
        event_type: event_type.key.to_string(),
        deliveries,
        duplicate: false,
        unevaluated_triggers: omitted.unevaluated_triggers,
        omitted_deliveries: omitted.omitted_deliveries,
    }
}

/// The deliveries that are to be sent.
pub(crate) fn sent(deliveries: &[PlannedDelivery]) -> Vec<AcceptedDelivery> {
    let sent = deliveries.iter().filter(|delivery| delivery.skip.is_none());
    sent.map(|delivery| AcceptedDelivery {
        id: delivery.id,
        trigger_id: delivery.trigger,
        action_id: delivery.action,
    })
    .collect()
}

pub(crate) async fn handle(request: &Request) -> Result<Accepted, Problem> {
    let account = request.account()?;
    request.head.query(&[])?;
    let posted = posted::read(request)?;
    let key = request.head.idempotency_key()?;
    let origin = Origin::of_event(|name| request.head.header(name))?;
    let store = TriggerStore::open()?;
    let catalogue = catalogue::covering(&store, posted.event_types())?;
    let pauses = Pauses::default();
    let pause = async || pauses.pause_when_due().await;
    let events = posted.check(&catalogue, &pause).await?;
    let plans = plan(&store, &account, &events, key, &pauses).await?;
    let batch = events.digest().filter(|_| key.is_some()).map(hex);
    let rows = plans
        .iter()
        .map(|plan| plan.row(&account, batch.as_deref(), origin));
    let rows: Vec<_> = rows.collect();
    let accepted = ledger::open()?.accept_all(&rows)?;
    refuse_reused(&events, &plans, &accepted.outcomes)?;

    let answers = answers(&events, &plans, accepted.outcomes)?;
    let new: Vec<_> = answers.iter().filter(|answer| !answer.duplicate).collect();
    let after = if new.is_empty() || accepted.open_runners > 0 {
        After::Nothing
    } else if new
        .iter()
        .all(|new| new.deliveries.is_empty() && !new.omits_something())
    {
        After::StayOpen
    } else {
        After::Wake
    };
    let duplicates = answers.len() - new.len();
    let status = match new.as_slice() {
        [] => StatusCode::OK,
        _ => StatusCode::ACCEPTED,
    };
    let response = match answers.as_slice() {
        [answer] if !events.array => Response::json(status, answer),
        several => Response::json(status, &several),
    };
    Ok(Accepted {
        response: response.then(after),
        duplicates,
    })
}

/// An event that is about to be accepted.
struct Plan<'a> {
    event: &'a NewEvent<'a>,
    /// Where in the request it is.
    place: usize,
    now: Timestamp,
    id: EventId,
    idempotency_key: Option<String>,
    fingerprint: String,
    owed: matching::Owed,
}

/// What is to be stored of the events. One that repeats another of its array is not.
async fn plan<'a>(
    store: &TriggerStore,
    account: &AccountId,
    events: &'a Events<'a>,
    key: Option<&str>,
    pauses: &Pauses,
) -> Result<Vec<Plan<'a>>, Problem> {
    let now = clock::now();
    let new = events.list.iter().enumerate();
    let new: Vec<_> = new
        .filter(|(place, _)| events.repeats[*place].is_none())
        .collect();
    let unmatched = new.iter().map(|(place, event)| Unmatched {
        place: *place,
        event_type: event.event_type,
        data: &event.data,
    });
    let owed = owed_to(store, account, &unmatched.collect::<Vec<_>>(), now, pauses).await?;
    let plans = new.into_iter().zip(owed);
    let plans = plans.map(|((place, event), owed)| Plan {
        event,
        place,
        now,
        id: EventId::new(now, entropy::bits()),
        idempotency_key: key.map(|key| Events::key_at(key, place)),
        fingerprint: hex(event.fingerprint),
        owed,
    });
    Ok(plans.collect())
}

/// Refuses what has a key, or an id, that stands for another event.
fn refuse_reused(
    events: &Events<'_>,
    plans: &[Plan<'_>],
    outcomes: &[Outcome],
) -> Result<(), Problem> {
    let outcomes = plans.iter().zip(outcomes);
    let reused: Vec<_> = outcomes
        .filter(|(_, outcome)| matches!(outcome, Outcome::Reused))
        .map(|(plan, _)| plan.place)
        .collect();
    if reused.is_empty() {
        return Ok(());
    }
    if !events.array {
        let detail = "this idempotency key, or id, was used for another event before";
        return Err(Problem::key_reused(detail, Vec::new()));
    }
    let named = reused.into_iter().map(|place| {
        let detail =
            "has an id, or comes under an idempotency key, that was used for another before";
        FieldError::new(format!("/{place}"), detail)
    });
    let detail = "nothing was accepted: ids, or the idempotency key, were used for other events \
                  before, see errors";
    Err(Problem::key_reused(detail, named.collect()))
}

/// The answers for events that are stored, in the order they came in.
fn answers<'a>(
    events: &Events<'_>,
    plans: &[Plan<'a>],
    outcomes: Vec<Outcome>,
) -> Result<Vec<AcceptedEvent>, Problem> {
    let mut outcomes = plans.iter().zip(outcomes);
    let mut answers: Vec<AcceptedEvent> = Vec::with_capacity(events.list.len());
    for repeated in &events.repeats {
        let answer = match repeated {
            Some(first) => answers.get(*first).cloned().map(again),
            None => outcomes
                .next()
                .and_then(|(plan, outcome)| plan.answer(outcome)),
        };
        // Pruned in this very moment: the key is free again.
        let gone = || Problem::unavailable("an event's idempotency key just ran out");
        answers.push(answer.ok_or_else(gone)?);
    }
    Ok(answers)
}

impl<'a> Plan<'a> {
    fn row<'r>(
        &'r self,
        account: &'r AccountId,
        batch: Option<&'r str>,
        origin: Origin,
    ) -> NewEventRow<'r> {
        NewEventRow {
            account,
            id: self.id,
            event_type: &self.event.event_type.key,
            occurred_at: self.event.occurred_at.unwrap_or(self.now),
            received_at: self.now,
            data: &self.event.data,
            idempotency_key: self.idempotency_key.as_deref(),
            batch,
            producer_id: self.event.producer_id.as_deref(),
            source: self.event.source.as_deref(),
            fingerprint: &self.fingerprint,
            origin,
            deliveries: &self.owed.deliveries,
            omitted: &self.owed.omitted,
        }
    }

    /// The answer, of an event that is stored.
    fn answer(&self, outcome: Outcome) -> Option<AcceptedEvent> {
        let event_type = self.event.event_type;
        match outcome {
            Outcome::New => {
                let omitted = self.owed.omitted.clone();
                Some(accepted(
                    self.id,
                    event_type,
                    sent(&self.owed.deliveries),
                    omitted,
                ))
            }
            Outcome::Duplicate(EarlierEvent {
                id,
                deliveries,
                omitted,
                ..
            }) => Some(again(accepted(id, event_type, deliveries, omitted))),
            Outcome::Reused | Outcome::NotStored => None,
        }
    }
}

/// The answer to a repetition.
fn again(event: AcceptedEvent) -> AcceptedEvent {
    AcceptedEvent {
        duplicate: true,
        ..event
    }
}

fn hex(bytes: [u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
