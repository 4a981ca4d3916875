//! The ledger in Spin's SQLite.

pub use ::ledger::*;

use std::{mem::ManuallyDrop, time::Duration};

use spin_sdk::sqlite::{Connection, Value as SpinValue};

use crate::{
    clock::{self, Moment},
    config::{self, Durability},
    entropy,
    problem::Problem,
};

/// The ledger in the database `default`.
pub type Ledger = ::ledger::Ledger<SpinDatabase>;

/// A connection to the database. On `spin up` it is a SQLite connection of its own: it is opened
/// once a request, and kept to the end of the instance, when the host closes it. The last connection
/// that is closed has the whole write-ahead log to carry over, and no answer waits for that.
pub struct SpinDatabase {
    connection: ManuallyDrop<Connection>,
}

/// How long writers that meet try to get past each other.
const PATIENCE: Duration = Duration::from_secs(5);

/// Opens the ledger.
///
/// # Errors
///
/// A problem when the database can't be opened or `ledger_durability` is malformed.
pub fn open() -> Result<Ledger, Problem> {
    let database = SpinDatabase {
        connection: ManuallyDrop::new(Connection::open_default().map_err(Problem::unavailable)?),
    };
    let settings: &[&str] = match config::durability()? {
        Durability::Full => &[BUSY_AT_ONCE],
        Durability::Normal => &[BUSY_AT_ONCE, "PRAGMA synchronous = NORMAL"],
        Durability::Engine => &[],
    };
    for setting in settings {
        database.execute(setting, &[]).map_err(LedgerError::from)?;
    }
    Ok(Ledger::new(database))
}

/// How long [`stay_open`] stays.
const STAY: Duration = Duration::from_millis(20);

/// Keeps this instance, and so its connections, for a moment after the answer. Of events that come
/// in close succession, not each then finds the write-ahead log carried over and deleted: making it
/// anew costs every one of them a few waits for the disk.
pub async fn stay_open() {
    if !matches!(config::durability(), Ok(Durability::Engine)) {
        clock::sleep(STAY).await;
    }
}

/// Has SQLite give up at once on a locked database: its own waiting sleeps in steps of up to 100
/// ms, [`SpinDatabase::execute`]'s in steps of about one. Writers that meet then get through in
/// milliseconds.
const BUSY_AT_ONCE: &str = "PRAGMA busy_timeout = 2";

impl Database for SpinDatabase {
    fn execute(&self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, DatabaseError> {
        let parameters: Vec<_> = parameters.iter().map(to_spin).collect();
        let start = Moment::now();
        loop {
            match self.connection.execute(sql, &parameters) {
                Ok(result) => {
                    let rows = result.rows.into_iter();
                    return rows
                        .map(|row| row.values.into_iter().map(from_spin).collect())
                        .collect();
                }
                Err(error) if !is_locked(&error.to_string()) => {
                    return Err(DatabaseError::Failed(error.to_string()));
                }
                Err(_) if start.elapsed() > PATIENCE => {
                    return Err(DatabaseError::Busy(PATIENCE));
                }
                Err(_) => std::thread::sleep(random_pause()),
            }
        }
    }
}

fn to_spin(value: &Value) -> SpinValue {
    match value {
        Value::Null => SpinValue::Null,
        Value::Integer(number) => SpinValue::Integer(*number),
        Value::Text(text) => SpinValue::Text(text.clone()),
    }
}

fn from_spin(value: SpinValue) -> Result<Value, DatabaseError> {
    match value {
        SpinValue::Null => Ok(Value::Null),
        SpinValue::Integer(number) => Ok(Value::Integer(number)),
        SpinValue::Text(text) => Ok(Value::Text(text)),
        SpinValue::Real(_) | SpinValue::Blob(_) => Err(DatabaseError::Failed(
            "a column is neither a number nor a text".into(),
        )),
    }
}

/// Errors come as text only; this is the one thing that is read out of it.
fn is_locked(error: &str) -> bool {
    error.contains("locked") || error.contains("busy")
}

/// 0.2 to 1.7 ms: as long as a write or a few take, and random, so that two writers that met do
/// not meet again.
fn random_pause() -> Duration {
    Duration::from_micros(200 + entropy::word() % 1_500)
}

/// Waits for the lease on a subject, no longer than `patience`.
///
/// # Errors
///
/// When others hold it for too long, or the ledger fails.
pub async fn lease(
    ledger: &Ledger,
    subject: &Subject,
    patience: Duration,
) -> Result<Lease, Problem> {
    let token = entropy::token();
    let start = Moment::now();
    loop {
        if let Some(lease) = ledger.try_lease(subject, &token, clock::now())? {
            return Ok(lease);
        }
        if start.elapsed() > patience {
            let cause = format!("others held the lease on {subject:?} for {patience:?}");
            return Err(Problem::unavailable(cause));
        }
        clock::sleep(Duration::from_micros(1_000 + entropy::word() % 9_000)).await;
    }
}

/// Gives a lease back. One that can't be given back runs out.
pub fn give_back(ledger: &Ledger, lease: &Lease) {
    if let Err(error) = ledger.give_back(lease) {
        let subject = &lease.subject;
        eprintln!("error the lease on {subject:?} could not be given back: {error}");
    }
}

impl From<LedgerError> for Problem {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Database(DatabaseError::Busy(_)) => Self::unavailable(error),
            _ => Self::internal(error),
        }
    }
}
