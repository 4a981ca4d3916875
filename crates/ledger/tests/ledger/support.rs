//! A ledger in SQLite, and short names for what the tests do with it.

use std::{
    cell::RefCell,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use api::wire::{Delivery, DeliveryDetails};
use domain::{
    account::AccountId,
    delivery::{Settled, Status},
    id::{ActionId, DeliveryId, EventId, TriggerId},
    matching::{Omitted, Skip},
    origin::Origin,
    page::Page,
    time::Timestamp,
    trace::TraceParent,
    webhook::Event,
};
use ledger::{
    Accepted, Claim, ClaimLimits, Claimed, Database, DatabaseError, EarlierEvent, FinishedAttempt,
    InFlightLimits, Inserted, Ledger, LedgerError, NewEventRow, NewTest, PlannedDelivery, Row,
    Value,
};
use rusqlite::{Connection, ErrorCode, StatementStatus, types};
use serde_json::value::RawValue;

/// A connection to a SQLite database that keeps account of what it was asked.
pub(crate) struct Sqlite {
    connection: Connection,
    statements: RefCell<Vec<Statement>>,
}

/// A statement that was run.
pub(crate) struct Statement {
    pub(crate) sql: String,
    /// The steps of SQLite's virtual machine that it took: its cost, the same on every machine.
    pub(crate) steps: i32,
}

impl Sqlite {
    /// A database of its own.
    pub(crate) fn in_memory() -> Self {
        Self::over(Connection::open_in_memory().unwrap())
    }

    /// A connection of its own to the database in this file.
    pub(crate) fn open(file: &Path) -> Self {
        Self::over(Connection::open(file).unwrap())
    }

    fn over(connection: Connection) -> Self {
        connection.busy_timeout(Duration::from_secs(60)).unwrap();
        // No test cuts the power.
        connection
            .pragma_update(None, "synchronous", "OFF")
            .unwrap();
        Self {
            connection,
            statements: RefCell::default(),
        }
    }

    pub(crate) fn ledger(&self) -> Ledger<&Self> {
        Ledger::new(self)
    }

    /// What `act` asks of the database.
    pub(crate) fn statements_of(&self, act: impl FnOnce(&Ledger<&Self>)) -> Vec<Statement> {
        self.statements.take();
        act(&self.ledger());
        self.statements.take()
    }

    /// What SQLite would do to answer `sql`, a line for each table.
    pub(crate) fn plan(&self, sql: &str) -> Vec<String> {
        let mut statement = self
            .connection
            .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
            .unwrap();
        for parameter in 1..=statement.parameter_count() {
            statement
                .raw_bind_parameter(parameter, types::Null)
                .unwrap();
        }
        let mut rows = statement.raw_query();
        let mut plan = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            plan.push(row.get(3).unwrap());
        }
        plan
    }

    /// Looks behind the ledger's back.
    pub(crate) fn rows(&self, sql: &str) -> Vec<Row> {
        self.try_execute(sql, &[]).unwrap()
    }

    /// The one number that `sql` asks for.
    pub(crate) fn number(&self, sql: &str) -> i64 {
        match self.rows(sql).as_slice() {
            [row] => match row.as_slice() {
                [Value::Integer(number)] => *number,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    fn try_execute(&self, sql: &str, parameters: &[Value]) -> rusqlite::Result<Vec<Row>> {
        let mut statement = self.connection.prepare_cached(sql)?;
        statement.reset_status(StatementStatus::VmStep);
        let columns = statement.column_count();
        let parameters = rusqlite::params_from_iter(parameters.iter().map(to_sqlite));
        let rows = statement
            .query_map(parameters, |row| {
                (0..columns).map(|at| from_sqlite(row, at)).collect()
            })?
            .collect();
        let steps = statement.get_status(StatementStatus::VmStep);
        self.statements.borrow_mut().push(Statement {
            sql: sql.to_owned(),
            steps,
        });
        rows
    }
}

impl Database for &Sqlite {
    fn execute(&self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, DatabaseError> {
        loop {
            match self.try_execute(sql, parameters) {
                // Some of what meets at a new database does not wait of itself.
                Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                    std::thread::yield_now();
                }
                done => return done.map_err(|error| DatabaseError::Failed(error.to_string())),
            }
        }
    }
}

fn to_sqlite(value: &Value) -> types::Value {
    match value {
        Value::Null => types::Value::Null,
        Value::Integer(number) => types::Value::Integer(*number),
        Value::Text(text) => types::Value::Text(text.clone()),
    }
}

fn from_sqlite(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<Value> {
    Ok(match row.get(column)? {
        types::Value::Null => Value::Null,
        types::Value::Integer(number) => Value::Integer(number),
        types::Value::Text(text) => Value::Text(text),
        other => panic!("no column holds {other:?}"),
    })
}

/// When the tests play, and so many seconds later.
pub(crate) fn at(seconds: i64) -> Timestamp {
    millis(seconds * 1_000)
}

/// As above, in milliseconds.
pub(crate) fn millis(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_795_446_245_000 + millis)
}

/// Numbers that are the same in every run, and spread as evenly as random ones (SplitMix64).
pub(crate) fn random() -> u64 {
    static CALLS: AtomicU64 = AtomicU64::new(1);
    let mut number = CALLS
        .fetch_add(1, Ordering::Relaxed)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ number >> 31
}

fn entropy() -> u128 {
    u128::from(random()) << 64 | u128::from(random())
}

pub(crate) fn account(name: &str) -> AccountId {
    AccountId::parse(name).unwrap()
}

/// The account of tests that need only one.
pub(crate) fn acme() -> AccountId {
    account("acme")
}

/// An action that events are owed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) trigger: TriggerId,
    pub(crate) action: ActionId,
}

impl Target {
    pub(crate) fn new() -> Self {
        Self {
            trigger: TriggerId::new(at(0), entropy()),
            action: ActionId::new(at(0), entropy()),
        }
    }

    pub(crate) fn many(count: usize) -> Vec<Self> {
        (0..count).map(|_| Self::new()).collect()
    }

    /// The delivery of an event that comes `now`.
    pub(crate) fn owed(self, now: Timestamp) -> PlannedDelivery {
        let id = DeliveryId::new(now, entropy());
        PlannedDelivery {
            id,
            trigger: self.trigger,
            action: self.action,
            skip: None,
        }
    }

    /// A delivery that is not to be sent, because the action is off.
    pub(crate) fn skipped(self, now: Timestamp) -> PlannedDelivery {
        PlannedDelivery {
            skip: Some(Skip::ActionDisabled),
            ..self.owed(now)
        }
    }
}

/// What an event comes with, in tests to which most of that does not matter.
pub(crate) struct Post<'a> {
    pub(crate) account: AccountId,
    pub(crate) now: Timestamp,
    pub(crate) event_type: &'a str,
    pub(crate) idempotency_key: Option<&'a str>,
    pub(crate) batch: Option<&'a str>,
    pub(crate) producer_id: Option<&'a str>,
    pub(crate) source: Option<&'a str>,
    pub(crate) fingerprint: &'a str,
    pub(crate) data: &'a str,
    pub(crate) trace: Option<TraceParent>,
    pub(crate) owed: &'a [PlannedDelivery],
}

impl<'a> Post<'a> {
    pub(crate) fn new(now: Timestamp, owed: &'a [PlannedDelivery]) -> Self {
        Self {
            account: acme(),
            now,
            event_type: "message.sent",
            idempotency_key: None,
            batch: None,
            producer_id: None,
            source: None,
            fingerprint: "f00d",
            data: "{}",
            trace: None,
            owed,
        }
    }

    fn row<'r>(&'r self, id: EventId, data: &'r RawValue) -> NewEventRow<'r> {
        NewEventRow {
            account: &self.account,
            id,
            event_type: self.event_type,
            occurred_at: self.now,
            received_at: self.now,
            data,
            idempotency_key: self.idempotency_key,
            batch: self.batch,
            producer_id: self.producer_id,
            source: self.source,
            fingerprint: self.fingerprint,
            origin: Origin {
                trace: self.trace,
                ..Origin::default()
            },
            deliveries: self.owed,
            omitted: &Omitted::NOTHING,
        }
    }

    fn raw_data(&self) -> Box<RawValue> {
        RawValue::from_string(self.data.to_owned()).unwrap()
    }

    /// What was accepted before under one of its keys.
    pub(crate) fn earlier<D: Database>(&self, ledger: &Ledger<D>) -> Option<EarlierEvent> {
        let (id, data) = (EventId::new(self.now, entropy()), self.raw_data());
        ledger.earlier(&[&self.row(id, &data)]).unwrap().remove(0)
    }

    pub(crate) fn accept<D: Database>(
        &self,
        ledger: &Ledger<D>,
    ) -> Result<(EventId, Inserted), LedgerError> {
        let id = EventId::new(self.now, entropy());
        Ok((id, self.accept_as(ledger, id)?))
    }

    /// As above, under an id that another account's event may have, too.
    pub(crate) fn accept_as<D: Database>(
        &self,
        ledger: &Ledger<D>,
        id: EventId,
    ) -> Result<Inserted, LedgerError> {
        ledger.accept(&self.row(id, &self.raw_data()))
    }
}

/// Accepts events that come together, and returns the ids that are meant for them.
pub(crate) fn accept_all<D: Database>(
    ledger: &Ledger<D>,
    posts: &[Post<'_>],
) -> Result<(Vec<EventId>, Accepted), LedgerError> {
    let ids = posts.iter().map(|post| EventId::new(post.now, entropy()));
    let ids: Vec<_> = ids.collect();
    let data: Vec<_> = posts.iter().map(Post::raw_data).collect();
    let rows = posts.iter().zip(&ids).zip(&data);
    let rows: Vec<_> = rows.map(|((post, id), data)| post.row(*id, data)).collect();
    Ok((ids, ledger.accept_all(&rows)?))
}

/// Accepts an event that is owed once to each of `targets`, and returns the deliveries' ids.
pub(crate) fn post<D: Database>(
    ledger: &Ledger<D>,
    account: &AccountId,
    targets: &[Target],
    now: Timestamp,
) -> Vec<DeliveryId> {
    let owed: Vec<_> = targets.iter().map(|target| target.owed(now)).collect();
    let post = Post {
        account: account.clone(),
        ..Post::new(now, &owed)
    };
    assert!(matches!(
        post.accept(ledger).unwrap(),
        (_, Inserted::New { .. })
    ));
    owed.iter().map(|delivery| delivery.id).collect()
}

/// As above, to one target of the usual account.
pub(crate) fn post_one<D: Database>(
    ledger: &Ledger<D>,
    target: Target,
    now: Timestamp,
) -> DeliveryId {
    post(ledger, &acme(), &[target], now)[0]
}

/// How long claims last.
pub(crate) const LEASE: Duration = ledger::CLAIM_LEASE;

/// Claims of any one who comes first, wherever he starts.
pub(crate) fn limits(total: usize) -> ClaimLimits<'static> {
    ClaimLimits {
        total,
        per_queue: 16,
        in_flight: &[],
        failing_after: 5,
        first_attempts_only: false,
        most: InFlightLimits::NONE,
        start: random(),
    }
}

pub(crate) fn new_claim(now: Timestamp) -> Claim {
    Claim {
        token: format!("{:032x}", entropy()),
        lease_until: now + LEASE,
    }
}

/// Claims up to `total`, as a runner does that has nothing in flight.
pub(crate) fn claim<D: Database>(
    ledger: &Ledger<D>,
    total: usize,
    now: Timestamp,
) -> (Claim, Vec<Claimed>) {
    let claim = new_claim(now);
    let claimed = ledger.claim(&claim, &limits(total), now).unwrap();
    (claim, claimed)
}

/// Claims the one delivery that is due.
pub(crate) fn claim_one<D: Database>(ledger: &Ledger<D>, now: Timestamp) -> (Claim, Claimed) {
    let (claim, mut claimed) = claim(ledger, 64, now);
    assert_eq!(claimed.len(), 1);
    (claim, claimed.remove(0))
}

/// Begins a test of the target.
pub(crate) fn begin_test<D: Database>(
    ledger: &Ledger<D>,
    target: Target,
    now: Timestamp,
) -> (Claim, Claimed) {
    new_test(ledger, target, InFlightLimits::NONE, now).unwrap()
}

/// As above, where there is room for it.
pub(crate) fn new_test<D: Database>(
    ledger: &Ledger<D>,
    target: Target,
    most: InFlightLimits,
    now: Timestamp,
) -> Option<(Claim, Claimed)> {
    let claim = new_claim(now);
    let test = NewTest {
        account: &acme(),
        event: &Event {
            id: EventId::new(now, entropy()),
            event_type: "message.sent".into(),
            test: true,
            occurred_at: now,
            data: RawValue::from_string("{}".into()).unwrap(),
            origin: Origin::default(),
        },
        delivery: DeliveryId::new(now, entropy()),
        trigger: target.trigger,
        action: target.action,
        host: "hooks.example.com",
    };
    let begun = ledger.begin_test(&test, &claim, &most, now).unwrap();
    begun.map(|claimed| (claim, claimed))
}

/// The receiver took it.
pub(crate) fn sent() -> Settled {
    Settled {
        status: Status::Succeeded,
        due_at: None,
        reason: None,
    }
}

/// The receiver did not take it; it is tried again at `due_at`.
pub(crate) fn again(due_at: Timestamp) -> Settled {
    let reason = Some("status 500".into());
    Settled {
        status: Status::Pending,
        due_at: Some(due_at),
        reason,
    }
}

/// The receiver did not take it, and that was the last attempt.
pub(crate) fn gave_up() -> Settled {
    let reason = Some("gave up after 1 attempt: status 500".into());
    Settled {
        status: Status::Failed,
        due_at: None,
        reason,
    }
}

/// An attempt of half a second that ended so.
pub(crate) fn attempt(
    claimed: &Claimed,
    started_at: Timestamp,
    settled: Settled,
) -> FinishedAttempt {
    let ok = settled.status == Status::Succeeded;
    FinishedAttempt {
        account: claimed.account.clone(),
        delivery: claimed.id,
        started_at,
        duration_ms: 500,
        status_code: Some(if ok { 204 } else { 500 }),
        error: (!ok).then(|| "status 500".into()),
        hidden_cause: None,
        request_headers: serde_json::Map::new(),
        response_headers: serde_json::Map::new(),
        response_body: Some(String::new()),
        settled,
        hold_until: None,
    }
}

/// Claims all that is due and records the same end for it. Returns how many that were.
pub(crate) fn settle_due<D: Database>(
    ledger: &Ledger<D>,
    now: Timestamp,
    settled: &Settled,
) -> usize {
    let mut count = 0;
    loop {
        let (claim, claimed) = claim(ledger, 1_000, now);
        if claimed.is_empty() {
            return count;
        }
        let done: Vec<_> = claimed
            .iter()
            .map(|claimed| attempt(claimed, now, settled.clone()))
            .collect();
        count += ledger
            .record(&claim, &done.iter().collect::<Vec<_>>())
            .unwrap();
    }
}

/// The delivery and its attempts.
pub(crate) fn show<D: Database>(ledger: &Ledger<D>, id: DeliveryId) -> DeliveryDetails {
    ledger.delivery(&acme(), id).unwrap().unwrap()
}

/// The first page of a list, of `limit` items.
pub(crate) fn first(limit: usize) -> Page {
    Page { limit, after: None }
}

/// The usual account's deliveries, the newest first.
pub(crate) fn deliveries<D: Database>(ledger: &Ledger<D>) -> Vec<Delivery> {
    ledger
        .deliveries(&acme(), &ledger::DeliveryFilter::default(), &first(200))
        .unwrap()
}

/// Runs `act` in `count` threads that start together, each with its number.
pub(crate) fn race<T: Send>(count: usize, act: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let start = std::sync::Barrier::new(count);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..count)
            .map(|number| {
                let (start, act) = (&start, &act);
                scope.spawn(move || {
                    start.wait();
                    act(number)
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    })
}
