//! Events that are accepted together, or not at all.

use std::collections::HashSet;

use domain::id::EventId;
use serde::Serialize;

use crate::{
    Columns as _, Database, EarlierEvent, Inserted, Ledger, LedgerError, NewEventRow,
    events::{Keys, Owed, encode_omitted, owed},
    text,
};

/// What became of events that were to be accepted together.
pub struct Accepted {
    /// Of each of them, in their order.
    pub outcomes: Vec<Outcome>,
    /// How many runners take new work as it comes, where any was new.
    pub open_runners: u32,
}

/// What became of one of them.
pub enum Outcome {
    /// It is stored, with its deliveries.
    New,
    /// It was there already.
    Duplicate(EarlierEvent),
    /// Its key, or its id, was used for another event before: none of the events is stored.
    Reused,
    /// It is not stored, and nothing is there under its key: another of the events is
    /// [`Outcome::Reused`], or what was there before was pruned in this very moment.
    NotStored,
}

/// An event, as the statement takes it: id, type, time, data, deliveries, its keys, its hops, its trace,
/// and what it has no deliveries for.
#[derive(Serialize)]
struct Item<'a>(
    EventId,
    &'a str,
    i64,
    &'a str,
    Vec<Owed>,
    Keys<'a>,
    u8,
    Option<String>,
    Option<String>,
);

impl<D: Database> Ledger<D> {
    /// Accepts events of one account that came together, with everything they are owed to: those
    /// that are not there yet, or none when the key or id of one was used for another event.
    ///
    /// No two of them may have the same producer's id: which of the two is stored would be chance.
    ///
    /// One statement writes, another reads what was there before, if any was.
    ///
    /// # Errors
    ///
    /// When the ledger fails: at the first statement nothing is stored, at the second all is.
    pub fn accept_all(&self, events: &[NewEventRow<'_>]) -> Result<Accepted, LedgerError> {
        let (new, open_runners) = match events {
            // The statement for one is the faster one.
            [event] => match self.accept(event)? {
                Inserted::New { open_runners } => (HashSet::from([event.id]), open_runners),
                Inserted::Duplicate => (HashSet::new(), 0),
            },
            several => self.insert(several)?,
        };
        let others: Vec<_> = events
            .iter()
            .filter(|event| !new.contains(&event.id))
            .collect();
        let mut earlier = self.earlier(&others)?.into_iter();
        let outcomes = events.iter().map(|event| {
            if new.contains(&event.id) {
                return Outcome::New;
            }
            match earlier.next().flatten() {
                Some(earlier) if earlier.same => Outcome::Duplicate(earlier),
                Some(_) => Outcome::Reused,
                None => Outcome::NotStored,
            }
        });
        Ok(Accepted {
            outcomes: outcomes.collect(),
            open_runners,
        })
    }

    /// Stores those that are new, unless one is another event than its key or id stands for.
    /// Returns which are stored, and how many runners take new work.
    ///
    /// What the conditions look for is found before the first row is written: SQLite evaluates a
    /// subquery that does not depend on the row once, and runs the SELECT of an INSERT to its end
    /// first where the table has a trigger.
    fn insert(&self, events: &[NewEventRow<'_>]) -> Result<(HashSet<EventId>, u32), LedgerError> {
        let Some(one) = events.first() else {
            return Ok((HashSet::new(), 0));
        };
        let items: Vec<_> = events.iter().map(Item::of).collect();
        let keyed = |event: &&NewEventRow<'_>| {
            event.idempotency_key.is_some() || event.producer_id.is_some()
        };
        let keys: Vec<_> = events.iter().filter(keyed).map(Keys::of).collect();
        let json = "ids, times and texts are JSON";
        let inserted = self.run(
            "INSERT INTO event
                (account, id, type, occurred_at, received_at, data, deliveries, idempotency_key,
                 producer_id, source, fingerprint, batch, hops, trace, omitted)
             SELECT ?1, item.value ->> 0, item.value ->> 1, item.value ->> 2, ?2,
                    item.value ->> 3, item.value ->> 4, item.value ->> '$[5][0]',
                    item.value ->> '$[5][1]', item.value ->> '$[5][2]', item.value ->> '$[5][3]',
                    item.value ->> '$[5][4]', item.value ->> 6, item.value ->> 7,
                    item.value ->> 8
             FROM json_each(?3) AS item
             WHERE NOT EXISTS
                (SELECT 1 FROM json_each(?4) AS used CROSS JOIN event
                    ON event.account = ?1 AND event.idempotency_key = used.value ->> 0
                 WHERE event.fingerprint <> used.value ->> 3
                    OR event.batch IS NOT used.value ->> 4)
               AND NOT EXISTS
                (SELECT 1 FROM json_each(?4) AS used CROSS JOIN event
                    ON event.account = ?1 AND event.producer_id = used.value ->> 1
                    AND event.source = used.value ->> 2
                 WHERE event.fingerprint <> used.value ->> 3)
             ON CONFLICT DO NOTHING
             RETURNING id, (SELECT count(*) FROM runner WHERE open AND expires_at > ?2)",
            &[
                text(one.account),
                one.received_at.into(),
                text(serde_json::to_string(&items).expect(json)),
                text(serde_json::to_string(&keys).expect(json)),
            ],
        )?;
        let open_runners = inserted.first().map(|row| row.number(1)).transpose()?;
        let ids = inserted.iter().map(|row| row.parsed(0, EventId::parse));
        Ok((ids.collect::<Result<_, _>>()?, open_runners.unwrap_or(0)))
    }
}

impl<'a> Item<'a> {
    fn of(event: &NewEventRow<'a>) -> Self {
        Self(
            event.id,
            event.event_type,
            event.occurred_at.as_millis(),
            event.data.get(),
            owed(event.deliveries),
            Keys::of(event),
            event.origin.hops.count(),
            event.origin.trace.map(|trace| trace.to_string()),
            encode_omitted(event.omitted),
        )
    }
}
