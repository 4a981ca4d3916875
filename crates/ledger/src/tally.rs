//! Tallies: how much there has been of what, for as long as the ledger is there, whatever is deleted meanwhile.
//!
//! Nothing is counted while somebody waits. Rows are counted later, once, in the order they were written in: by every run, and
//! by whoever asks. Up to which row that was done is a tally itself, written by the same statement.

use std::collections::BTreeMap;

use domain::{
    delivery::{FAILING_AFTER, Failure},
    metrics::DURATION_BOUNDS,
    time::Timestamp,
};

use crate::{Columns as _, Database, Ledger, LedgerError, text};

/// The most rows of a kind that one step counts.
const STEP: usize = 2_000;

/// What has been counted. Tests are left out, but for their attempts: those are requests, too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tallies {
    /// Events that were accepted, by type.
    pub events: BTreeMap<String, u64>,
    /// Events that came again and were accepted before.
    pub duplicates: u64,
    /// Deliveries, by whether they were `owed` or `skipped` when they came to be.
    pub deliveries: BTreeMap<String, u64>,
    /// Deliveries by what their last attempt made of them.
    pub settled: BTreeMap<String, u64>,
    /// Attempts by what went wrong; the empty text is for those where nothing did.
    pub attempts: BTreeMap<String, u64>,
    /// Attempts by how long they took: the least of [`DURATION_BOUNDS`] that is not less, in milliseconds; the last is for
    /// those that took longer than all of them.
    pub durations: Vec<u64>,
    /// How long they took together, in milliseconds.
    pub duration_ms: u64,
    /// Attempts of this hour.
    pub requests_this_hour: u64,
    /// Runs that came to their end.
    pub runs: u64,
    /// The end of the last of them.
    pub last_run_at: Option<Timestamp>,
}

/// What is owed at a moment. What is counted is counted up to [`MOST`](Self::MOST).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owed {
    /// First attempts that are due.
    pub first_attempts: u64,
    /// Retries that are due.
    pub retries: u64,
    /// Deliveries that are to be tried again later, or are being sent.
    pub later: u64,
    /// Since when the one is that is due longest, of those whose action is not failing: what a receiver that is down keeps waiting
    /// is no sign of anything else. Looked for at the heads of [`QUEUES`](Self::QUEUES) queues.
    pub oldest_due_at: Option<Timestamp>,
}

impl Owed {
    /// From here on it is not counted any further.
    pub const MOST: usize = 10_000;

    /// The most queues that are looked at for what is due longest.
    pub const QUEUES: usize = 1_000;
}

/// How many rows there are, near enough: places of the rows that were deleted in between are counted, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowCounts {
    /// Events.
    pub events: u64,
    /// Deliveries.
    pub deliveries: u64,
    /// Attempts.
    pub attempts: u64,
}

impl<D: Database> Ledger<D> {
    /// Counts rows that were not counted yet, in so many steps at most, each of a bounded number of rows. `false` when all are
    /// counted.
    ///
    /// # Errors
    ///
    /// When the ledger fails; the step that fails counts nothing.
    pub fn count_up(&self, steps: usize) -> Result<bool, LedgerError> {
        for _ in 0..steps {
            if !self.count_step()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Counts a bounded number of rows that were not counted yet. `false` when there are none.
    ///
    /// One statement, which also says up to where it got: of two that count at once, the second finds the rows counted. Places
    /// are given to rows in order; where the last rows were deleted, theirs are given again, and counting goes back to there.
    fn count_step(&self) -> Result<bool, LedgerError> {
        // A look costs far less than a write that changes nothing.
        let behind = self.run(
            &format!("WITH {PLACES} SELECT 1 FROM place WHERE counted <> newest LIMIT 1"),
            &[],
        )?;
        if behind.is_empty() {
            return Ok(false);
        }
        self.run(
            &format!(
                "WITH {PLACES},
                 step (subject, first, last) AS (
                    SELECT subject, counted, min(newest, counted + ?1) FROM place
                    WHERE counted <> newest
                 )
                 INSERT INTO tally (name, label, count)
                 SELECT 'events', event.type, count(*)
                 FROM step CROSS JOIN event ON event.rowid > first AND event.rowid <= last
                 WHERE subject = 'event' AND NOT event.test GROUP BY 2
                 UNION ALL
                 SELECT 'deliveries', iif(delivery.status = 'skipped', 'skipped', 'owed'), count(*)
                 FROM step CROSS JOIN delivery ON delivery.rowid > first AND delivery.rowid <= last
                 WHERE subject = 'delivery' AND NOT delivery.test GROUP BY 2
                 UNION ALL
                 SELECT 'settled', iif(error IS NULL, 'succeeded', attempt.status), count(*)
                 FROM step CROSS JOIN attempt ON attempt.rowid > first AND attempt.rowid <= last
                 WHERE subject = 'attempt' AND (error IS NULL OR attempt.due_at IS NULL) GROUP BY 2
                 UNION ALL
                 SELECT 'attempts',
                        CASE WHEN error IS NULL THEN '' WHEN error LIKE 'status ___' THEN error
                             ELSE coalesce(
                                hidden_cause,
                                (SELECT cause.value FROM json_each(?2) AS cause
                                 WHERE substr(error, 1, length(cause.value)) = cause.value),
                                'other') END,
                        count(*)
                 FROM step CROSS JOIN attempt ON attempt.rowid > first AND attempt.rowid <= last
                 WHERE subject = 'attempt' GROUP BY 2
                 UNION ALL
                 SELECT 'durations',
                        coalesce((SELECT min(bound.value) FROM json_each(?3) AS bound
                                  WHERE duration_ms <= bound.value), ''),
                        count(*)
                 FROM step CROSS JOIN attempt ON attempt.rowid > first AND attempt.rowid <= last
                 WHERE subject = 'attempt' GROUP BY 2
                 UNION ALL
                 SELECT 'duration_ms', '', sum(duration_ms)
                 FROM step CROSS JOIN attempt ON attempt.rowid > first AND attempt.rowid <= last
                 WHERE subject = 'attempt' HAVING count(*) > 0
                 UNION ALL
                 SELECT 'requests', started_at / {HOUR}, count(*)
                 FROM step CROSS JOIN attempt ON attempt.rowid > first AND attempt.rowid <= last
                 WHERE subject = 'attempt' GROUP BY 2
                 UNION ALL
                 SELECT 'counted', subject, last - first FROM step WHERE TRUE
                 ON CONFLICT (name, label) DO UPDATE SET count = count + excluded.count"
            ),
            &[
                STEP.into(),
                text(serde_json::to_string(&Failure::CAUSES).expect("texts are JSON")),
                text(serde_json::to_string(&DURATION_BOUNDS).expect("numbers are JSON")),
            ],
        )?;
        Ok(true)
    }

    /// Counts events that came again.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn count_duplicates(&self, duplicates: usize) -> Result<(), LedgerError> {
        self.run(
            "INSERT INTO tally (name, label, count) VALUES ('duplicates', '', ?1)
             ON CONFLICT (name, label) DO UPDATE SET count = count + excluded.count",
            &[duplicates.into()],
        )?;
        Ok(())
    }

    /// Counts a run that is about to end, and forgets how many requests earlier hours had.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn count_run(&self, now: Timestamp) -> Result<(), LedgerError> {
        self.run(
            "INSERT INTO tally (name, label, count) VALUES ('runs', '', 1), ('last_run', '', ?1)
             ON CONFLICT (name, label) DO UPDATE SET
                count = iif(name = 'last_run', max(count, excluded.count), count + excluded.count)",
            &[now.into()],
        )?;
        // A look costs far less than a write that changes nothing, and there is something once an hour.
        let earlier = "name IN ('requests', 'budget') AND CAST(label AS INTEGER) < ?1";
        let last_hour = [(hour_of(now) - 1).into()];
        let found = self.run(
            &format!("SELECT 1 FROM tally WHERE {earlier} LIMIT 1"),
            &last_hour,
        )?;
        if !found.is_empty() {
            self.run(&format!("DELETE FROM tally WHERE {earlier}"), &last_hour)?;
        }
        Ok(())
    }

    /// What has been counted.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn tallies(&self, now: Timestamp) -> Result<Tallies, LedgerError> {
        let found = self.run(
            "SELECT name, label, count FROM tally WHERE name <> 'budget'",
            &[],
        )?;
        let this_hour = hour_of(now).to_string();
        // What will be counted is told before there is any, so that the first is seen as a rise.
        let none = |labels: &[&str]| {
            labels
                .iter()
                .map(|label| ((*label).to_owned(), 0))
                .collect()
        };
        let causes = Failure::CAUSES
            .into_iter()
            .filter(|cause| *cause != "status");
        let mut tallies = Tallies {
            deliveries: none(&["owed", "skipped"]),
            settled: none(&["succeeded", "failed"]),
            attempts: none(&[&[""], causes.collect::<Vec<_>>().as_slice()].concat()),
            durations: vec![0; DURATION_BOUNDS.len() + 1],
            ..Tallies::default()
        };
        for row in &found {
            let (name, label) = (row.text(0)?, row.text(1)?);
            if name == "last_run" {
                tallies.last_run_at = Some(row.time(2)?);
                continue;
            }
            let count = row.number(2)?;
            let of = match name {
                "events" => &mut tallies.events,
                "deliveries" => &mut tallies.deliveries,
                "settled" => &mut tallies.settled,
                "attempts" => &mut tallies.attempts,
                "durations" => {
                    let mut bounds = DURATION_BOUNDS.iter();
                    let place = bounds.position(|bound| bound.to_string() == label);
                    tallies.durations[place.unwrap_or(DURATION_BOUNDS.len())] += count;
                    continue;
                }
                "duration_ms" => {
                    tallies.duration_ms = count;
                    continue;
                }
                "requests" => {
                    if label == this_hour {
                        tallies.requests_this_hour = count;
                    }
                    continue;
                }
                "duplicates" => {
                    tallies.duplicates = count;
                    continue;
                }
                "runs" => {
                    tallies.runs = count;
                    continue;
                }
                // How far counting got.
                _ => continue,
            };
            of.insert(label.to_owned(), count);
        }
        Ok(tallies)
    }

    /// What is owed now, all accounts together: counts in indexes, up to a limit.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn owed(&self, now: Timestamp) -> Result<Owed, LedgerError> {
        let found = self.run(
            "WITH RECURSIVE step (queue) AS (
                SELECT min(queue) FROM delivery WHERE due_at IS NOT NULL
                UNION
                SELECT (SELECT min(queue) FROM delivery
                        WHERE due_at IS NOT NULL AND queue > step.queue)
                FROM step WHERE step.queue IS NOT NULL
                LIMIT ?3
             ),
             head (due_at, account, action_id) AS (
                SELECT delivery.due_at, delivery.account, delivery.action_id
                FROM step JOIN delivery ON delivery.rowid =
                    (SELECT rowid FROM delivery AS first
                     WHERE first.queue = step.queue AND first.due_at IS NOT NULL
                     ORDER BY first.due_at LIMIT 1)
                WHERE delivery.due_at <= ?1
             )
             SELECT (SELECT count(*) FROM
                        (SELECT 1 FROM delivery
                         WHERE due_at IS NOT NULL AND (queue < '1' OR queue >= '3')
                           AND due_at <= ?1 LIMIT ?2)),
                    (SELECT count(*) FROM
                        (SELECT 1 FROM delivery WHERE due_at <= ?1 LIMIT ?2)),
                    (SELECT count(*) FROM
                        (SELECT 1 FROM delivery WHERE due_at > ?1 LIMIT ?2)),
                    (SELECT min(head.due_at) FROM head
                     LEFT JOIN action_health ON action_health.account = head.account
                        AND action_health.action_id = head.action_id
                     WHERE coalesce(action_health.consecutive_failures, 0) < ?4)",
            &[
                now.into(),
                Owed::MOST.into(),
                Owed::QUEUES.into(),
                FAILING_AFTER.into(),
            ],
        )?;
        let row = found.first().ok_or(LedgerError::Row { column: 0 })?;
        let (first_attempts, due): (u64, u64) = (row.number(0)?, row.number(1)?);
        Ok(Owed {
            first_attempts,
            retries: due.saturating_sub(first_attempts),
            later: row.number(2)?,
            oldest_due_at: row.optional_time(3)?,
        })
    }

    /// How many rows the ledger has.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn row_counts(&self) -> Result<RowCounts, LedgerError> {
        let span = |table: &str| {
            format!(
                "coalesce((SELECT max(rowid) FROM {table}) - (SELECT min(rowid) FROM {table}) + 1, 0)"
            )
        };
        let found = self.run(
            // The least and the greatest one at a time are each a step in the table; both at once, a walk through it.
            &format!(
                "SELECT {}, {}, {}",
                span("event"),
                span("delivery"),
                span("attempt")
            ),
            &[],
        )?;
        let row = found.first().ok_or(LedgerError::Row { column: 0 })?;
        Ok(RowCounts {
            events: row.number(0)?,
            deliveries: row.number(1)?,
            attempts: row.number(2)?,
        })
    }
}

/// The hour of the clock that a moment is in, counted since 1970.
pub(crate) fn hour_of(moment: Timestamp) -> i64 {
    moment.as_millis().div_euclid(HOUR)
}

/// An hour, in milliseconds.
const HOUR: i64 = 60 * 60 * 1_000;

/// How far the rows of each kind are counted, and how far they go.
const PLACES: &str = "place (subject, counted, newest) AS (
        SELECT subject,
               coalesce((SELECT count FROM tally WHERE name = 'counted' AND label = subject), 0),
               newest
        FROM (SELECT 'event' AS subject, coalesce((SELECT max(rowid) FROM event), 0) AS newest
              UNION ALL SELECT 'delivery', coalesce((SELECT max(rowid) FROM delivery), 0)
              UNION ALL SELECT 'attempt', coalesce((SELECT max(rowid) FROM attempt), 0))
     )";
