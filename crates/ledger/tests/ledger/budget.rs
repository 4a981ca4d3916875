//! The budget of requests: never overdrawn, whoever is faster.

use ledger::Budget;

use crate::support::{Sqlite, Target, account, again, at, attempt, claim, post, race};

#[test]
fn no_more_is_granted_than_there_is() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let grant = |wanted| {
        ledger
            .reserve(Budget::Service, 10, wanted, at(0))
            .unwrap()
            .granted
    };
    assert_eq!([grant(4), grant(4), grant(4), grant(4)], [4, 4, 2, 0]);
    assert_eq!(ledger.reserved(Budget::Service, at(0)).unwrap(), 10);
}

#[test]
fn what_is_not_needed_is_there_for_others() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let reserved = ledger.reserve(Budget::Service, 10, 10, at(0)).unwrap();
    ledger.give_back_requests(&reserved, 7).unwrap();
    let next = ledger.reserve(Budget::Service, 10, 10, at(0)).unwrap();
    assert_eq!((next.granted, next.left), (7, 0));
}

#[test]
fn an_hour_has_a_budget_of_its_own() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let first = ledger.reserve(Budget::Service, 10, 10, at(0)).unwrap();
    assert_eq!(
        ledger
            .reserve(Budget::Service, 10, 10, at(3_600))
            .unwrap()
            .granted,
        10
    );
    // What is given back late goes to the hour that it is of.
    ledger.give_back_requests(&first, 3).unwrap();
    assert_eq!(
        ledger
            .reserve(Budget::Service, 10, 10, at(3_600))
            .unwrap()
            .granted,
        0
    );
    assert_eq!(ledger.reserved(Budget::Service, at(0)).unwrap(), 7);
}

#[test]
fn runners_that_ask_at_once_get_no_more_than_there_is_together() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.db");
    let granted: usize = race(6, |_| {
        let database = Sqlite::open(&file);
        let ledger = database.ledger();
        let grant = |_| {
            ledger
                .reserve(Budget::Service, 500, 7, at(0))
                .unwrap()
                .granted
        };
        (0..40).map(grant).sum::<usize>()
    })
    .into_iter()
    .sum();
    assert!(granted <= 500, "{granted}");
    let rest = Sqlite::open(&file);
    let rest = rest
        .ledger()
        .reserve(Budget::Service, 500, 500, at(0))
        .unwrap()
        .granted;
    assert_eq!(granted + rest, 500);
}

#[test]
fn each_account_has_a_budget_of_its_own_beside_the_services() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let grant = |budget, limit| ledger.reserve(budget, limit, 7, at(0)).unwrap().granted;
    let (one, another) = (account("one"), account("another"));
    assert_eq!(grant(Budget::Service, 20), 7);
    assert_eq!(
        [
            grant(Budget::Account(&one), 10),
            grant(Budget::Account(&one), 10)
        ],
        [7, 3]
    );
    assert_eq!(grant(Budget::Account(&another), 10), 7);
    assert_eq!(grant(Budget::Service, 20), 7);
    let reserved = |budget| ledger.reserved(budget, at(0)).unwrap();
    assert_eq!(
        [reserved(Budget::Service), reserved(Budget::Account(&one))],
        [14, 10]
    );
    // Those of hours that are over are forgotten.
    ledger.count_run(at(3 * 3_600)).unwrap();
    assert_eq!(
        database.number("SELECT count(*) FROM tally WHERE name = 'budget'"),
        0
    );
}

#[test]
fn others_have_something_pending_where_it_is_due_within_the_hour() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let (one, another) = (account("one"), account("another"));
    let others = |of| ledger.others_have_pending(of, at(3_600)).unwrap();
    assert!(!others(&one));
    let targets = Target::many(30);
    post(&ledger, &one, &targets, at(0));
    assert!(!others(&one));
    assert!(others(&another));
    post(&ledger, &another, &[targets[7]], at(0));
    assert!(others(&one));
    // A retry that is due in days takes nothing of this hour.
    let (claim, claimed) = claim(&ledger, 64, at(0));
    let done: Vec<_> = claimed
        .iter()
        .map(|row| match row.account == one {
            true => attempt(row, at(0), again(at(60))),
            false => attempt(row, at(0), again(at(100_000))),
        })
        .collect();
    ledger
        .record(&claim, &done.iter().collect::<Vec<_>>())
        .unwrap();
    assert!(!others(&one));
    assert!(others(&another));
}
