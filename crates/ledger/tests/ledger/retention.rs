//! Retention: what is old and owed no more goes, and nothing else.

use domain::delivery::Status;
use ledger::Pruned;

use crate::support::{
    Post, Sqlite, Target, acme, again, at, attempt, claim_one, deliveries, gave_up, post, post_one,
    sent, settle_due,
};

const NOTHING: Pruned = Pruned {
    deliveries: 0,
    events: 0,
};

fn counts(database: &Sqlite) -> [i64; 3] {
    ["event", "delivery", "attempt"]
        .map(|table| database.number(&format!("SELECT count(*) FROM {table}")))
}

#[test]
fn what_is_old_and_settled_goes_with_its_attempts() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    for settled in [sent(), gave_up()] {
        post_one(&ledger, Target::new(), at(0));
        settle_due(&ledger, at(0), &settled);
    }
    Post::new(at(0), &[Target::new().skipped(at(0))])
        .accept(&ledger)
        .unwrap();
    Post::new(at(0), &[]).accept(&ledger).unwrap();
    post_one(&ledger, Target::new(), at(1));
    settle_due(&ledger, at(1), &sent());
    assert_eq!(counts(&database), [5, 4, 3]);

    assert_eq!(ledger.prune(at(0)).unwrap(), NOTHING);
    assert_eq!(
        ledger.prune(at(1)).unwrap(),
        Pruned {
            deliveries: 3,
            events: 4
        }
    );
    assert_eq!(counts(&database), [1, 1, 1]);
    assert_eq!(ledger.prune(at(1)).unwrap(), NOTHING);
}

#[test]
fn what_is_still_owed_stays_with_its_event_and_attempts() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    // One event, owed to two: one took it, the other has yet to.
    let [taken, owed] = [Target::new(), Target::new()];
    post(&ledger, &acme(), &[taken], at(0));
    settle_due(&ledger, at(0), &sent());
    post(&ledger, &acme(), &[taken, owed], at(0));
    for settled in [sent(), again(at(9_000))] {
        let (claim, claimed) = crate::support::claim(&ledger, 1, at(0));
        ledger
            .record(&claim, &[&attempt(&claimed[0], at(0), settled)])
            .unwrap();
    }
    let pending = post_one(&ledger, Target::new(), at(1));

    assert_eq!(
        ledger.prune(at(5_000)).unwrap(),
        Pruned {
            deliveries: 2,
            events: 1
        }
    );
    let left = deliveries(&ledger);
    assert!(left.iter().all(|row| row.status == Status::Pending));
    assert_eq!((left.len(), left[0].id), (2, pending));
    assert_eq!(counts(&database), [2, 2, 1]);

    // Under way is owed, too.
    let (claim, claimed) = claim_one(&ledger, at(1));
    assert_eq!(ledger.prune(at(5_000)).unwrap(), NOTHING);
    ledger
        .record(&claim, &[&attempt(&claimed, at(1), sent())])
        .unwrap();
    assert_eq!(
        ledger.prune(at(5_000)).unwrap(),
        Pruned {
            deliveries: 1,
            events: 1
        }
    );
    settle_due(&ledger, at(9_000), &sent());
    assert_eq!(
        ledger.prune(at(5_000)).unwrap(),
        Pruned {
            deliveries: 1,
            events: 1
        }
    );
    assert_eq!(counts(&database), [0, 0, 0]);
}

#[test]
fn an_event_that_was_replayed_stays_as_long_as_its_last_delivery() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let owed = [Target::new().owed(at(0))];
    let (event, _) = Post::new(at(0), &owed).accept(&ledger).unwrap();
    assert!(
        ledger
            .replay(&acme(), event, &[Target::new().owed(at(100))], at(100))
            .unwrap()
    );
    settle_due(&ledger, at(100), &sent());

    assert_eq!(
        ledger.prune(at(100)).unwrap(),
        Pruned {
            deliveries: 1,
            events: 0
        }
    );
    assert!(ledger.event(&acme(), event).unwrap().is_some());
    assert_eq!(
        ledger.prune(at(101)).unwrap(),
        Pruned {
            deliveries: 1,
            events: 1
        }
    );
}

#[test]
fn a_step_is_bounded_and_says_whether_there_is_more() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let targets = Target::many(4);
    for event in 0..300 {
        post(&ledger, &acme(), &targets, at(event));
    }
    settle_due(&ledger, at(300), &sent());

    let mut steps = Vec::new();
    loop {
        let step = ledger.prune(at(1_000)).unwrap();
        steps.push(step.deliveries);
        if !step.more() {
            break;
        }
    }
    assert_eq!(steps, [500, 500, 200]);
    assert_eq!(counts(&database), [0, 0, 0]);
}

#[test]
fn a_pruned_key_may_be_used_again() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let post = Post {
        idempotency_key: Some("key"),
        ..Post::new(at(0), &[])
    };
    post.accept(&ledger).unwrap();
    ledger.prune(at(1)).unwrap();
    assert!(post.earlier(&ledger).is_none());
    let (_, inserted) = post.accept(&ledger).unwrap();
    assert!(matches!(inserted, ledger::Inserted::New { .. }));
}
