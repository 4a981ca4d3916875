//! The schema: made by its first use, whatever happens meanwhile.

use std::cell::Cell;

use domain::trace::TraceParent;
use ledger::{Database, DatabaseError, Ledger, Row, Value};

use crate::support::{
    Post, Sqlite, Target, accept_all, acme, at, claim_one, deliveries, post_one, race,
};

/// A process that dies before the statement with this number.
struct Dying<'a> {
    database: &'a Sqlite,
    left: Cell<usize>,
}

impl Database for Dying<'_> {
    fn execute(&self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, DatabaseError> {
        let Some(left) = self.left.get().checked_sub(1) else {
            return Err(DatabaseError::Busy(std::time::Duration::ZERO));
        };
        self.left.set(left);
        self.database.execute(sql, parameters)
    }
}

fn schema(database: &Sqlite) -> Vec<Row> {
    database.rows("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")
}

fn complete() -> Vec<Row> {
    let database = Sqlite::in_memory();
    post_one(&database.ledger(), Target::new(), at(0));
    schema(&database)
}

#[test]
fn a_first_use_makes_the_schema() {
    let database = Sqlite::in_memory();
    assert!(schema(&database).is_empty());
    assert_eq!(database.ledger().next_due_at().unwrap(), None);
    assert_eq!(schema(&database), complete());
}

#[test]
fn making_it_again_changes_nothing() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    post_one(&ledger, Target::new(), at(0));
    let delivery = Target::new().owed(at(0));
    // A statement that fails has the schema made, and fails again.
    let statements = database.statements_of(|ledger| {
        let twice = [delivery.clone(), delivery.clone()];
        assert!(Post::new(at(0), &twice).accept(ledger).is_err());
    });
    assert!(
        statements
            .iter()
            .any(|statement| statement.sql.starts_with("CREATE TABLE"))
    );
    assert_eq!(schema(&database), complete());
    assert_eq!(deliveries(&ledger).len(), 1);
}

#[test]
fn processes_that_start_at_once_make_it_together() {
    for _ in 0..10 {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ledger.db");
        race(6, |_| {
            let database = Sqlite::open(&file);
            post_one(&database.ledger(), Target::new(), at(0));
        });
        let database = Sqlite::open(&file);
        assert_eq!(deliveries(&database.ledger()).len(), 6);
        assert_eq!(schema(&database), complete());
    }
}

#[test]
fn after_a_crash_between_any_two_statements_the_next_use_goes_on() {
    let mut crashes = 0;
    loop {
        let database = Sqlite::in_memory();
        let dying = Ledger::new(Dying {
            database: &database,
            left: Cell::new(crashes),
        });
        let crashed = Post::new(at(0), &[Target::new().owed(at(0))])
            .accept(&dying)
            .is_err();
        // Not only is the schema made whole: an event that is accepted has its deliveries.
        let (ledger, before) = (database.ledger(), if crashed { 0 } else { 1 });
        post_one(&ledger, Target::new(), at(0));
        assert_eq!(
            deliveries(&ledger).len(),
            before + 1,
            "after {crashes} statements"
        );
        assert_eq!(schema(&database), complete(), "after {crashes} statements");
        if !crashed {
            break;
        }
        claim_one(&ledger, at(0));
        crashes += 1;
    }
    assert!(
        crashes > 10,
        "there were only {crashes} statements to crash between"
    );
}

#[test]
fn a_ledger_of_a_newer_release_is_left_alone() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    post_one(&ledger, Target::new(), at(0));
    database.rows("UPDATE ledger_version SET version = 99");
    database.rows("ALTER TABLE event RENAME COLUMN trace TO traces");
    let refused = Post::new(at(0), &[]).accept(&ledger).err().unwrap();
    assert!(refused.to_string().contains("version 99"), "{refused}");
    assert!(refused.to_string().contains("newer release"), "{refused}");
}

#[test]
fn an_events_trace_goes_with_it() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let trace = TraceParent::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    let traced = Post {
        trace,
        ..Post::new(at(0), &[])
    };
    let (id, _) = traced.accept(&ledger).unwrap();
    let together = [Post::new(at(0), &[]), traced];
    let (others, _) = accept_all(&ledger, &together).unwrap();
    let ids = [id, others[0], others[1]].map(|id| (acme(), id));
    let events = ledger.events_to_send(&ids).unwrap();
    assert_eq!(ids.map(|id| events[&id].origin.trace), [trace, None, trace]);
}
