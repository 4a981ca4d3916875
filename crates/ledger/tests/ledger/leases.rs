//! Leases on an account's triggers: one writer at a time.

use ledger::LEASE;

use crate::support::{Sqlite, account, acme, at, race};

#[test]
fn an_account_has_one_writer_at_a_time() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let lease = |token, now| ledger.try_lease(&acme(), token, now).unwrap();
    let one = lease("one", at(0)).unwrap();
    assert!(!one.inherited);
    assert!(lease("two", at(1)).is_none());
    assert!(
        ledger
            .try_lease(&account("other"), "three", at(1))
            .unwrap()
            .is_some()
    );
    ledger.give_back(&one).unwrap();
    let two = lease("two", at(1)).unwrap();
    assert!(!two.inherited);
    // It was given back already.
    ledger.give_back(&one).unwrap();
    assert!(lease("four", at(2)).is_none());
}

#[test]
fn the_lease_of_a_writer_that_vanished_is_inherited() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    ledger.try_lease(&acme(), "one", at(0)).unwrap().unwrap();
    let end = at(0) + LEASE;
    assert_eq!(
        ledger
            .abandoned(end - std::time::Duration::from_millis(1))
            .unwrap(),
        []
    );
    assert_eq!(ledger.abandoned(end).unwrap(), [acme()]);
    let two = ledger.try_lease(&acme(), "two", end).unwrap().unwrap();
    assert!(two.inherited);
    assert_eq!(ledger.abandoned(end).unwrap(), []);
    ledger.give_back(&two).unwrap();
    assert!(
        !ledger
            .try_lease(&acme(), "three", end)
            .unwrap()
            .unwrap()
            .inherited
    );
}

#[test]
fn of_writers_that_race_one_gets_the_lease() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.db");
    for round in 0..10 {
        let now = at(round * 60);
        let leases = race(8, |number| {
            let database = Sqlite::open(&file);
            database
                .ledger()
                .try_lease(&acme(), &number.to_string(), now)
                .unwrap()
                .is_some()
        });
        assert_eq!(leases.iter().filter(|lease| **lease).count(), 1);
    }
}
