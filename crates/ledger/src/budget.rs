//! The budget of requests to receivers: how many may be made in an hour, by all runners together.
//!
//! An hour is one of the clock's, in UTC. Requests are taken out of the budget before deliveries are claimed, and what was not needed
//! is given back: a runner that dies in between has used up some of it, and more than the budget is never sent.

use domain::time::Timestamp;

use crate::{Columns as _, Database, Ledger, LedgerError, tally::hour_of, text};

/// What was taken out of the budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reserved {
    /// How many requests may be made.
    pub granted: usize,
    /// How many are left to others.
    pub left: usize,
    hour: i64,
}

/// How often a runner tries that others are faster than.
const TRIES: usize = 3;

impl<D: Database> Ledger<D> {
    /// Takes up to `wanted` requests out of this hour's budget, of which there are `limit`.
    ///
    /// The statement that takes them looks whether they are still there, so that of two runners at once none gets what the other
    /// has. One that others are faster than gets nothing, and asks again.
    ///
    /// # Errors
    ///
    /// When the ledger fails; nothing is taken then.
    pub fn reserve(
        &self,
        limit: usize,
        wanted: usize,
        now: Timestamp,
    ) -> Result<Reserved, LedgerError> {
        let hour = hour_of(now);
        for _ in 0..TRIES {
            let left = limit.saturating_sub(self.reserved(now)?);
            let granted = wanted.min(left);
            if granted == 0 || self.take(limit, granted, hour)? {
                let left = left - granted;
                return Ok(Reserved {
                    granted,
                    left,
                    hour,
                });
            }
        }
        Ok(Reserved {
            granted: 0,
            left: limit,
            hour,
        })
    }

    fn take(&self, limit: usize, granted: usize, hour: i64) -> Result<bool, LedgerError> {
        let taken = self.run(
            "INSERT INTO tally (name, label, count) VALUES ('budget', ?1, ?2)
             ON CONFLICT (name, label) DO UPDATE SET count = count + excluded.count
                WHERE count + excluded.count <= ?3
             RETURNING count",
            &[text(hour), granted.into(), limit.into()],
        )?;
        Ok(!taken.is_empty())
    }

    /// Gives back what was taken and is not needed.
    ///
    /// # Errors
    ///
    /// When the ledger fails; it is used up then.
    pub fn give_back_requests(&self, of: Reserved, unused: usize) -> Result<(), LedgerError> {
        if unused > 0 {
            self.run(
                "UPDATE tally SET count = count - ?2 WHERE name = 'budget' AND label = ?1",
                &[text(of.hour), unused.into()],
            )?;
        }
        Ok(())
    }

    /// How many requests have been taken out of this hour's budget.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn reserved(&self, now: Timestamp) -> Result<usize, LedgerError> {
        let found = self.run(
            "SELECT count FROM tally WHERE name = 'budget' AND label = ?1",
            &[text(hour_of(now))],
        )?;
        Ok(found
            .first()
            .map(|row| row.number(0))
            .transpose()?
            .unwrap_or(0))
    }
}
