//! The ledger's tables.
//!
//! [`SCHEMA`] is made by the first statement that fails for want of it. Every key that groups work
//! (queues, lines, health, targets, leases) has the account in it: two accounts may have triggers
//! and actions of the same ids, and nothing of one changes for the other.

use crate::{Columns as _, Database, DatabaseError, Row};

/// The version of the schema that [`SCHEMA`] makes.
pub(crate) const VERSION: i64 = 1;

/// The statements that make the schema, in order. Each can be run again, by two at once, and after a
/// crash between any two of them.
const SCHEMA: &[&str] = &[
    // Readers go on while somebody writes. Kept in the file, so it is said once; a database that
    // has no such mode (a libSQL server) refuses it or answers its own, and either is fine.
    "PRAGMA journal_mode = WAL",
    // `deliveries` is what the event is owed to: [[id, trigger, action, reason to skip or null], …]
    // The one delivery of a test has the claim under which it is made, and the end of that, too.
    // `batch` tells the array that the event came in from others, where that came under an
    // idempotency key. `source` is what the producer's id is unique in: a CloudEvent's, or nothing.
    // `hops` tells how many webhooks led to the event, `trace` what the producer's tracing knows it
    // under: a `traceparent`, or nothing. `omitted` is what it has no
    // deliveries for, though it may match: a `domain::matching::Omitted`, or null.
    "CREATE TABLE IF NOT EXISTS event (
        account         TEXT NOT NULL,
        id              TEXT NOT NULL,
        type            TEXT NOT NULL,
        occurred_at     INTEGER NOT NULL,
        received_at     INTEGER NOT NULL,
        data            TEXT NOT NULL,
        idempotency_key TEXT,
        batch           TEXT,
        producer_id     TEXT,
        source          TEXT NOT NULL DEFAULT '',
        fingerprint     TEXT NOT NULL,
        deliveries      TEXT NOT NULL,
        test            INTEGER NOT NULL DEFAULT 0,
        hops            INTEGER NOT NULL DEFAULT 0,
        trace           TEXT,
        omitted         TEXT,
        PRIMARY KEY (account, id)
    )",
    "CREATE UNIQUE INDEX IF NOT EXISTS event_idempotency_key ON event (account, idempotency_key)
        WHERE idempotency_key IS NOT NULL",
    "CREATE UNIQUE INDEX IF NOT EXISTS event_producer_id ON event (account, producer_id, source)
        WHERE producer_id IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS event_age ON event (received_at)",
    "CREATE INDEX IF NOT EXISTS event_type ON event (account, type, id)",
    "CREATE INDEX IF NOT EXISTS event_test ON event (account, id) WHERE test",
    // `due_at` is when a runner may claim the delivery: the next attempt's time, or the end of the
    // lease of the runner that has it; null when nothing is owed any more.
    // `tries` counts the attempts of the present round of the schedule, `attempt_count` all.
    // `queue` is what runners take turns between: the lane (0: first attempts, 1: retries; 2 and 3:
    // see `lines.rs`), the random part of the action's id, and the account. The random part comes
    // first because it is spread evenly, whatever accounts are called: see `Ledger::claim`.
    "CREATE TABLE IF NOT EXISTS delivery (
        account       TEXT NOT NULL,
        id            TEXT NOT NULL,
        event_id      TEXT NOT NULL,
        trigger_id    TEXT NOT NULL,
        action_id     TEXT NOT NULL,
        type          TEXT NOT NULL,
        status        TEXT NOT NULL,
        reason        TEXT,
        attempt_count INTEGER NOT NULL DEFAULT 0,
        tries         INTEGER NOT NULL DEFAULT 0,
        due_at        INTEGER,
        queue         TEXT NOT NULL,
        claim         TEXT,
        created_at    INTEGER NOT NULL,
        test          INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (account, id)
    )",
    "CREATE INDEX IF NOT EXISTS delivery_due ON delivery (due_at) WHERE due_at IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS delivery_queue ON delivery (queue, due_at)
        WHERE due_at IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS delivery_in_flight ON delivery (account, action_id, due_at)
        WHERE status = 'delivering'",
    "CREATE INDEX IF NOT EXISTS delivery_age ON delivery (created_at) WHERE due_at IS NULL",
    "CREATE INDEX IF NOT EXISTS delivery_status ON delivery (account, status, id)",
    "CREATE INDEX IF NOT EXISTS delivery_test ON delivery (account, id) WHERE test",
    "CREATE INDEX IF NOT EXISTS delivery_event ON delivery (account, event_id, id)",
    "CREATE INDEX IF NOT EXISTS delivery_trigger
        ON delivery (account, trigger_id, id)",
    "CREATE INDEX IF NOT EXISTS delivery_action ON delivery (account, action_id, id)",
    // `status`, `reason` and `due_at` are what the attempt made of its delivery, and `hold_until` of
    // its action, where the receiver asked for a pause. `hidden_cause` is the cause of a failure whose
    // `error` does not begin with it: it is counted, and never shown.
    "CREATE TABLE IF NOT EXISTS attempt (
        account          TEXT NOT NULL,
        delivery_id      TEXT NOT NULL,
        number           INTEGER NOT NULL,
        started_at       INTEGER NOT NULL,
        duration_ms      INTEGER NOT NULL,
        status_code      INTEGER,
        error            TEXT,
        request_headers  TEXT NOT NULL,
        response_headers TEXT NOT NULL,
        response_body    TEXT,
        status           TEXT NOT NULL,
        reason           TEXT,
        due_at           INTEGER,
        hold_until       INTEGER,
        hidden_cause     TEXT,
        PRIMARY KEY (account, delivery_id, number)
    )",
    "CREATE INDEX IF NOT EXISTS attempt_failed ON attempt (account, delivery_id)
        WHERE error IS NOT NULL",
    // How an action's attempts have gone. `down_since` is when it went down: with its fifth failure in
    // a row, or when the service disabled it. It is up with the first success that began later.
    "CREATE TABLE IF NOT EXISTS action_health (
        account              TEXT NOT NULL,
        action_id            TEXT NOT NULL,
        last_success_at      INTEGER,
        last_failure_at      INTEGER,
        failing_since        INTEGER,
        consecutive_failures INTEGER NOT NULL,
        down_since           INTEGER,
        PRIMARY KEY (account, action_id)
    )",
    // What runs have found out about an action: the host that its requests go to, and until when its
    // receiver asked to be left alone.
    "CREATE TABLE IF NOT EXISTS target (
        account    TEXT NOT NULL,
        action_id  TEXT NOT NULL,
        host       TEXT,
        held_until INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (account, action_id)
    )",
    // What is to be told of an action: an event of this type each. What is not certain yet is about to
    // be done in another store. Of a delivery that failed, `attempts` are its own and `since` is when
    // it came to be; else they are the action's failures, and since when it has been failing.
    // A place is never had again: to forget one that was told can't forget another.
    "CREATE TABLE IF NOT EXISTS announcement (
        place       INTEGER PRIMARY KEY AUTOINCREMENT,
        certain     INTEGER NOT NULL DEFAULT 1,
        account     TEXT NOT NULL,
        trigger_id  TEXT NOT NULL,
        action_id   TEXT,
        at          INTEGER NOT NULL,
        type        TEXT NOT NULL,
        delivery_id TEXT,
        event_id    TEXT,
        event_type  TEXT,
        attempts    INTEGER NOT NULL,
        since       INTEGER,
        reason      TEXT
    )",
    "CREATE INDEX IF NOT EXISTS announcement_event ON announcement (account, event_id)",
    // Who is writing what only one at a time may write.
    "CREATE TABLE IF NOT EXISTS lease (
        subject    TEXT PRIMARY KEY,
        token      TEXT NOT NULL,
        inherited  INTEGER NOT NULL,
        expires_at INTEGER NOT NULL
    )",
    // Counters of rate limits, and the portal links that were opened: see `rate_limits.rs`.
    "CREATE TABLE IF NOT EXISTS rate_limit (
        name  TEXT PRIMARY KEY,
        until INTEGER NOT NULL,
        count INTEGER NOT NULL
    ) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS rate_limit_until ON rate_limit (until)",
    // An event and the deliveries it is owed to are written by one statement: whoever got a 202
    // has both, whoever got none has neither.
    "CREATE TRIGGER IF NOT EXISTS event_owes_deliveries AFTER INSERT ON event BEGIN
        INSERT INTO delivery
            (account, id, event_id, trigger_id, action_id, type, status, reason, claim, due_at,
             queue, created_at, test)
        SELECT NEW.account, owed.value ->> 0, NEW.id, owed.value ->> 1, owed.value ->> 2, NEW.type,
               CASE WHEN owed.value ->> 3 IS NOT NULL THEN 'skipped'
                    WHEN owed.value ->> 4 IS NOT NULL THEN 'delivering'
                    ELSE 'pending' END,
               owed.value ->> 3,
               owed.value ->> 4,
               CASE WHEN owed.value ->> 3 IS NULL
                    THEN coalesce(owed.value ->> 5, NEW.received_at) END,
               '0' || substr(owed.value ->> 2, -16) || NEW.account,
               NEW.received_at,
               NEW.test
        FROM json_each(NEW.deliveries) AS owed;
    END",
    // An attempt, what it makes of its delivery, and what it says about its action are written by
    // one statement. A test says nothing about its action.
    "CREATE TRIGGER IF NOT EXISTS attempt_settles_delivery AFTER INSERT ON attempt BEGIN
        UPDATE delivery
        SET status = NEW.status, reason = NEW.reason, due_at = NEW.due_at, claim = NULL,
            attempt_count = NEW.number, tries = tries + 1, queue = '1' || substr(queue, 2)
        WHERE account = NEW.account AND id = NEW.delivery_id;
        INSERT INTO action_health
            (account, action_id, last_success_at, last_failure_at, failing_since,
             consecutive_failures)
        SELECT account, action_id,
               CASE WHEN NEW.error IS NULL THEN NEW.started_at + NEW.duration_ms END,
               CASE WHEN NEW.error IS NOT NULL THEN NEW.started_at + NEW.duration_ms END,
               CASE WHEN NEW.error IS NOT NULL THEN NEW.started_at END,
               NEW.error IS NOT NULL
        FROM delivery WHERE account = NEW.account AND id = NEW.delivery_id AND NOT test
        ON CONFLICT (account, action_id) DO UPDATE SET
            last_success_at = coalesce(excluded.last_success_at, last_success_at),
            last_failure_at = coalesce(excluded.last_failure_at, last_failure_at),
            failing_since =
                CASE WHEN NEW.error IS NOT NULL THEN coalesce(failing_since, NEW.started_at) END,
            consecutive_failures =
                CASE WHEN NEW.error IS NOT NULL THEN consecutive_failures + 1 ELSE 0 END,
            down_since =
                CASE WHEN NEW.error IS NULL
                     THEN CASE WHEN down_since > NEW.started_at THEN down_since END
                     WHEN down_since IS NULL AND consecutive_failures + 1 >= 5
                     THEN NEW.started_at + NEW.duration_ms
                     ELSE down_since END;
    END",
    // A receiver that asks for a pause gets it for all of its action. What was in flight meanwhile
    // does not cut it short.
    "CREATE TRIGGER IF NOT EXISTS attempt_holds_action AFTER INSERT ON attempt
        WHEN NEW.hold_until IS NOT NULL BEGIN
        INSERT INTO target (account, action_id, held_until)
        SELECT account, action_id, NEW.hold_until
        FROM delivery WHERE account = NEW.account AND id = NEW.delivery_id AND NOT test
        ON CONFLICT (account, action_id) DO UPDATE SET
            held_until = max(held_until, excluded.held_until);
    END",
    // So is what is to be told of that, but for tests and for deliveries that tell such things
    // themselves. Before, because it is about an action that was down until then.
    "CREATE TRIGGER IF NOT EXISTS recovery_is_told BEFORE INSERT ON attempt
        WHEN NEW.error IS NULL BEGIN
        INSERT INTO announcement
            (account, trigger_id, action_id, at, type, delivery_id, event_id, event_type, attempts,
             since)
        SELECT delivery.account, delivery.trigger_id, delivery.action_id,
               NEW.started_at + NEW.duration_ms, 'webhook.action_recovered',
               delivery.id, delivery.event_id, delivery.type,
               action_health.consecutive_failures,
               coalesce(action_health.failing_since, action_health.down_since)
        FROM delivery JOIN action_health ON action_health.account = delivery.account
            AND action_health.action_id = delivery.action_id
        WHERE delivery.account = NEW.account AND delivery.id = NEW.delivery_id
          AND action_health.down_since <= NEW.started_at
          AND NOT delivery.test AND delivery.type NOT LIKE 'webhook.%';
    END",
    "CREATE TRIGGER IF NOT EXISTS failure_is_told AFTER INSERT ON attempt
        WHEN NEW.status = 'failed' BEGIN
        INSERT INTO announcement
            (account, trigger_id, action_id, at, type, delivery_id, event_id, event_type, attempts,
             since, reason)
        SELECT account, trigger_id, action_id, NEW.started_at + NEW.duration_ms,
               'webhook.delivery_failed', id, event_id, type, NEW.number, created_at,
               coalesce(NEW.reason, NEW.error, '')
        FROM delivery
        WHERE account = NEW.account AND id = NEW.delivery_id
          AND NOT test AND type NOT LIKE 'webhook.%';
    END",
    // That filters were not evaluated on an event is told with it.
    "CREATE TRIGGER IF NOT EXISTS skipped_filters_are_told AFTER INSERT ON event
        WHEN NEW.omitted ->> 'unevaluated_triggers' IS NOT NULL
          AND NEW.type NOT LIKE 'webhook.%' BEGIN
        INSERT INTO announcement
            (account, trigger_id, at, type, event_id, event_type, attempts)
        VALUES (NEW.account, NEW.omitted ->> '$.unevaluated_triggers.triggers[0].id',
                NEW.received_at, 'webhook.filters_skipped', NEW.id, NEW.type, 0);
    END",
    // What was about to be done is done.
    "CREATE TRIGGER IF NOT EXISTS disabled_action_is_down AFTER UPDATE OF certain ON announcement
        WHEN NEW.type = 'webhook.action_disabled' BEGIN
        UPDATE action_health SET down_since = NEW.at
        WHERE account = NEW.account AND action_id = NEW.action_id;
    END",
    "CREATE TRIGGER IF NOT EXISTS delivery_takes_attempts AFTER DELETE ON delivery BEGIN
        DELETE FROM attempt WHERE account = OLD.account AND delivery_id = OLD.id;
    END",
    // For what is purged: an event that goes leaves no delivery behind, not even one of a replay
    // of that moment.
    "CREATE TRIGGER IF NOT EXISTS event_takes_deliveries AFTER DELETE ON event BEGIN
        DELETE FROM delivery WHERE account = OLD.account AND event_id = OLD.id;
    END",
    // What has been counted: see `tally.rs`.
    "CREATE TABLE IF NOT EXISTS tally (
        name  TEXT NOT NULL,
        label TEXT NOT NULL,
        count INTEGER NOT NULL,
        PRIMARY KEY (name, label)
    ) WITHOUT ROWID",
    // Who waits in line: see `lines.rs`. A line has the name that its queues have behind their first
    // character: the action's random part and the account. The next of it is due at `next_at` at the
    // earliest.
    "CREATE TABLE IF NOT EXISTS line (
        name        TEXT PRIMARY KEY,
        ordered     INTEGER NOT NULL,
        interval_ms INTEGER NOT NULL,
        next_at     INTEGER NOT NULL DEFAULT 0
    ) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS ledger_version (
        place   INTEGER PRIMARY KEY CHECK (place = 1),
        version INTEGER NOT NULL
    )",
    "INSERT INTO ledger_version (place, version) VALUES (1, 1) ON CONFLICT DO NOTHING",
    // Requests that created something under an idempotency key: see `idempotency.rs`.
    "CREATE TABLE IF NOT EXISTS keyed_request (
        account     TEXT NOT NULL,
        path        TEXT NOT NULL,
        key         TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        result      TEXT NOT NULL,
        done        INTEGER NOT NULL DEFAULT 0,
        created_at  INTEGER NOT NULL,
        PRIMARY KEY (path, key)
    )",
    "CREATE INDEX IF NOT EXISTS keyed_request_age ON keyed_request (created_at)",
    "CREATE INDEX IF NOT EXISTS keyed_request_account ON keyed_request (account)",
    // The last, because an event is accepted with a look at it: none gets in before all the rest is
    // there that makes its deliveries and keeps its key from being used twice.
    //
    // Runners that are at work, in slots of which there are only so many. `open` is 1 while the
    // runner takes new work as it comes, 0 while it waits for a retry or finishes.
    "CREATE TABLE IF NOT EXISTS runner (
        slot       INTEGER PRIMARY KEY,
        token      TEXT NOT NULL,
        open       INTEGER NOT NULL,
        waiting    INTEGER NOT NULL,
        expires_at INTEGER NOT NULL
    )",
];

/// Makes what is missing of the schema.
pub(crate) fn ensure(database: &impl Database) -> Result<(), DatabaseError> {
    let present = version(database);
    if present > VERSION {
        let detail = format!(
            "it is of version {present}, made by a newer release of the service; this one knows {VERSION}"
        );
        return Err(DatabaseError::Failed(detail));
    }
    for statement in SCHEMA {
        match database.execute(statement, &[]) {
            Err(DatabaseError::Failed(_)) if statement.starts_with("PRAGMA") => {}
            done => drop(done?),
        }
    }
    Ok(())
}

/// The version that a ledger says it is of; 0 where it says nothing.
pub(crate) fn version(database: &impl Database) -> i64 {
    let said = database.execute("SELECT version FROM ledger_version", &[]);
    let said = said.ok().and_then(|rows| rows.first().map(version_of));
    said.unwrap_or_default()
}

fn version_of(row: &Row) -> i64 {
    row.integer(0).unwrap_or_default()
}
