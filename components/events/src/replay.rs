//! Replays an event: creates deliveries for what matches it now.

use domain::{id::EventId, matching::Omitted};
use http::StatusCode;
use platform::{
    catalogue, clock,
    http::{After, Request, Response},
    idempotency::{self, Once},
    ledger::{self, Replayed},
    matching::{self, Unmatched, owed_to},
    pauses::Pauses,
    problem::Problem,
    store::TriggerStore,
};

use crate::post::{accepted, sent};

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let account = request.account()?;
    let event_id = request.named("event");
    let once = Once::of(request, Some(&account))?;
    let missing = || Problem::not_found(format!("{account} has no event {event_id:?}"));
    let id = EventId::parse(event_id).map_err(|_| missing())?;
    let ledger = ledger::open()?;
    let (event, data) = ledger.event(&account, id)?.ok_or_else(missing)?;
    if event.test {
        let detail = "this event was made up to test one action, and is not for others; test the \
                      action again with POST …/actions/{action}/test";
        return Err(Problem::conflict(detail));
    }
    let store = TriggerStore::open()?;
    let catalogue = catalogue::covering(&store, [event.event_type.as_str()])?;
    let event_type = catalogue
        .named(&event.event_type)
        .map_err(|error| Problem::conflict(error.to_string()))?;
    let now = clock::now();
    let unmatched = Unmatched {
        place: 0,
        event_type,
        data: &data,
    };
    let found = owed_to(&store, &account, &[unmatched], now, &Pauses::default())
        .await?
        .pop();
    let matching::Owed {
        deliveries,
        mut omitted,
    } = found.ok_or_else(missing)?;
    let enqueued = match once.keyed() {
        Some(keyed) => match ledger.replay_keyed(&keyed, id, &deliveries, now)? {
            Replayed::Enqueued(deliveries) => deliveries,
            Replayed::Reused => return Err(idempotency::reused()),
        },
        // An event that is pruned in this very moment is missing, too.
        None if !ledger.replay(&account, id, &deliveries, now)? => return Err(missing()),
        None => sent(&deliveries),
    };
    if enqueued == sent(&deliveries) {
        ledger.note_omitted(&account, id, &omitted)?;
    } else {
        // A repetition: what the first request left out is what the event says.
        omitted = Omitted {
            unevaluated_triggers: event.unevaluated_triggers,
            omitted_deliveries: event.omitted_deliveries,
        };
    }
    let after = if enqueued.is_empty() {
        After::Nothing
    } else {
        After::Wake
    };
    let answer = accepted(id, event_type, enqueued, omitted);
    Ok(Response::json(StatusCode::ACCEPTED, &answer).then(after))
}
