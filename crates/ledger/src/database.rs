use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::LedgerError;

/// Something that runs SQLite's statements, one at a time.
pub trait Database {
    /// Runs one statement, whole or not at all, and returns its rows. Writers that meet are made
    /// to wait for each other.
    ///
    /// # Errors
    ///
    /// When the database refuses the statement, can't be reached, or stays locked for too long.
    fn execute(&self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, DatabaseError>;
}

/// A value of a column or a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// No value.
    Null,
    /// A whole number.
    Integer(i64),
    /// A text.
    Text(String),
}

/// The values of a row, in the order of the columns.
pub type Row = Vec<Value>;

/// A statement was not run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseError {
    /// Writers that met could not get past each other for too long.
    #[error("the ledger stayed locked for {0:?}")]
    Busy(Duration),
    /// The database refused it or can't be reached.
    #[error("the ledger failed: {0}")]
    Failed(String),
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<domain::time::Timestamp> for Value {
    fn from(time: domain::time::Timestamp) -> Self {
        Self::Integer(time.as_millis())
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Self::Integer(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

pub(crate) fn text(value: impl ToString) -> Value {
    Value::Text(value.to_string())
}

pub(crate) fn optional(value: Option<impl ToString>) -> Value {
    value.map_or(Value::Null, text)
}

/// Reading a row's columns by their place, with an error in place of a panic.
pub(crate) trait Columns {
    fn optional_text(&self, column: usize) -> Result<Option<&str>, LedgerError>;
    fn optional_integer(&self, column: usize) -> Result<Option<i64>, LedgerError>;

    fn text(&self, column: usize) -> Result<&str, LedgerError> {
        self.optional_text(column)?
            .ok_or(LedgerError::Row { column })
    }

    fn integer(&self, column: usize) -> Result<i64, LedgerError> {
        self.optional_integer(column)?
            .ok_or(LedgerError::Row { column })
    }

    fn number<T: TryFrom<i64>>(&self, column: usize) -> Result<T, LedgerError> {
        T::try_from(self.integer(column)?).map_err(|_| LedgerError::Row { column })
    }

    fn flag(&self, column: usize) -> Result<bool, LedgerError> {
        Ok(self.integer(column)? != 0)
    }

    fn time(&self, column: usize) -> Result<domain::time::Timestamp, LedgerError> {
        self.integer(column)
            .map(domain::time::Timestamp::from_millis)
    }

    fn optional_time(&self, column: usize) -> Result<Option<domain::time::Timestamp>, LedgerError> {
        Ok(self
            .optional_integer(column)?
            .map(domain::time::Timestamp::from_millis))
    }

    fn parsed<T, E>(
        &self,
        column: usize,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, LedgerError> {
        parse(self.text(column)?).map_err(|_| LedgerError::Row { column })
    }

    fn json<T: DeserializeOwned>(&self, column: usize) -> Result<T, LedgerError> {
        self.parsed(column, |text| serde_json::from_str(text))
    }
}

impl Columns for Row {
    fn optional_text(&self, column: usize) -> Result<Option<&str>, LedgerError> {
        match self.get(column) {
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(Value::Null) => Ok(None),
            _ => Err(LedgerError::Row { column }),
        }
    }

    fn optional_integer(&self, column: usize) -> Result<Option<i64>, LedgerError> {
        match self.get(column) {
            Some(Value::Integer(number)) => Ok(Some(*number)),
            Some(Value::Null) => Ok(None),
            _ => Err(LedgerError::Row { column }),
        }
    }
}
