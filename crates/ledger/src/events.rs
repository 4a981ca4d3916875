//! Events: accepted once, listed, shown.

use std::collections::HashMap;

use api::wire::{self, AcceptedDelivery};
use domain::{
    account::AccountId,
    hops::Hops,
    id::{ActionId, DeliveryId, EventId, TriggerId},
    matching::{Omitted, Skip},
    origin::Origin,
    page::Page,
    time::Timestamp,
    trace::TraceParent,
    webhook::Event,
};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::{
    Columns as _, Database, Ledger, LedgerError, Row, conditions::Conditions, optional, text,
};

/// An event to be accepted.
pub struct NewEventRow<'a> {
    /// The account it belongs to.
    pub account: &'a AccountId,
    /// Its id.
    pub id: EventId,
    /// Its type's key.
    pub event_type: &'a str,
    /// When it occurred.
    pub occurred_at: Timestamp,
    /// When it came.
    pub received_at: Timestamp,
    /// What happened.
    pub data: &'a RawValue,
    /// What it has of the request's `Idempotency-Key`.
    pub idempotency_key: Option<&'a str>,
    /// Hex of what tells the array that it came in from another under the same idempotency key.
    pub batch: Option<&'a str>,
    /// The producer's own id.
    pub producer_id: Option<&'a str>,
    /// What that id is unique in: a CloudEvent's source.
    pub source: Option<&'a str>,
    /// Hex of what tells it from another under the same key.
    pub fingerprint: &'a str,
    /// How it came about.
    pub origin: Origin,
    /// What it is owed to.
    pub deliveries: &'a [PlannedDelivery],
    /// What it has no deliveries for, though it may match.
    pub omitted: &'a Omitted,
}

/// A delivery that comes with an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedDelivery {
    /// Its id.
    pub id: DeliveryId,
    /// The trigger.
    pub trigger: TriggerId,
    /// The action.
    pub action: ActionId,
    /// Why nothing is sent, if so.
    pub skip: Option<Skip>,
}

/// What became of an event that was to be accepted.
pub enum Inserted {
    /// It is stored, with its deliveries.
    New {
        /// How many runners take new work as it comes.
        open_runners: u32,
    },
    /// One was there already under its key.
    Duplicate,
}

/// An event that was accepted before, as far as a repetition needs it.
pub struct EarlierEvent {
    /// Its id.
    pub id: EventId,
    /// Whether it is the same that comes again, and not another under the same key.
    pub same: bool,
    /// Its deliveries that were not skipped.
    pub deliveries: Vec<AcceptedDelivery>,
    /// What it has no deliveries for, though it may match.
    pub omitted: Omitted,
}

/// The columns of an [`wire::Event`].
const ROW: &str =
    "id, type, occurred_at, received_at, producer_id, nullif(source, ''), test, omitted";

/// Which events to list.
#[derive(Debug, Default)]
pub struct EventFilter<'a> {
    /// Of this type only.
    pub event_type: Option<&'a str>,
    /// Only tests, or none of them.
    pub test: Option<bool>,
    /// That came at this time or later.
    pub since: Option<Timestamp>,
    /// That came before this time.
    pub until: Option<Timestamp>,
}

impl<D: Database> Ledger<D> {
    /// Accepts an event, with everything it is owed to, unless its idempotency key or producer's
    /// id was used before in its account.
    ///
    /// One statement: of two requests with the same key at the same moment, one inserts. The same
    /// statement tells whether a runner is there to see the new deliveries, see
    /// [`Ledger::leave`](super::Ledger::leave) for why that can be relied on.
    ///
    /// # Errors
    ///
    /// When the ledger fails; nothing is stored then.
    pub fn accept(&self, event: &NewEventRow<'_>) -> Result<Inserted, LedgerError> {
        let inserted = self.run(
            "INSERT INTO event
                (account, id, type, occurred_at, received_at, data, idempotency_key, batch,
                 producer_id, source, fingerprint, deliveries, hops, trace, omitted)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
             ON CONFLICT DO NOTHING
             RETURNING (SELECT count(*) FROM runner WHERE open AND expires_at > ?5)",
            &[
                text(event.account.as_str()),
                text(event.id),
                text(event.event_type),
                event.occurred_at.into(),
                event.received_at.into(),
                text(event.data.get()),
                optional(event.idempotency_key),
                optional(event.batch),
                optional(event.producer_id),
                text(event.source.unwrap_or_default()),
                text(event.fingerprint),
                text(encode_owed(event.deliveries)),
                i64::from(event.origin.hops.count()).into(),
                optional(event.origin.trace),
                optional(encode_omitted(event.omitted)),
            ],
        )?;
        match inserted.first() {
            Some(row) => Ok(Inserted::New {
                open_runners: row.number(0)?,
            }),
            None => Ok(Inserted::Duplicate),
        }
    }

    /// For each of these events of one account, the one that was accepted before under its
    /// idempotency key or producer's id.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn earlier(
        &self,
        events: &[&NewEventRow<'_>],
    ) -> Result<Vec<Option<EarlierEvent>>, LedgerError> {
        let mut earlier: Vec<_> = events.iter().map(|_| None).collect();
        let Some(one) = events.first() else {
            return Ok(earlier);
        };
        let wanted: Vec<_> = events.iter().map(|event| Keys::of(event)).collect();
        let found = self.run(
            "SELECT wanted.key, event.id, event.deliveries,
                    event.fingerprint = wanted.value ->> 3 AND event.batch IS wanted.value ->> 4,
                    event.omitted
             FROM json_each(?2) AS wanted CROSS JOIN event
                ON event.account = ?1 AND event.idempotency_key = wanted.value ->> 0
             UNION ALL
             SELECT wanted.key, event.id, event.deliveries,
                    event.fingerprint = wanted.value ->> 3, event.omitted
             FROM json_each(?2) AS wanted CROSS JOIN event
                ON event.account = ?1 AND event.producer_id = wanted.value ->> 1
                AND event.source = wanted.value ->> 2",
            &[
                text(one.account),
                text(serde_json::to_string(&wanted).expect("keys are JSON")),
            ],
        )?;
        for row in &found {
            let place = earlier.get_mut(row.number::<usize>(0)?);
            let place = place.ok_or(LedgerError::Row { column: 0 })?;
            let found = EarlierEvent::read(row)?;
            // Of one under its key and one under its id, the one that is another counts.
            if place
                .as_ref()
                .is_none_or(|present: &EarlierEvent| present.same)
            {
                *place = Some(found);
            }
        }
        Ok(earlier)
    }

    /// A page of an account's events, the newest first.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn events(
        &self,
        account: &AccountId,
        filter: &EventFilter<'_>,
        page: &Page,
    ) -> Result<Vec<wire::Event>, LedgerError> {
        let mut conditions = Conditions::of(account);
        conditions.test(filter.test);
        conditions.equal("type", filter.event_type);
        conditions.created(filter.since, filter.until, EventId::first_at);
        let (conditions, parameters) = conditions.page(page);
        let found = self.run(
            &format!("SELECT {ROW} FROM event {conditions}"),
            &parameters,
        )?;
        found.iter().map(shown).collect()
    }

    /// An event, with its data.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn event(
        &self,
        account: &AccountId,
        id: EventId,
    ) -> Result<Option<(wire::Event, Box<RawValue>)>, LedgerError> {
        let found = self.run(
            &format!("SELECT {ROW}, data FROM event WHERE account = ?1 AND id = ?2"),
            &[text(account), text(id)],
        )?;
        let read = |row: &Row| Ok((shown(row)?, data(row, 8)?));
        found.first().map(read).transpose()
    }

    /// The events of these deliveries, as a runner needs them.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn events_to_send(
        &self,
        ids: &[(AccountId, EventId)],
    ) -> Result<HashMap<(AccountId, EventId), Event>, LedgerError> {
        let ids = serde_json::to_string(ids).expect("ids are JSON");
        let found = self.run(
            "SELECT event.account, event.id, event.type, event.test, event.occurred_at, event.data,
                    event.hops, event.trace
             FROM json_each(?1) AS wanted
             JOIN event ON event.account = wanted.value ->> 0 AND event.id = wanted.value ->> 1",
            &[text(ids)],
        )?;
        let read = |row: &Row| {
            let event = Event {
                id: row.parsed(1, EventId::parse)?,
                event_type: row.text(2)?.to_owned(),
                test: row.flag(3)?,
                occurred_at: row.time(4)?,
                data: data(row, 5)?,
                origin: Origin {
                    hops: Hops::stored(row.integer(6)?),
                    trace: row.optional_text(7)?.and_then(TraceParent::parse),
                },
            };
            Ok(((row.parsed(0, AccountId::parse)?, event.id), event))
        };
        found.iter().map(read).collect()
    }
}

/// An event, as the history shows it.
fn shown(row: &Row) -> Result<wire::Event, LedgerError> {
    let Omitted {
        unevaluated_triggers,
        omitted_deliveries,
    } = omitted(row, 7)?;
    Ok(wire::Event {
        id: row.parsed(0, EventId::parse)?,
        event_type: row.text(1)?.to_owned(),
        occurred_at: row.time(2)?,
        received_at: row.time(3)?,
        producer_id: row.optional_text(4)?.map(Into::into),
        source: row.optional_text(5)?.map(Into::into),
        test: row.flag(6)?,
        unevaluated_triggers,
        omitted_deliveries,
    })
}

impl EarlierEvent {
    fn read(row: &Row) -> Result<Self, LedgerError> {
        Ok(Self {
            id: row.parsed(1, EventId::parse)?,
            same: row.integer(3)? == 1,
            deliveries: row.parsed(2, decode_owed)?,
            omitted: omitted(row, 4)?,
        })
    }
}

/// What an event is accepted once under, and what tells it from another: idempotency key,
/// producer's id, source, fingerprint and batch.
#[derive(Serialize)]
pub(crate) struct Keys<'a>(
    Option<&'a str>,
    Option<&'a str>,
    &'a str,
    &'a str,
    Option<&'a str>,
);

impl<'a> Keys<'a> {
    pub(crate) fn of(event: &NewEventRow<'a>) -> Self {
        Self(
            event.idempotency_key,
            event.producer_id,
            event.source.unwrap_or_default(),
            event.fingerprint,
            event.batch,
        )
    }
}

/// A delivery as `event.deliveries` holds it: id, trigger, action, reason to skip.
pub(crate) type Owed = (DeliveryId, TriggerId, ActionId, Option<&'static str>);

/// What an event is owed to, as `event.deliveries` holds it.
pub(crate) fn owed(deliveries: &[PlannedDelivery]) -> Vec<Owed> {
    let owed = deliveries.iter().map(|owed| {
        let skip = owed.skip.map(Skip::reason);
        (owed.id, owed.trigger, owed.action, skip)
    });
    owed.collect()
}

/// The same, as text.
pub(crate) fn encode_owed(deliveries: &[PlannedDelivery]) -> String {
    serde_json::to_string(&owed(deliveries)).expect("ids and texts are JSON")
}

/// The deliveries in such a text that are to be sent.
pub(crate) fn decode_owed(text: &str) -> Result<Vec<AcceptedDelivery>, serde_json::Error> {
    let owed: Vec<(DeliveryId, TriggerId, ActionId, Option<String>)> = serde_json::from_str(text)?;
    let sent = owed.into_iter().filter(|(.., skip)| skip.is_none());
    let sent = sent.map(|(id, trigger_id, action_id, _)| AcceptedDelivery {
        id,
        trigger_id,
        action_id,
    });
    Ok(sent.collect())
}

/// What an event has no deliveries for, as `event.omitted` holds it: nothing where that is nothing.
pub(crate) fn encode_omitted(omitted: &Omitted) -> Option<String> {
    let json = || serde_json::to_string(omitted).expect("ids, counts and codes are JSON");
    (!omitted.is_nothing()).then(json)
}

pub(crate) fn omitted(row: &Row, column: usize) -> Result<Omitted, LedgerError> {
    match row.optional_text(column)? {
        None => Ok(Omitted::default()),
        Some(_) => row.json(column),
    }
}

pub(crate) fn data(row: &Row, column: usize) -> Result<Box<RawValue>, LedgerError> {
    row.parsed(column, |text| RawValue::from_string(text.to_owned()))
}
