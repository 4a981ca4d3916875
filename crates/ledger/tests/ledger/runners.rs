//! Runners: a few, who know of each other, and never miss what nobody else was told of.

use std::time::{Duration, Instant};

use domain::time::Timestamp;
use ledger::{Inserted, Joining, Leaving, Ledger};

use crate::support::{
    Post, Sqlite, Target, again, at, attempt, claim_one, millis, post_one, race, sent,
};

type Store<'a> = Ledger<&'a Sqlite>;

/// Accepts an event that is owed to somebody; whether that leaves it to an open runner.
fn left_to_a_runner(ledger: &Store<'_>, now: Timestamp) -> bool {
    let owed = [Target::new().owed(now)];
    match Post::new(now, &owed).accept(ledger).unwrap().1 {
        Inserted::New { open_runners } => open_runners > 0,
        Inserted::Duplicate => panic!("it is new"),
    }
}

fn settle_all(ledger: &Store<'_>, now: Timestamp) {
    crate::support::settle_due(ledger, now, &sent());
}

#[test]
fn there_are_so_many_slots_and_no_more() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let enter = |token, now| ledger.enter(token, now).unwrap();
    let slots: Vec<_> = ["a", "b", "c", "d"]
        .map(|token| enter(token, at(0)).unwrap())
        .into();
    assert!(enter("e", at(0)).is_none());
    ledger.abandon(&slots[2]).unwrap();
    assert!(enter("e", at(0)).is_some());
    assert!(enter("f", at(0)).is_none());
    // Those who do not renew are taken for dead.
    assert!(ledger.renew(&slots[0], true, at(2)).unwrap());
    for token in ["f", "g", "h"] {
        assert!(enter(token, at(4)).is_some());
    }
    assert!(enter("i", at(4)).is_none());
    assert!(ledger.renew(&slots[0], true, at(4)).unwrap());
}

#[test]
fn runners_that_race_for_slots_get_one_each() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.db");
    for round in 0..10 {
        let now = at(round * 60);
        let entered = race(8, |number| {
            let database = Sqlite::open(&file);
            database
                .ledger()
                .enter(&number.to_string(), now)
                .unwrap()
                .is_some()
        });
        assert_eq!(entered.iter().filter(|entered| **entered).count(), 4);
    }
}

#[test]
fn a_runner_joins_where_no_other_takes_new_work() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let join = |token, now| ledger.join(token, now).unwrap();
    let Joining::Joined(first) = join("a", at(0)) else {
        panic!("nobody else is there");
    };
    assert!(matches!(join("b", at(0)), Joining::NotNeeded));
    // It has all it can take.
    assert!(ledger.renew(&first, false, at(0)).unwrap());
    assert!(matches!(join("b", at(0)), Joining::Joined(_)));
    assert!(matches!(join("c", at(0)), Joining::NotNeeded));
    // Those who do not renew are taken for dead.
    assert!(matches!(join("c", at(10)), Joining::Joined(_)));
}

#[test]
fn a_runner_does_not_join_where_all_slots_are_taken_and_is_not_told_that_it_is_not_needed() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    for token in ["a", "b", "c", "d"] {
        let slot = ledger.enter(token, at(0)).unwrap().unwrap();
        assert!(ledger.renew(&slot, false, at(0)).unwrap());
    }
    assert!(matches!(ledger.join("e", at(0)).unwrap(), Joining::Full));
}

#[test]
fn of_runners_that_race_to_join_one_joins() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.db");
    for round in 0..10 {
        let joined = race(8, |number| {
            let database = Sqlite::open(&file);
            let joining = database.ledger().join(&number.to_string(), at(round * 60));
            matches!(joining.unwrap(), Joining::Joined(_))
        });
        assert_eq!(joined.iter().filter(|joined| **joined).count(), 1);
    }
}

#[test]
fn a_slot_that_another_has_is_not_renewed_given_back_or_waited_in() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let lost: Vec<_> = ["a", "b", "c", "d"]
        .map(|token| ledger.enter(token, at(0)).unwrap().unwrap())
        .into();
    for token in ["e", "f", "g", "h"] {
        ledger.enter(token, at(10)).unwrap().unwrap();
    }
    for lost in &lost {
        assert!(!ledger.renew(lost, true, at(10)).unwrap());
        assert!(!ledger.wait(lost, at(10)).unwrap());
        ledger.leave(lost, at(10)).unwrap();
        ledger.abandon(lost).unwrap();
    }
    assert!(ledger.enter("i", at(10)).unwrap().is_none());
}

#[test]
fn a_runner_does_not_leave_or_wait_while_something_is_due() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let slot = ledger.enter("a", at(0)).unwrap().unwrap();
    post_one(&ledger, Target::new(), at(1));
    assert_eq!(ledger.leave(&slot, at(1)).unwrap(), Leaving::WorkLeft);
    assert!(!ledger.wait(&slot, at(1)).unwrap());

    let (claim, claimed) = claim_one(&ledger, at(1));
    ledger
        .record(&claim, &[&attempt(&claimed, at(1), again(at(6)))])
        .unwrap();
    assert!(ledger.wait(&slot, at(2)).unwrap());
    assert!(ledger.renew(&slot, true, at(6)).unwrap());
    assert_eq!(ledger.leave(&slot, at(6)).unwrap(), Leaving::WorkLeft);
    assert_eq!(ledger.leave(&slot, at(5)).unwrap(), Leaving::Left);
    assert!(!ledger.renew(&slot, true, at(5)).unwrap());
}

#[test]
fn what_another_runner_holds_keeps_nobody() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let slot = ledger.enter("a", at(0)).unwrap().unwrap();
    post_one(&ledger, Target::new(), at(0));
    claim_one(&ledger, at(0));
    assert_eq!(ledger.leave(&slot, at(1)).unwrap(), Leaving::Left);
}

#[test]
fn one_runner_waits_at_a_time() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let one = ledger.enter("a", at(0)).unwrap().unwrap();
    let two = ledger.enter("b", at(0)).unwrap().unwrap();
    assert!(ledger.wait(&one, at(0)).unwrap());
    assert!(!ledger.wait(&two, at(0)).unwrap());
    assert!(ledger.wait(&one, at(1)).unwrap());
    assert!(ledger.renew(&one, true, at(1)).unwrap());
    assert!(ledger.wait(&two, at(1)).unwrap());
    assert!(!ledger.wait(&one, at(3)).unwrap());
    // It died in its sleep.
    assert!(ledger.wait(&one, at(5)).unwrap());
}

#[test]
fn of_runners_that_race_to_wait_one_waits() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.db");
    for round in 0..10 {
        let now = at(round * 60);
        let waits = race(4, |number| {
            let database = Sqlite::open(&file);
            let slot = database
                .ledger()
                .enter(&number.to_string(), now)
                .unwrap()
                .unwrap();
            database.ledger().wait(&slot, now).unwrap()
        });
        assert_eq!(waits.iter().filter(|waits| **waits).count(), 1);
    }
}

/// The steps of a handover: each of the two reads the clock, then has its statement run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    AcceptReads,
    AcceptWrites,
    RunnerReads,
    RunnerWrites,
}

const INTERLEAVINGS: [[Step; 4]; 6] = {
    use Step::{AcceptReads as A, AcceptWrites as B, RunnerReads as R, RunnerWrites as S};
    [
        [A, B, R, S],
        [A, R, B, S],
        [A, R, S, B],
        [R, A, B, S],
        [R, A, S, B],
        [R, S, A, B],
    ]
};

/// Plays each interleaving of an event that is accepted and a runner that `goes`, and checks that
/// no event is left to a runner that went.
fn nothing_is_left_behind(goes: impl Fn(&Store<'_>, &ledger::Slot, Timestamp) -> bool) {
    for order in INTERLEAVINGS {
        let database = Sqlite::in_memory();
        let ledger = database.ledger();
        let slot = ledger.enter("a", at(0)).unwrap().unwrap();
        let (mut accept_reads, mut runner_reads) = (None, None);
        let (mut left_to_runner, mut gone) = (None, None);
        for (step, now) in order.into_iter().zip(1..) {
            match step {
                Step::AcceptReads => accept_reads = Some(millis(now)),
                Step::AcceptWrites => {
                    left_to_runner = Some(left_to_a_runner(&ledger, accept_reads.unwrap()));
                }
                Step::RunnerReads => runner_reads = Some(millis(now)),
                Step::RunnerWrites => gone = Some(goes(&ledger, &slot, runner_reads.unwrap())),
            }
        }
        // Either the event knows that it has to wake a runner, or one stays that sees it.
        assert_eq!(left_to_runner, gone.map(|gone| !gone), "{order:?}");
    }
}

#[test]
fn an_event_is_never_left_to_a_runner_that_leaves() {
    nothing_is_left_behind(|ledger, slot, now| ledger.leave(slot, now).unwrap() == Leaving::Left);
}

#[test]
fn an_event_is_never_left_to_a_runner_that_falls_asleep() {
    nothing_is_left_behind(|ledger, slot, now| ledger.wait(slot, now).unwrap());
}

#[test]
fn an_event_is_never_left_to_a_runner_that_leaves_at_the_same_moment() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.db");
    let began = Instant::now();
    let clock = || millis(i64::try_from(began.elapsed().as_millis()).unwrap());
    for round in 0..100 {
        let database = Sqlite::open(&file);
        let slot = database.ledger().enter("a", clock()).unwrap().unwrap();
        let outcomes = race(2, |number| {
            let database = Sqlite::open(&file);
            // Now one is a little later, now the other.
            std::thread::sleep(Duration::from_micros(if number == 0 {
                round * 7
            } else {
                350
            }));
            match number {
                0 => left_to_a_runner(&database.ledger(), clock()),
                _ => database.ledger().leave(&slot, clock()).unwrap() == Leaving::WorkLeft,
            }
        });
        assert_eq!(outcomes[0], outcomes[1]);
        database.ledger().abandon(&slot).unwrap();
        settle_all(&database.ledger(), clock());
    }
}

#[test]
fn the_next_due_time_is_that_of_a_delivery_a_retry_or_the_end_of_a_lease() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let next = || ledger.next_due_at().unwrap();
    assert_eq!(next(), None);
    post_one(&ledger, Target::new(), at(5));
    assert_eq!(next(), Some(at(5)));
    let (claim, claimed) = claim_one(&ledger, at(6));
    assert_eq!(next(), Some(claim.lease_until));
    ledger
        .record(&claim, &[&attempt(&claimed, at(6), again(at(20)))])
        .unwrap();
    assert_eq!(next(), Some(at(20)));
    settle_all(&ledger, at(20));
    assert_eq!(next(), None);
}
