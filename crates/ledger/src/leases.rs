//! Leases on an account's triggers: who may write them.

use std::time::Duration;

use domain::{account::AccountId, time::Timestamp};

use crate::{Columns as _, Database, Ledger, LedgerError, text};

/// How long a lease lasts when its holder does not give it back.
pub const LEASE: Duration = Duration::from_secs(15);

/// The right to write an account's triggers, held by one at a time.
#[derive(Debug)]
pub struct AccountLease {
    /// The account.
    pub account: AccountId,
    /// Whether the holder before vanished without giving the lease back: what it was writing may
    /// be half done.
    pub inherited: bool,
    token: String,
}

impl<D: Database> Ledger<D> {
    /// Takes the lease on an account's triggers, if it is free or has run out. `token` has to be
    /// nobody else's.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn try_lease(
        &self,
        account: &AccountId,
        token: &str,
        now: Timestamp,
    ) -> Result<Option<AccountLease>, LedgerError> {
        // A lease that was given back has no row. One that ran out is updated, and says so.
        let taken = self.run(
            "INSERT INTO account_lease (account, token, inherited, expires_at)
             VALUES (?1, ?2, 0, ?3)
             ON CONFLICT (account) DO UPDATE
                SET token = excluded.token, inherited = 1, expires_at = excluded.expires_at
                WHERE account_lease.expires_at <= ?4
             RETURNING inherited",
            &[text(account), text(token), (now + LEASE).into(), now.into()],
        )?;
        let lease = |inherited| AccountLease {
            account: account.clone(),
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
    pub fn give_back(&self, lease: &AccountLease) -> Result<(), LedgerError> {
        self.run(
            "DELETE FROM account_lease WHERE account = ?1 AND token = ?2",
            &[text(&lease.account), text(&lease.token)],
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
            "SELECT account FROM account_lease WHERE expires_at <= ?1 LIMIT 10",
            &[now.into()],
        )?;
        found
            .iter()
            .map(|row| row.parsed(0, AccountId::parse))
            .collect()
    }
}
