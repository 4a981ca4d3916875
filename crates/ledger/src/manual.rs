//! What people do to deliveries by hand: retry, recover, cancel, replay.

use std::collections::HashMap;

use api::wire::AcceptedDelivery;
use domain::{
    account::AccountId,
    delivery::Status,
    id::{ActionId, DeliveryId, EventId, TriggerId},
    matching::Omitted,
    time::Timestamp,
};

use crate::{
    Columns as _, Database, KeyedRequest, Ledger, LedgerError, PlannedDelivery, Row,
    conditions::Conditions,
    events::{decode_owed, encode_omitted, encode_owed},
    optional, text,
};

/// What came of the wish to try a delivery again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retried {
    /// It is due now, with its whole schedule before it.
    Due,
    /// An attempt is under way at this moment.
    UnderWay,
    /// It is a test, which is one attempt.
    Test,
    /// There is no such delivery.
    Missing,
}

/// What came of the wish to cancel a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// It will not be sent again.
    Done,
    /// An attempt is under way at this moment.
    UnderWay,
    /// Nothing was owed any more.
    Settled,
    /// There is no such delivery.
    Missing,
}

/// Result of a replay under an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replayed {
    /// These deliveries are enqueued, by this request or an earlier one.
    Enqueued(Vec<AcceptedDelivery>),
    /// Another request had the key.
    Reused,
}

/// Which failed deliveries to try again.
#[derive(Debug)]
pub struct Recovery {
    /// Created at this time or later.
    pub since: Timestamp,
    /// Created before this time.
    pub until: Option<Timestamp>,
    /// Of this trigger only.
    pub trigger: Option<TriggerId>,
    /// Of this action only.
    pub action: Option<ActionId>,
    /// Of none of these actions.
    pub except: Vec<ActionId>,
}

impl Recovery {
    /// The conditions of its deliveries.
    fn conditions(&self, account: &AccountId) -> Conditions {
        let mut conditions = Conditions::of(account);
        conditions.test(Some(false));
        conditions.equal_indexed("action_id", self.action);
        conditions.equal_indexed("trigger_id", self.trigger);
        conditions.equal("status", Some("failed"));
        conditions.created(Some(self.since), self.until, DeliveryId::first_at);
        conditions.not_among("action_id", &self.except);
        conditions
    }
}

/// How many deliveries one statement makes due again.
const RECOVERED_AT_ONCE: usize = 5_000;

/// How many deliveries one statement cancels.
const CANCELED_AT_ONCE: usize = 1_000;

/// What makes a delivery due again, with its whole schedule before it.
const DUE_AGAIN: &str = "status = 'pending', tries = 0, claim = NULL, \
                         queue = '1' || substr(queue, 2)";

impl<D: Database> Ledger<D> {
    /// Makes a delivery due now, whatever became of it before. Its attempts and id stay.
    ///
    /// One that a runner has under a live lease is left to it: there is one attempt at a time. Where
    /// the receiver asked for a pause, it is due after that.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn retry(
        &self,
        account: &AccountId,
        id: DeliveryId,
        now: Timestamp,
    ) -> Result<Retried, LedgerError> {
        let retried = self.run(
            &format!(
                "UPDATE delivery SET due_at = ?3, reason = 'retried by hand', {DUE_AGAIN}
                 WHERE account = ?1 AND id = ?2 AND (status <> 'delivering' OR due_at <= ?3)
                   AND NOT test
                 RETURNING action_id"
            ),
            &[text(account), text(id), now.into()],
        )?;
        if let Some(row) = retried.first() {
            let action = row.parsed(0, ActionId::parse)?;
            if let Some(until) = self.held_until(account, action, now)? {
                let held = HashMap::from([((account.clone(), action), until)]);
                self.put_off_held(&held, now)?;
            }
            return Ok(Retried::Due);
        }
        Ok(match self.delivery(account, id)? {
            None => Retried::Missing,
            Some(found) if found.delivery.test => Retried::Test,
            Some(_) => Retried::UnderWay,
        })
    }

    /// The triggers and actions that have deliveries to recover.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn failed_actions(
        &self,
        account: &AccountId,
        recovery: &Recovery,
    ) -> Result<Vec<(TriggerId, ActionId)>, LedgerError> {
        let (conditions, parameters) = recovery.conditions(account).all();
        let found = self.run(
            &format!("SELECT DISTINCT trigger_id, action_id FROM delivery {conditions}"),
            &parameters,
        )?;
        let action = |row: &Row| {
            let trigger = row.parsed(0, TriggerId::parse)?;
            Ok((trigger, row.parsed(1, ActionId::parse)?))
        };
        found.iter().map(action).collect()
    }

    /// Makes all failed deliveries of a time due now, tests left out, some thousands a statement.
    /// Returns how many. Called again after a crash, it goes on where it was.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn recover(
        &self,
        account: &AccountId,
        recovery: &Recovery,
        now: Timestamp,
    ) -> Result<usize, LedgerError> {
        let mut recovered = 0;
        loop {
            let (conditions, mut parameters) = recovery.conditions(account).all();
            parameters.push(now.into());
            let now = parameters.len();
            let found = self.run(
                &format!(
                    "UPDATE delivery SET due_at = ?{now}, reason = 'recovered by hand', {DUE_AGAIN}
                     WHERE rowid IN
                        (SELECT rowid FROM delivery {conditions} LIMIT {RECOVERED_AT_ONCE})
                     RETURNING 1"
                ),
                &parameters,
            )?;
            recovered += found.len();
            if found.len() < RECOVERED_AT_ONCE {
                return Ok(recovered);
            }
        }
    }

    /// Cancels a delivery that is still owed.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn cancel_by_hand(
        &self,
        account: &AccountId,
        id: DeliveryId,
        now: Timestamp,
    ) -> Result<Cancelled, LedgerError> {
        let canceled = self.run(
            "UPDATE delivery
             SET status = 'canceled', reason = 'canceled by hand', due_at = NULL, claim = NULL
             WHERE account = ?1 AND id = ?2
               AND (status = 'pending' OR (status = 'delivering' AND due_at <= ?3))
             RETURNING id",
            &[text(account), text(id), now.into()],
        )?;
        if !canceled.is_empty() {
            return Ok(Cancelled::Done);
        }
        Ok(match self.delivery(account, id)? {
            None => Cancelled::Missing,
            Some(found) if found.delivery.status == Status::Delivering => Cancelled::UnderWay,
            Some(_) => Cancelled::Settled,
        })
    }

    /// Cancels all that is pending of these actions, which are gone. An attempt that is under way goes
    /// on. Returns how many.
    ///
    /// # Errors
    ///
    /// When the ledger fails; what is left is canceled when its turn comes.
    pub fn cancel_pending(
        &self,
        account: &AccountId,
        actions: &[ActionId],
        reason: &str,
    ) -> Result<usize, LedgerError> {
        let queues: Vec<_> = actions
            .iter()
            .flat_map(|action| {
                let name = format!("{}{account}", action.random_part());
                ["0", "1", "2", "3"].map(|lane| format!("{lane}{name}"))
            })
            .collect();
        let queues = text(serde_json::to_string(&queues).expect("texts are JSON"));
        let pending = "SELECT delivery.rowid FROM json_each(?1) AS gone
             CROSS JOIN delivery ON delivery.queue = gone.value
             WHERE delivery.due_at IS NOT NULL AND delivery.status = 'pending'";
        // A look costs far less than a write that changes nothing.
        let found = self.run(&format!("{pending} LIMIT 1"), std::slice::from_ref(&queues))?;
        let mut canceled = 0;
        let mut more = !found.is_empty();
        while more {
            let step = self.run(
                &format!(
                    "UPDATE delivery SET status = 'canceled', reason = ?2, due_at = NULL, claim = NULL
                     WHERE rowid IN ({pending} LIMIT {CANCELED_AT_ONCE})
                     RETURNING 1"
                ),
                &[queues.clone(), text(reason)],
            )?;
            canceled += step.len();
            more = step.len() == CANCELED_AT_ONCE;
        }
        Ok(canceled)
    }

    /// Enqueues an event again, to `deliveries`, in one statement. `false` when there is no such
    /// event (any more).
    ///
    /// # Errors
    ///
    /// When the ledger fails; nothing is enqueued then.
    pub fn replay(
        &self,
        account: &AccountId,
        event: EventId,
        deliveries: &[PlannedDelivery],
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        let enqueued = self.enqueue_again(account, event, &encode_owed(deliveries), now)?;
        Ok(enqueued == deliveries.len())
    }

    /// Notes with an event what it has no deliveries for, now that it was matched again.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn note_omitted(
        &self,
        account: &AccountId,
        event: EventId,
        omitted: &Omitted,
    ) -> Result<(), LedgerError> {
        self.run(
            "UPDATE event SET omitted = ?3
             WHERE account = ?1 AND id = ?2 AND omitted IS NOT ?3",
            &[
                text(account),
                text(event),
                optional(encode_omitted(omitted)),
            ],
        )?;
        Ok(())
    }

    /// As [`Ledger::replay`], under an idempotency key: the first request's deliveries are those of
    /// all requests with the key.
    ///
    /// # Errors
    ///
    /// When the ledger fails. The same request then finishes what this one began.
    pub fn replay_keyed(
        &self,
        request: &KeyedRequest<'_>,
        event: EventId,
        deliveries: &[PlannedDelivery],
        now: Timestamp,
    ) -> Result<Replayed, LedgerError> {
        let shared = self.share_keyed(request, &encode_owed(deliveries), now)?;
        if !shared.same {
            return Ok(Replayed::Reused);
        }
        if !shared.done {
            self.enqueue_again(request.account, event, &shared.result, now)?;
            self.finish_keyed(request)?;
        }
        let deliveries = decode_owed(&shared.result).map_err(|_| LedgerError::Row { column: 1 })?;
        Ok(Replayed::Enqueued(deliveries))
    }

    /// Enqueues an event's deliveries that are not there yet. Returns how many those were.
    fn enqueue_again(
        &self,
        account: impl ToString,
        event: EventId,
        deliveries: &str,
        now: Timestamp,
    ) -> Result<usize, LedgerError> {
        let owed = self.run(
            "INSERT INTO delivery
                (account, id, event_id, trigger_id, action_id, type, status, reason, due_at, queue,
                 created_at)
             SELECT event.account, owed.value ->> 0, event.id, owed.value ->> 1, owed.value ->> 2,
                    event.type, CASE WHEN owed.value ->> 3 IS NULL THEN 'pending' ELSE 'skipped' END,
                    owed.value ->> 3, CASE WHEN owed.value ->> 3 IS NULL THEN ?4 END,
                    '0' || substr(owed.value ->> 2, -16) || event.account, ?4
             FROM event JOIN json_each(?3) AS owed
             WHERE event.account = ?1 AND event.id = ?2
             ON CONFLICT DO NOTHING
             RETURNING id",
            &[text(account), text(event), text(deliveries), now.into()],
        )?;
        Ok(owed.len())
    }
}
