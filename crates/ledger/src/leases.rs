//! Leases: who may write what only one at a time may write.

use std::time::Duration;

use domain::{account::AccountId, time::Timestamp};

use crate::{Columns as _, Database, Ledger, LedgerError, Row, text};

/// How long a lease lasts when its holder does not give it back.
pub const LEASE: Duration = Duration::from_secs(15);

/// What one at a time may write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// An account's triggers.
    Triggers(AccountId),
    /// The deployment's own event types.
    EventTypes,
    /// The API keys that were made through the API.
    ApiKeys,
    /// The key pairs of all accounts.
    SigningKeys,
}

/// The names of what is of no account. No account has a space in its id.
const EVENT_TYPES: &str = "event types";
const API_KEYS: &str = "api keys";
const SIGNING_KEYS: &str = "signing keys";

impl Subject {
    fn name(&self) -> &str {
        match self {
            Self::Triggers(account) => account.as_str(),
            Self::EventTypes => EVENT_TYPES,
            Self::ApiKeys => API_KEYS,
            Self::SigningKeys => SIGNING_KEYS,
        }
    }
}

/// The right to write its subject, held by one at a time.
#[derive(Debug)]
pub struct Lease {
    /// What it is on.
    pub subject: Subject,
    /// Whether the holder before vanished without giving the lease back: what it was writing may
    /// be half done.
    pub inherited: bool,
    token: String,
}

impl<D: Database> Ledger<D> {
    /// Takes the lease on a subject, if it is free or has run out. `token` has to be nobody else's.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn try_lease(
        &self,
        subject: &Subject,
        token: &str,
        now: Timestamp,
    ) -> Result<Option<Lease>, LedgerError> {
        // A lease that was given back has no row. One that ran out is updated, and says so.
        let taken = self.run(
            "INSERT INTO lease (subject, token, inherited, expires_at)
             VALUES (?1, ?2, 0, ?3)
             ON CONFLICT (subject) DO UPDATE
                SET token = excluded.token, inherited = 1, expires_at = excluded.expires_at
                WHERE lease.expires_at <= ?4
             RETURNING inherited",
            &[
                text(subject.name()),
                text(token),
                (now + LEASE).into(),
                now.into(),
            ],
        )?;
        let lease = |inherited| Lease {
            subject: subject.clone(),
            inherited: inherited == 1,
            token: token.to_owned(),
        };
        taken
            .first()
            .map(|row| row.integer(0).map(lease))
            .transpose()
    }

    /// Gives the lease back.
    ///
    /// # Errors
    ///
    /// When the ledger fails; the lease then runs out by itself.
    pub fn give_back(&self, lease: &Lease) -> Result<(), LedgerError> {
        self.run(
            "DELETE FROM lease WHERE subject = ?1 AND token = ?2",
            &[text(lease.subject.name()), text(&lease.token)],
        )?;
        Ok(())
    }

    /// Accounts whose last writer vanished, a few of them.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn abandoned(&self, now: Timestamp) -> Result<Vec<AccountId>, LedgerError> {
        let found = self.run(
            "SELECT subject FROM lease
             WHERE expires_at <= ?1 AND subject NOT LIKE '% %' LIMIT 10",
            &[now.into()],
        )?;
        accounts(&found)
    }

    /// All accounts in which a writer vanished and what it left half done may not be repaired yet.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn unsettled(&self, now: Timestamp) -> Result<Vec<AccountId>, LedgerError> {
        let found = self.run(
            "SELECT subject FROM lease
             WHERE (expires_at <= ?1 OR inherited) AND subject NOT LIKE '% %'",
            &[now.into()],
        )?;
        accounts(&found)
    }
}

fn accounts(rows: &[Row]) -> Result<Vec<AccountId>, LedgerError> {
    rows.iter()
        .map(|row| row.parsed(0, AccountId::parse))
        .collect()
}
