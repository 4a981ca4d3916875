//! Deliveries: claimed, settled, listed, shown.

use domain::{
    account::AccountId,
    delivery::{Settled, Status},
    id::{ActionId, DeliveryId, EventId, TriggerId},
    time::Timestamp,
};
use serde_json::{Map, Value as Json};

use crate::{
    Columns as _, Database, InFlightLimits, Ledger, LedgerError, Row, in_flight::FLIGHT, text,
};

/// A runner's claim: under its token alone the results of what it claimed are recorded.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Nobody else's.
    pub token: String,
    /// When others may claim again what was not settled: longer than the longest attempt.
    pub lease_until: Timestamp,
}

/// How much a runner claims.
pub struct ClaimLimits<'a> {
    /// The most deliveries.
    pub total: usize,
    /// The most of one queue (an action's first attempts, or its retries) in flight at once.
    pub per_queue: usize,
    /// How many of each queue the runner has in flight already.
    pub in_flight: &'a [(String, usize)],
    /// From how many failures in a row on an action gets one request at a time in each queue, so
    /// that receivers that are down do not take the room of those that are up.
    pub failing_after: usize,
    /// Whether first attempts alone are claimed.
    pub first_attempts_only: bool,
    /// How much may be in flight, this claim included.
    pub most: InFlightLimits,
    /// A random number: where among the queues it starts.
    pub start: u64,
}

/// A delivery that was claimed.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// The account.
    pub account: AccountId,
    /// The delivery.
    pub id: DeliveryId,
    /// The event.
    pub event: EventId,
    /// The trigger.
    pub trigger: TriggerId,
    /// The action.
    pub action: ActionId,
    /// Attempts made before in this round of the schedule.
    pub tries: u32,
    /// The queue it was claimed from.
    pub queue: String,
    /// The host that its action's requests were last noted to go to.
    pub host: Option<String>,
    /// Until when its action's receiver asked to be left alone, which may be over.
    pub held_until: Timestamp,
    /// Whether it is a test of the action: one that is claimed was interrupted.
    pub test: bool,
}

/// What an attempt was, as it is recorded.
#[derive(Debug)]
pub struct FinishedAttempt {
    /// The account.
    pub account: AccountId,
    /// The delivery.
    pub delivery: DeliveryId,
    /// When it started.
    pub started_at: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The status of the response, if one came.
    pub status_code: Option<u16>,
    /// What went wrong, in words.
    pub error: Option<String>,
    /// The cause of the failure where `error` does not begin with it. It is counted, and never shown.
    pub hidden_cause: Option<&'static str>,
    /// What was sent.
    pub request_headers: Map<String, Json>,
    /// What came.
    pub response_headers: Map<String, Json>,
    /// The beginning of what came.
    pub response_body: Option<String>,
    /// What it makes of the delivery.
    pub settled: Settled,
    /// Until when nothing of its action is to be sent, where the receiver asked for that.
    pub hold_until: Option<Timestamp>,
}

/// A claimed delivery that is not to be sent any more.
#[derive(Debug)]
pub struct Withdrawn {
    /// The account.
    pub account: AccountId,
    /// The delivery.
    pub delivery: DeliveryId,
    /// What becomes of it.
    pub status: Status,
    /// Why.
    pub reason: String,
}

impl<D: Database> Ledger<D> {
    /// Claims due deliveries for a runner.
    ///
    /// One statement, so that what one runner gets no other gets, and no limit is exceeded whoever
    /// claims at once. Deliveries are found in three ways, each bounded: those that are due longest;
    /// the first of each queue, stepping from queue to queue, in a ring for each lane, from a random
    /// one on; and the first of the queues in which something became due last. The first keeps the
    /// order of due time; the others keep a backlog, of one queue or of many, from hiding what is new.
    ///
    /// Of those found, first attempts and retries take turns; of each of these, the accounts, the one
    /// with less in flight first; of an account, its queues.
    ///
    /// The last limit is a product because SQLite compiles a statement anew for every value of a
    /// `LIMIT` that is a mere parameter; with one as long as this, that costs more than running it.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn claim(
        &self,
        claim: &Claim,
        limits: &ClaimLimits<'_>,
        now: Timestamp,
    ) -> Result<Vec<Claimed>, LedgerError> {
        let in_flight: Map<String, Json> = limits
            .in_flight
            .iter()
            .map(|(queue, count)| (queue.clone(), (*count).into()))
            .collect();
        let claimed = self.run(
            &format!(
                "WITH RECURSIVE
             {FLIGHT},
             step (queue) AS (
                SELECT coalesce(
                    (SELECT min(queue) FROM delivery
                     WHERE due_at IS NOT NULL
                       AND queue >= lane.value || ?7 AND queue < lane.value || '~'),
                    (SELECT min(queue) FROM delivery
                     WHERE due_at IS NOT NULL
                       AND queue >= lane.value AND queue < lane.value || '~'))
                FROM json_each(?9) AS lane
                UNION
                SELECT coalesce(
                    (SELECT min(queue) FROM delivery
                     WHERE due_at IS NOT NULL
                       AND queue > step.queue AND queue < substr(step.queue, 1, 1) || '~'),
                    (SELECT min(queue) FROM delivery
                     WHERE due_at IS NOT NULL
                       AND queue >= substr(step.queue, 1, 1)))
                FROM step WHERE step.queue IS NOT NULL
                LIMIT 128
             ),
             candidate (entry) AS (
                SELECT * FROM
                    (SELECT rowid FROM delivery WHERE due_at <= ?1 AND ?10
                     ORDER BY due_at LIMIT 4 * ?4)
                UNION
                SELECT delivery.rowid FROM
                    (SELECT queue FROM step
                     UNION
                     SELECT queue FROM
                        (SELECT queue FROM delivery WHERE due_at <= ?1 AND ?10
                         ORDER BY due_at DESC LIMIT 1 * ?4)) AS found
                JOIN delivery ON delivery.rowid IN
                    (SELECT rowid FROM delivery AS head
                     WHERE head.queue = found.queue AND head.due_at <= ?1
                     ORDER BY head.due_at
                     LIMIT min(?5, 1 + 4 * ?4 / (SELECT count(*) FROM step)))
             ),
             busy_account (account, count) AS MATERIALIZED (
                SELECT account, sum(count) FROM flight GROUP BY account
             ),
             ranked (entry, lane, account, host, due_at, rank, limit_) AS (
                SELECT delivery.rowid, substr(delivery.queue, 1, 1), delivery.account,
                       target.host, delivery.due_at,
                       row_number() OVER (PARTITION BY delivery.queue
                                          ORDER BY delivery.due_at, delivery.id)
                           + coalesce(busy.value, 0),
                       CASE WHEN coalesce(action_health.consecutive_failures, 0) >= ?8
                            THEN 1 ELSE ?5 END
                FROM candidate JOIN delivery ON delivery.rowid = candidate.entry
                LEFT JOIN json_each(?6) AS busy ON busy.key = delivery.queue
                LEFT JOIN action_health ON action_health.account = delivery.account
                    AND action_health.action_id = delivery.action_id
                LEFT JOIN target ON target.account = delivery.account
                    AND target.action_id = delivery.action_id
             ),
             turn (entry, lane, account, host, due_at, turn) AS (
                SELECT entry, lane, ranked.account, host, due_at,
                       row_number() OVER (PARTITION BY ranked.account ORDER BY rank, lane, due_at)
                           + coalesce(busy_account.count, 0)
                FROM ranked LEFT JOIN busy_account ON busy_account.account = ranked.account
                WHERE rank <= limit_
             ),
             place (entry, account, host, due_at, turn, place) AS (
                SELECT entry, account, host, due_at, turn,
                       row_number() OVER (PARTITION BY lane ORDER BY turn, due_at)
                FROM turn WHERE turn <= ?11
             ),
             of_host (entry, host, due_at, place, number) AS (
                SELECT entry, place.host, due_at, place,
                       row_number() OVER (PARTITION BY place.account, place.host ORDER BY turn)
                           + coalesce(flight.count, 0)
                FROM place LEFT JOIN flight
                    ON flight.account = place.account AND flight.host = place.host
             )
             UPDATE delivery SET status = 'delivering', claim = ?2, due_at = ?3
             WHERE rowid IN
                (SELECT entry FROM of_host WHERE host IS NULL OR number <= ?12
                 ORDER BY place, due_at
                 LIMIT max(0, min(1 * ?4, ?13 - (SELECT coalesce(sum(count), 0) FROM flight))))
             RETURNING account, id, event_id, trigger_id, action_id, tries, queue, test,
                (SELECT host FROM target
                 WHERE target.account = delivery.account
                   AND target.action_id = delivery.action_id),
                coalesce((SELECT held_until FROM target
                          WHERE target.account = delivery.account
                            AND target.action_id = delivery.action_id), 0)"
            ),
            &[
                now.into(),
                text(&claim.token),
                claim.lease_until.into(),
                limits.total.into(),
                limits.per_queue.into(),
                text(Json::Object(in_flight).to_string()),
                text(queue_start(limits.start)),
                limits.failing_after.into(),
                text(match limits.first_attempts_only {
                    true => "[\"0\",\"3\"]",
                    false => "[\"0\",\"1\",\"3\"]",
                }),
                i64::from(!limits.first_attempts_only).into(),
                limits.most.per_account.into(),
                limits.most.per_host.into(),
                limits.most.total.into(),
            ],
        )?;
        let read = |row: &Row| {
            Ok(Claimed {
                account: row.parsed(0, AccountId::parse)?,
                id: row.parsed(1, DeliveryId::parse)?,
                event: row.parsed(2, EventId::parse)?,
                trigger: row.parsed(3, TriggerId::parse)?,
                action: row.parsed(4, ActionId::parse)?,
                tries: row.number(5)?,
                queue: row.text(6)?.to_owned(),
                test: row.flag(7)?,
                host: row.optional_text(8)?.map(Into::into),
                held_until: row.time(9)?,
            })
        };
        claimed.iter().map(read).collect()
    }

    /// Records finished attempts and what they make of their deliveries.
    ///
    /// One statement for all. What is no longer held under the claim is left alone: its lease ran
    /// out, and another runner has it or had it. Returns the deliveries that were settled.
    ///
    /// # Errors
    ///
    /// When the ledger fails; nothing is recorded then.
    pub fn record(
        &self,
        claim: &Claim,
        attempts: &[&FinishedAttempt],
    ) -> Result<usize, LedgerError> {
        let rows: Vec<_> = attempts
            .iter()
            .map(|attempt| {
                serde_json::json!({
                    "account": attempt.account,
                    "delivery": attempt.delivery,
                    "started_at": attempt.started_at.as_millis(),
                    "duration_ms": attempt.duration_ms,
                    "status_code": attempt.status_code,
                    "error": attempt.error,
                    "hidden_cause": attempt.hidden_cause,
                    "request_headers": Json::Object(attempt.request_headers.clone()).to_string(),
                    "response_headers": Json::Object(attempt.response_headers.clone()).to_string(),
                    "response_body": attempt.response_body,
                    "status": attempt.settled.status,
                    "reason": attempt.settled.reason,
                    "due_at": attempt.settled.due_at.map(Timestamp::as_millis),
                    "hold_until": attempt.hold_until.map(Timestamp::as_millis),
                })
            })
            .collect();
        let recorded = self.run(
            "INSERT INTO attempt
                (account, delivery_id, number, started_at, duration_ms, status_code, error,
                 request_headers, response_headers, response_body, status, reason, due_at,
                 hidden_cause, hold_until)
             SELECT delivery.account, delivery.id, delivery.attempt_count + 1,
                    done.value ->> 'started_at', done.value ->> 'duration_ms',
                    done.value ->> 'status_code', done.value ->> 'error',
                    done.value ->> 'request_headers', done.value ->> 'response_headers',
                    done.value ->> 'response_body', done.value ->> 'status',
                    done.value ->> 'reason', done.value ->> 'due_at',
                    done.value ->> 'hidden_cause',
                    done.value ->> 'hold_until'
             FROM json_each(?2) AS done
             JOIN delivery ON delivery.account = done.value ->> 'account'
                AND delivery.id = done.value ->> 'delivery' AND delivery.claim = ?1
             RETURNING delivery_id",
            &[text(&claim.token), text(Json::Array(rows).to_string())],
        )?;
        Ok(recorded.len())
    }

    /// Settles claimed deliveries that are not to be sent: whose trigger or action is gone or off,
    /// or which are tests that were interrupted.
    ///
    /// # Errors
    ///
    /// When the ledger fails; nothing is recorded then.
    pub fn withdraw(&self, claim: &Claim, withdrawn: &[Withdrawn]) -> Result<usize, LedgerError> {
        let rows: Vec<_> = withdrawn
            .iter()
            .map(|row| (&row.account, row.delivery, row.status, &row.reason))
            .collect();
        let settled = self.run(
            "UPDATE delivery
             SET status = gone.value ->> 2, reason = gone.value ->> 3, due_at = NULL, claim = NULL
             FROM json_each(?2) AS gone
             WHERE delivery.account = gone.value ->> 0 AND delivery.id = gone.value ->> 1
               AND delivery.claim = ?1
             RETURNING delivery.id",
            &[
                text(&claim.token),
                text(serde_json::to_string(&rows).expect("ids are JSON")),
            ],
        )?;
        Ok(settled.len())
    }
}

/// Where stepping through the queues starts: ULIDs' random parts are evenly spread over Crockford's
/// base32, and so is this.
fn queue_start(random: u64) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let digit = |index: u32| ALPHABET[(random >> (5 * index)) as usize % ALPHABET.len()];
    (0..4).map(|index| char::from(digit(index))).collect()
}
