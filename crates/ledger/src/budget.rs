//! The budgets of requests to receivers: how many may be made in an hour, by all runners together,
//! and how many of them for an account.
//!
//! An hour is one of the clock's, in UTC. Requests are taken out of the budget before deliveries are claimed, and what was not needed
//! is given back: a runner that dies in between has used up some of it, and more than the budget is never sent.

use domain::{account::AccountId, time::Timestamp};

use crate::{Columns as _, Database, Ledger, LedgerError, tally::hour_of, text};

/// Whose budget it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Budget<'a> {
    /// The service's.
    Service,
    /// An account's.
    Account(&'a AccountId),
}

impl Budget<'_> {
    /// What it is counted under: no account has a space in its id.
    fn label(self, hour: i64) -> String {
        match self {
            Self::Service => hour.to_string(),
            Self::Account(account) => format!("{hour} {account}"),
        }
    }
}

/// What was taken out of a budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reserved {
    /// How many requests may be made.
    pub granted: usize,
    /// How many are left to others.
    pub left: usize,
    label: String,
}

/// The most queues that are looked at for what others have pending.
const QUEUES: usize = 1_000;

/// How often a runner tries that others are faster than.
const TRIES: usize = 3;

impl<D: Database> Ledger<D> {
    /// Takes up to `wanted` requests out of a budget of this hour, of which there are `limit`.
    ///
    /// The statement that takes them looks whether they are still there, so that of two runners at once none gets what the other
    /// has. One that others are faster than gets nothing, and asks again.
    ///
    /// # Errors
    ///
    /// When the ledger fails; nothing is taken then.
    pub fn reserve(
        &self,
        budget: Budget<'_>,
        limit: usize,
        wanted: usize,
        now: Timestamp,
    ) -> Result<Reserved, LedgerError> {
        let label = budget.label(hour_of(now));
        for _ in 0..TRIES {
            let left = limit.saturating_sub(self.reserved(budget, now)?);
            let granted = wanted.min(left);
            if granted == 0 || self.take(&label, limit, granted)? {
                let left = left - granted;
                return Ok(Reserved {
                    granted,
                    left,
                    label,
                });
            }
        }
        Ok(Reserved {
            granted: 0,
            left: limit,
            label,
        })
    }

    fn take(&self, label: &str, limit: usize, granted: usize) -> Result<bool, LedgerError> {
        let taken = self.run(
            "INSERT INTO tally (name, label, count) VALUES ('budget', ?1, ?2)
             ON CONFLICT (name, label) DO UPDATE SET count = count + excluded.count
                WHERE count + excluded.count <= ?3
             RETURNING count",
            &[text(label), granted.into(), limit.into()],
        )?;
        Ok(!taken.is_empty())
    }

    /// Gives back what was taken and is not needed.
    ///
    /// # Errors
    ///
    /// When the ledger fails; it is used up then.
    pub fn give_back_requests(&self, of: &Reserved, unused: usize) -> Result<(), LedgerError> {
        if unused > 0 {
            self.run(
                "UPDATE tally SET count = count - ?2 WHERE name = 'budget' AND label = ?1",
                &[text(&of.label), unused.into()],
            )?;
        }
        Ok(())
    }

    /// How many requests have been taken out of a budget of this hour.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn reserved(&self, budget: Budget<'_>, now: Timestamp) -> Result<usize, LedgerError> {
        let found = self.run(
            "SELECT count FROM tally WHERE name = 'budget' AND label = ?1",
            &[text(budget.label(hour_of(now)))],
        )?;
        Ok(found
            .first()
            .map(|row| row.number(0))
            .transpose()?
            .unwrap_or(0))
    }

    /// Whether anybody else than `account` has a delivery that is to be sent before `end`. Looked for
    /// among a bounded number of queues; where there are more, it is taken to be so.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn others_have_pending(
        &self,
        account: &AccountId,
        end: Timestamp,
    ) -> Result<bool, LedgerError> {
        let found = self.run(
            "WITH RECURSIVE step (number, queue) AS (
                SELECT 1, min(queue) FROM delivery WHERE due_at IS NOT NULL
                UNION
                SELECT number + 1, (SELECT min(queue) FROM delivery
                                    WHERE due_at IS NOT NULL AND queue > step.queue)
                FROM step WHERE step.queue IS NOT NULL AND number < ?3
             )
             SELECT 1 FROM step
             WHERE number = ?3
                OR (substr(queue, 18) <> ?1
                    AND EXISTS (SELECT 1 FROM delivery
                                WHERE delivery.queue = step.queue AND delivery.due_at < ?2))
             LIMIT 1",
            &[text(account), end.into(), QUEUES.into()],
        )?;
        Ok(!found.is_empty())
    }
}
