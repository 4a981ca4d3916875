//! Purging: all of an account, or of somebody in its events, and nothing else.

use std::cell::Cell;

use domain::{account::AccountId, id::EventId};
use ledger::{Database, DatabaseError, Ledger, PurgeStep, Remains, Row, Value};

use crate::support::{
    Post, Sqlite, Target, account, acme, at, attempt, claim, claim_one, gave_up, post, post_one,
    sent, settle_due,
};

const NOTHING: PurgeStep = PurgeStep {
    events: 0,
    deliveries: 0,
    more: false,
};

/// The rows of each table that has accounts in it.
fn rows_of(database: &Sqlite, account: &AccountId) -> Vec<(String, i64)> {
    let tables = database.rows(
        "SELECT sqlite_schema.name FROM sqlite_schema
         JOIN pragma_table_info(sqlite_schema.name) AS field ON field.name = 'account'
         WHERE sqlite_schema.type = 'table' ORDER BY sqlite_schema.name",
    );
    let count = |row: &Row| {
        let [Value::Text(table)] = row.as_slice() else {
            panic!("{row:?}")
        };
        let sql = format!("SELECT count(*) FROM {table} WHERE account = '{account}'");
        (table.clone(), database.number(&sql))
    };
    tables.iter().map(count).collect()
}

/// An account with some of everything: what succeeded, failed, waits, and is under way.
fn fill(ledger: &Ledger<&Sqlite>, account: &AccountId) {
    let targets = Target::many(3);
    post(ledger, account, &targets, at(0));
    settle_due(ledger, at(0), &sent());
    post(ledger, account, &targets, at(1));
    settle_due(ledger, at(1), &gave_up());
    post(ledger, account, &targets, at(2));
    assert_eq!(claim(ledger, 1, at(2)).1.len(), 1);
}

fn purge_all(ledger: &Ledger<&Sqlite>, account: &AccountId) -> (usize, usize) {
    let (mut events, mut deliveries) = (0, 0);
    loop {
        let step = ledger.purge_account(account).unwrap();
        (events, deliveries) = (events + step.events, deliveries + step.deliveries);
        if !step.more {
            return (events, deliveries);
        }
    }
}

fn post_data(ledger: &Ledger<&Sqlite>, data: &str, targets: &[Target]) -> EventId {
    let owed: Vec<_> = targets.iter().map(|target| target.owed(at(0))).collect();
    let post = Post {
        data,
        ..Post::new(at(0), &owed)
    };
    post.accept(ledger).unwrap().0
}

#[test]
fn nothing_of_a_purged_account_is_left_in_any_table_and_all_of_the_others() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let other = account("other");
    fill(&ledger, &acme());
    fill(&ledger, &other);
    let before = rows_of(&database, &other);
    for table in ["announcement", "attempt", "delivery", "event"] {
        assert!(before.iter().any(|(name, rows)| name == table && *rows > 0));
    }
    assert!(
        before.contains(&("action_health".to_owned(), 3)),
        "{before:?}"
    );
    assert_eq!(
        ledger.remains(&acme()).unwrap(),
        Remains {
            events: 3,
            deliveries: 9
        }
    );

    assert_eq!(purge_all(&ledger, &acme()), (3, 9));
    let left = rows_of(&database, &acme());
    assert!(left.iter().all(|(_, rows)| *rows == 0), "{left:?}");
    assert_eq!(rows_of(&database, &other), before);
    assert_eq!(
        ledger.remains(&acme()).unwrap(),
        Remains {
            events: 0,
            deliveries: 0
        }
    );
    assert_eq!(ledger.purge_account(&acme()).unwrap(), NOTHING);
}

#[test]
fn a_step_of_purging_an_account_is_bounded_and_says_whether_there_is_more() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let targets = Target::many(2);
    for second in 0..600 {
        post(&ledger, &acme(), &targets, at(second));
    }
    let mut steps = Vec::new();
    loop {
        let step = ledger.purge_account(&acme()).unwrap();
        steps.push((step.deliveries, step.events));
        if !step.more {
            break;
        }
    }
    assert_eq!(steps, [(500, 0), (500, 0), (200, 500), (0, 100)]);
}

#[test]
fn after_a_crash_between_any_two_steps_the_rest_is_found_again() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let targets = Target::many(7);
    for _ in 0..200 {
        post(&ledger, &acme(), &targets, at(0));
    }
    settle_due(&ledger, at(0), &sent());
    while ledger.purge_account(&acme()).unwrap().more {
        // Whatever step was the last: no attempt without its delivery, and no delivery without
        // its event.
        let orphans = database.number(
            "SELECT (SELECT count(*) FROM attempt WHERE delivery_id NOT IN
                        (SELECT id FROM delivery))
                  + (SELECT count(*) FROM delivery WHERE event_id NOT IN (SELECT id FROM event))",
        );
        assert_eq!(orphans, 0);
    }
    assert!(
        rows_of(&database, &acme())
            .iter()
            .all(|(_, rows)| *rows == 0)
    );
}

#[test]
fn what_was_in_flight_is_not_brought_back_by_its_result() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    for purge in [
        |ledger: &Ledger<&Sqlite>, _: EventId| {
            assert_eq!(purge_all(ledger, &acme()), (1, 1));
        },
        |ledger: &Ledger<&Sqlite>, event| {
            let step = ledger.purge_events(&acme(), &[event]).unwrap();
            assert_eq!((step.events, step.deliveries), (1, 1));
        },
    ] {
        post_one(&ledger, Target::new(), at(0));
        let (claim, claimed) = claim_one(&ledger, at(0));
        purge(&ledger, claimed.event);
        let done = attempt(&claimed, at(1), gave_up());
        assert_eq!(ledger.record(&claim, &[&done]).unwrap(), 0);
        assert!(
            rows_of(&database, &acme())
                .iter()
                .all(|(_, rows)| *rows == 0)
        );
        assert_eq!(ledger.next_due_at().unwrap(), None);
        assert!(
            !ledger
                .replay(&acme(), claimed.event, &[Target::new().owed(at(1))], at(1))
                .unwrap()
        );
    }
}

#[test]
fn purged_events_take_their_deliveries_and_attempts_and_nobody_elses() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let targets = Target::many(2);
    let [gone, kept] = ["1", "2"].map(|n| post_data(&ledger, n, &targets));
    settle_due(&ledger, at(0), &gave_up());
    // An event of another account cannot be meant.
    let step = ledger.purge_events(&account("other"), &[gone]).unwrap();
    assert_eq!(step, NOTHING);

    let step = ledger.purge_events(&acme(), &[gone]).unwrap();
    assert_eq!(
        step,
        PurgeStep {
            events: 1,
            deliveries: 2,
            more: false
        }
    );
    assert!(ledger.event(&acme(), gone).unwrap().is_none());
    assert!(ledger.event(&acme(), kept).unwrap().is_some());
    let left = |table: &str| database.number(&format!("SELECT count(*) FROM {table}"));
    let tables = ["event", "delivery", "attempt", "announcement"];
    assert_eq!(tables.map(left), [1, 2, 2, 2]);
    assert_eq!(ledger.purge_events(&acme(), &[gone]).unwrap(), NOTHING);
}

#[test]
fn an_event_that_is_owed_to_thousands_goes_in_steps_itself_last() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let event = post_data(&ledger, "1", &Target::many(1_100));
    let steps: Vec<_> = (0..3)
        .map(|_| ledger.purge_events(&acme(), &[event]).unwrap())
        .map(|step| (step.deliveries, step.events, step.more))
        .collect();
    assert_eq!(steps, [(500, 0, true), (500, 0, true), (100, 1, false)]);
}

/// Somebody who replays an event just before it is deleted.
struct Replaying<'a> {
    database: &'a Sqlite,
    event: EventId,
    done: Cell<bool>,
}

impl Database for Replaying<'_> {
    fn execute(&self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, DatabaseError> {
        if sql.contains("DELETE FROM event") && !self.done.replace(true) {
            let owed = [Target::new().owed(at(1))];
            let ledger = self.database.ledger();
            assert!(ledger.replay(&acme(), self.event, &owed, at(1)).unwrap());
        }
        self.database.execute(sql, parameters)
    }
}

#[test]
fn a_replay_of_that_moment_leaves_no_delivery_behind() {
    type Purge = fn(&Ledger<Replaying<'_>>, EventId);
    let purges: [Purge; 2] = [
        |ledger, event| assert_eq!(ledger.purge_events(&acme(), &[event]).unwrap().events, 1),
        |ledger, _| assert_eq!(ledger.purge_account(&acme()).unwrap().events, 1),
    ];
    for purge in purges {
        let database = Sqlite::in_memory();
        let event = post_data(&database.ledger(), "1", &Target::many(1));
        let replaying = Replaying {
            database: &database,
            event,
            done: Cell::new(false),
        };
        purge(&Ledger::new(replaying), event);
        assert!(
            rows_of(&database, &acme())
                .iter()
                .all(|(_, rows)| *rows == 0)
        );
    }
}

#[test]
fn events_are_looked_through_in_order_a_bounded_part_at_a_time() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let large = format!("\"{}\"", "é".repeat(300_000));
    let mut posted = Vec::new();
    for number in 0..520 {
        let now = at(number);
        // Three of 600,000 bytes in a row, near the end of what is looked at first.
        let data = if (400..403).contains(&number) {
            &large
        } else {
            "7"
        };
        let post = Post {
            data,
            ..Post::new(now, &[])
        };
        posted.push(post.accept(&ledger).unwrap().0);
    }
    let other = Post {
        account: account("other"),
        ..Post::new(at(0), &[])
    };
    other.accept(&ledger).unwrap();

    let (mut seen, mut looks, mut after) = (Vec::new(), Vec::new(), None);
    loop {
        let found = ledger.events_after(&acme(), after).unwrap();
        let Some((last, _)) = found.last() else {
            break;
        };
        after = Some(*last);
        let bytes: usize = found.iter().map(|(_, data)| data.get().len()).sum();
        assert!(bytes < 2 * 1024 * 1024, "{bytes} bytes at once");
        looks.push(found.len());
        seen.extend(found.into_iter().map(|(id, _)| id));
    }
    assert_eq!(seen, posted);
    assert_eq!(looks, [402, 118]);
}

#[test]
fn no_statement_of_a_purge_walks_through_what_is_none_of_its_business() {
    let database = Sqlite::in_memory();
    fill(&database.ledger(), &acme());
    let statements = database.statements_of(|ledger| {
        let events = ledger.events_after(&acme(), None).unwrap();
        ledger.purge_events(&acme(), &[events[0].0]).unwrap();
        ledger.remains(&acme()).unwrap();
        ledger.purge_account(&acme()).unwrap();
    });
    assert_eq!(statements.len(), 11);
    for statement in statements {
        for step in database.plan(&statement.sql) {
            let scanned = step.strip_prefix("SCAN ").unwrap_or("gone");
            let of_its_own = ["gone", "(subquery", "CONSTANT"];
            assert!(
                of_its_own.iter().any(|name| scanned.starts_with(name)),
                "{step}, in {}",
                statement.sql
            );
        }
    }
}
