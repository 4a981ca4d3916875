//! What is in flight, over all runs and test sends, and how much of it there may be.
//!
//! In flight is what somebody has claimed and not settled, for as long as the claim lasts: what a
//! run that died has left counts no longer than that.

use std::collections::HashMap;

use domain::{
    account::AccountId,
    delivery::held_reason,
    id::{ActionId, DeliveryId},
    time::Timestamp,
};

use crate::{Claim, Columns as _, Database, Ledger, LedgerError, text};

/// How many requests may be in flight at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InFlightLimits {
    /// All together.
    pub total: usize,
    /// Of an account.
    pub per_account: usize,
    /// Of an account to one host: a host that several accounts send to is slow for each by itself.
    pub per_host: usize,
}

impl InFlightLimits {
    /// No limit at all.
    pub const NONE: Self = Self {
        total: usize::MAX,
        per_account: usize::MAX,
        per_host: usize::MAX,
    };
}

/// A claimed delivery that is not sent now.
#[derive(Debug)]
pub struct Returned {
    /// The account.
    pub account: AccountId,
    /// The delivery.
    pub delivery: DeliveryId,
    /// When it is due again.
    pub due_at: Timestamp,
    /// Why it waits, where there is something to say.
    pub reason: Option<String>,
}

/// What is in flight at ?1, by account and host. The host is null where no run has found it out.
pub(crate) const FLIGHT: &str = "flight (account, host, count) AS MATERIALIZED (
        SELECT delivery.account, target.host, count(*)
        FROM delivery INDEXED BY delivery_in_flight
        LEFT JOIN target ON target.account = delivery.account
            AND target.action_id = delivery.action_id
        WHERE delivery.status = 'delivering' AND delivery.due_at > ?1
        GROUP BY 1, 2
     )";

/// The most deliveries that are put off at once.
const HELD_AT_ONCE: usize = 1_000;

impl<D: Database> Ledger<D> {
    /// Notes the hosts that requests of these actions go to: a claim counts them by that.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn note_hosts(
        &self,
        hosts: &HashMap<(AccountId, ActionId), String>,
    ) -> Result<(), LedgerError> {
        let hosts: Vec<_> = hosts
            .iter()
            .map(|((account, action), host)| (account, action, host))
            .collect();
        self.run(
            "INSERT INTO target (account, action_id, host)
             SELECT noted.value ->> 0, noted.value ->> 1, noted.value ->> 2
             FROM json_each(?1) AS noted WHERE TRUE
             ON CONFLICT (account, action_id) DO UPDATE SET host = excluded.host",
            &[text(
                serde_json::to_string(&hosts).expect("ids and texts are JSON"),
            )],
        )?;
        Ok(())
    }

    /// Gives claimed deliveries back without an attempt.
    ///
    /// # Errors
    ///
    /// When the ledger fails. They are claimed again when the claim is over.
    pub fn return_claimed(&self, claim: &Claim, returned: &[Returned]) -> Result<(), LedgerError> {
        let rows: Vec<_> = returned
            .iter()
            .map(|row| {
                let due_at = row.due_at.as_millis();
                (&row.account, row.delivery, due_at, &row.reason)
            })
            .collect();
        self.run(
            "UPDATE delivery
             SET status = 'pending', claim = NULL, due_at = given.value ->> 2,
                 reason = coalesce(given.value ->> 3, reason)
             FROM json_each(?2) AS given
             WHERE delivery.account = given.value ->> 0 AND delivery.id = given.value ->> 1
               AND delivery.claim = ?1",
            &[
                text(&claim.token),
                text(serde_json::to_string(&rows).expect("ids and texts are JSON")),
            ],
        )?;
        Ok(())
    }

    /// Until when an action's receiver asked to be left alone, where that is not over.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn held_until(
        &self,
        account: &AccountId,
        action: ActionId,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, LedgerError> {
        let found = self.run(
            "SELECT held_until FROM target
             WHERE account = ?1 AND action_id = ?2 AND held_until > ?3",
            &[text(account), text(action), now.into()],
        )?;
        found.first().map(|row| row.time(0)).transpose()
    }

    /// Puts off what is due of actions whose receivers asked for a pause until then, a bounded number of
    /// deliveries. What is left is claimed, and put off then.
    ///
    /// One statement, however many actions they are: each write waits for the disk, and what else is to
    /// be sent waits for all of them.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn put_off_held(
        &self,
        held: &HashMap<(AccountId, ActionId), Timestamp>,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let held: Vec<_> = held
            .iter()
            .map(|((account, action), until)| {
                let queues = format!("{}{account}", action.random_part());
                (queues, until.as_millis(), held_reason(*until))
            })
            .collect();
        self.run(
            "UPDATE delivery SET due_at = found.until, reason = found.reason
             FROM
                (SELECT waits.rowid AS entry, held.value ->> 1 AS until, held.value ->> 2 AS reason
                 FROM json_each(?1) AS held CROSS JOIN delivery AS waits
                    ON waits.queue IN ('0' || (held.value ->> 0), '1' || (held.value ->> 0),
                                       '3' || (held.value ->> 0))
                    AND waits.due_at <= ?2
                 WHERE waits.status = 'pending' LIMIT ?3) AS found
             WHERE delivery.rowid = found.entry",
            &[
                text(serde_json::to_string(&held).expect("names, numbers and texts are JSON")),
                now.into(),
                HELD_AT_ONCE.into(),
            ],
        )?;
        Ok(())
    }
}
