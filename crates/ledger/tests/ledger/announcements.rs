//! Announcements: what happens is to be told once, by the statement that makes it so.

use std::time::Duration;

use domain::{
    account::AccountId,
    delivery::FAILING_AFTER,
    operator::{Announcement, Disabling, Fact, Failing},
    time::Timestamp,
};
use ledger::{FinishedAttempt, Ledger, Place};

use crate::support::{
    Post, Sqlite, Target, account, acme, again, at, attempt, begin_test, claim_one, gave_up,
    millis, post_one, sent, show,
};

type Database<'a> = Ledger<&'a Sqlite>;

fn announcements(ledger: &Database<'_>) -> Vec<Announcement> {
    let found = ledger.announcements(Place::default(), 100).unwrap();
    found
        .into_iter()
        .map(|(_, announcement)| announcement)
        .collect()
}

/// What was announced since the last call.
fn news(ledger: &Database<'_>) -> Vec<Announcement> {
    let found = ledger.announcements(Place::default(), 100).unwrap();
    let places: Vec<_> = found.iter().map(|(place, _)| *place).collect();
    ledger.announced(&places).unwrap();
    assert_eq!(announcements(ledger), []);
    found
        .into_iter()
        .map(|(_, announcement)| announcement)
        .collect()
}

/// Makes the one attempt that is due, of half a second, with this end.
fn make_attempt(ledger: &Database<'_>, now: Timestamp, end: domain::delivery::Settled) {
    let (claim, claimed) = claim_one(ledger, now);
    let done = attempt(&claimed, now, end);
    assert_eq!(ledger.record(&claim, &[&done]).unwrap(), 1);
}

/// A success of a new delivery to the target.
fn succeed(ledger: &Database<'_>, target: Target, now: Timestamp) {
    post_one(ledger, target, now);
    make_attempt(ledger, now, sent());
}

/// So many failures of deliveries to the target that are tried no more, a second apart from `start`
/// on, of which nothing is to be told.
fn fail(ledger: &Database<'_>, target: Target, start: i64, count: usize) {
    for n in 0..i64::try_from(count).unwrap() {
        post_one(ledger, target, at(start + n));
        make_attempt(ledger, at(start + n), gave_up());
    }
    news(ledger);
}

fn kinds(announcements: &[Announcement]) -> Vec<&str> {
    let kinds = announcements.iter();
    kinds
        .map(|announcement| &*announcement.event_type().key)
        .collect()
}

const RECOVERED: [&str; 1] = ["webhook.action_recovered"];

#[test]
fn a_delivery_that_is_given_up_is_announced_with_the_attempt_that_was_its_last() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let target = Target::new();
    let delivery = post_one(&ledger, target, at(0));
    make_attempt(&ledger, at(1), again(at(5)));
    assert_eq!(announcements(&ledger), []);
    make_attempt(&ledger, at(5), gave_up());
    let event = show(&ledger, delivery).delivery.event_id;
    let expected = Announcement {
        account: acme(),
        trigger: target.trigger,
        action: Some(target.action),
        at: millis(5_500),
        fact: Fact::DeliveryFailed {
            delivery: domain::operator::Delivery {
                id: delivery,
                event_id: event,
                event_type: "message.sent".into(),
            },
            attempt_count: 2,
            created_at: at(0),
            reason: "gave up after 1 attempt: status 500".into(),
        },
    };
    assert_eq!(news(&ledger), std::slice::from_ref(&expected));

    // Tried again by hand and given up again, it is something new.
    ledger.retry(&acme(), delivery, at(9)).unwrap();
    make_attempt(&ledger, at(9), gave_up());
    let [second] = <[_; 1]>::try_from(news(&ledger)).unwrap();
    assert_ne!(second.idempotency_key(), expected.idempotency_key());
}

#[test]
fn what_a_runner_that_lost_its_claim_records_announces_nothing() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    post_one(&ledger, Target::new(), at(0));
    let (lost, claimed) = claim_one(&ledger, at(0));
    let (claim, again) = claim_one(&ledger, at(100));
    let late = attempt(&claimed, at(0), gave_up());
    assert_eq!(ledger.record(&lost, &[&late]).unwrap(), 0);
    assert_eq!(announcements(&ledger), []);
    let done = attempt(&again, at(100), gave_up());
    for _ in 0..2 {
        ledger.record(&claim, &[&done]).unwrap();
    }
    assert_eq!(announcements(&ledger).len(), 1);
}

#[test]
fn the_first_success_after_so_many_failures_is_a_recovery() {
    for failures in 0..8 {
        let database = Sqlite::in_memory();
        let ledger = database.ledger();
        let target = Target::new();
        succeed(&ledger, target, at(0));
        fail(&ledger, target, 1, failures);
        succeed(&ledger, target, at(20));
        let news = news(&ledger);
        if failures < FAILING_AFTER {
            assert_eq!(news, [], "{failures}");
            continue;
        }
        assert_eq!(kinds(&news), RECOVERED);
        assert_eq!(news[0].at, millis(20_500));
        let Fact::ActionRecovered { failing, .. } = &news[0].fact else {
            panic!("{news:?}")
        };
        let expected = Failing {
            failed_attempts: failures as u64,
            failing_since: Some(at(1)),
        };
        assert_eq!(*failing, expected);
        // It is up: the next success is nothing new, the next outage is.
        succeed(&ledger, target, at(21));
        assert_eq!(announcements(&ledger), []);
        fail(&ledger, target, 22, FAILING_AFTER);
        succeed(&ledger, target, at(40));
        assert_eq!(kinds(&announcements(&ledger)), RECOVERED);
    }
}

#[test]
fn a_success_that_began_before_the_action_was_down_is_no_recovery() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let target = Target::new();
    post_one(&ledger, target, at(0));
    let (early, claimed) = claim_one(&ledger, at(0));
    fail(&ledger, target, 1, FAILING_AFTER);
    let done = attempt(&claimed, at(0), sent());
    assert_eq!(ledger.record(&early, &[&done]).unwrap(), 1);
    assert_eq!(announcements(&ledger), []);
    succeed(&ledger, target, at(20));
    assert_eq!(kinds(&announcements(&ledger)), RECOVERED);
}

#[test]
fn deliveries_that_tell_of_others_cause_no_announcement() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let target = Target::new();
    let tell = |now: Timestamp, end| {
        let owed = [target.owed(now)];
        let post = Post {
            event_type: "webhook.delivery_failed",
            ..Post::new(now, &owed)
        };
        post.accept(&ledger).unwrap();
        make_attempt(&ledger, now, end);
    };
    for n in 0..10 {
        tell(at(n), gave_up());
    }
    tell(at(10), sent());
    assert_eq!(announcements(&ledger), []);
    // Nor is what they made of the action told by another's delivery.
    succeed(&ledger, target, at(11));
    assert_eq!(announcements(&ledger), []);
}

#[test]
fn tests_of_an_action_cause_no_announcement() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let target = Target::new();
    let test = |now: Timestamp, end| {
        let (claim, claimed) = begin_test(&ledger, target, now);
        let done = attempt(&claimed, now, end);
        assert_eq!(ledger.record(&claim, &[&done]).unwrap(), 1);
    };
    fail(&ledger, target, 0, FAILING_AFTER);
    test(at(10), gave_up());
    test(at(11), sent());
    assert_eq!(announcements(&ledger), []);
    // Nor does one that succeeds bring the action up.
    succeed(&ledger, target, at(12));
    assert_eq!(kinds(&announcements(&ledger)), RECOVERED);
}

fn disabling(target: Target, now: Timestamp) -> Announcement {
    Announcement {
        account: acme(),
        trigger: target.trigger,
        action: Some(target.action),
        at: now,
        fact: Fact::ActionDisabled(Disabling {
            reason: "the receiver answered 410 Gone".into(),
            failing: Failing {
                failed_attempts: 1,
                failing_since: Some(at(0)),
            },
        }),
    }
}

fn only_intent(ledger: &Database<'_>, account: &AccountId) -> (Place, Announcement) {
    let [intent] = <[_; 1]>::try_from(ledger.intents(account).unwrap()).unwrap();
    intent
}

#[test]
fn what_was_intended_is_told_once_it_came_to_pass_and_never_otherwise() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let (done, not_done) = (Target::new(), Target::new());
    for (target, came_to_pass) in [(done, true), (not_done, false)] {
        let (intended, told) = (disabling(target, at(3)), announcements(&ledger));
        ledger.intend(&intended).unwrap();
        assert_eq!(announcements(&ledger), told);
        assert_eq!(ledger.intents(&account("other")).unwrap(), []);
        let (place, intent) = only_intent(&ledger, &acme());
        assert_eq!(intent, intended);
        // Twice: whoever settles may die right after.
        for _ in 0..2 {
            ledger.settle_intent(place, came_to_pass).unwrap();
        }
        assert_eq!(ledger.intents(&acme()).unwrap(), []);
    }
    assert_eq!(news(&ledger), [disabling(done, at(3))]);
}

#[test]
fn an_action_that_was_disabled_recovers_with_its_first_success_after_that() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let target = Target::new();
    fail(&ledger, target, 0, 1);
    post_one(&ledger, target, at(1));
    let (early, claimed) = claim_one(&ledger, at(1));
    ledger.intend(&disabling(target, at(2))).unwrap();
    let (place, _) = only_intent(&ledger, &acme());
    ledger.settle_intent(place, true).unwrap();
    assert_eq!(kinds(&news(&ledger)), ["webhook.action_disabled"]);
    // It was under way when the action was disabled.
    let done: FinishedAttempt = attempt(&claimed, at(1), sent());
    ledger.record(&early, &[&done]).unwrap();
    assert_eq!(announcements(&ledger), []);
    succeed(&ledger, target, at(3));
    assert_eq!(kinds(&announcements(&ledger)), RECOVERED);
}

#[test]
fn announcements_come_in_their_order_a_page_at_a_time() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let target = Target::new();
    for n in 0..5 {
        post_one(&ledger, target, at(n));
        make_attempt(&ledger, at(n), gave_up());
    }
    let mut after = Place::default();
    let mut times = Vec::new();
    loop {
        let page = ledger.announcements(after, 2).unwrap();
        let Some((last, _)) = page.last() else { break };
        after = *last;
        times.extend(page.iter().map(|(_, announcement)| announcement.at));
    }
    let expected: Vec<_> = (0..5).map(|n| at(n) + Duration::from_millis(500)).collect();
    assert_eq!(times, expected);
    // Places are never had again: who forgets late forgets nothing new.
    ledger.announced(&[after]).unwrap();
    news(&ledger);
    post_one(&ledger, target, at(9));
    make_attempt(&ledger, at(9), gave_up());
    ledger.announced(&[after]).unwrap();
    assert_eq!(announcements(&ledger).len(), 1);
}
