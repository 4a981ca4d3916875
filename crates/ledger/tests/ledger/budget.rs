//! The budget of requests: never overdrawn, whoever is faster.

use crate::support::{Sqlite, at, race};

#[test]
fn no_more_is_granted_than_there_is() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let grant = |wanted| ledger.reserve(10, wanted, at(0)).unwrap().granted;
    assert_eq!([grant(4), grant(4), grant(4), grant(4)], [4, 4, 2, 0]);
    assert_eq!(ledger.reserved(at(0)).unwrap(), 10);
}

#[test]
fn what_is_not_needed_is_there_for_others() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let reserved = ledger.reserve(10, 10, at(0)).unwrap();
    ledger.give_back_requests(reserved, 7).unwrap();
    let next = ledger.reserve(10, 10, at(0)).unwrap();
    assert_eq!((next.granted, next.left), (7, 0));
}

#[test]
fn an_hour_has_a_budget_of_its_own() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let first = ledger.reserve(10, 10, at(0)).unwrap();
    assert_eq!(ledger.reserve(10, 10, at(3_600)).unwrap().granted, 10);
    // What is given back late goes to the hour that it is of.
    ledger.give_back_requests(first, 3).unwrap();
    assert_eq!(ledger.reserve(10, 10, at(3_600)).unwrap().granted, 0);
    assert_eq!(ledger.reserved(at(0)).unwrap(), 7);
}

#[test]
fn runners_that_ask_at_once_get_no_more_than_there_is_together() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.db");
    let granted: usize = race(6, |_| {
        let database = Sqlite::open(&file);
        let ledger = database.ledger();
        let grant = |_| ledger.reserve(500, 7, at(0)).unwrap().granted;
        (0..40).map(grant).sum::<usize>()
    })
    .into_iter()
    .sum();
    assert!(granted <= 500, "{granted}");
    let rest = Sqlite::open(&file);
    let rest = rest.ledger().reserve(500, 500, at(0)).unwrap().granted;
    assert_eq!(granted + rest, 500);
}
