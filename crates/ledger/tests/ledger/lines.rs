//! Lines: what has a pace waits for its turn, and the turn comes.

use domain::{delivery::Status, id::DeliveryId, pace::Pace, time::Timestamp};
use ledger::{Claim, Claimed, Ledger, Lines};

use crate::support::{
    Sqlite, Target, acme, again, at, attempt, claim, deliveries, gave_up, millis, new_claim, post,
    post_one, race, sent,
};

const ORDERED: Pace = Pace {
    ordered: true,
    max_per_second: None,
};

fn at_most(max_per_second: u32) -> Pace {
    Pace {
        ordered: false,
        max_per_second: Some(max_per_second),
    }
}

/// What a runner does that finds all actions to have this pace: returns what may be sent now.
fn turn(ledger: &Ledger<&Sqlite>, pace: Pace, now: Timestamp) -> (Claim, Vec<Claimed>) {
    ledger.advance(now).unwrap();
    let (claim, mut claimed) = claim(ledger, 64, now);
    let mut lines = Lines::default();
    claimed.retain(|claimed| lines.admit(claimed, pace));
    ledger.keep_lines(&claim, &lines, now).unwrap();
    (claim, claimed)
}

/// The ids of what may be sent now.
fn ids((_, claimed): &(Claim, Vec<Claimed>)) -> Vec<DeliveryId> {
    claimed.iter().map(|claimed| claimed.id).collect()
}

/// Posts so many events a second apart, to one target.
fn posted(ledger: &Ledger<&Sqlite>, count: i64) -> (Target, Vec<DeliveryId>) {
    let target = Target::new();
    let ids = (0..count).map(|second| post_one(ledger, target, at(second)));
    (target, ids.collect())
}

#[test]
fn an_ordered_line_lets_one_go_at_a_time_the_oldest_first() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let (_, posted) = posted(&ledger, 3);
    assert_eq!(ids(&turn(&ledger, ORDERED, at(10))), []);
    for id in posted {
        let sending = turn(&ledger, ORDERED, at(10));
        assert_eq!(ids(&sending), [id]);
        // While it is being sent, no other goes.
        assert_eq!(ids(&turn(&ledger, ORDERED, at(11))), []);
        let done = attempt(&sending.1[0], at(11), sent());
        ledger.record(&sending.0, &[&done]).unwrap();
    }
    assert!(!ledger.has_lines().unwrap());
    assert_eq!(ledger.next_due_at().unwrap(), None);
}

#[test]
fn one_that_failed_holds_an_ordered_line_until_it_succeeds_or_is_given_up() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let (_, posted) = posted(&ledger, 3);
    turn(&ledger, ORDERED, at(10));
    let (claim, claimed) = turn(&ledger, ORDERED, at(10));
    let failed = attempt(&claimed[0], at(10), again(at(100)));
    ledger.record(&claim, &[&failed]).unwrap();
    for second in [10, 50, 99] {
        assert_eq!(ids(&turn(&ledger, ORDERED, at(second))), []);
    }
    assert_eq!(ledger.next_due_at().unwrap(), Some(at(100)));
    // It is due: its turn comes again, before all others.
    assert_eq!(ids(&turn(&ledger, ORDERED, at(100))), []);
    let (claim, claimed) = turn(&ledger, ORDERED, at(100));
    assert_eq!(claimed[0].id, posted[0]);
    let failed = attempt(&claimed[0], at(100), gave_up());
    ledger.record(&claim, &[&failed]).unwrap();
    assert_eq!(ids(&turn(&ledger, ORDERED, at(100))), [posted[1]]);
}

#[test]
fn one_whose_runner_died_is_sent_again_before_the_next() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let (_, posted) = posted(&ledger, 2);
    turn(&ledger, ORDERED, at(10));
    assert_eq!(ids(&turn(&ledger, ORDERED, at(10))), [posted[0]]);
    // Nobody records anything. The lease is over after 40 s.
    assert_eq!(ids(&turn(&ledger, ORDERED, at(20))), []);
    assert_eq!(ids(&turn(&ledger, ORDERED, at(51))), [posted[0]]);
}

#[test]
fn one_that_was_claimed_and_is_not_in_line_yet_goes_before_the_next() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let target = Target::new();
    let first = post_one(&ledger, target, at(0));
    // One runner has claimed it and done no more; another has put the next one in line.
    let (claim, claimed) = claim(&ledger, 64, at(10));
    assert_eq!(claimed.len(), 1);
    post_one(&ledger, target, at(11));
    assert_eq!(ids(&turn(&ledger, ORDERED, at(12))), []);
    assert_eq!(ids(&turn(&ledger, ORDERED, at(12))), []);
    let mut lines = Lines::default();
    assert!(!lines.admit(&claimed[0], ORDERED));
    ledger.keep_lines(&claim, &lines, at(13)).unwrap();
    assert_eq!(ids(&turn(&ledger, ORDERED, at(13))), [first]);
}

#[test]
fn one_whose_runner_died_before_it_was_in_line_goes_before_the_next() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let target = Target::new();
    let first = post_one(&ledger, target, at(0));
    assert_eq!(claim(&ledger, 64, at(10)).1.len(), 1);
    let second = post_one(&ledger, target, at(11));
    for second in [12, 20, 49] {
        assert_eq!(ids(&turn(&ledger, ORDERED, at(second))), []);
    }
    // The lease is over after 40 s.
    assert_eq!(ids(&turn(&ledger, ORDERED, at(51))), []);
    let (claim, claimed) = turn(&ledger, ORDERED, at(51));
    assert_eq!(claimed[0].id, first);
    let done = attempt(&claimed[0], at(51), sent());
    ledger.record(&claim, &[&done]).unwrap();
    assert_eq!(ids(&turn(&ledger, ORDERED, at(52))), [second]);
}

#[test]
fn a_line_with_a_limit_lets_one_go_at_a_time_an_interval_apart() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let target = Target::new();
    let mut waiting: Vec<_> = (0..4).map(|_| post_one(&ledger, target, at(0))).collect();
    waiting.sort_unstable();
    let pace = at_most(4);
    turn(&ledger, pace, at(1));
    let mut gone = Vec::new();
    // A runner that looks every 50 ms; it records nothing, because receivers take their time.
    for step in 0..40 {
        let now = millis(1_000 + 50 * step);
        let sending = ids(&turn(&ledger, pace, now));
        gone.extend(sending.into_iter().map(|id| (now, id)));
    }
    let ids: Vec<_> = gone.iter().map(|(_, id)| *id).collect();
    assert_eq!(ids, waiting);
    for two in gone.windows(2) {
        assert!(two[1].0.since(two[0].0) >= pace.interval(), "{gone:?}");
    }
    assert!(gone[3].0.since(gone[0].0) < pace.interval() * 4, "{gone:?}");
}

#[test]
fn what_was_claimed_and_is_not_noted_yet_makes_the_next_wait_too() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    posted(&ledger, 3);
    let pace = at_most(1);
    turn(&ledger, pace, at(10));
    ledger.advance(at(20)).unwrap();
    // One runner has claimed it and done no more; another looks after the line.
    let (_, claimed) = claim(&ledger, 64, at(20));
    assert_eq!(claimed.len(), 1);
    assert_eq!(ids(&turn(&ledger, pace, millis(20_900))), []);
    assert_eq!(ids(&turn(&ledger, pace, at(21))).len(), 1);
}

#[test]
fn after_a_standstill_no_line_makes_up_for_lost_time() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let (_, _) = posted(&ledger, 5);
    let pace = at_most(1);
    turn(&ledger, pace, at(10));
    assert_eq!(ids(&turn(&ledger, pace, at(10))).len(), 1);
    // The next one was let go, and then nobody ran for an hour.
    ledger.advance(at(10)).unwrap();
    assert_eq!(ids(&turn(&ledger, pace, at(3_600))).len(), 1);
    assert_eq!(ids(&turn(&ledger, pace, millis(3_600_900))).len(), 0);
    assert_eq!(ids(&turn(&ledger, pace, at(3_601))).len(), 1);
}

#[test]
fn lines_of_several_actions_go_on_beside_each_other() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let targets = Target::many(5);
    for second in 0..3 {
        post(&ledger, &acme(), &targets, at(second));
    }
    turn(&ledger, ORDERED, at(10));
    for _ in 0..3 {
        let (claim, claimed) = turn(&ledger, ORDERED, at(10));
        assert_eq!(claimed.len(), 5);
        let done: Vec<_> = claimed
            .iter()
            .map(|claimed| attempt(claimed, at(10), sent()))
            .collect();
        ledger
            .record(&claim, &done.iter().collect::<Vec<_>>())
            .unwrap();
    }
    assert!(!ledger.has_lines().unwrap());
}

#[test]
fn what_waits_in_line_is_pending_without_a_time_and_says_so() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    posted(&ledger, 2);
    turn(&ledger, ORDERED, at(10));
    for row in deliveries(&ledger) {
        assert_eq!(row.status, Status::Pending);
        assert_eq!(row.next_attempt_at, None);
        assert_eq!(row.reason.as_deref(), Some("waits for its turn"));
    }
    assert_eq!(ledger.owed(at(11)).unwrap().later, 2);
    ledger.advance(at(10)).unwrap();
    let rows = deliveries(&ledger);
    let due: Vec<_> = rows.iter().map(|row| row.next_attempt_at).collect();
    assert_eq!(due, [None, Some(at(10))]);
}

#[test]
fn a_line_is_over_when_its_action_is_set_free() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    posted(&ledger, 10);
    assert_eq!(ids(&turn(&ledger, ORDERED, at(30))), []);
    // The one whose turn it is goes, and with it the line is over.
    assert_eq!(ids(&turn(&ledger, Pace::default(), at(31))).len(), 1);
    assert!(!ledger.has_lines().unwrap());
    assert_eq!(ids(&turn(&ledger, Pace::default(), at(31))).len(), 9);
    assert_eq!(database.number("SELECT count(*) FROM line"), 0);
}

#[test]
fn a_line_is_over_when_its_action_is_off() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    posted(&ledger, 3);
    turn(&ledger, ORDERED, at(10));
    ledger.advance(at(10)).unwrap();
    let (claim, claimed) = claim(&ledger, 64, at(10));
    let mut lines = Lines::default();
    lines.withdrawn(&claimed[0]);
    ledger.keep_lines(&claim, &lines, at(10)).unwrap();
    assert!(!ledger.has_lines().unwrap());
}

#[test]
fn a_line_is_forgotten_when_nothing_needs_it() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    posted(&ledger, 1);
    turn(&ledger, ORDERED, at(10));
    ledger.forget_lines(at(100_000)).unwrap();
    assert_eq!(database.number("SELECT count(*) FROM line"), 1);
    let (claim, claimed) = turn(&ledger, ORDERED, at(10));
    let done = attempt(&claimed[0], at(10), sent());
    ledger.record(&claim, &[&done]).unwrap();
    ledger.forget_lines(at(100_000)).unwrap();
    assert_eq!(database.number("SELECT count(*) FROM line"), 0);
}

#[test]
fn runners_that_advance_at_once_let_one_go() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.db");
    let database = Sqlite::open(&file);
    posted(&database.ledger(), 10);
    turn(&database.ledger(), ORDERED, at(10));
    let gone: usize = race(6, |_| {
        let database = Sqlite::open(&file);
        (0..5)
            .map(|_| database.ledger().advance(at(10)).unwrap())
            .sum::<usize>()
    })
    .into_iter()
    .sum();
    assert_eq!(gone, 1);
    // Nobody claims it twice, either.
    let claimed: usize = race(4, |_| {
        let database = Sqlite::open(&file);
        let claim = new_claim(at(10));
        let limits = crate::support::limits(64);
        database
            .ledger()
            .claim(&claim, &limits, at(10))
            .unwrap()
            .len()
    })
    .into_iter()
    .sum();
    assert_eq!(claimed, 1);
}
