//! The ledger: events, deliveries and attempts, and the leases of runners and writers, in SQLite.
//!
//! Wherever it lives (a file under `spin up`, a libSQL server on Fermyon Cloud), a transaction may
//! not span calls. What has to be atomic is therefore one statement, with SQL triggers where one
//! insert makes rows of several kinds. Who runs the statements is a [`Database`]: Spin's SQLite in
//! the components, an in-memory one in the tests.

mod announcements;
mod batches;
mod budget;
mod conditions;
mod database;
mod deliveries;
mod events;
mod history;
mod idempotency;
mod in_flight;
mod leases;
mod lines;
mod manual;
mod purge;
mod rate_limits;
mod retention;
mod runners;
mod schema;
mod statistics;
mod tally;
mod test_send;

pub use announcements::Place;
pub use batches::{Accepted, Outcome};
pub use budget::{Budget, Reserved};
pub use database::{Database, DatabaseError, Row, Value};
pub use deliveries::{Claim, ClaimLimits, Claimed, FinishedAttempt, Withdrawn};
pub use events::{EarlierEvent, EventFilter, Inserted, NewEventRow, PlannedDelivery};
pub use history::DeliveryFilter;
pub use idempotency::{EarlierRequest, KeyedRequest};
pub use in_flight::{InFlightLimits, Returned};
pub use leases::{LEASE, Lease, Subject};
pub use lines::{CLAIM_LEASE, Lines};
pub use manual::{Cancelled, Recovery, Replayed, Retried};
pub use purge::{PurgeStep, Remains};
pub use rate_limits::Counted;
pub use retention::Pruned;
pub use runners::{Joining, Leaving, SLOTS, Slot};
pub use statistics::StatisticsLimits;
pub use tally::{Owed, RowCounts, Tallies};
pub use test_send::NewTest;

use database::{Columns, optional, text};

/// The ledger, in a database.
pub struct Ledger<D> {
    database: D,
    /// The most runners that have a slot at once.
    slots: usize,
}

/// The ledger does not answer, or not what it should.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A row holds something that was never written there.
    #[error("the ledger's column {column} can't be read")]
    Row {
        /// The column's place in the result.
        column: usize,
    },
}

impl<D: Database> Ledger<D> {
    /// The ledger in this database, which may be empty.
    pub fn new(database: D) -> Self {
        Self {
            database,
            slots: SLOTS,
        }
    }

    /// The same, for runners of which no more than `slots` are to have a slot at once; never more than [`SLOTS`].
    #[must_use]
    pub fn with_slots(self, slots: usize) -> Self {
        Self {
            slots: slots.clamp(1, SLOTS),
            ..self
        }
    }

    /// The version of the schema that the ledger says it is of; 0 where it says nothing.
    pub fn version(&self) -> i64 {
        schema::version(&self.database)
    }

    /// Runs one statement, whole or not at all.
    ///
    /// The schema is made when a statement fails, and the statement then run once more: a ledger
    /// that is set up costs no request a statement to find that out.
    fn run(&self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, LedgerError> {
        match self.database.execute(sql, parameters) {
            Err(DatabaseError::Failed(_)) => {
                schema::ensure(&self.database)?;
                Ok(self.database.execute(sql, parameters)?)
            }
            done => Ok(done?),
        }
    }
}
