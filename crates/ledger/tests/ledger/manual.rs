//! What people do by hand.

use domain::{delivery::Status, id::DeliveryId};
use ledger::{Cancelled, Inserted, Ledger, Recovery, Retried, Withdrawn};

use crate::support::{
    LEASE, Post, Sqlite, Target, account, acme, again, at, attempt, claim, claim_one, deliveries,
    gave_up, millis, post, post_one, sent, settle_due, show,
};

/// A delivery in each state that nobody is at work on, with the time when it got there.
fn one_of_each(ledger: &Ledger<&Sqlite>) -> Vec<(Status, DeliveryId)> {
    let mut all = Vec::new();
    for settled in [sent(), gave_up(), again(at(9_000))] {
        let id = post_one(ledger, Target::new(), at(0));
        let (claim, claimed) = claim_one(ledger, at(0));
        all.push((settled.status, id));
        ledger
            .record(&claim, &[&attempt(&claimed, at(0), settled)])
            .unwrap();
    }
    let canceled = post_one(ledger, Target::new(), at(0));
    let (claim, _) = claim_one(ledger, at(0));
    let gone = Withdrawn {
        account: acme(),
        delivery: canceled,
        status: Status::Canceled,
        reason: "gone".into(),
    };
    ledger.withdraw(&claim, &[gone]).unwrap();
    all.push((Status::Canceled, canceled));
    let owed = [Target::new().skipped(at(0))];
    Post::new(at(0), &owed).accept(ledger).unwrap();
    all.push((Status::Skipped, owed[0].id));
    for (status, id) in &all {
        assert_eq!(show(ledger, *id).delivery.status, *status);
    }
    all
}

fn all_since(seconds: i64) -> Recovery {
    Recovery {
        since: at(seconds),
        until: None,
        trigger: None,
        action: None,
        except: Vec::new(),
    }
}

#[test]
fn a_delivery_is_tried_again_whatever_became_of_it() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    for (status, id) in one_of_each(&ledger) {
        let before = show(&ledger, id).attempts.len();
        assert_eq!(
            ledger.retry(&acme(), id, at(10)).unwrap(),
            Retried::Due,
            "{status}"
        );
        let due = show(&ledger, id).delivery;
        assert_eq!(
            (due.status, due.next_attempt_at),
            (Status::Pending, Some(at(10)))
        );
        assert_eq!(due.reason.as_deref(), Some("retried by hand"));

        // Once more changes nothing.
        assert_eq!(ledger.retry(&acme(), id, at(10)).unwrap(), Retried::Due);
        let (claim, claimed) = claim_one(&ledger, at(10));
        // The whole schedule is before it.
        assert_eq!((claimed.id, claimed.tries), (id, 0));
        ledger
            .record(&claim, &[&attempt(&claimed, at(10), sent())])
            .unwrap();
        let shown = show(&ledger, id);
        assert_eq!(
            (shown.delivery.status, shown.attempts.len()),
            (Status::Succeeded, before + 1)
        );
    }
}

#[test]
fn what_is_under_way_is_left_alone_until_its_lease_is_over() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let id = post_one(&ledger, Target::new(), at(0));
    let (dead, claimed) = claim_one(&ledger, at(0));
    let almost = at(0) + LEASE - std::time::Duration::from_millis(1);
    assert_eq!(
        ledger.retry(&acme(), id, almost).unwrap(),
        Retried::UnderWay
    );
    assert_eq!(
        ledger.cancel_by_hand(&acme(), id, almost).unwrap(),
        Cancelled::UnderWay
    );
    assert!(claim(&ledger, 64, almost).1.is_empty());

    assert_eq!(
        ledger.retry(&acme(), id, at(0) + LEASE).unwrap(),
        Retried::Due
    );
    let late = attempt(&claimed, at(0), sent());
    assert_eq!(ledger.record(&dead, &[&late]).unwrap(), 0);
    assert_eq!(claim_one(&ledger, at(0) + LEASE).1.id, id);
}

#[test]
fn a_wish_that_meets_a_scheduled_attempt_makes_one_attempt_at_a_time() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let id = post_one(&ledger, Target::new(), at(0));
    ledger.retry(&acme(), id, at(1)).unwrap();
    let (claim, claimed) = claim_one(&ledger, at(1));
    assert_eq!(ledger.retry(&acme(), id, at(1)).unwrap(), Retried::UnderWay);
    let failed = attempt(&claimed, at(1), again(at(300)));
    assert_eq!(ledger.record(&claim, &[&failed]).unwrap(), 1);
    // The retry that is scheduled is brought forward, not doubled.
    assert_eq!(ledger.retry(&acme(), id, at(2)).unwrap(), Retried::Due);
    let (claim, claimed) = claim_one(&ledger, at(2));
    ledger
        .record(&claim, &[&attempt(&claimed, at(2), sent())])
        .unwrap();
    assert_eq!(ledger.next_due_at().unwrap(), None);
    assert_eq!(show(&ledger, id).attempts.len(), 2);
}

#[test]
fn only_what_is_owed_is_canceled() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    for (status, id) in one_of_each(&ledger) {
        let done = ledger.cancel_by_hand(&acme(), id, at(10)).unwrap();
        let after = show(&ledger, id).delivery;
        if status == Status::Pending {
            assert_eq!((done, after.status), (Cancelled::Done, Status::Canceled));
            assert_eq!(after.reason.as_deref(), Some("canceled by hand"));
        } else {
            assert_eq!((done, after.status), (Cancelled::Settled, status));
        }
    }
    assert_eq!(ledger.next_due_at().unwrap(), None);

    let dead = post_one(&ledger, Target::new(), at(0));
    claim_one(&ledger, at(0));
    let over = at(0) + LEASE;
    assert_eq!(
        ledger.cancel_by_hand(&acme(), dead, over).unwrap(),
        Cancelled::Done
    );
    assert!(claim(&ledger, 64, over).1.is_empty());
}

#[test]
fn what_is_not_there_or_anothers_is_missing() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let id = post_one(&ledger, Target::new(), at(0));
    let unknown = Target::new().owed(at(0)).id;
    for (account, id) in [(acme(), unknown), (account("other"), id)] {
        assert_eq!(ledger.retry(&account, id, at(0)).unwrap(), Retried::Missing);
        assert_eq!(
            ledger.cancel_by_hand(&account, id, at(0)).unwrap(),
            Cancelled::Missing
        );
    }
    assert_eq!(
        ledger
            .recover(&account("other"), &all_since(0), at(0))
            .unwrap(),
        0
    );
    assert_eq!(show(&ledger, id).delivery.reason, None);
}

#[test]
fn failed_deliveries_are_recovered_by_the_thousand() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let targets = Target::many(20);
    for event in 0..600 {
        post(&ledger, &acme(), &targets, at(event));
    }
    // As if each had run through its schedule.
    database.rows("UPDATE delivery SET status = 'failed', due_at = NULL, tries = 10");

    let statements = database.statements_of(|ledger| {
        let recovered = ledger.recover(&acme(), &all_since(0), at(700)).unwrap();
        assert_eq!(recovered, 12_000);
    });
    assert_eq!(statements.len(), 3);
    let due = format!(
        "SELECT count(*) FROM delivery WHERE status = 'pending' AND tries = 0 AND due_at = {}",
        at(700).as_millis()
    );
    assert_eq!(database.number(&due), 12_000);
    assert_eq!(ledger.recover(&acme(), &all_since(0), at(700)).unwrap(), 0);
}

#[test]
fn only_the_failed_that_were_asked_for_are_recovered() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let one = Target::new();
    let sibling = Target {
        action: Target::new().action,
        ..one
    };
    let wanted = |since, until: Option<i64>, trigger, action| {
        // Each of the three fails at 0 s, 10 s and 20 s.
        let targets = [one, sibling, Target::new()];
        for seconds in [0, 10, 20] {
            post(&ledger, &acme(), &targets, at(seconds));
        }
        settle_due(&ledger, at(20), &gave_up());
        one_of_each(&ledger);
        let recovery = Recovery {
            since: at(since),
            until: until.map(at),
            trigger,
            action,
            except: Vec::new(),
        };
        let recovered = ledger.recover(&acme(), &recovery, at(30)).unwrap();
        let due: Vec<_> = deliveries(&ledger)
            .into_iter()
            .filter(|row| row.next_attempt_at == Some(at(30)))
            .collect();
        assert_eq!(due.len(), recovered);
        for row in due {
            assert!(row.created_at >= at(since) && until.is_none_or(|u| row.created_at < at(u)));
            assert!(trigger.is_none_or(|trigger| row.trigger_id == trigger));
            assert!(action.is_none_or(|action| row.action_id == action));
            assert_eq!(row.reason.as_deref(), Some("recovered by hand"));
        }
        // The next begins anew.
        database.rows("DELETE FROM delivery");
        recovered
    };
    // One more failed at 0 s: that of `one_of_each`.
    assert_eq!(wanted(0, None, None, None), 10);
    assert_eq!(wanted(10, None, None, None), 6);
    assert_eq!(wanted(10, Some(20), None, None), 3);
    assert_eq!(wanted(0, None, Some(one.trigger), None), 6);
    assert_eq!(wanted(0, None, None, Some(one.action)), 3);
    assert_eq!(
        wanted(10, Some(20), Some(one.trigger), Some(sibling.action)),
        1
    );
    assert_eq!(wanted(0, None, Some(Target::new().trigger), None), 0);
}

#[test]
fn excepted_actions_are_not_recovered() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let targets = [Target::new(), Target::new()];
    post(&ledger, &acme(), &targets, at(0));
    post(&ledger, &acme(), &targets, at(0));
    settle_due(&ledger, at(0), &gave_up());
    let mut recovery = all_since(0);
    let mut failed = ledger.failed_actions(&acme(), &recovery).unwrap();
    failed.sort_unstable();
    let mut expected = targets.map(|target| (target.trigger, target.action));
    expected.sort_unstable();
    assert_eq!(failed, expected);
    recovery.except.push(targets[0].action);
    let [_, left] = targets;
    let failed = ledger.failed_actions(&acme(), &recovery).unwrap();
    assert_eq!(failed, [(left.trigger, left.action)]);
    assert_eq!(ledger.recover(&acme(), &recovery, at(1)).unwrap(), 2);
    for row in deliveries(&ledger) {
        assert_eq!(row.next_attempt_at.is_some(), row.action_id == left.action);
    }
}

#[test]
fn an_event_is_owed_again_to_what_matches_now() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let first = [Target::new().owed(at(0))];
    let (event, inserted) = Post::new(at(0), &first).accept(&ledger).unwrap();
    assert!(matches!(inserted, Inserted::New { .. }));
    settle_due(&ledger, at(0), &sent());

    let second = [Target::new().owed(at(10)), Target::new().skipped(at(10))];
    assert!(ledger.replay(&acme(), event, &second, at(10)).unwrap());
    let (_, claimed) = claim_one(&ledger, at(10));
    assert_eq!(
        (claimed.id, claimed.event, claimed.tries),
        (second[0].id, event, 0)
    );
    assert_eq!(
        claimed.queue,
        format!("0{}acme", second[0].action.random_part())
    );
    let skipped = show(&ledger, second[1].id).delivery;
    assert_eq!(
        (skipped.status, skipped.created_at),
        (Status::Skipped, at(10))
    );
    assert_eq!(skipped.event_type, "message.sent");
    assert_eq!(
        show(&ledger, first[0].id).delivery.status,
        Status::Succeeded
    );

    let third = [Target::new().owed(millis(11))];
    let unknown = domain::id::EventId::new(at(0), 7);
    assert!(!ledger.replay(&acme(), unknown, &third, at(11)).unwrap());
    assert!(
        !ledger
            .replay(&account("other"), event, &third, at(11))
            .unwrap()
    );
    assert_eq!(deliveries(&ledger).len(), 3);
    assert!(ledger.replay(&acme(), event, &[], at(11)).unwrap());
}

#[test]
fn what_is_pending_of_an_action_that_is_gone_is_canceled_at_once() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let (gone, stays) = (Target::new(), Target::new());
    let rival = account("rival");
    // One is tried again later, one is under way, and two are new; another account has the same action.
    let retried = post_one(&ledger, gone, at(0));
    let (claim, claimed) = claim_one(&ledger, at(0));
    let failed = attempt(&claimed, at(0), again(at(90_000)));
    ledger.record(&claim, &[&failed]).unwrap();
    let under_way = post_one(&ledger, gone, at(1));
    let (claim, claimed) = claim_one(&ledger, at(1));
    let new = [
        post_one(&ledger, gone, at(2)),
        post_one(&ledger, gone, at(2)),
    ];
    let other = post_one(&ledger, stays, at(2));
    let theirs = post(&ledger, &rival, &[gone], at(2))[0];

    let cancel = || ledger.cancel_pending(&acme(), &[gone.action], "action was deleted");
    assert_eq!(cancel().unwrap(), 3);
    assert_eq!(cancel().unwrap(), 0);
    for id in [retried, new[0], new[1]] {
        let shown = show(&ledger, id).delivery;
        assert_eq!(
            (shown.status, shown.next_attempt_at),
            (Status::Canceled, None)
        );
        assert_eq!(shown.reason.as_deref(), Some("action was deleted"));
    }
    assert_eq!(show(&ledger, under_way).delivery.status, Status::Delivering);
    assert_eq!(show(&ledger, other).delivery.status, Status::Pending);
    let theirs = ledger.delivery(&rival, theirs).unwrap().unwrap().delivery;
    assert_eq!(theirs.status, Status::Pending);
    // What was under way comes to its end, and waits for a retry: whoever records it cancels that.
    let failed = attempt(&claimed, at(3), again(at(90_000)));
    ledger.record(&claim, &[&failed]).unwrap();
    assert_eq!(cancel().unwrap(), 1);
}

#[test]
fn many_are_canceled_a_bounded_number_at_a_time() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let target = Target::new();
    for _ in 0..2_500 {
        post_one(&ledger, target, at(0));
    }
    let statements = database.statements_of(|ledger| {
        let canceled = ledger.cancel_pending(&acme(), &[target.action], "action was deleted");
        assert_eq!(canceled.unwrap(), 2_500);
    });
    assert_eq!(statements.len(), 4);
}
