//! Counters for rate limits, and the portal links that were opened.
//!
//! One statement counts and decides, so requests at the same time cannot all see the last free place.

use std::time::Duration;

use domain::time::Timestamp;

use crate::{Columns as _, Database, Ledger, LedgerError, text};

/// The most expired counters that are deleted when a new window begins. More than one, so that they cannot pile up.
const STEP: usize = 10;

/// The result of counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// It is within the limit, and counted.
    Allowed,
    /// The limit is reached until this time.
    RefusedUntil(Timestamp),
}

impl<D: Database> Ledger<D> {
    /// Counts one use of `counter`, of which there may be `most` in a window. A window begins with its first use.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn count_use(
        &self,
        counter: &str,
        most: u32,
        window: Duration,
        now: Timestamp,
    ) -> Result<Counted, LedgerError> {
        let counted = self.run(
            "INSERT INTO rate_limit (name, until, count) VALUES (?1, ?2, 1)
             ON CONFLICT (name) DO UPDATE SET
                count = CASE WHEN until <= ?3 THEN 1 ELSE count + 1 END,
                until = CASE WHEN until <= ?3 THEN excluded.until ELSE until END
                WHERE until <= ?3 OR count < ?4
             RETURNING count",
            &[
                text(counter),
                (now + window).into(),
                now.into(),
                i64::from(most).into(),
            ],
        )?;
        match counted.first().map(|row| row.integer(0)).transpose()? {
            Some(1) => self.forget_expired(now).map(|()| Counted::Allowed),
            Some(_) => Ok(Counted::Allowed),
            None => self.refused(counter, now),
        }
    }

    /// Notes that a portal link was opened; whether it is the first time. The note stays until the link expires.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn open_link(
        &self,
        link: &str,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        let counted = self.count_use(&counter_of(link), 1, expires_at.since(now), now)?;
        Ok(counted == Counted::Allowed)
    }

    /// Whether a portal link that has not expired was opened.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn is_link_opened(&self, link: &str, now: Timestamp) -> Result<bool, LedgerError> {
        let found = self.run(
            "SELECT 1 FROM rate_limit WHERE name = ?1 AND until > ?2",
            &[text(counter_of(link)), now.into()],
        )?;
        Ok(!found.is_empty())
    }

    fn refused(&self, counter: &str, now: Timestamp) -> Result<Counted, LedgerError> {
        let found = self.run(
            "SELECT until FROM rate_limit WHERE name = ?1",
            &[text(counter)],
        )?;
        let until = found.first().map(|row| row.time(0)).transpose()?;
        Ok(Counted::RefusedUntil(until.unwrap_or(now)))
    }

    fn forget_expired(&self, now: Timestamp) -> Result<(), LedgerError> {
        self.run(
            "DELETE FROM rate_limit WHERE name IN
                (SELECT name FROM rate_limit WHERE until <= ?1 LIMIT ?2)",
            &[now.into(), STEP.into()],
        )?;
        Ok(())
    }
}

/// The counter of a portal link's openings.
fn counter_of(link: &str) -> String {
    format!("link {link}")
}
