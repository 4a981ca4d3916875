//! Lines: where deliveries wait for their turn whose action has a pace, one line for each such action.
//!
//! ```text
//!        claimed: it is paced      the line lets one go       its turn has come
//! queue 0, 1 ───────────▶ queue 2 ───────────▶ queue 3 ───────────▶ sent
//!        ▲                                                            │
//!        └─────────────────────── failed: tried again ────────────────┘
//! ```
//!
//! Only runners know an action's pace, which is in another store, so a delivery is claimed once to be put in line. In line it is
//! not due. Where order matters, the line lets one go when none that was let go is owed any more and none that is older is still to
//! come into line: it failed, or is not claimed yet, or was claimed by a runner that has not put it in line yet, or died over that.
//! Else it lets one go when none that was let go waits to be claimed. How long after the last one the next is due, the table `line`
//! says.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use domain::{
    account::AccountId, id::DeliveryId, pace::Pace, time::Timestamp, trigger::MAX_TIMEOUT,
};

use crate::{Claim, Claimed, Database, Ledger, LedgerError, text};

/// Where in time deliveries are that wait in line: beyond everything that is due, in the order in which they were created.
pub(crate) const IN_LINE: i64 = 200_000_000_000_000;

/// Why one waits.
const REASON: &str = "waits for its turn";

/// How long a runner's claim lasts: longer than the longest attempt and the recording of it, so that only a runner that died loses one.
pub const CLAIM_LEASE: Duration = Duration::from_secs(2 * MAX_TIMEOUT as u64);

/// The most lines that are looked at in one step.
const LINES: usize = 64;

/// For how long a line that nothing waits in is kept: its pace would have to be noted again.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60 * 60);

/// The most deliveries that leave a line at once when their action has no pace any more.
const RELEASED_AT_ONCE: usize = 1_000;

/// What a claim asks of the lines of actions that have a pace.
#[derive(Debug, Default)]
pub struct Lines {
    /// The paces that actions have now, by the names of their lines.
    paces: BTreeMap<String, Pace>,
    /// What has to wait for its turn.
    waiting: Vec<(AccountId, DeliveryId)>,
    /// The lines of which one is sent now, where that makes the next one wait for a while.
    begun: BTreeSet<String>,
    /// The lines that are over.
    over: BTreeSet<String>,
}

impl Lines {
    /// Whether a delivery that was claimed may be sent now, by the `pace` of its action; else it is to wait in line.
    pub fn admit(&mut self, claimed: &Claimed, pace: Pace) -> bool {
        let line = name_of(&claimed.queue).to_owned();
        let is_its_turn = is_its_turn(&claimed.queue);
        if pace.is_free() {
            if is_its_turn {
                self.over.insert(line);
            }
            return true;
        }
        self.paces.insert(line.clone(), pace);
        // Two whose turns had come may have been left behind by runners that died.
        let goes = is_its_turn && (pace.interval().is_zero() || self.begun.insert(line));
        if !goes {
            self.waiting.push((claimed.account.clone(), claimed.id));
        }
        goes
    }

    /// A delivery that was claimed is not sent at all, because its action is off or gone: those behind it are not, either.
    pub fn withdrawn(&mut self, claimed: &Claimed) {
        if is_its_turn(&claimed.queue) {
            self.over.insert(name_of(&claimed.queue).to_owned());
        }
    }

    /// Whether no action of the claim has a pace, or had one.
    pub fn are_none(&self) -> bool {
        self.paces.is_empty() && self.over.is_empty()
    }
}

/// What the names of all queues of one action have behind their first character.
fn name_of(queue: &str) -> &str {
    queue.get(1..).unwrap_or_default()
}

/// Whether a delivery of this queue has waited for its turn, and it has come.
fn is_its_turn(queue: &str) -> bool {
    queue.starts_with('3')
}

/// The heads of the lines that let one go now, ?1 at most, and when the next of each is due at the earliest. What was claimed a
/// moment ago may not be noted in the line yet: when that was, the end of its claim tells, which lasts for ?2 milliseconds.
const HEADS: &str = "held (queue) AS (
        SELECT min(queue) FROM delivery
        WHERE due_at IS NOT NULL AND queue >= '2' AND queue < '3'
        UNION
        SELECT (SELECT min(queue) FROM delivery
                WHERE due_at IS NOT NULL AND queue > held.queue AND queue < '3')
        FROM held WHERE held.queue IS NOT NULL
        LIMIT ?1
     ),
     head (entry, id, name) AS (
        SELECT delivery.rowid, delivery.id, substr(held.queue, 2)
        FROM held JOIN delivery ON delivery.rowid =
            (SELECT rowid FROM delivery AS first
             WHERE first.queue = held.queue AND first.due_at IS NOT NULL
             ORDER BY first.due_at, first.id LIMIT 1)
     ),
     ready (entry, next_at) AS (
        SELECT head.entry,
               max(coalesce(line.next_at, 0),
                   coalesce(line.interval_ms - ?2 +
                    (SELECT max(sent.due_at) FROM delivery AS sent
                     WHERE sent.queue = '3' || head.name AND sent.due_at IS NOT NULL
                       AND sent.status = 'delivering'), 0))
        FROM head LEFT JOIN line ON line.name = head.name
        WHERE NOT EXISTS
            (SELECT 1 FROM delivery AS ahead
             WHERE ahead.queue = '3' || head.name AND ahead.due_at IS NOT NULL
               AND (line.ordered OR ahead.status = 'pending'))
          AND NOT (coalesce(line.ordered, 0) AND EXISTS
            (SELECT 1 FROM delivery AS older
             WHERE older.queue IN ('0' || head.name, '1' || head.name)
               AND older.due_at IS NOT NULL AND older.id < head.id AND NOT older.test))
     )";

impl<D: Database> Ledger<D> {
    /// Does what a claim asks of the lines: in an order in which a crash in between leaves nothing that waits for ever, and nothing
    /// that goes before its turn.
    ///
    /// # Errors
    ///
    /// When the ledger fails. What is not in line then is claimed again when the claim is over.
    pub fn keep_lines(
        &self,
        claim: &Claim,
        lines: &Lines,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        if !lines.begun.is_empty() {
            self.begun(&lines.begun, now)?;
        }
        if !lines.paces.is_empty() {
            self.note_paces(&lines.paces)?;
        }
        if !lines.waiting.is_empty() {
            self.line_up(claim, &lines.waiting)?;
        }
        for line in &lines.over {
            while self.release(line, now)? {}
        }
        Ok(())
    }

    /// Notes the paces that actions have now, by the names of their lines.
    fn note_paces(&self, paces: &BTreeMap<String, Pace>) -> Result<(), LedgerError> {
        let paces: Vec<_> = paces
            .iter()
            .map(|(line, pace)| (line, pace.ordered, pace.interval().as_millis()))
            .collect();
        self.run(
            "INSERT INTO line (name, ordered, interval_ms)
             SELECT pace.value ->> 0, pace.value ->> 1, pace.value ->> 2
             FROM json_each(?1) AS pace WHERE TRUE
             ON CONFLICT (name) DO UPDATE SET
                ordered = excluded.ordered, interval_ms = excluded.interval_ms
             WHERE ordered <> excluded.ordered OR interval_ms <> excluded.interval_ms",
            &[text(
                serde_json::to_string(&paces).expect("names and numbers are JSON"),
            )],
        )?;
        Ok(())
    }

    /// Puts claimed deliveries of actions that have a pace in line. The pace has to be noted by then.
    fn line_up(
        &self,
        claim: &Claim,
        deliveries: &[(AccountId, DeliveryId)],
    ) -> Result<(), LedgerError> {
        self.run(
            &format!(
                "UPDATE delivery
                 SET status = 'pending', claim = NULL, reason = '{REASON}',
                     due_at = {IN_LINE} + created_at, queue = '2' || substr(queue, 2)
                 FROM json_each(?2) AS waits
                 WHERE delivery.account = waits.value ->> 0 AND delivery.id = waits.value ->> 1
                   AND delivery.claim = ?1"
            ),
            &[
                text(&claim.token),
                text(serde_json::to_string(deliveries).expect("ids are JSON")),
            ],
        )?;
        Ok(())
    }

    /// Notes that attempts of these lines begin `now`: the next of each is due an interval later.
    fn begun(&self, lines: &BTreeSet<String>, now: Timestamp) -> Result<(), LedgerError> {
        self.run(
            "UPDATE line SET next_at = max(next_at, ?2 + interval_ms)
             WHERE name IN (SELECT value FROM json_each(?1)) AND interval_ms > 0",
            &[
                text(serde_json::to_string(lines).expect("names are JSON")),
                now.into(),
            ],
        )?;
        Ok(())
    }

    /// Lets one delivery of each line go whose turn it is. Returns how many; none of a line that another runner was faster at.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn advance(&self, now: Timestamp) -> Result<usize, LedgerError> {
        let lease = i64::try_from(CLAIM_LEASE.as_millis()).expect("a lease lasts for seconds");
        // A look costs far less than a write that changes nothing.
        let ready = self.run(
            &format!("WITH RECURSIVE {HEADS} SELECT 1 FROM ready LIMIT 1"),
            &[LINES.into(), lease.into()],
        )?;
        if ready.is_empty() {
            return Ok(0);
        }
        let gone = self.run(
            &format!(
                "WITH RECURSIVE {HEADS}
                 UPDATE delivery
                 SET queue = '3' || substr(queue, 2), reason = NULL, due_at = max(?3, ready.next_at)
                 FROM ready WHERE delivery.rowid = ready.entry
                 RETURNING 1"
            ),
            &[LINES.into(), lease.into(), now.into()],
        )?;
        Ok(gone.len())
    }

    /// Whether anything waits in any line.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn has_lines(&self) -> Result<bool, LedgerError> {
        let found = self.run(
            "SELECT 1 FROM delivery
             WHERE due_at IS NOT NULL AND queue >= '2' AND queue < '3' LIMIT 1",
            &[],
        )?;
        Ok(!found.is_empty())
    }

    /// Ends a line, because its action has no pace any more or is off: what waits in it is due now. A bounded step; `true` when
    /// there is more.
    fn release(&self, line: &str, now: Timestamp) -> Result<bool, LedgerError> {
        let released = self.run(
            "UPDATE delivery SET queue = '0' || substr(queue, 2), reason = NULL, due_at = ?2
             WHERE rowid IN
                (SELECT rowid FROM delivery
                 WHERE queue = '2' || ?1 AND due_at IS NOT NULL LIMIT ?3)
             RETURNING 1",
            &[text(line), now.into(), RELEASED_AT_ONCE.into()],
        )?;
        self.run("DELETE FROM line WHERE name = ?1", &[text(line)])?;
        Ok(released.len() == RELEASED_AT_ONCE)
    }

    /// Forgets the lines that nothing waits in, nothing was let go of, and that no next one has to wait for.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn forget_lines(&self, now: Timestamp) -> Result<(), LedgerError> {
        const EMPTY: &str = "next_at < ?1 AND NOT EXISTS
            (SELECT 1 FROM delivery
             WHERE due_at IS NOT NULL AND queue IN ('1' || name, '2' || name, '3' || name))";
        let before = [(now - FORGOTTEN_AFTER).into()];
        // A look costs far less than a write that changes nothing.
        let empty = self.run(
            &format!("SELECT 1 FROM line WHERE {EMPTY} LIMIT 1"),
            &before,
        )?;
        if !empty.is_empty() {
            self.run(&format!("DELETE FROM line WHERE {EMPTY}"), &before)?;
        }
        Ok(())
    }
}
