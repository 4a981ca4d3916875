//! The ledger in a SQLite file, from outside of the service.

use std::path::Path;

use anyhow::Result;
use ledger::{Database, DatabaseError, Ledger, Row, Value};
use rusqlite::{
    Connection, OpenFlags, params_from_iter,
    types::{Value as SqliteValue, ValueRef},
};

/// A connection to the ledger's file.
pub(crate) struct File(Connection);

impl File {
    /// Opens the file, or makes it.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        Ok(Self(connection))
    }

    /// Runs `work` in one transaction. All of it is there afterwards, or nothing.
    pub(crate) fn at_once<T>(&self, work: impl FnOnce(&Ledger<&Self>) -> Result<T>) -> Result<T> {
        let ledger = Ledger::new(self);
        // Any statement makes the schema where it is missing, and not all of it can be made inside
        // a transaction.
        ledger.next_due_at()?;
        self.0.execute_batch("BEGIN IMMEDIATE")?;
        let done = work(&ledger)?;
        self.0.execute_batch("COMMIT")?;
        Ok(done)
    }

    /// Drops everything of the schema that is not as `keeps`, a condition on `sqlite_schema`, says.
    pub(crate) fn drop_all_but(&self, keeps: &str) -> Result<()> {
        let of_kind = "SELECT 'DROP ' || type || ' ' || name FROM sqlite_schema
             WHERE type = ?1 AND sql IS NOT NULL AND name NOT LIKE 'sqlite_%'";
        // What a table has goes with it, so tables come last.
        for kind in ["trigger", "index", "table"] {
            let mut drops = self.0.prepare(&format!("{of_kind} AND NOT ({keeps})"))?;
            let drops = drops.query_map([kind], |row| row.get::<_, String>(0))?;
            for drop in drops.collect::<rusqlite::Result<Vec<_>>>()? {
                self.0.execute_batch(&drop)?;
            }
        }
        Ok(())
    }

    /// Has SQLite leave it to the system when to write: for filling what is thrown away if it
    /// fails.
    pub(crate) fn careless(self) -> Result<Self> {
        self.0.execute_batch("PRAGMA synchronous = OFF")?;
        Ok(self)
    }
}

/// Whether anything is owed that is not settled.
pub(crate) fn owes(path: &Path) -> Result<bool> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    Ok(Ledger::new(&File(connection)).next_due_at()?.is_some())
}

impl Database for &File {
    fn execute(&self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, DatabaseError> {
        self.run(sql, parameters)
            .map_err(|error| DatabaseError::Failed(error.to_string()))
    }
}

impl File {
    fn run(&self, sql: &str, parameters: &[Value]) -> rusqlite::Result<Vec<Row>> {
        let mut statement = self.0.prepare_cached(sql)?;
        let columns = statement.column_count();
        let parameters = parameters.iter().map(|value| match value {
            Value::Null => SqliteValue::Null,
            Value::Integer(number) => SqliteValue::Integer(*number),
            Value::Text(text) => SqliteValue::Text(text.clone()),
        });
        let rows = statement.query_map(params_from_iter(parameters), |row| {
            (0..columns)
                .map(|column| {
                    Ok(match row.get_ref(column)? {
                        ValueRef::Null => Value::Null,
                        ValueRef::Integer(number) => Value::Integer(number),
                        other => Value::Text(other.as_str()?.to_owned()),
                    })
                })
                .collect()
        })?;
        rows.collect()
    }
}
