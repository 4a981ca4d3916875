//! The history of deliveries and attempts.

use std::collections::HashMap;

use api::wire::{ActionHealth, Attempt, Delivery, DeliveryDetails};
use domain::{
    account::AccountId,
    delivery::Status,
    id::{ActionId, DeliveryId, EventId, TriggerId},
    page::Page,
    time::Timestamp,
};

use crate::{
    Columns as _, Database, Ledger, LedgerError, Row, conditions::Conditions, lines::IN_LINE, text,
};

/// Which deliveries to list.
#[derive(Debug, Default)]
pub struct DeliveryFilter<'a> {
    /// In this state only.
    pub status: Option<Status>,
    /// Of this trigger only.
    pub trigger: Option<TriggerId>,
    /// Of this action only.
    pub action: Option<ActionId>,
    /// Of this event only.
    pub event: Option<EventId>,
    /// Of events of this type only.
    pub event_type: Option<&'a str>,
    /// Only tests, or none of them.
    pub test: Option<bool>,
    /// Created at this time or later.
    pub since: Option<Timestamp>,
    /// Created before this time.
    pub until: Option<Timestamp>,
}

const ROW: &str = "id, event_id, trigger_id, action_id, type, status, reason, attempt_count, \
                   due_at, created_at, test";

impl<D: Database> Ledger<D> {
    /// A page of an account's deliveries, the newest first.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn deliveries(
        &self,
        account: &AccountId,
        filter: &DeliveryFilter<'_>,
        page: &Page,
    ) -> Result<Vec<Delivery>, LedgerError> {
        let mut conditions = Conditions::of(account);
        conditions.test(filter.test);
        conditions.equal_indexed("event_id", filter.event);
        conditions.equal_indexed("action_id", filter.action);
        conditions.equal_indexed("trigger_id", filter.trigger);
        conditions.equal("status", filter.status.map(Status::as_str));
        conditions.equal("type", filter.event_type);
        conditions.created(filter.since, filter.until, DeliveryId::first_at);
        let (conditions, parameters) = conditions.page(page);
        let found = self.run(
            &format!("SELECT {ROW} FROM delivery {conditions}"),
            &parameters,
        )?;
        delivery_rows(&found)
    }

    /// A delivery, with its attempts.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn delivery(
        &self,
        account: &AccountId,
        id: DeliveryId,
    ) -> Result<Option<DeliveryDetails>, LedgerError> {
        let key = [text(account), text(id)];
        let found = self.run(
            &format!("SELECT {ROW} FROM delivery WHERE account = ?1 AND id = ?2"),
            &key,
        )?;
        let Some(delivery) = delivery_rows(&found)?.pop() else {
            return Ok(None);
        };
        let found = self.run(
            "SELECT number, started_at, duration_ms, status_code, error, request_headers,
                    response_headers, response_body
             FROM attempt WHERE account = ?1 AND delivery_id = ?2 ORDER BY number",
            &key,
        )?;
        let attempts = found.iter().map(attempt).collect::<Result<_, _>>()?;
        Ok(Some(DeliveryDetails { delivery, attempts }))
    }

    /// How the attempts of each of these actions of an account have gone; none were made of those left out.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn health(
        &self,
        account: &AccountId,
        actions: &[ActionId],
    ) -> Result<HashMap<ActionId, ActionHealth>, LedgerError> {
        let wanted = serde_json::to_string(actions).expect("ids are JSON");
        let found = self.run(
            "SELECT action_id, last_success_at, last_failure_at, failing_since,
                    consecutive_failures
             FROM json_each(?2) AS wanted
             JOIN action_health ON account = ?1 AND action_id = wanted.value",
            &[text(account), text(wanted)],
        )?;
        found.iter().map(health).collect()
    }

    /// How the attempts of an account's actions have gone, of as many as are looked at.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn health_of(
        &self,
        account: &AccountId,
    ) -> Result<Vec<(ActionId, ActionHealth)>, LedgerError> {
        let found = self.run(
            "SELECT action_id, last_success_at, last_failure_at, failing_since,
                    consecutive_failures
             FROM action_health WHERE account = ?1 LIMIT ?2",
            &[text(account), MAX_ACTIONS.into()],
        )?;
        found.iter().map(health).collect()
    }
}

/// The most actions of an account whose health is looked at.
pub(crate) const MAX_ACTIONS: usize = 10_000;

fn health(row: &Row) -> Result<(ActionId, ActionHealth), LedgerError> {
    let health = ActionHealth {
        last_success_at: row.optional_time(1)?,
        last_failure_at: row.optional_time(2)?,
        failing_since: row.optional_time(3)?,
        consecutive_failures: row.number(4)?,
    };
    Ok((row.parsed(0, ActionId::parse)?, health))
}

fn delivery_rows(found: &[Row]) -> Result<Vec<Delivery>, LedgerError> {
    let read = |row: &Row| {
        let status = row.parsed(5, |name| Status::parse(name).ok_or(()))?;
        let due_at = row.optional_time(8)?;
        Ok(Delivery {
            id: row.parsed(0, DeliveryId::parse)?,
            event_id: row.parsed(1, EventId::parse)?,
            trigger_id: row.parsed(2, TriggerId::parse)?,
            action_id: row.parsed(3, ActionId::parse)?,
            event_type: row.text(4)?.to_owned(),
            status,
            reason: row.optional_text(6)?.map(Into::into),
            attempt_count: row.number(7)?,
            // While a runner has it, that column is the end of the lease.
            // And while it waits in line, nobody knows.
            next_attempt_at: due_at
                .filter(|due| status == Status::Pending && due.as_millis() < IN_LINE),
            created_at: row.time(9)?,
            test: row.flag(10)?,
        })
    };
    found.iter().map(read).collect()
}

fn attempt(row: &Row) -> Result<Attempt, LedgerError> {
    Ok(Attempt {
        number: row.number(0)?,
        started_at: row.time(1)?,
        duration_ms: row.number(2)?,
        status_code: row
            .optional_integer(3)?
            .and_then(|code| code.try_into().ok()),
        error: row.optional_text(4)?.map(Into::into),
        request_headers: row.json(5)?,
        response_headers: row.json(6)?,
        response_body: row.optional_text(7)?.map(Into::into),
    })
}
