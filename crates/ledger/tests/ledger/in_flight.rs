//! What is in flight over all runs, what is given back, and pauses that receivers ask for.

use std::{collections::HashMap, time::Duration};

use domain::{
    account::AccountId,
    delivery::{Status, held_reason},
    id::DeliveryId,
    time::Timestamp,
};
use ledger::{
    Claim, ClaimLimits, Claimed, FinishedAttempt, InFlightLimits, Ledger, Retried, Returned,
};

use crate::support::{
    LEASE, Sqlite, Target, account, acme, again, at, attempt, begin_test, claim, claim_one, limits,
    new_claim, new_test, post, post_one, race, sent, show,
};

type Store<'a> = Ledger<&'a Sqlite>;

/// Claims as much as there is room for, within these limits.
fn claim_within(
    ledger: &Store<'_>,
    most: InFlightLimits,
    room: usize,
    now: Timestamp,
) -> (Claim, Vec<Claimed>) {
    let claim = new_claim(now);
    let limits = ClaimLimits {
        most,
        ..limits(room)
    };
    let claimed = ledger.claim(&claim, &limits, now).unwrap();
    (claim, claimed)
}

fn per_account(most: usize) -> InFlightLimits {
    InFlightLimits {
        per_account: most,
        ..InFlightLimits::NONE
    }
}

fn per_host(most: usize) -> InFlightLimits {
    InFlightLimits {
        per_host: most,
        ..InFlightLimits::NONE
    }
}

/// Notes that requests of these targets go to `host`.
fn note(ledger: &Store<'_>, of: &AccountId, targets: &[Target], host: &str) {
    let hosts = targets
        .iter()
        .map(|target| ((of.clone(), target.action), host.to_owned()));
    ledger
        .note_hosts(&hosts.collect::<HashMap<_, _>>())
        .unwrap();
}

fn of(account: &AccountId, claimed: &[Claimed]) -> usize {
    claimed.iter().filter(|row| row.account == *account).count()
}

#[test]
fn an_account_has_so_many_in_flight_whoever_runs() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.db");
    let database = Sqlite::open(&file);
    let ledger = database.ledger();
    let (loud, quiet) = (account("loud"), account("quiet"));
    for second in 0..10 {
        post(&ledger, &loud, &Target::many(20), at(second));
    }
    post(&ledger, &quiet, &Target::many(3), at(10));
    let claimed = race(4, |_| {
        let database = Sqlite::open(&file);
        let ledger = database.ledger();
        let claims = (0..4).map(|_| claim_within(&ledger, per_account(32), 16, at(11)).1);
        claims.flatten().collect::<Vec<_>>()
    })
    .concat();
    assert_eq!((of(&loud, &claimed), of(&quiet, &claimed)), (32, 3));

    // What is over makes room for as much.
    let (claim, more) = claim_within(&ledger, per_account(33), 64, at(12));
    assert_eq!(more.len(), 1);
    let done = attempt(&more[0], at(12), sent());
    ledger.record(&claim, &[&done]).unwrap();
    assert_eq!(
        claim_within(&ledger, per_account(34), 64, at(12)).1.len(),
        2
    );
    // What a run that died has left counts until its claims are over.
    let over = at(12) + LEASE;
    let (_, again) = claim_within(&ledger, per_account(32), 64, over);
    assert_eq!((of(&loud, &again), of(&quiet, &again)), (32, 3));
}

#[test]
fn a_host_gets_so_many_at_once_from_an_account_and_holds_up_no_other() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let (one, another) = (account("one"), account("another"));
    let (busy, too, free) = (Target::new(), Target::new(), Target::new());
    for of in [&one, &another] {
        note(&ledger, of, &[busy, too], "hooks.example.com");
    }
    note(&ledger, &one, &[free], "other.example.com");
    for second in 0..20 {
        post(&ledger, &one, &[busy, too], at(second));
    }
    // Two actions to the same host share what it gets.
    let (claim, first) = claim_within(&ledger, per_host(10), 64, at(40));
    assert_eq!(first.len(), 10);
    assert_eq!(first[0].host.as_deref(), Some("hooks.example.com"));
    assert_eq!(claim_within(&ledger, per_host(10), 64, at(41)).1.len(), 0);
    for _ in 0..3 {
        post(&ledger, &one, &[free], at(41));
        post(&ledger, &another, &[busy], at(41));
    }
    // Neither another host nor another account waits for it.
    let (_, claimed) = claim_within(&ledger, per_host(10), 64, at(42));
    assert_eq!((of(&one, &claimed), of(&another, &claimed)), (3, 3));
    assert!((claimed.iter()).all(|row| row.account == another || row.action == free.action));
    // What is over makes room for as much.
    let done: Vec<_> = (first[..3].iter())
        .map(|row| attempt(row, at(42), sent()))
        .collect();
    ledger
        .record(&claim, &done.iter().collect::<Vec<_>>())
        .unwrap();
    assert_eq!(claim_within(&ledger, per_host(10), 64, at(43)).1.len(), 3);
}

#[test]
fn test_sends_are_in_flight_as_all_others_are() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let (tested, other) = (Target::new(), Target::new());
    begin_test(&ledger, tested, at(0));
    note(&ledger, &acme(), &[other], "hooks.example.com");
    let total = InFlightLimits {
        total: 2,
        ..InFlightLimits::NONE
    };
    for _ in 0..5 {
        post_one(&ledger, other, at(0));
    }
    // One is in flight, so one more may be: of all, of the account, to the host.
    for most in [total, per_account(2), per_host(2)] {
        let (claim, claimed) = claim_within(&ledger, most, 64, at(1));
        assert_eq!(claimed.len(), 1, "{most:?}");
        let begun = new_test(&ledger, tested, most, at(1));
        assert!(begun.is_none(), "{most:?}");
        let done = attempt(&claimed[0], at(1), sent());
        ledger.record(&claim, &[&done]).unwrap();
    }
    assert!(new_test(&ledger, tested, total, at(1)).is_some());
    assert_eq!(database.number("SELECT count(*) FROM event WHERE test"), 2);
}

#[test]
fn what_is_given_back_is_no_attempt_and_waits() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let id = post_one(&ledger, Target::new(), at(0));
    let (claim, claimed) = claim_one(&ledger, at(0));
    let returned = |reason: Option<&str>| Returned {
        account: acme(),
        delivery: id,
        due_at: at(60),
        reason: reason.map(Into::into),
    };
    let another = new_claim(at(0));
    ledger.return_claimed(&another, &[returned(None)]).unwrap();
    assert_eq!(show(&ledger, id).delivery.status, Status::Delivering);
    let deferred = [returned(Some("deferred"))];
    ledger.return_claimed(&claim, &deferred).unwrap();
    let shown = show(&ledger, id).delivery;
    assert_eq!((shown.status, shown.attempt_count), (Status::Pending, 0));
    assert_eq!(shown.next_attempt_at, Some(at(60)));
    assert_eq!(shown.reason.as_deref(), Some("deferred"));
    // The claim is over: nothing is recorded under it.
    let done = attempt(&claimed, at(0), sent());
    assert_eq!(ledger.record(&claim, &[&done]).unwrap(), 0);
    let (_, claimed) = claim_one(&ledger, at(60));
    assert_eq!((claimed.id, claimed.tries), (id, 0));
}

/// An attempt whose receiver asked for a pause until then.
fn asked_for_pause(claimed: &Claimed, now: Timestamp, until: Timestamp) -> FinishedAttempt {
    FinishedAttempt {
        hold_until: Some(until),
        ..attempt(claimed, now, again(until))
    }
}

#[test]
fn a_pause_that_a_receiver_asks_for_is_its_actions_and_successes_do_not_end_it() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let (target, other) = (Target::new(), Target::new());
    for second in 0..3 {
        post_one(&ledger, target, at(second));
    }
    let (first, claimed) = claim(&ledger, 2, at(10));
    let asked = asked_for_pause(&claimed[0], at(10), at(600));
    let shorter = asked_for_pause(&claimed[1], at(10), at(300));
    ledger.record(&first, &[&asked, &shorter]).unwrap();
    let held = || ledger.held_until(&acme(), target.action, at(20)).unwrap();
    assert_eq!(held(), Some(at(600)));
    // What was in flight meanwhile comes to its end.
    let (second, claimed) = claim(&ledger, 1, at(20));
    assert_eq!(claimed[0].held_until, at(600));
    let done = attempt(&claimed[0], at(20), sent());
    ledger.record(&second, &[&done]).unwrap();
    assert_eq!(held(), Some(at(600)));

    // All of its queue waits, what comes later and what is retried by hand, too; nothing else does.
    let late: Vec<DeliveryId> = (30..33).map(|s| post_one(&ledger, target, at(s))).collect();
    let elsewhere = post_one(&ledger, other, at(30));
    ledger
        .put_off_held(&HashMap::from([((acme(), target.action), at(600))]), at(40))
        .unwrap();
    let reason = held_reason(at(600));
    for id in &late {
        let shown = show(&ledger, *id).delivery;
        assert_eq!(shown.next_attempt_at, Some(at(600)));
        assert_eq!(shown.reason.as_ref(), Some(&reason));
    }
    assert_eq!(
        ledger.retry(&acme(), late[0], at(50)).unwrap(),
        Retried::Due
    );
    let shown = show(&ledger, late[0]).delivery;
    assert_eq!(shown.next_attempt_at, Some(at(600)));
    assert_eq!(shown.reason, Some(reason));
    let (third, claimed) = claim_one(&ledger, at(60));
    assert_eq!(claimed.id, elsewhere);
    let done = attempt(&claimed, at(60), sent());
    ledger.record(&third, &[&done]).unwrap();
    assert_eq!(claim(&ledger, 64, at(600)).1.len(), 5);
    assert_eq!(
        ledger.held_until(&acme(), target.action, at(600)).unwrap(),
        None
    );
}

#[test]
fn a_pause_is_not_the_one_of_another_account_with_the_same_action() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let target = Target::new();
    let rival = account("rival");
    post(&ledger, &rival, &[target], at(0));
    let (claim, claimed) = claim_one(&ledger, at(0));
    let asked = asked_for_pause(&claimed, at(0), at(600));
    ledger.record(&claim, &[&asked]).unwrap();
    let mine = post_one(&ledger, target, at(1));
    ledger
        .put_off_held(
            &HashMap::from([((rival.clone(), target.action), at(600))]),
            at(2),
        )
        .unwrap();
    let (_, claimed) = claim_one(&ledger, at(2));
    assert_eq!(
        (claimed.id, claimed.held_until),
        (mine, Timestamp::from_millis(0))
    );
    let held = ledger.held_until(&acme(), target.action, at(2)).unwrap();
    assert_eq!(held, None);
}

#[test]
fn a_test_send_asks_for_no_pause() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let target = Target::new();
    let (claim, claimed) = begin_test(&ledger, target, at(0));
    let asked = asked_for_pause(&claimed, at(0), at(600));
    ledger.record(&claim, &[&asked]).unwrap();
    assert_eq!(
        ledger.held_until(&acme(), target.action, at(1)).unwrap(),
        None
    );
}

#[test]
fn a_flood_over_many_actions_does_not_hide_what_comes_last() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let (loud, quiet) = (account("loud"), account("quiet"));
    post(&ledger, &loud, &Target::many(5_000), at(0));
    for second in 1..=20 {
        let wanted = post(&ledger, &quiet, &[Target::new()], at(second))[0];
        post(&ledger, &loud, &Target::many(30), at(second));
        let now = at(second) + Duration::from_millis(1);
        let (claim, claimed) = claim_within(&ledger, per_account(32), 64, now);
        let found = claimed.iter().find(|row| row.id == wanted);
        let found = found.unwrap_or_else(|| panic!("hidden at {second} s"));
        let done = attempt(found, now, sent());
        ledger.record(&claim, &[&done]).unwrap();
    }
}
