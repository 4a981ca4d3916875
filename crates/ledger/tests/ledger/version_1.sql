-- A ledger as the first version of the schema left it: two events, one of them sent to one action and to be
-- tried again at the other.
BEGIN TRANSACTION;
CREATE TABLE action_health (
        action_id            TEXT PRIMARY KEY,
        account              TEXT NOT NULL,
        last_success_at      INTEGER,
        last_failure_at      INTEGER,
        failing_since        INTEGER,
        consecutive_failures INTEGER NOT NULL,
        down_since           INTEGER
    );
INSERT INTO "action_health" VALUES('act_01M84Z34MR0000000000000001','acme',1795446245022,NULL,NULL,0,NULL);
INSERT INTO "action_health" VALUES('act_01M84Z34MR0000000000000002','acme',NULL,1795446245022,1795446245010,1,NULL);
CREATE TABLE announcement (
        place       INTEGER PRIMARY KEY AUTOINCREMENT,
        certain     INTEGER NOT NULL DEFAULT 1,
        account     TEXT NOT NULL,
        trigger_id  TEXT NOT NULL,
        action_id   TEXT NOT NULL,
        at          INTEGER NOT NULL,
        type        TEXT NOT NULL,
        delivery_id TEXT,
        event_id    TEXT,
        event_type  TEXT,
        attempts    INTEGER NOT NULL,
        since       INTEGER,
        reason      TEXT
    );
CREATE TABLE attempt (
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
        PRIMARY KEY (account, delivery_id, number)
    );
INSERT INTO "attempt" VALUES('acme','dlv_01M84Z34MR0000000000000001',1,1795446245010,12,200,NULL,'{"webhook-id":"x"}','{}','body','succeeded',NULL,NULL);
INSERT INTO "attempt" VALUES('acme','dlv_01M84Z34MR0000000000000002',1,1795446245010,12,503,'status 503','{"webhook-id":"x"}','{}','body','pending','status 503',1795446250000);
CREATE TABLE delivery (
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
    );
INSERT INTO "delivery" VALUES('acme','dlv_01M84Z34MR0000000000000001','evt_01M84Z34MR0000000000000001','trg_01M84Z34MR0000000000000001','act_01M84Z34MR0000000000000001','message.sent','succeeded',NULL,1,1,NULL,'10000000000000001',NULL,1795446245000,0);
INSERT INTO "delivery" VALUES('acme','dlv_01M84Z34MR0000000000000002','evt_01M84Z34MR0000000000000001','trg_01M84Z34MR0000000000000001','act_01M84Z34MR0000000000000002','message.sent','pending','status 503',1,1,1795446250000,'10000000000000002',NULL,1795446245000,0);
INSERT INTO "delivery" VALUES('acme','dlv_01M84Z34MR0000000000000003','evt_01M84Z34MR0000000000000002','trg_01M84Z34MR0000000000000001','act_01M84Z34MR0000000000000001','message.sent','skipped','action was disabled',0,0,NULL,'00000000000000001',NULL,1795446245001,0);
CREATE TABLE event (
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
        PRIMARY KEY (account, id)
    );
INSERT INTO "event" VALUES('acme','evt_01M84Z34MR0000000000000001','message.sent',1795446245000,1795446245000,'{"number": 1}','order-1',NULL,NULL,'','f00d','[["dlv_01M84Z34MR0000000000000001", "trg_01M84Z34MR0000000000000001", "act_01M84Z34MR0000000000000001", null], ["dlv_01M84Z34MR0000000000000002", "trg_01M84Z34MR0000000000000001", "act_01M84Z34MR0000000000000002", null]]',0,0);
INSERT INTO "event" VALUES('acme','evt_01M84Z34MR0000000000000002','message.sent',1795446245001,1795446245001,'{"number": 2}',NULL,NULL,NULL,'','f00d','[["dlv_01M84Z34MR0000000000000003", "trg_01M84Z34MR0000000000000001", "act_01M84Z34MR0000000000000001", "action was disabled"]]',0,0);
CREATE TABLE lease (
        subject    TEXT PRIMARY KEY,
        token      TEXT NOT NULL,
        inherited  INTEGER NOT NULL,
        expires_at INTEGER NOT NULL
    );
CREATE TABLE runner (
        slot       INTEGER PRIMARY KEY,
        token      TEXT NOT NULL,
        open       INTEGER NOT NULL,
        waiting    INTEGER NOT NULL,
        expires_at INTEGER NOT NULL
    );
CREATE UNIQUE INDEX event_idempotency_key ON event (account, idempotency_key)
        WHERE idempotency_key IS NOT NULL;
CREATE UNIQUE INDEX event_producer_id ON event (account, producer_id, source)
        WHERE producer_id IS NOT NULL;
CREATE INDEX event_age ON event (received_at);
CREATE INDEX event_type ON event (account, type, id);
CREATE INDEX event_test ON event (account, id) WHERE test;
CREATE INDEX delivery_due ON delivery (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX delivery_queue ON delivery (queue, due_at)
        WHERE due_at IS NOT NULL;
CREATE INDEX delivery_age ON delivery (created_at) WHERE due_at IS NULL;
CREATE INDEX delivery_status ON delivery (account, status, id);
CREATE INDEX delivery_test ON delivery (account, id) WHERE test;
CREATE INDEX delivery_event ON delivery (event_id, id);
CREATE INDEX delivery_trigger ON delivery (trigger_id, id);
CREATE INDEX delivery_action ON delivery (action_id, id);
CREATE INDEX attempt_failed ON attempt (account, delivery_id)
        WHERE error IS NOT NULL;
CREATE INDEX action_health_account ON action_health (account);
CREATE INDEX announcement_event ON announcement (account, event_id);
CREATE TRIGGER event_owes_deliveries AFTER INSERT ON event BEGIN
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
               '0' || substr(owed.value ->> 2, -16),
               NEW.received_at,
               NEW.test
        FROM json_each(NEW.deliveries) AS owed;
    END;
CREATE TRIGGER attempt_settles_delivery AFTER INSERT ON attempt BEGIN
        UPDATE delivery
        SET status = NEW.status, reason = NEW.reason, due_at = NEW.due_at, claim = NULL,
            attempt_count = NEW.number, tries = tries + 1, queue = '1' || substr(queue, 2)
        WHERE account = NEW.account AND id = NEW.delivery_id;
        INSERT INTO action_health
            (action_id, account, last_success_at, last_failure_at, failing_since,
             consecutive_failures)
        SELECT action_id, account,
               CASE WHEN NEW.error IS NULL THEN NEW.started_at + NEW.duration_ms END,
               CASE WHEN NEW.error IS NOT NULL THEN NEW.started_at + NEW.duration_ms END,
               CASE WHEN NEW.error IS NOT NULL THEN NEW.started_at END,
               NEW.error IS NOT NULL
        FROM delivery WHERE account = NEW.account AND id = NEW.delivery_id AND NOT test
        ON CONFLICT (action_id) DO UPDATE SET
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
    END;
CREATE TRIGGER recovery_is_told BEFORE INSERT ON attempt
        WHEN NEW.error IS NULL BEGIN
        INSERT INTO announcement
            (account, trigger_id, action_id, at, type, delivery_id, event_id, event_type, attempts,
             since)
        SELECT delivery.account, delivery.trigger_id, delivery.action_id,
               NEW.started_at + NEW.duration_ms, 'webhook.action_recovered',
               delivery.id, delivery.event_id, delivery.type,
               action_health.consecutive_failures,
               coalesce(action_health.failing_since, action_health.down_since)
        FROM delivery JOIN action_health ON action_health.action_id = delivery.action_id
        WHERE delivery.account = NEW.account AND delivery.id = NEW.delivery_id
          AND action_health.down_since <= NEW.started_at
          AND NOT delivery.test AND delivery.type NOT LIKE 'webhook.%';
    END;
CREATE TRIGGER failure_is_told AFTER INSERT ON attempt
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
    END;
CREATE TRIGGER disabled_action_is_down AFTER UPDATE OF certain ON announcement
        WHEN NEW.type = 'webhook.action_disabled' BEGIN
        UPDATE action_health SET down_since = NEW.at WHERE action_id = NEW.action_id;
    END;
CREATE TRIGGER delivery_takes_attempts AFTER DELETE ON delivery BEGIN
        DELETE FROM attempt WHERE account = OLD.account AND delivery_id = OLD.id;
    END;
CREATE TRIGGER event_takes_deliveries AFTER DELETE ON event BEGIN
        DELETE FROM delivery WHERE event_id = OLD.id AND +account = OLD.account;
    END;
COMMIT;
