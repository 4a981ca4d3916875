//! Statistics of an account: how much came and what became of it, without walking through it all.
//!
//! Ids sort by time, so that a range of time is a range of an index. What is looked at is capped,
//! the newest first, however much there is. Most is counted in indexes alone: to go from an entry of an
//! index to its row takes several times as long. Tests are left out of everything.

use api::wire::{
    AttemptCounts, Backlog, FailingAction, Piece, Statistics, StatusCounts, TriggerCounts,
};
use domain::{
    account::AccountId,
    delivery::Status,
    id::{ActionId, DeliveryId, EventId, TriggerId},
    statistics::Range,
    time::Timestamp,
};
use serde::Serialize;

use crate::{Columns as _, Database, Ledger, LedgerError, Value, history::MAX_ACTIONS, text};

/// How much is looked at, and told. The usual limits are the defaults: what can be looked at while
/// somebody waits for a page. Tests have smaller ones.
#[derive(Debug, Clone, Copy)]
pub struct StatisticsLimits {
    /// The newest events, the newest deliveries, and the attempts of as many deliveries as have so
    /// many.
    pub rows: usize,
    /// The newest attempts whose durations are compared.
    pub durations: usize,
    /// The oldest pending deliveries.
    pub pending: usize,
    /// The failing actions that are told of.
    pub failing: usize,
}

impl Default for StatisticsLimits {
    fn default() -> Self {
        Self {
            rows: 20_000,
            durations: 2_000,
            pending: 10_000,
            failing: 100,
        }
    }
}

/// The count of this status.
fn count_of(counts: &mut StatusCounts, status: Status) -> &mut u64 {
    match status {
        Status::Pending => &mut counts.pending,
        Status::Delivering => &mut counts.delivering,
        Status::Succeeded => &mut counts.succeeded,
        Status::Failed => &mut counts.failed,
        Status::Canceled => &mut counts.canceled,
        Status::Skipped => &mut counts.skipped,
    }
}

/// What is looked at: of the account, from the first of two ids on and before the second. Attempts
/// have those of their deliveries.
struct Looked {
    account: Value,
    events: [String; 2],
    deliveries: [String; 2],
    attempts: [String; 2],
    truncated: bool,
}

impl<D: Database> Ledger<D> {
    /// What came to an account in a range of time, also to each of these `triggers`, and how things
    /// stand `now`: six statements, bounded by `limits`.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn statistics(
        &self,
        account: &AccountId,
        range: Range,
        triggers: &[TriggerId],
        limits: &StatisticsLimits,
        now: Timestamp,
    ) -> Result<Statistics, LedgerError> {
        let looked = self.looked_at(account, range, limits)?;
        let (deliveries, series) = self.series(range, &looked)?;
        let triggers = self.trigger_counts(&looked, triggers)?;
        let attempts = self.attempt_counts(&looked, limits)?;
        let (backlog, more_pending) = self.backlog(account, limits, now)?;
        let failing_actions = self.failing_actions(account, limits)?;
        Ok(Statistics {
            since: range.since(),
            until: range.until(),
            events: series.iter().map(|piece| piece.events).sum(),
            deliveries,
            attempts,
            backlog,
            series,
            triggers,
            failing_actions,
            truncated: looked.truncated || more_pending,
        })
    }

    /// Where the newest begin that are looked at.
    fn looked_at(
        &self,
        account: &AccountId,
        range: Range,
        limits: &StatisticsLimits,
    ) -> Result<Looked, LedgerError> {
        let (since, until) = (range.since(), range.until());
        let deliveries = [since, until].map(|at| DeliveryId::first_at(at).to_string());
        let mut looked = Looked {
            account: text(account),
            events: [since, until].map(|at| EventId::first_at(at).to_string()),
            attempts: deliveries.clone(),
            deliveries,
            truncated: false,
        };
        // The last one that is looked at, and the one before it in time, if there is one.
        let found = self.run(
            "SELECT 'event', id FROM
                (SELECT id FROM event WHERE account = ?1 AND id >= ?2 AND id < ?3
                 ORDER BY id DESC LIMIT 2 OFFSET ?6)
             UNION ALL
             SELECT 'delivery', id FROM
                (SELECT id FROM delivery WHERE account = ?1 AND id >= ?4 AND id < ?5
                 ORDER BY id DESC LIMIT 2 OFFSET ?6)
             UNION ALL
             SELECT 'attempt', delivery_id FROM
                (SELECT delivery_id FROM attempt
                 WHERE account = ?1 AND delivery_id >= ?4 AND delivery_id < ?5
                 ORDER BY delivery_id DESC, number DESC LIMIT 2 OFFSET ?6)",
            &[
                looked.account.clone(),
                text(&looked.events[0]),
                text(&looked.events[1]),
                text(&looked.deliveries[0]),
                text(&looked.deliveries[1]),
                limits.rows.saturating_sub(1).into(),
            ],
        )?;
        for (kind, [first, _]) in [
            ("event", &mut looked.events),
            ("delivery", &mut looked.deliveries),
            ("attempt", &mut looked.attempts),
        ] {
            let mut ids = Vec::new();
            for row in &found {
                if row.text(0)? == kind {
                    ids.push(row.text(1)?);
                }
            }
            if let [one, another] = ids.as_slice() {
                *first = (*one.max(another)).to_owned();
                looked.truncated = true;
            }
        }
        // Those of deliveries that are not looked at are not either.
        let [first, _] = &mut looked.attempts;
        if *first < looked.deliveries[0] {
            first.clone_from(&looked.deliveries[0]);
        }
        Ok(looked)
    }

    /// Events and deliveries, counted in indexes that have all that is asked for. The tests, which
    /// have an index of their own, are counted off.
    fn series(
        &self,
        range: Range,
        looked: &Looked,
    ) -> Result<(StatusCounts, Vec<Piece>), LedgerError> {
        let buckets: Vec<_> = range.buckets().collect();
        let bounds: Vec<_> = buckets
            .iter()
            .map(|bucket| {
                let [start, end] = [bucket.start, bucket.end].map(EventId::first_at);
                let events = [start, end].map(|id| id.to_string().max(looked.events[0].clone()));
                let [start, end] = [bucket.start, bucket.end].map(DeliveryId::first_at);
                let deliveries =
                    [start, end].map(|id| id.to_string().max(looked.deliveries[0].clone()));
                [events, deliveries].concat()
            })
            .collect();
        let found = self.run(
            "SELECT bucket.key, NULL,
                    (SELECT count(*) FROM event
                     WHERE account = ?1 AND id >= bucket.value ->> 0 AND id < bucket.value ->> 1)
                  - (SELECT count(*) FROM event INDEXED BY event_test
                     WHERE account = ?1 AND id >= bucket.value ->> 0 AND id < bucket.value ->> 1
                       AND test)
             FROM json_each(?2) AS bucket
             UNION ALL
             SELECT bucket.key, wanted.value,
                    (SELECT count(*) FROM delivery INDEXED BY delivery_status
                     WHERE account = ?1 AND status = wanted.value
                       AND delivery.id >= bucket.value ->> 2 AND delivery.id < bucket.value ->> 3)
             FROM json_each(?2) AS bucket CROSS JOIN json_each(?3) AS wanted
             UNION ALL
             SELECT bucket.key, delivery.status, -count(*)
             FROM json_each(?2) AS bucket CROSS JOIN delivery INDEXED BY delivery_test
             WHERE delivery.account = ?1 AND delivery.test
               AND delivery.id >= bucket.value ->> 2 AND delivery.id < bucket.value ->> 3
             GROUP BY bucket.key, delivery.status",
            &[
                looked.account.clone(),
                json(&bounds),
                json(&Status::ALL.map(Status::as_str)),
            ],
        )?;
        let mut events = vec![0_i64; buckets.len()];
        let mut counts = vec![[0_i64; Status::ALL.len()]; buckets.len()];
        for row in &found {
            let at: usize = row.number(0)?;
            let none = LedgerError::Row { column: 0 };
            let count = match row.optional_text(1)? {
                None => events.get_mut(at),
                Some(name) => {
                    let status = Status::ALL.iter().position(|of| of.as_str() == name);
                    let status = status.ok_or(LedgerError::Row { column: 1 })?;
                    counts.get_mut(at).map(|counts| &mut counts[status])
                }
            };
            *count.ok_or(none)? += row.integer(2)?;
        }
        let mut all = StatusCounts::default();
        let pieces = buckets.iter().zip(events).zip(counts);
        let series = pieces.map(|((bucket, events), counts)| {
            let mut piece = StatusCounts::default();
            for (status, count) in Status::ALL.into_iter().zip(counts.map(natural)) {
                *count_of(&mut piece, status) += count;
                *count_of(&mut all, status) += count;
            }
            Piece {
                at: bucket.at,
                events: natural(events),
                succeeded: piece.succeeded,
                failed: piece.failed,
            }
        });
        let series = series.collect();
        Ok((all, series))
    }

    /// The deliveries of these triggers, in the order in which they are asked for.
    fn trigger_counts(
        &self,
        looked: &Looked,
        triggers: &[TriggerId],
    ) -> Result<Vec<TriggerCounts>, LedgerError> {
        if triggers.is_empty() {
            return Ok(Vec::new());
        }
        let [first, end] = &looked.deliveries;
        let found = self.run(
            "SELECT wanted.key, count(*),
                    sum(status = 'failed' OR (status = 'pending' AND attempt_count > 0))
             FROM json_each(?4) AS wanted CROSS JOIN delivery INDEXED BY delivery_trigger
             WHERE delivery.account = ?1 AND trigger_id = wanted.value
               AND delivery.id >= ?2 AND delivery.id < ?3 AND NOT test
             GROUP BY wanted.key",
            &[
                looked.account.clone(),
                text(first),
                text(end),
                json(&triggers),
            ],
        )?;
        let none = triggers.iter().map(|trigger| TriggerCounts {
            trigger_id: *trigger,
            deliveries: 0,
            failed: 0,
        });
        let mut counts: Vec<_> = none.collect();
        for row in &found {
            let counts = counts.get_mut(row.number::<usize>(0)?);
            let counts = counts.ok_or(LedgerError::Row { column: 0 })?;
            counts.deliveries = row.number(1)?;
            counts.failed = row.number(2)?;
        }
        Ok(counts)
    }

    /// The attempts: counted in indexes, and the newest of them for how long they took.
    fn attempt_counts(
        &self,
        looked: &Looked,
        limits: &StatisticsLimits,
    ) -> Result<AttemptCounts, LedgerError> {
        const NO_TESTS: &str = "account = ?1 AND delivery_id >= ?2 AND delivery_id < ?3
               AND delivery_id NOT IN
                    (SELECT id FROM delivery INDEXED BY delivery_test
                     WHERE account = ?1 AND id >= ?2 AND id < ?3 AND test)";
        // A percentile is the duration of nearest rank: one that an attempt did take.
        let found = self.run(
            &format!(
                "WITH ranked AS MATERIALIZED
                    (SELECT duration_ms, row_number() OVER (ORDER BY duration_ms) AS rank,
                            count(*) OVER () AS count
                     FROM (SELECT duration_ms FROM attempt WHERE {NO_TESTS}
                           ORDER BY delivery_id DESC, number DESC LIMIT ?4))
                 SELECT (SELECT count(*) FROM attempt WHERE {NO_TESTS}),
                        (SELECT count(*) FROM attempt INDEXED BY attempt_failed
                         WHERE {NO_TESTS} AND error IS NOT NULL),
                        (SELECT duration_ms FROM ranked WHERE rank = (count * 50 + 99) / 100),
                        (SELECT duration_ms FROM ranked WHERE rank = (count * 99 + 99) / 100)"
            ),
            &[
                looked.account.clone(),
                text(&looked.attempts[0]),
                text(&looked.attempts[1]),
                limits.durations.into(),
            ],
        )?;
        let row = found.first().ok_or(LedgerError::Row { column: 0 })?;
        Ok(AttemptCounts {
            count: row.number(0)?,
            failed: row.number(1)?,
            p50_ms: row.optional_integer(2)?.map(natural),
            p99_ms: row.optional_integer(3)?.map(natural),
        })
    }

    /// What is due, among the deliveries that have been pending longest, and whether there may be
    /// more. Tests are never pending.
    fn backlog(
        &self,
        account: &AccountId,
        limits: &StatisticsLimits,
        now: Timestamp,
    ) -> Result<(Backlog, bool), LedgerError> {
        let found = self.run(
            "SELECT count(*), coalesce(sum(due_at <= ?2), 0),
                    min(CASE WHEN due_at <= ?2 THEN due_at END)
             FROM (SELECT due_at FROM delivery INDEXED BY delivery_status
                   WHERE account = ?1 AND status = 'pending' ORDER BY id LIMIT ?3)",
            &[text(account), now.into(), limits.pending.into()],
        )?;
        let row = found.first().ok_or(LedgerError::Row { column: 0 })?;
        let backlog = Backlog {
            due: row.number(1)?,
            oldest_due_at: row.optional_time(2)?,
        };
        Ok((backlog, row.number::<usize>(0)? >= limits.pending))
    }

    /// The actions that are failing. One that has no delivery left is none of any trigger.
    fn failing_actions(
        &self,
        account: &AccountId,
        limits: &StatisticsLimits,
    ) -> Result<Vec<FailingAction>, LedgerError> {
        let found = self.run(
            &format!(
                "SELECT trigger_id, action_id, failing_since, consecutive_failures FROM
                    (SELECT action_id, failing_since, consecutive_failures,
                            (SELECT trigger_id FROM delivery
                             WHERE delivery.account = ?1
                               AND delivery.action_id = health.action_id
                             ORDER BY delivery.id DESC LIMIT 1) AS trigger_id
                     FROM (SELECT action_id, failing_since, consecutive_failures
                           FROM action_health WHERE account = ?1 LIMIT {MAX_ACTIONS}) AS health
                     WHERE failing_since IS NOT NULL)
                 WHERE trigger_id IS NOT NULL
                 ORDER BY failing_since, action_id LIMIT ?2"
            ),
            &[text(account), limits.failing.into()],
        )?;
        found
            .iter()
            .map(|row| {
                Ok(FailingAction {
                    trigger_id: row.parsed(0, TriggerId::parse)?,
                    action_id: row.parsed(1, ActionId::parse)?,
                    failing_since: row.time(2)?,
                    consecutive_failures: row.number(3)?,
                })
            })
            .collect()
    }
}

fn json(value: &impl Serialize) -> Value {
    text(serde_json::to_string(value).expect("lists of texts are JSON"))
}

/// What was counted. A test that comes between two looks may be counted off and not on.
fn natural(count: i64) -> u64 {
    count.max(0).unsigned_abs()
}
