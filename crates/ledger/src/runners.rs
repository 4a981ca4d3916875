//! Runners: who works off deliveries, and who knows of whom.
//!
//! A runner is one invocation that claims and sends for a few seconds. There are only so many
//! slots for them. While one of them is *open*, it sees new deliveries as they come, and whoever
//! accepts an event need not wake another.

use domain::time::Timestamp;

use crate::{Columns as _, Database, Ledger, LedgerError, lines::IN_LINE, text};

/// The most runners that have a slot at once.
pub const SLOTS: usize = 4;

/// How long a slot is kept for a runner that does not renew it: after a crash, this long at most
/// goes by until others stop counting on it.
const LEASE_MILLIS: i64 = 3_000;

/// Nothing is due at ?3, and no first attempt waits whenever it is due: an event that was accepted
/// after ?3 was read from the clock and before the statement is run counts on the runner, too.
const NOTHING_TO_DO: &str = "NOT EXISTS (SELECT 1 FROM delivery WHERE due_at <= ?3)
     AND NOT EXISTS
        (SELECT 1 FROM delivery
         WHERE due_at IS NOT NULL AND queue < '1' AND status = 'pending')";

/// A runner's place among the others.
#[derive(Debug, Clone)]
pub struct Slot {
    number: i64,
    token: String,
}

/// What became of a runner's wish to help.
#[derive(Debug, Clone)]
pub enum Joining {
    /// It has a slot, open.
    Joined(Slot),
    /// Another runner is open and sees all there is to do.
    NotNeeded,
    /// All slots are taken, by runners that take no new work.
    Full,
}

/// What became of a runner's wish to leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaving {
    /// It has left; nothing was due.
    Left,
    /// Something is due that nobody else may have been told of; it stays.
    WorkLeft,
}

impl<D: Database> Ledger<D> {
    /// Takes a free slot, open. `None` when all are taken, by runners that work or wait.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn enter(&self, token: &str, now: Timestamp) -> Result<Option<Slot>, LedgerError> {
        self.take_slot(token, now, "TRUE")
    }

    /// As [`Ledger::enter`], unless another runner is open: that one sees what this one would.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn join(&self, token: &str, now: Timestamp) -> Result<Joining, LedgerError> {
        let another = "SELECT 1 FROM runner WHERE open AND expires_at > ?2";
        let slot = self.take_slot(token, now, &format!("NOT EXISTS ({another})"))?;
        if let Some(slot) = slot {
            return Ok(Joining::Joined(slot));
        }
        let open = self.run(
            "SELECT 1 FROM runner WHERE open AND expires_at > ?1 LIMIT 1",
            &[now.into()],
        )?;
        Ok(if open.is_empty() {
            Joining::Full
        } else {
            Joining::NotNeeded
        })
    }

    fn take_slot(
        &self,
        token: &str,
        now: Timestamp,
        condition: &str,
    ) -> Result<Option<Slot>, LedgerError> {
        let taken = self.run(
            &format!(
                "INSERT INTO runner (slot, token, open, waiting, expires_at)
                 SELECT free.value, ?1, 1, 0, ?2 + ?3 FROM json_each(?4) AS free
                 WHERE NOT EXISTS
                    (SELECT 1 FROM runner WHERE slot = free.value AND expires_at > ?2)
                   AND {condition}
                 ORDER BY free.value LIMIT 1
                 ON CONFLICT (slot) DO UPDATE SET token = excluded.token, open = 1, waiting = 0,
                    expires_at = excluded.expires_at
                 RETURNING slot"
            ),
            &[
                text(token),
                now.into(),
                LEASE_MILLIS.into(),
                text(
                    serde_json::to_string(&Vec::from_iter(0..self.slots))
                        .expect("numbers are JSON"),
                ),
            ],
        )?;
        let number = taken.first().map(|row| row.integer(0)).transpose()?;
        Ok(number.map(|number| Slot {
            number,
            token: token.to_owned(),
        }))
    }

    /// Keeps the slot for another while, open to new work or not. `false` when it was lost.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn renew(&self, slot: &Slot, open: bool, now: Timestamp) -> Result<bool, LedgerError> {
        let kept = self.run(
            "UPDATE runner SET open = ?3, waiting = 0, expires_at = ?4
             WHERE slot = ?1 AND token = ?2 RETURNING slot",
            &[
                slot.number.into(),
                text(&slot.token),
                i64::from(open).into(),
                (now.as_millis() + LEASE_MILLIS).into(),
            ],
        )?;
        Ok(!kept.is_empty())
    }

    /// Waits in the slot for a retry, closed to new work, unless another runner waits already or
    /// something is due. `false` when it is not to wait.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn wait(&self, slot: &Slot, now: Timestamp) -> Result<bool, LedgerError> {
        let waiting = self.run(
            &format!(
                "UPDATE runner SET open = 0, waiting = 1, expires_at = ?4
                 WHERE slot = ?1 AND token = ?2 AND {NOTHING_TO_DO}
                   AND NOT EXISTS
                    (SELECT 1 FROM runner WHERE waiting AND slot <> ?1 AND expires_at > ?3)
                 RETURNING slot"
            ),
            &[
                slot.number.into(),
                text(&slot.token),
                now.into(),
                (now.as_millis() + LEASE_MILLIS).into(),
            ],
        )?;
        Ok(!waiting.is_empty())
    }

    /// Gives the slot back, unless something is due.
    ///
    /// This is what makes it safe that an event wakes nobody while a runner is open: both
    /// statements write, so one comes first. If the event does, its deliveries are due here and
    /// the runner stays; if this does, the event sees no open runner and wakes one.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn leave(&self, slot: &Slot, now: Timestamp) -> Result<Leaving, LedgerError> {
        let left = self.run(
            &format!(
                "DELETE FROM runner WHERE slot = ?1 AND token = ?2 AND {NOTHING_TO_DO}
                 RETURNING slot"
            ),
            &[slot.number.into(), text(&slot.token), now.into()],
        )?;
        Ok(if left.is_empty() {
            Leaving::WorkLeft
        } else {
            Leaving::Left
        })
    }

    /// Gives the slot back whatever is due: the runner's time is over.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn abandon(&self, slot: &Slot) -> Result<(), LedgerError> {
        self.run(
            "DELETE FROM runner WHERE slot = ?1 AND token = ?2",
            &[slot.number.into(), text(&slot.token)],
        )?;
        Ok(())
    }

    /// When the next first attempt is due.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn next_first_attempt_at(&self) -> Result<Option<Timestamp>, LedgerError> {
        let found = self.run(
            "SELECT min(due_at) FROM delivery
             WHERE due_at IS NOT NULL AND (queue < '1' OR queue >= '3') AND status = 'pending'",
            &[],
        )?;
        found
            .first()
            .map(|row| row.optional_time(0))
            .transpose()
            .map(Option::flatten)
    }

    /// When the next delivery is due: its next attempt, or the end of a lease. `None` when nothing
    /// is owed.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn next_due_at(&self) -> Result<Option<Timestamp>, LedgerError> {
        let found = self.run(
            // What waits in line is not due.
            "SELECT min(due_at) FROM delivery WHERE due_at < ?1",
            &[IN_LINE.into()],
        )?;
        Ok(found
            .first()
            .map(|row| row.optional_time(0))
            .transpose()?
            .flatten())
    }
}
