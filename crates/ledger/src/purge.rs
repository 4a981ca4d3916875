//! Purging: what belongs to an account, or to somebody in its events, goes whatever its age.
//!
//! Bounded steps, each of which may be the last one before a crash: deliveries go before their
//! events, so that what is left over is found again by the same question. What a runner has in
//! flight goes, too: its result is recorded for deliveries that are there, and none is.

use domain::{account::AccountId, id::EventId};
use serde_json::value::RawValue;

use crate::{Columns as _, Database, Ledger, LedgerError, Row, events::data, text};

/// The most rows of a kind that one step deletes.
const STEP: usize = 500;

/// How far [`Ledger::remains`] counts.
const COUNTED: usize = 10_000;

/// The most events of one look at their data.
const LOOK: usize = 500;

/// How many bytes of data one look reads, and those of one event more.
const LOOK_BYTES: usize = 1024 * 1024;

/// What one step deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PurgeStep {
    /// Events.
    pub events: usize,
    /// Deliveries, with their attempts.
    pub deliveries: usize,
    /// Whether there may be more to delete.
    pub more: bool,
}

/// What an account has, counted up to 10,000 of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remains {
    /// Events.
    pub events: usize,
    /// Deliveries.
    pub deliveries: usize,
}

impl<D: Database> Ledger<D> {
    /// Deletes a bounded number of an account's deliveries, with their attempts; then, when no more
    /// are left, of what is to be told of them; then of its events; then of what is known of its
    /// actions, and of its idempotency keys. In this order none of them brings another back.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn purge_account(&self, account: &AccountId) -> Result<PurgeStep, LedgerError> {
        let mut step = PurgeStep {
            events: 0,
            deliveries: 0,
            more: true,
        };
        for table in [
            "delivery",
            "announcement",
            "event",
            "action_health",
            "target",
            "keyed_request",
        ] {
            let deleted = self.delete_of(table, account)?;
            match table {
                "delivery" => step.deliveries = deleted,
                "event" => step.events = deleted,
                _ => {}
            }
            if deleted == STEP {
                return Ok(step);
            }
        }
        step.more = false;
        Ok(step)
    }

    fn delete_of(&self, table: &'static str, account: &AccountId) -> Result<usize, LedgerError> {
        let deleted = self.run(
            &format!(
                "DELETE FROM {table} WHERE rowid IN
                    (SELECT rowid FROM {table} WHERE account = ?1 LIMIT ?2)
                 RETURNING 1"
            ),
            &[text(account), STEP.into()],
        )?;
        Ok(deleted.len())
    }

    /// How many events and deliveries an account has.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn remains(&self, account: &AccountId) -> Result<Remains, LedgerError> {
        let found = self.run(
            "SELECT (SELECT count(*) FROM (SELECT 1 FROM event WHERE account = ?1 LIMIT ?2)),
                    (SELECT count(*) FROM (SELECT 1 FROM delivery WHERE account = ?1 LIMIT ?2))",
            &[text(account), COUNTED.into()],
        )?;
        let row = found.first().ok_or(LedgerError::Row { column: 0 })?;
        Ok(Remains {
            events: row.number(0)?,
            deliveries: row.number(1)?,
        })
    }

    /// The account's events after `after`, the oldest first, as many as are read at once; none
    /// when there are no more.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn events_after(
        &self,
        account: &AccountId,
        after: Option<EventId>,
    ) -> Result<Vec<(EventId, Box<RawValue>)>, LedgerError> {
        // What sums up the sizes is given the sizes alone: SQLite knows them without reading the
        // data, and keeps what it sums up in memory.
        let found = self.run(
            "SELECT id, data FROM event
             WHERE account = ?1 AND id > ?2 AND id <=
                (SELECT max(id) FROM
                    (SELECT id, sum(size) OVER (ORDER BY id) - size AS before FROM
                        (SELECT id, octet_length(data) AS size FROM event
                         WHERE account = ?1 AND id > ?2 ORDER BY id LIMIT ?3))
                 WHERE before <= ?4)
             ORDER BY id",
            &[
                text(account),
                text(after.map(|id| id.to_string()).unwrap_or_default()),
                LOOK.into(),
                LOOK_BYTES.into(),
            ],
        )?;
        let read = |row: &Row| Ok((row.parsed(0, EventId::parse)?, data(row, 1)?));
        found.iter().map(read).collect()
    }

    /// Deletes a bounded number of the deliveries of these events, with their attempts; then, when
    /// no more are left, what is to be told of them, and the events.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn purge_events(
        &self,
        account: &AccountId,
        events: &[EventId],
    ) -> Result<PurgeStep, LedgerError> {
        let ids = text(serde_json::to_string(events).expect("ids are JSON"));
        let deliveries = self.run(
            "DELETE FROM delivery WHERE rowid IN
                (SELECT delivery.rowid FROM json_each(?2) AS gone
                 CROSS JOIN delivery ON delivery.account = ?1 AND delivery.event_id = gone.value
                 LIMIT ?3)
             RETURNING 1",
            &[text(account), ids.clone(), STEP.into()],
        )?;
        if deliveries.len() == STEP {
            return Ok(PurgeStep {
                events: 0,
                deliveries: STEP,
                more: true,
            });
        }
        self.run(
            "DELETE FROM announcement
             WHERE account = ?1 AND event_id IN (SELECT gone.value FROM json_each(?2) AS gone)",
            &[text(account), ids.clone()],
        )?;
        // One that was replayed in between takes its new deliveries along.
        let events = self.run(
            "DELETE FROM event
             WHERE account = ?1 AND id IN (SELECT gone.value FROM json_each(?2) AS gone)
             RETURNING 1",
            &[text(account), ids],
        )?;
        Ok(PurgeStep {
            events: events.len(),
            deliveries: deliveries.len(),
            more: false,
        })
    }
}
