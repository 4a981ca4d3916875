//! Announcements: what the service has to tell of itself, until it is told.
//!
//! They are written by the statement that makes them true: with an attempt comes what it means for
//! its delivery and action, by an SQL trigger. Of what becomes true in another store, the intent is
//! written before, and settled after, by the same writer or by whoever takes over its lease.

use domain::{
    account::AccountId,
    id::{ActionId, DeliveryId, EventId, TriggerId},
    operator::{Announcement, Delivery, Disabling, Fact, Failing, SkippedEvent},
};

use crate::{
    Columns as _, Database, Ledger, LedgerError, Row, Value, events::omitted, optional, text,
};

/// An announcement's place in the order in which they are made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(i64);

/// What an announcement is read from.
const ROW: &str = "place, account, trigger_id, action_id, at, type, delivery_id, event_id,
                   event_type, attempts, since, reason,
                   (SELECT omitted FROM event
                    WHERE event.account = announcement.account
                      AND event.id = announcement.event_id)";

impl<D: Database> Ledger<D> {
    /// The first `limit` announcements that are to be made, in their order; `after` that place.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn announcements(
        &self,
        after: Place,
        limit: usize,
    ) -> Result<Vec<(Place, Announcement)>, LedgerError> {
        let found = self.run(
            &format!(
                "SELECT {ROW} FROM announcement WHERE certain AND place > ?1
                 ORDER BY place LIMIT ?2"
            ),
            &[after.0.into(), limit.into()],
        )?;
        found.iter().map(read).collect()
    }

    /// Forgets announcements that were made. A place is never had twice.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn announced(&self, places: &[Place]) -> Result<(), LedgerError> {
        let places: Vec<_> = places.iter().map(|place| place.0).collect();
        self.run(
            "DELETE FROM announcement WHERE place IN (SELECT value FROM json_each(?1))",
            &[text(
                serde_json::to_string(&places).expect("numbers are JSON"),
            )],
        )?;
        Ok(())
    }

    /// Notes what is about to be done: it is not told before that is settled.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn intend(&self, announcement: &Announcement) -> Result<(), LedgerError> {
        let (delivery, attempts, since, reason) = match &announcement.fact {
            Fact::ActionDisabled(Disabling { reason, failing }) => {
                let Failing {
                    failed_attempts,
                    failing_since,
                } = failing;
                (None, *failed_attempts, *failing_since, Some(reason))
            }
            Fact::DeliveryFailed {
                delivery,
                attempt_count,
                created_at,
                reason,
            } => (
                Some(delivery),
                *attempt_count,
                Some(*created_at),
                Some(reason),
            ),
            Fact::ActionRecovered { delivery, failing } => {
                let Failing {
                    failed_attempts,
                    failing_since,
                } = failing;
                (Some(delivery), *failed_attempts, *failing_since, None)
            }
            // Comes with its event, by an SQL trigger, and is never intended.
            Fact::FiltersSkipped { .. } => return Ok(()),
        };
        self.run(
            "INSERT INTO announcement
                (certain, account, trigger_id, action_id, at, type, delivery_id, event_id,
                 event_type, attempts, since, reason)
             VALUES (0, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            &[
                text(&announcement.account),
                text(announcement.trigger),
                optional(announcement.action),
                announcement.at.into(),
                text(&announcement.event_type().key),
                optional(delivery.map(|delivery| delivery.id)),
                optional(delivery.map(|delivery| delivery.event_id)),
                optional(delivery.map(|delivery| &delivery.event_type)),
                Value::Integer(i64::try_from(attempts).unwrap_or(i64::MAX)),
                since.map_or(Value::Null, Value::from),
                optional(reason),
            ],
        )?;
        Ok(())
    }

    /// What is about to be done in an account, or was to be done by a writer that vanished.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn intents(&self, account: &AccountId) -> Result<Vec<(Place, Announcement)>, LedgerError> {
        let found = self.run(
            &format!("SELECT {ROW} FROM announcement WHERE NOT certain AND account = ?1"),
            &[text(account)],
        )?;
        found.iter().map(read).collect()
    }

    /// Settles an intent. What came to pass is to be told, and its action counts as down from then
    /// on; the rest is forgotten.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn settle_intent(&self, place: Place, came_to_pass: bool) -> Result<(), LedgerError> {
        let statement = if came_to_pass {
            "UPDATE announcement SET certain = 1 WHERE place = ?1"
        } else {
            "DELETE FROM announcement WHERE place = ?1 AND NOT certain"
        };
        self.run(statement, &[place.0.into()])?;
        Ok(())
    }
}

fn read(row: &Row) -> Result<(Place, Announcement), LedgerError> {
    let delivery = || -> Result<_, LedgerError> {
        Ok(Delivery {
            id: row.parsed(6, DeliveryId::parse)?,
            event_id: row.parsed(7, EventId::parse)?,
            event_type: row.text(8)?.to_owned(),
        })
    };
    let failing = || -> Result<_, LedgerError> {
        Ok(Failing {
            failed_attempts: row.number(9)?,
            failing_since: row.optional_time(10)?,
        })
    };
    let fact = match row.text(5)? {
        "webhook.action_disabled" => Fact::ActionDisabled(Disabling {
            reason: row.text(11)?.to_owned(),
            failing: failing()?,
        }),
        "webhook.delivery_failed" => Fact::DeliveryFailed {
            delivery: delivery()?,
            attempt_count: row.number(9)?,
            created_at: row.time(10)?,
            reason: row.text(11)?.to_owned(),
        },
        "webhook.action_recovered" => Fact::ActionRecovered {
            delivery: delivery()?,
            failing: failing()?,
        },
        "webhook.filters_skipped" => Fact::FiltersSkipped {
            event: SkippedEvent {
                id: row.parsed(7, EventId::parse)?,
                event_type: row.text(8)?.to_owned(),
            },
            unevaluated: omitted(row, 12)?
                .unevaluated_triggers
                .ok_or(LedgerError::Row { column: 12 })?,
        },
        _ => return Err(LedgerError::Row { column: 5 }),
    };
    let announcement = Announcement {
        account: row.parsed(1, AccountId::parse)?,
        trigger: row.parsed(2, TriggerId::parse)?,
        action: row
            .optional_text(3)?
            .map(ActionId::parse)
            .transpose()
            .map_err(|_| LedgerError::Row { column: 3 })?,
        at: row.time(4)?,
        fact,
    };
    Ok((Place(row.integer(0)?), announcement))
}
