//! The history of deliveries and attempts.

use std::collections::HashMap;

use domain::{
    account::AccountId,
    delivery::Status,
    id::{ActionId, DeliveryId, EventId, TriggerId},
    page::Page,
    time::Timestamp,
};
use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::{
    Columns as _, Database, Ledger, LedgerError, Row, conditions::Conditions, lines::IN_LINE, text,
};

/// A delivery, as lists show it.
#[derive(Debug, Serialize)]
pub struct DeliveryRow {
    /// Its id.
    pub id: DeliveryId,
    /// The event.
    pub event_id: EventId,
    /// The trigger.
    pub trigger_id: TriggerId,
    /// The action.
    pub action_id: ActionId,
    /// The event's type.
    #[serde(rename = "type")]
    pub event_type: String,
    /// Where it stands.
    pub status: Status,
    /// Why it stands so, where there is something to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The attempts made.
    pub attempt_count: u32,
    /// When the next is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<Timestamp>,
    /// When it came to be.
    pub created_at: Timestamp,
    /// Whether it is a test of the action.
    pub test: bool,
}

impl DeliveryRow {
    /// Whether a runner has it.
    pub(crate) fn is_delivering(&self) -> bool {
        self.status == Status::Delivering
    }
}

/// A delivery with its attempts.
#[derive(Debug, Serialize)]
pub struct DeliveryDetails {
    /// The delivery.
    #[serde(flatten)]
    pub delivery: DeliveryRow,
    /// Its attempts, the first first.
    pub attempts: Vec<Attempt>,
}

/// An attempt, as the history shows it.
#[derive(Debug, Serialize)]
pub struct Attempt {
    /// 1 for the first.
    pub number: u32,
    /// When it started.
    pub started_at: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The status of the response, if one came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_code: Option<u16>,
    /// What went wrong, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What was sent.
    pub request_headers: Map<String, Json>,
    /// What came.
    pub response_headers: Map<String, Json>,
    /// The beginning of what came.
    pub response_body: Option<String>,
}

/// How an action's attempts have gone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Health {
    /// When an attempt last succeeded.
    pub last_success_at: Option<Timestamp>,
    /// When an attempt last failed.
    pub last_failure_at: Option<Timestamp>,
    /// When the first attempt failed since the last success; none while all is well.
    pub failing_since: Option<Timestamp>,
    /// Attempts that failed since the last success.
    pub consecutive_failures: u64,
}

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
    ) -> Result<Vec<DeliveryRow>, LedgerError> {
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
        let attempts = found.iter().map(Attempt::read).collect::<Result<_, _>>()?;
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
    ) -> Result<HashMap<ActionId, Health>, LedgerError> {
        let wanted = serde_json::to_string(actions).expect("ids are JSON");
        let found = self.run(
            "SELECT action_id, last_success_at, last_failure_at, failing_since,
                    consecutive_failures
             FROM json_each(?2) AS wanted
             JOIN action_health ON account = ?1 AND action_id = wanted.value",
            &[text(account), text(wanted)],
        )?;
        found.iter().map(Health::read).collect()
    }

    /// How the attempts of an account's actions have gone, of as many as are looked at.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn health_of(&self, account: &AccountId) -> Result<Vec<(ActionId, Health)>, LedgerError> {
        let found = self.run(
            "SELECT action_id, last_success_at, last_failure_at, failing_since,
                    consecutive_failures
             FROM action_health WHERE account = ?1 LIMIT ?2",
            &[text(account), MAX_ACTIONS.into()],
        )?;
        found.iter().map(Health::read).collect()
    }
}

/// The most actions of an account whose health is looked at.
pub(crate) const MAX_ACTIONS: usize = 10_000;

impl Health {
    fn read(row: &Row) -> Result<(ActionId, Self), LedgerError> {
        let health = Self {
            last_success_at: row.optional_time(1)?,
            last_failure_at: row.optional_time(2)?,
            failing_since: row.optional_time(3)?,
            consecutive_failures: row.number(4)?,
        };
        Ok((row.parsed(0, ActionId::parse)?, health))
    }
}

fn delivery_rows(found: &[Row]) -> Result<Vec<DeliveryRow>, LedgerError> {
    let read = |row: &Row| {
        let status = row.parsed(5, |name| Status::parse(name).ok_or(()))?;
        let due_at = row.optional_time(8)?;
        Ok(DeliveryRow {
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

impl Attempt {
    fn read(row: &Row) -> Result<Self, LedgerError> {
        Ok(Self {
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
}
