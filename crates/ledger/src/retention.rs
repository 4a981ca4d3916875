//! Retention: what is older than it has to be goes, a bounded step at a time.

use domain::time::Timestamp;

use crate::{Columns as _, Database, Ledger, LedgerError};

/// The most rows of a kind that one step deletes.
const STEP: usize = 500;

/// What one step deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pruned {
    /// Deliveries, with their attempts.
    pub deliveries: usize,
    /// Events.
    pub events: usize,
}

impl Pruned {
    /// Whether there may be more to delete.
    pub fn more(self) -> bool {
        self.deliveries == STEP || self.events == STEP
    }
}

impl<D: Database> Ledger<D> {
    /// Deletes a bounded number of deliveries that were created before `cutoff` and are owed no
    /// more, with their attempts, of events that came before it and have no delivery left, and of
    /// idempotency keys that were used before it.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn prune(&self, cutoff: Timestamp) -> Result<Pruned, LedgerError> {
        // A look costs far less than a write that changes nothing.
        let due = self.run(
            "SELECT EXISTS (SELECT 1 FROM event WHERE received_at < ?1),
                    EXISTS (SELECT 1 FROM keyed_request WHERE created_at < ?1)",
            &[cutoff.into()],
        )?;
        let due = due.first().ok_or(LedgerError::Row { column: 0 })?;
        if due.flag(1)? {
            self.run(
                "DELETE FROM keyed_request WHERE (path, key) IN
                    (SELECT path, key FROM keyed_request WHERE created_at < ?1
                     ORDER BY created_at LIMIT ?2)",
                &[cutoff.into(), STEP.into()],
            )?;
        }
        if !due.flag(0)? {
            return Ok(Pruned {
                deliveries: 0,
                events: 0,
            });
        }
        let deliveries = self.run(
            "DELETE FROM delivery WHERE rowid IN
                (SELECT rowid FROM delivery WHERE created_at < ?1 AND due_at IS NULL
                 ORDER BY created_at LIMIT ?2)
             RETURNING 1",
            &[cutoff.into(), STEP.into()],
        )?;
        // Only those before the oldest delivery that is left: a look at every old event would be
        // no bounded step.
        let events = self.run(
            "DELETE FROM event WHERE rowid IN
                (SELECT rowid FROM event
                 WHERE received_at < min(?1, coalesce(
                        (SELECT min(created_at) FROM delivery WHERE due_at IS NULL), ?1))
                   AND NOT EXISTS
                    (SELECT 1 FROM delivery
                     WHERE delivery.account = event.account AND delivery.event_id = event.id)
                 ORDER BY received_at LIMIT ?2)
             RETURNING 1",
            &[cutoff.into(), STEP.into()],
        )?;
        Ok(Pruned {
            deliveries: deliveries.len(),
            events: events.len(),
        })
    }
}
