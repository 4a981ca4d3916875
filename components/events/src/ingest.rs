//! `POST /v1/accounts/{account}/events`
//!
//! At most two reads of the trigger store and one write to the ledger, whatever is in them; one
//! read more for an event of a type that is not built in.

use domain::{
    catalogue::EventType,
    event::{self, EventInput},
    id::EventId,
    input,
};
use http::StatusCode;
use platform::{
    catalogue, clock, entropy,
    http::{Request, Response, account},
    ledger::{self, EarlierEvent, Inserted, NewEventRow, PlannedDelivery},
    matching::owed_to,
    problem::Problem,
    store::TriggerStore,
};
use serde::Serialize;

/// What became of an event that was posted.
pub(crate) struct Ingested {
    pub(crate) response: Response,
    /// Whether a runner is to be woken for its deliveries.
    pub(crate) wake: bool,
}

#[derive(Serialize)]
struct Accepted<'a> {
    id: EventId,
    #[serde(rename = "type")]
    event_type: &'a str,
    deliveries: Vec<Owed>,
    duplicate: bool,
}

#[derive(Serialize)]
pub(crate) struct Owed {
    id: String,
    trigger_id: String,
    action_id: String,
}

pub(crate) fn ingest(request: &Request, account_id: &str) -> Result<Ingested, Problem> {
    let account = account(account_id)?;
    request.require_content_type(&["application/json"])?;
    let key = request
        .head
        .header("idempotency-key")
        .map(event::check_key)
        .transpose();
    let key = key.map_err(|error| Problem::bad_request(format!("Idempotency-Key {error}")))?;
    let input: EventInput = input::parse(request.body())?;
    let store = TriggerStore::open()?;
    let catalogue = catalogue::covering(&store, input.event_type())?;
    let event = input.check(&catalogue)?;

    let now = clock::now();
    let of = (&account, event.event_type);
    let deliveries = owed_to(&store, of, &event.data, now)?;
    let fingerprint = hex(&event.fingerprint);
    let row = NewEventRow {
        account: &account,
        id: EventId::new(now, entropy::bits()),
        event_type: &event.event_type.key,
        occurred_at: event.occurred_at.unwrap_or(now),
        received_at: now,
        data: &event.data,
        idempotency_key: key.as_deref(),
        producer_id: event.producer_id.as_deref(),
        fingerprint: &fingerprint,
        deliveries: &deliveries,
    };

    let ledger = ledger::open()?;
    match ledger.accept(&row)? {
        Inserted::New { open_runners } => {
            let owed = owed(&deliveries);
            let wake = !owed.is_empty() && open_runners == 0;
            let response = answer(StatusCode::ACCEPTED, event.event_type, row.id, owed, false);
            Ok(Ingested { response, wake })
        }
        Inserted::Duplicate => {
            let earlier = ledger.earlier(&account, row.idempotency_key, row.producer_id)?;
            let earlier = earlier
                // Pruned in this very moment: the key is free again.
                .ok_or_else(|| Problem::unavailable("an event's idempotency key just ran out"))?;
            if earlier.fingerprint != fingerprint {
                let detail = "this idempotency key, or id, was used for another event before";
                return Err(Problem::key_reused(detail));
            }
            let EarlierEvent { id, deliveries, .. } = earlier;
            let owed = deliveries
                .into_iter()
                .map(|(id, trigger_id, action_id)| Owed {
                    id,
                    trigger_id,
                    action_id,
                })
                .collect();
            let response = answer(StatusCode::OK, event.event_type, id, owed, true);
            Ok(Ingested {
                response,
                wake: false,
            })
        }
    }
}

/// Those of the deliveries that are to be sent.
pub(crate) fn owed(deliveries: &[PlannedDelivery]) -> Vec<Owed> {
    deliveries
        .iter()
        .filter(|delivery| delivery.skip.is_none())
        .map(Owed::from)
        .collect()
}

pub(crate) fn answer(
    status: StatusCode,
    event_type: &EventType,
    id: EventId,
    deliveries: Vec<Owed>,
    duplicate: bool,
) -> Response {
    let event_type = &event_type.key;
    Response::json(
        status,
        &Accepted {
            id,
            event_type,
            deliveries,
            duplicate,
        },
    )
}

impl From<&PlannedDelivery> for Owed {
    fn from(delivery: &PlannedDelivery) -> Self {
        Self {
            id: delivery.id.to_string(),
            trigger_id: delivery.trigger.to_string(),
            action_id: delivery.action.to_string(),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
