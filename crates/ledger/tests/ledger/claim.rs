//! Claims: each delivery by one runner at a time, and every receiver in its turn.

use std::collections::{HashMap, HashSet};

use domain::{delivery::Status, id::DeliveryId, time::Timestamp};
use ledger::{ClaimLimits, Claimed, Ledger};

use crate::support::{
    LEASE, Sqlite, Target, account, acme, again, at, attempt, claim, claim_one, deliveries, limits,
    millis, new_claim, post, post_one, race, sent, settle_due, show,
};

type Store<'a> = Ledger<&'a Sqlite>;

fn claim_within(ledger: &Store<'_>, limits: &ClaimLimits<'_>, now: Timestamp) -> Vec<Claimed> {
    ledger.claim(&new_claim(now), limits, now).unwrap()
}

/// Owes each of `targets` so many events, and returns when they came: one a millisecond.
fn backlog(ledger: &Store<'_>, account_name: &str, targets: &[Target], events: i64) {
    for event in 0..events {
        post(ledger, &account(account_name), targets, millis(event));
    }
}

/// As above, each of `targets` in an account of its own.
fn backlogs(ledger: &Store<'_>, targets: &[Target], events: i64) {
    for (number, target) in targets.iter().enumerate() {
        backlog(ledger, &format!("loud-{number}"), &[*target], events);
    }
}

/// As above, and each has failed once and is due again.
fn retries(ledger: &Store<'_>, targets: &[Target], events: i64) {
    backlogs(ledger, targets, events);
    let owed = targets.len() * usize::try_from(events).unwrap();
    assert_eq!(settle_due(ledger, at(60), &again(at(100))), owed);
    // They failed for reasons that have passed.
    for target in targets {
        let id = post_one(ledger, *target, at(61));
        let (claim, claimed) = claim_one(ledger, at(61));
        assert_eq!(claimed.id, id);
        ledger
            .record(&claim, &[&attempt(&claimed, at(61), sent())])
            .unwrap();
    }
}

/// How many claims it takes, each settled before the next, until `wanted` is in one. There is
/// more than enough due before it to fill them all.
fn claims_until(ledger: &Store<'_>, wanted: DeliveryId, now: Timestamp) -> usize {
    for count in 1..=1_000 {
        let (claim, claimed) = claim(ledger, 64, now);
        assert_eq!(claimed.len(), 64, "the backlog is worked off");
        let done: Vec<_> = claimed
            .iter()
            .map(|claimed| attempt(claimed, now, sent()))
            .collect();
        ledger
            .record(&claim, &done.iter().collect::<Vec<_>>())
            .unwrap();
        if claimed.iter().any(|claimed| claimed.id == wanted) {
            return count;
        }
    }
    panic!("{wanted} is hidden");
}

#[test]
fn a_claim_tells_what_to_send_and_holds_it() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let target = Target::new();
    let id = post_one(&ledger, target, at(0));
    let (_, claimed) = claim_one(&ledger, at(0));
    assert_eq!(
        (claimed.account, claimed.id, claimed.tries),
        (acme(), id, 0)
    );
    assert_eq!(
        (claimed.trigger, claimed.action),
        (target.trigger, target.action)
    );
    let shown = show(&ledger, id).delivery;
    assert_eq!(
        (shown.status, shown.event_id),
        (Status::Delivering, claimed.event)
    );
    assert_eq!(shown.next_attempt_at, None);
    assert_eq!(ledger.next_due_at().unwrap(), Some(at(0) + LEASE));
}

#[test]
fn ten_runners_that_race_claim_each_delivery_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.db");
    backlog(&Sqlite::open(&file).ledger(), "acme", &Target::many(50), 20);

    let claimed = race(10, |_| {
        let database = Sqlite::open(&file);
        let mut mine = Vec::new();
        loop {
            let (_, claimed) = claim(&database.ledger(), 16, at(1));
            if claimed.is_empty() {
                return mine;
            }
            mine.extend(claimed.into_iter().map(|claimed| claimed.id));
        }
    })
    .concat();

    assert_eq!(claimed.len(), 1_000);
    assert_eq!(claimed.iter().collect::<HashSet<_>>().len(), 1_000);
}

#[test]
fn what_a_dead_runner_held_is_claimed_again_when_its_lease_is_over() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let id = post_one(&ledger, Target::new(), at(0));
    let (_, dead) = claim_one(&ledger, at(0));
    let end = at(0) + LEASE;
    assert!(
        claim(&ledger, 64, end - std::time::Duration::from_millis(1))
            .1
            .is_empty()
    );
    let (_, claimed) = claim_one(&ledger, end);
    assert_eq!(
        (claimed.id, claimed.tries, claimed.queue),
        (id, 0, dead.queue)
    );
    assert!(claim(&ledger, 64, end).1.is_empty());
}

#[test]
fn a_queue_is_worked_off_in_the_order_of_due_time() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let target = Target::new();
    // In an order of their own: 0, 37, 74, 11, …
    let due: HashMap<_, _> = (0..100)
        .map(|number| millis(number * 37 % 100))
        .map(|due| (post_one(&ledger, target, due), due))
        .collect();
    let mut worked_off = Vec::new();
    while worked_off.len() < 100 {
        let mut claimed: Vec<_> = claim(&ledger, 7, at(1))
            .1
            .iter()
            .map(|claimed| due[&claimed.id])
            .collect();
        claimed.sort();
        worked_off.extend(claimed);
    }
    assert!(worked_off.is_sorted());
}

#[test]
fn after_a_month_without_a_run_what_is_due_longest_goes_first() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let mut due = HashMap::new();
    for (number, target) in Target::many(600).into_iter().enumerate() {
        let time = at(i64::try_from(number * 7_919 % 600).unwrap() * 3_600);
        due.insert(post_one(&ledger, target, time), time);
    }
    let mut worked_off = Vec::new();
    while worked_off.len() < 600 {
        let (_, claimed) = claim(&ledger, 60, at(600 * 3_600));
        let mut claimed: Vec<_> = claimed.iter().map(|claimed| due[&claimed.id]).collect();
        claimed.sort();
        assert_eq!(claimed.len(), 60);
        worked_off.extend(claimed);
    }
    assert!(worked_off.is_sorted());
}

#[test]
fn a_claim_is_no_larger_than_there_is_room() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    backlog(&ledger, "acme", &Target::many(20), 5);
    for (room, claimed) in [(0, 0), (1, 1), (30, 30), (64, 64), (64, 5), (64, 0)] {
        assert_eq!(claim(&ledger, room, at(1)).1.len(), claimed);
    }
}

#[test]
fn a_queue_has_only_so_many_in_flight() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let (busy, other) = (Target::new(), Target::new());
    backlog(&ledger, "acme", &[busy], 100);
    let queue = claim(&ledger, 1, at(1)).1[0].queue.clone();
    backlog(&ledger, "acme", &[other], 2);

    for (in_flight, room) in [(0, 16), (10, 6), (15, 1), (16, 0), (40, 0)] {
        let mine = [(queue.clone(), in_flight)];
        let claimed = claim_within(
            &ledger,
            &ClaimLimits {
                in_flight: &mine,
                total: 200,
                ..limits(64)
            },
            at(1),
        );
        let of_busy = claimed
            .iter()
            .filter(|claimed| claimed.action == busy.action);
        assert_eq!(of_busy.count(), room, "with {in_flight} in flight");
    }
    let others = deliveries(&ledger)
        .into_iter()
        .filter(|row| row.action_id == other.action);
    assert!(
        others
            .map(|row| row.status)
            .all(|status| status == Status::Delivering)
    );
}

#[test]
fn a_receiver_that_keeps_failing_gets_one_request_at_a_time_until_it_succeeds() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let (failing, healthy) = (Target::new(), Target::new());
    let of_failing = |claimed: &[Claimed]| {
        claimed
            .iter()
            .filter(|claimed| claimed.action == failing.action)
            .count()
    };
    for failures in 1..=5 {
        post_one(&ledger, failing, at(failures));
        let (claim, claimed) = claim_one(&ledger, at(failures));
        let failed = attempt(&claimed, at(failures), again(at(1_000)));
        assert_eq!(ledger.record(&claim, &[&failed]).unwrap(), 1);
    }
    backlog(&ledger, "acme", &[failing, healthy], 30);

    // Of each lane: first attempts and retries.
    let now = at(2_000);
    let (one, claimed) = claim(&ledger, 64, now);
    assert_eq!((of_failing(&claimed), claimed.len()), (2, 18));
    let in_flight: Vec<_> = claimed
        .iter()
        .map(|claimed| (claimed.queue.clone(), 1))
        .collect();
    let mine = ClaimLimits {
        in_flight: &in_flight,
        ..limits(64)
    };
    assert_eq!(of_failing(&claim_within(&ledger, &mine, now)), 0);

    let first = claimed
        .iter()
        .find(|claimed| claimed.action == failing.action)
        .unwrap();
    ledger
        .record(&one, &[&attempt(first, now, sent())])
        .unwrap();
    assert!(of_failing(&claim(&ledger, 64, now).1) > 2);
}

#[test]
fn a_backlog_does_not_hide_another_accounts_first_attempt() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    for _ in 0..20 {
        post(
            &ledger,
            &account("loud"),
            &[Target::new(); 1][..].repeat(1_000),
            at(0),
        );
    }
    // Wherever among the queues the other's is, and wherever the runner starts.
    let mut claims = Vec::new();
    for quiet in Target::many(200) {
        let wanted = post_one(&ledger, quiet, at(1));
        claims.push(claims_until(&ledger, wanted, at(1)));
    }
    assert_eq!(claims.iter().max(), Some(&1), "{claims:?}");
}

#[test]
fn the_many_actions_of_one_account_do_not_hide_anothers_first_attempt() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    backlog(&ledger, "loud", &Target::many(200), 100);
    let mut claims = Vec::new();
    for quiet in Target::many(40) {
        let wanted = post_one(&ledger, quiet, at(1));
        claims.push(claims_until(&ledger, wanted, at(1)));
    }
    claims.sort_unstable();
    assert!(claims[20] <= 4 && claims[39] <= 24, "{claims:?}");
}

#[test]
fn retries_do_not_hide_first_attempts() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    retries(&ledger, &Target::many(100), 100);
    let mut claims = Vec::new();
    for fresh in Target::many(40) {
        let wanted = post_one(&ledger, fresh, at(200));
        claims.push(claims_until(&ledger, wanted, at(200)));
    }
    assert_eq!(claims.iter().max(), Some(&1), "{claims:?}");
}

#[test]
fn first_attempts_do_not_hide_retries() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let retry = post_one(&ledger, Target::new(), at(0));
    let (claim, claimed) = claim_one(&ledger, at(0));
    ledger
        .record(&claim, &[&attempt(&claimed, at(0), again(at(100)))])
        .unwrap();
    // Older than the retry, by their due time.
    backlogs(&ledger, &Target::many(100), 50);
    assert_eq!(claims_until(&ledger, retry, at(200)), 1);
}

#[test]
fn receivers_that_hang_do_not_hide_the_others() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let hanging = Target::many(3);
    backlog(&ledger, "acme", &hanging, 500);
    let mut in_flight: HashMap<String, usize> = HashMap::new();
    for claimed in claim(&ledger, 64, at(1)).1 {
        *in_flight.entry(claimed.queue).or_default() += 1;
    }
    assert_eq!(in_flight.values().sum::<usize>(), 48);
    let in_flight: Vec<_> = in_flight.into_iter().collect();
    for other in Target::many(100) {
        let wanted = post_one(&ledger, other, at(1));
        let mine = ClaimLimits {
            in_flight: &in_flight,
            ..limits(1)
        };
        let claimed = claim_within(&ledger, &mine, at(1));
        assert_eq!(
            claimed.iter().map(|claimed| claimed.id).collect::<Vec<_>>(),
            [wanted]
        );
    }
}
