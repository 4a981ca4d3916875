//! Time travel, for what takes days: moves what the ledger says into the past.
//!
//! The service has no clock that a test could set. To it, the ledger's times becoming earlier by
//! an hour and the time becoming later by an hour are the same. Ids keep the time of their making,
//! and so do the triggers, which are in another store.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior, params};

use crate::{Account, DEADLINE, eventually};

/// How long to wait for the service's own writes: they take milliseconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// The times of an account's rows. `?1` is the account, `?2` by how many milliseconds they move.
const OF_ACCOUNT: [&str; 6] = [
    // When it occurred is what the producer said, and no clock of the service's.
    "UPDATE event SET received_at = received_at - ?2 WHERE account = ?1",
    "UPDATE attempt SET started_at = started_at - ?2, due_at = due_at - ?2 WHERE account = ?1",
    "UPDATE action_health SET last_success_at = last_success_at - ?2,
        last_failure_at = last_failure_at - ?2, failing_since = failing_since - ?2
     WHERE account = ?1",
    "UPDATE target SET held_until = held_until - ?2 WHERE account = ?1",
    "UPDATE delivery SET created_at = created_at - ?2, due_at = due_at - ?2 WHERE account = ?1",
    "UPDATE lease SET expires_at = expires_at - ?2 WHERE subject = ?1",
];

/// The clock of a service, as far as the ledger knows it.
#[derive(Debug, Clone)]
pub struct LedgerClock {
    file: PathBuf,
}

/// A runner that the ledger knows of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Runner {
    /// It takes new deliveries as they come.
    pub open: bool,
    /// It waits for a retry.
    pub waiting: bool,
}

impl LedgerClock {
    /// The clock of the service that has its data in this directory, whether it runs or not.
    pub(crate) fn new(state_dir: &Path) -> Self {
        Self {
            file: state_dir.join("sqlite_db.db"),
        }
    }

    /// Lets this much time go by for one account: its deliveries fall due and its leases run out.
    ///
    /// # Errors
    ///
    /// When the ledger is not there, or none of its rows is the account's.
    pub fn forward(&self, account: &Account, by: Duration) -> Result<()> {
        self.write(|ledger| {
            let mut moved = 0;
            for statement in OF_ACCOUNT {
                moved += ledger.execute(statement, params![account.id, millis(by)?])?;
            }
            ensure!(moved > 0, "the ledger has nothing of {}", account.id);
            Ok(())
        })
    }

    /// Lets this much time go by for runners: those that were killed are not counted on any more.
    ///
    /// # Errors
    ///
    /// When the ledger is not there.
    pub fn forward_runners(&self, by: Duration) -> Result<()> {
        self.write(|ledger| {
            ledger.execute(
                "UPDATE runner SET expires_at = expires_at - ?1",
                [millis(by)?],
            )?;
            Ok(())
        })
    }

    /// Lets an hour go by for the budget of requests.
    ///
    /// # Errors
    ///
    /// When the ledger is not there.
    pub fn forward_budget(&self) -> Result<()> {
        self.write(|ledger| {
            // The hour, and behind a space the account whose budget it is.
            let earlier = "UPDATE tally
                SET label = (CAST(label AS INTEGER) - 1) || ltrim(label, '0123456789')
                WHERE name = 'budget'";
            ledger.execute(earlier, [])?;
            Ok(())
        })
    }

    /// Lets this much time go by for rate limits.
    ///
    /// # Errors
    ///
    /// When the ledger is not there.
    pub fn forward_rate_limits(&self, by: Duration) -> Result<()> {
        self.write(|ledger| {
            let earlier = "UPDATE rate_limit SET until = until - ?1";
            ledger.execute(earlier, [millis(by)?])?;
            Ok(())
        })
    }

    /// The runners whose leases are alive.
    ///
    /// # Errors
    ///
    /// When the ledger can't be read.
    pub fn runners(&self) -> Result<Vec<Runner>> {
        let ledger = self.open()?;
        let now = jiff::Timestamp::now().as_millisecond();
        let mut alive = ledger.prepare("SELECT open, waiting FROM runner WHERE expires_at > ?1")?;
        let runners = alive.query_map([now], |row| {
            Ok(Runner {
                open: row.get(0)?,
                waiting: row.get(1)?,
            })
        })?;
        Ok(runners.collect::<Result<_, _>>()?)
    }

    /// Waits until nobody is there who would see at once what falls due.
    ///
    /// # Errors
    ///
    /// When the ledger can't be read, or runners stay for too long.
    pub async fn no_runner(&self) -> Result<()> {
        eventually("that all runners are gone", DEADLINE, async || {
            let runners = self.runners()?;
            Ok(if runners.is_empty() {
                Ok(())
            } else {
                Err(format!("{runners:?}"))
            })
        })
        .await
    }

    /// How many rows a table has.
    ///
    /// # Errors
    ///
    /// When there is no such table.
    pub fn count(&self, table: &str) -> Result<usize> {
        let ledger = self.open()?;
        Ok(
            ledger.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| {
                row.get(0)
            })?,
        )
    }

    fn open(&self) -> Result<Connection> {
        // Without the flag to create: a file in the wrong place would be an empty ledger.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let ledger = Connection::open_with_flags(&self.file, flags)
            .with_context(|| format!("no ledger at {}", self.file.display()))?;
        ledger.busy_timeout(PATIENCE)?;
        Ok(ledger)
    }

    fn write(&self, write: impl FnOnce(&Transaction<'_>) -> Result<()>) -> Result<()> {
        let mut ledger = self.open()?;
        let transaction = ledger.transaction_with_behavior(TransactionBehavior::Immediate)?;
        write(&transaction)?;
        Ok(transaction.commit()?)
    }
}

fn millis(duration: Duration) -> Result<i64> {
    Ok(i64::try_from(duration.as_millis())?)
}
