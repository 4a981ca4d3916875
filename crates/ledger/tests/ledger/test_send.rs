//! Tests of an action: one attempt, under a claim from the start.

use std::time::Duration;

use domain::{
    delivery::{Settled, Status},
    time::Timestamp,
};
use ledger::{DeliveryFilter, EventFilter, Leaving, Ledger, Recovery, Retried, Withdrawn};

use crate::support::{
    LEASE, Sqlite, Target, acme, again, at, attempt, begin_test, claim, claim_one, deliveries,
    first, gave_up, post_one, sent, settle_due, show,
};

/// The test failed.
fn failed() -> Settled {
    Settled {
        status: Status::Failed,
        due_at: None,
        reason: Some("status 500".into()),
    }
}

/// A test that has failed, begun at this time.
fn failed_test(ledger: &Ledger<&Sqlite>, target: Target, now: Timestamp) -> domain::id::DeliveryId {
    let (claim, claimed) = begin_test(ledger, target, now);
    let done = attempt(&claimed, now, failed());
    assert_eq!(ledger.record(&claim, &[&done]).unwrap(), 1);
    claimed.id
}

#[test]
fn a_test_and_its_event_are_there_at_once_and_marked() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let target = Target::new();
    let (_, claimed) = begin_test(&ledger, target, at(0));
    let shown = show(&ledger, claimed.id).delivery;
    assert_eq!((shown.status, shown.test), (Status::Delivering, true));
    assert_eq!(
        (shown.trigger_id, shown.action_id),
        (target.trigger, target.action)
    );
    assert_eq!(
        (shown.event_type.as_str(), shown.attempt_count),
        ("message.sent", 0)
    );
    let (event, _) = ledger.event(&acme(), shown.event_id).unwrap().unwrap();
    assert!(event.test);
    let wanted = [(acme(), shown.event_id)];
    assert!(ledger.events_to_send(&wanted).unwrap()[&wanted[0]].test);

    let usual = show(&ledger, post_one(&ledger, target, at(0))).delivery;
    assert!(!usual.test);
    let (event, _) = ledger.event(&acme(), usual.event_id).unwrap().unwrap();
    assert!(!event.test);
}

#[test]
fn its_one_attempt_settles_it() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    for settled in [sent(), failed()] {
        let (claim, claimed) = begin_test(&ledger, Target::new(), at(0));
        let done = attempt(&claimed, at(0), settled.clone());
        assert_eq!(ledger.record(&claim, &[&done]).unwrap(), 1);
        let shown = show(&ledger, claimed.id);
        assert_eq!(shown.delivery.status, settled.status);
        assert_eq!(shown.delivery.reason, settled.reason);
        assert_eq!(shown.attempts.len(), 1);
    }
    assert_eq!(ledger.next_due_at().unwrap(), None);
}

#[test]
fn no_runner_gets_one_that_is_under_way_nor_stays_for_it() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    begin_test(&ledger, Target::new(), at(0));
    let almost = at(0) + LEASE - Duration::from_millis(1);
    assert!(claim(&ledger, 64, almost).1.is_empty());
    let slot = ledger.enter("a", at(0)).unwrap().unwrap();
    assert_eq!(ledger.leave(&slot, at(0)).unwrap(), Leaving::Left);
}

#[test]
fn one_that_was_interrupted_is_claimed_as_a_test_and_settled() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let (dead, begun) = begin_test(&ledger, Target::new(), at(0));
    let usual = post_one(&ledger, Target::new(), at(0));
    let later = at(0) + LEASE;
    let (claim, claimed) = claim(&ledger, 64, later);
    let tests: Vec<_> = claimed
        .iter()
        .map(|claimed| (claimed.id, claimed.test))
        .collect();
    assert_eq!(tests.len(), 2);
    assert!(tests.contains(&(begun.id, true)) && tests.contains(&(usual, false)));

    let over = [Withdrawn {
        account: acme(),
        delivery: begun.id,
        status: Status::Failed,
        reason: "the test was interrupted".into(),
    }];
    assert_eq!(ledger.withdraw(&claim, &over).unwrap(), 1);
    // Whoever began it lives after all: the history stays as it was told.
    let late = attempt(&begun, at(0), sent());
    assert_eq!(ledger.record(&dead, &[&late]).unwrap(), 0);
    let shown = show(&ledger, begun.id);
    assert_eq!(shown.delivery.status, Status::Failed);
    assert_eq!(
        shown.delivery.reason.as_deref(),
        Some("the test was interrupted")
    );
    assert!(shown.attempts.is_empty());
}

#[test]
fn it_says_nothing_about_the_actions_health() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let target = Target::new();
    let health = || {
        ledger
            .health(&acme(), &[target.action])
            .unwrap()
            .remove(&target.action)
    };
    failed_test(&ledger, target, at(0));
    assert_eq!(health(), None);

    post_one(&ledger, target, at(1));
    settle_due(&ledger, at(1), &again(at(9_000)));
    let failing = health();
    assert_eq!(failing.as_ref().unwrap().consecutive_failures, 1);
    let (claim, claimed) = begin_test(&ledger, target, at(2));
    ledger
        .record(&claim, &[&attempt(&claimed, at(2), sent())])
        .unwrap();
    assert_eq!(health(), failing);
}

#[test]
fn it_is_not_sent_again_by_hand() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let test = failed_test(&ledger, Target::new(), at(0));
    assert_eq!(ledger.retry(&acme(), test, at(1)).unwrap(), Retried::Test);

    let usual = post_one(&ledger, Target::new(), at(1));
    settle_due(&ledger, at(1), &gave_up());
    let recovery = Recovery {
        since: at(0),
        until: None,
        trigger: None,
        action: None,
        except: Vec::new(),
    };
    assert_eq!(ledger.recover(&acme(), &recovery, at(2)).unwrap(), 1);
    assert_eq!(claim_one(&ledger, at(2)).1.id, usual);
    assert_eq!(show(&ledger, test).delivery.status, Status::Failed);
}

#[test]
fn tests_are_listed_or_left_out() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let target = Target::new();
    let test = failed_test(&ledger, target, at(0));
    let usual = post_one(&ledger, target, at(1));
    let listed = |test| -> Vec<_> {
        let filter = DeliveryFilter {
            test: Some(test),
            ..DeliveryFilter::default()
        };
        let found = ledger.deliveries(&acme(), &filter, &first(9)).unwrap();
        found.into_iter().map(|row| row.id).collect()
    };
    assert_eq!((listed(true), listed(false)), (vec![test], vec![usual]));
    assert_eq!(deliveries(&ledger).len(), 2);
    for wanted in [true, false] {
        let filter = EventFilter {
            test: Some(wanted),
            ..EventFilter::default()
        };
        let found = ledger.events(&acme(), &filter, &first(9)).unwrap();
        assert_eq!(
            found.iter().map(|row| row.test).collect::<Vec<_>>(),
            [wanted]
        );
    }
}
