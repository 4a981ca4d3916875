//! Requests that created something under an idempotency key, and what they created.
//!
//! A row is written before the thing it names, and marked when that is done: a row without the mark
//! counts only where the thing is there.

use domain::time::Timestamp;

use crate::{Columns as _, Database, Ledger, LedgerError, Row, Value, text};

/// A request under an idempotency key. A key stands for one request to its path.
#[derive(Debug, Clone, Copy)]
pub struct KeyedRequest<'a> {
    /// The account that it is about; empty for a request that is about none.
    pub account: &'a str,
    /// The request's path.
    pub path: &'a str,
    /// Its idempotency key.
    pub key: &'a str,
    /// What tells it from other requests.
    pub fingerprint: &'a str,
}

/// An earlier request to the same path, under the same key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlierRequest {
    /// Whether it is the same request.
    pub same: bool,
    /// What it created, as the caller of [`Ledger::begin_keyed`] named it.
    pub result: String,
    /// Whether that is known to be there.
    pub done: bool,
}

/// Writes a request down; what follows says what happens where its key was used before.
const INSERT: &str =
    "INSERT INTO keyed_request (account, path, key, fingerprint, result, created_at)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6)
     ON CONFLICT (path, key) DO UPDATE SET";

impl KeyedRequest<'_> {
    /// The parameters of [`INSERT`].
    fn row(&self, result: &str, now: Timestamp) -> [Value; 6] {
        [
            text(self.account),
            text(self.path),
            text(self.key),
            text(self.fingerprint),
            text(result),
            now.into(),
        ]
    }
}

impl EarlierRequest {
    fn read(row: &Row) -> Result<Self, LedgerError> {
        Ok(Self {
            same: row.flag(0)?,
            result: row.text(1)?.to_owned(),
            done: row.flag(2)?,
        })
    }
}

impl<D: Database> Ledger<D> {
    /// The request that came before under this key.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn earlier_keyed(
        &self,
        request: &KeyedRequest<'_>,
    ) -> Result<Option<EarlierRequest>, LedgerError> {
        let found = self.run(
            "SELECT fingerprint = ?3, result, done FROM keyed_request WHERE path = ?1 AND key = ?2",
            &[
                text(request.path),
                text(request.key),
                text(request.fingerprint),
            ],
        )?;
        found.first().map(EarlierRequest::read).transpose()
    }

    /// Writes down what a request is about to create, in the place of what another request under
    /// the key began and did not finish. Callers hold a lease that orders them.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn begin_keyed(
        &self,
        request: &KeyedRequest<'_>,
        result: &str,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        self.run(
            &format!(
                "{INSERT}
                fingerprint = excluded.fingerprint, result = excluded.result,
                created_at = excluded.created_at
                WHERE NOT done"
            ),
            &request.row(result, now),
        )?;
        Ok(())
    }

    /// As [`Ledger::begin_keyed`], for callers without a lease: whoever comes first under the key
    /// names what is created, and all of them are answered with that.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn share_keyed(
        &self,
        request: &KeyedRequest<'_>,
        result: &str,
        now: Timestamp,
    ) -> Result<EarlierRequest, LedgerError> {
        let shared = self.run(
            &format!(
                "{INSERT} key = key
             RETURNING fingerprint = ?4, result, done"
            ),
            &request.row(result, now),
        )?;
        let row = shared.first().ok_or(LedgerError::Row { column: 0 })?;
        EarlierRequest::read(row)
    }

    /// Marks what a request created as done.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn finish_keyed(&self, request: &KeyedRequest<'_>) -> Result<(), LedgerError> {
        self.run(
            "UPDATE keyed_request SET done = 1
             WHERE path = ?1 AND key = ?2 AND fingerprint = ?3 AND NOT done",
            &[
                text(request.path),
                text(request.key),
                text(request.fingerprint),
            ],
        )?;
        Ok(())
    }
}
