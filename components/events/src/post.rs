//! Accepts an event, or an array of them.
//!
//! For one event, at most two reads of the trigger store and one write to the ledger, whatever is
//! in them. For an array, two reads for each type that comes in it, and still one write. Types that
//! are not built in take one read more.

use domain::{
    account::AccountId,
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
    ledger::{self, EarlierEvent, NewEventRow, Outcome},
    matching::{self, Unmatched, owed_to},
    problem::Problem,
    store::TriggerStore,
};
use serde::Serialize;

use crate::{
    owed::{Owed, owed},
    posted,
};

/// The answer to what was posted.
pub(crate) struct Accepted {
    pub(crate) response: Response,
    /// How many events had been accepted before.
    pub(crate) duplicates: usize,
}

/// What an event is answered with.
#[derive(Clone, Serialize)]
pub(crate) struct Answer<'a> {
    pub(crate) id: EventId,
    #[serde(rename = "type")]
    pub(crate) event_type: &'a str,
    pub(crate) deliveries: Vec<Owed>,
    pub(crate) duplicate: bool,
    #[serde(flatten)]
    pub(crate) omitted: Omitted,
}

pub(crate) async fn handle(request: &Request) -> Result<Accepted, Problem> {
    let account = request.account()?;
    request.head.query(&[])?;
    let posted = posted::read(request)?;
    let key = request.head.idempotency_key()?;
    let origin = Origin::of_event(|name| request.head.header(name))?;
    let store = TriggerStore::open()?;
    let catalogue = catalogue::covering(&store, posted.event_types())?;
    let events = posted.check(&catalogue)?;
    let plans = plan(&store, &account, &events, key).await?;
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
        .all(|new| new.deliveries.is_empty() && new.omitted.is_nothing())
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
    let owed = owed_to(store, account, &unmatched.collect::<Vec<_>>(), now).await?;
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
) -> Result<Vec<Answer<'a>>, Problem> {
    let mut outcomes = plans.iter().zip(outcomes);
    let mut answers: Vec<Answer> = Vec::with_capacity(events.list.len());
    for repeated in &events.repeats {
        let answer = match repeated {
            Some(first) => answers.get(*first).cloned().map(Answer::again),
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
    fn answer(&self, outcome: Outcome) -> Option<Answer<'a>> {
        let event_type = self.event.event_type.key.as_ref();
        match outcome {
            Outcome::New => Some(Answer {
                id: self.id,
                event_type,
                deliveries: owed(&self.owed.deliveries),
                duplicate: false,
                omitted: self.owed.omitted.clone(),
            }),
            Outcome::Duplicate(EarlierEvent {
                id,
                deliveries,
                omitted,
                ..
            }) => Some(Answer {
                id,
                event_type,
                deliveries: deliveries.into_iter().map(Owed::from).collect(),
                duplicate: true,
                omitted,
            }),
            Outcome::Reused | Outcome::NotStored => None,
        }
    }
}

impl Answer<'_> {
    /// The answer to a repetition.
    fn again(self) -> Self {
        Self {
            duplicate: true,
            ..self
        }
    }
}

fn hex(bytes: [u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
