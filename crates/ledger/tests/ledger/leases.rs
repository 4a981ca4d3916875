//! Leases: one writer at a time.

use std::time::Duration;

use ledger::{LEASE, Subject};

use crate::support::{Sqlite, account, acme, at, race};

fn triggers_of_acme() -> Subject {
    Subject::Triggers(acme())
}

#[test]
fn a_subject_has_one_writer_at_a_time() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let others = [Subject::Triggers(account("other")), Subject::EventTypes];
    for (number, subject) in [triggers_of_acme()].iter().chain(&others).enumerate() {
        let lease = |token: &str, now| {
            let token = format!("{number}{token}");
            ledger.try_lease(subject, &token, now).unwrap()
        };
        let one = lease("one", at(0)).unwrap();
        assert!(!one.inherited);
        assert!(lease("two", at(1)).is_none());
        ledger.give_back(&one).unwrap();
        let two = lease("two", at(1)).unwrap();
        assert!(!two.inherited);
        // It was given back already.
        ledger.give_back(&one).unwrap();
        assert!(lease("four", at(2)).is_none());
    }
}

#[test]
fn the_lease_of_a_writer_that_vanished_is_inherited() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let lease = |token, now| ledger.try_lease(&triggers_of_acme(), token, now).unwrap();
    lease("one", at(0)).unwrap();
    let end = at(0) + LEASE;
    assert_eq!(
        ledger.abandoned(end - Duration::from_millis(1)).unwrap(),
        []
    );
    assert_eq!(ledger.abandoned(end).unwrap(), [acme()]);
    let two = lease("two", end).unwrap();
    assert!(two.inherited);
    assert_eq!(ledger.abandoned(end).unwrap(), []);
    ledger.give_back(&two).unwrap();
    assert!(!lease("three", end).unwrap().inherited);
}

#[test]
fn an_account_is_unsettled_from_its_writers_end_until_the_next_ones() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let lease = |token, now| ledger.try_lease(&triggers_of_acme(), token, now).unwrap();
    lease("one", at(0)).unwrap();
    let end = at(0) + LEASE;
    assert_eq!(ledger.unsettled(at(0)).unwrap(), []);
    assert_eq!(ledger.unsettled(end).unwrap(), [acme()]);
    // The next one is repairing it.
    let two = lease("two", end).unwrap();
    assert_eq!(ledger.unsettled(end).unwrap(), [acme()]);
    ledger.give_back(&two).unwrap();
    assert_eq!(ledger.unsettled(end).unwrap(), []);
}

#[test]
fn a_vanished_writer_of_event_types_leaves_no_account_to_repair() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let types = Subject::EventTypes;
    ledger.try_lease(&types, "one", at(0)).unwrap().unwrap();
    let end = at(0) + LEASE;
    assert_eq!(ledger.abandoned(end).unwrap(), []);
    assert_eq!(ledger.unsettled(end).unwrap(), []);
    let two = ledger.try_lease(&types, "two", end).unwrap().unwrap();
    assert!(two.inherited);
    assert_eq!(ledger.unsettled(end).unwrap(), []);
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
                .try_lease(&triggers_of_acme(), &number.to_string(), now)
                .unwrap()
                .is_some()
        });
        assert_eq!(leases.iter().filter(|lease| **lease).count(), 1);
    }
}
