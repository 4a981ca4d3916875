//! Rate limits hold whoever counts at the same time, and portal links open once.

use std::time::Duration;

use ledger::Counted;

use crate::support::{Sqlite, at, race};

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_window_begins_with_its_first_use() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let count = |second| ledger.count_use("key", 2, MINUTE, at(second)).unwrap();
    assert_eq!(count(50), Counted::Allowed);
    assert_eq!(count(100), Counted::Allowed);
    assert_eq!(count(109), Counted::RefusedUntil(at(110)));
    assert_eq!(count(110), Counted::Allowed);
    assert_eq!(count(169), Counted::Allowed);
    assert_eq!(count(169), Counted::RefusedUntil(at(170)));
}

#[test]
fn counters_do_not_share_a_limit() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    for counter in ["one", "another"] {
        let count = || ledger.count_use(counter, 1, MINUTE, at(0)).unwrap();
        assert_eq!(count(), Counted::Allowed);
        assert_eq!(count(), Counted::RefusedUntil(at(60)));
    }
}

#[test]
fn no_more_than_the_limit_is_allowed_at_the_same_time() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.db");
    let allowed: usize = race(6, |_| {
        let database = Sqlite::open(&file);
        let ledger = database.ledger();
        let count = |_: &i32| {
            let counted = ledger.count_use("key", 60, MINUTE, at(0)).unwrap();
            counted == Counted::Allowed
        };
        (0..40).filter(count).count()
    })
    .into_iter()
    .sum();
    assert_eq!(allowed, 60);
}

#[test]
fn a_link_opens_once_and_is_forgotten_when_it_has_expired() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    assert!(!ledger.is_link_opened("a", at(0)).unwrap());
    assert!(ledger.open_link("a", at(3_600), at(0)).unwrap());
    assert!(ledger.is_link_opened("a", at(1)).unwrap());
    assert!(!ledger.is_link_opened("b", at(1)).unwrap());
    assert!(!ledger.open_link("a", at(3_600), at(1)).unwrap());
    assert!(ledger.open_link("b", at(3_600), at(3_599)).unwrap());
    assert!(!ledger.open_link("a", at(3_600), at(3_599)).unwrap());
    // Links that expired make room for the next one.
    ledger.open_link("c", at(7_200), at(3_600)).unwrap();
    let names = database.rows("SELECT name FROM rate_limit");
    assert_eq!(names.len(), 1, "{names:?}");
}
