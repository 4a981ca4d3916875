//! Tallies: everything is counted once, whatever happens to it.

use domain::{delivery::Failure, metrics::DURATION_BOUNDS, time::Timestamp};
use ledger::{FinishedAttempt, Ledger, Owed, Tallies};

use crate::support::{
    Post, Sqlite, Target, acme, again, at, attempt, begin_test, claim, claim_one, gave_up, post,
    post_one, race, sent, settle_due, show,
};

/// All that can be counted, counted.
fn counted(ledger: &Ledger<&Sqlite>, now: Timestamp) -> Tallies {
    while ledger.count_up(1).unwrap() {}
    ledger.tallies(now).unwrap()
}

fn of(counts: &std::collections::BTreeMap<String, u64>) -> Vec<(&str, u64)> {
    let counts = counts.iter().filter(|(_, count)| **count > 0);
    counts
        .map(|(name, count)| (name.as_str(), *count))
        .collect()
}

/// Records an attempt of the one delivery that is due, which took so long and ended so.
fn try_one(ledger: &Ledger<&Sqlite>, now: Timestamp, error: Option<&str>, duration_ms: u64) {
    let (claim, claimed) = claim_one(ledger, now);
    let settled = if error.is_some() { gave_up() } else { sent() };
    let done = FinishedAttempt {
        error: error.map(Into::into),
        duration_ms,
        ..attempt(&claimed, now, settled)
    };
    assert_eq!(ledger.record(&claim, &[&done]).unwrap(), 1);
}

#[test]
fn an_attempt_is_counted_by_its_hidden_cause_and_shown_without_it() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let id = post_one(&ledger, Target::new(), at(0));
    let (claim, claimed) = claim_one(&ledger, at(0));
    let failure = Failure::PrivateName;
    let done = FinishedAttempt {
        error: Some(failure.to_string()),
        hidden_cause: failure.hidden_cause(),
        ..attempt(&claimed, at(0), gave_up())
    };
    ledger.record(&claim, &[&done]).unwrap();
    assert_eq!(
        of(&counted(&ledger, at(0)).attempts),
        [("blocked address", 1)]
    );
    let shown = serde_json::to_string(&show(&ledger, id)).unwrap();
    assert!(!shown.contains("blocked"), "{shown}");
}

#[test]
fn events_deliveries_and_attempts_are_counted_by_what_they_are() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    assert_eq!(counted(&ledger, at(0)).events.len(), 0);
    for (error, duration_ms) in [
        (None, 25),
        (Some("status 503"), 26),
        (Some("timeout after 15 s"), 15_000),
        (Some("redirect (status 301); redirects are not followed"), 3),
        (Some("something that nobody has heard of"), 60_000),
    ] {
        post_one(&ledger, Target::new(), at(0));
        try_one(&ledger, at(0), error, duration_ms);
    }
    let skipped = [Target::new().skipped(at(0))];
    Post {
        event_type: "message.failed",
        ..Post::new(at(0), &skipped)
    }
    .accept(&ledger)
    .unwrap();
    // A test of an action is no event and no delivery of the account's; a request it is.
    let (claim, claimed) = begin_test(&ledger, Target::new(), at(0));
    let done = attempt(&claimed, at(0), sent());
    ledger.record(&claim, &[&done]).unwrap();

    let tallies = counted(&ledger, at(0));
    assert_eq!(
        of(&tallies.events),
        [("message.failed", 1), ("message.sent", 5)]
    );
    assert_eq!(of(&tallies.deliveries), [("owed", 5), ("skipped", 1)]);
    assert_eq!(of(&tallies.settled), [("failed", 4), ("succeeded", 2)]);
    assert_eq!(
        of(&tallies.attempts),
        [
            ("", 2),
            ("other", 1),
            ("redirect", 1),
            ("status 503", 1),
            ("timeout", 1)
        ]
    );
    let bucket = |bound| {
        let place = DURATION_BOUNDS.iter().position(|known| *known == bound);
        tallies.durations[place.unwrap()]
    };
    assert_eq!([bucket(25), bucket(50), bucket(500)], [2, 1, 1]);
    assert_eq!(
        [bucket(20_000), tallies.durations[DURATION_BOUNDS.len()]],
        [1, 1]
    );
    assert_eq!(tallies.duration_ms, 25 + 26 + 15_000 + 3 + 60_000 + 500);
    assert_eq!(tallies.requests_this_hour, 6);
}

#[test]
fn what_was_counted_is_not_counted_again_and_stays_when_it_is_deleted() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    for second in 0..3 {
        post_one(&ledger, Target::new(), at(second));
        settle_due(&ledger, at(second), &sent());
        assert_eq!(
            of(&counted(&ledger, at(0)).events),
            [("message.sent", second.unsigned_abs() + 1)]
        );
    }
    let before = counted(&ledger, at(0));
    assert_eq!(ledger.prune(at(9)).unwrap().events, 3);
    assert_eq!(counted(&ledger, at(0)), before);
    assert!(!ledger.count_up(1).unwrap());
    // The rows that come now have the places of those that went.
    post_one(&ledger, Target::new(), at(10));
    assert_eq!(of(&counted(&ledger, at(0)).events), [("message.sent", 4)]);
}

#[test]
fn a_retry_is_settled_once_and_tried_twice() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    post_one(&ledger, Target::new(), at(0));
    let (claim, claimed) = claim_one(&ledger, at(0));
    let done = attempt(&claimed, at(0), again(at(5)));
    ledger.record(&claim, &[&done]).unwrap();
    assert_eq!(of(&counted(&ledger, at(0)).settled), []);
    settle_due(&ledger, at(5), &sent());
    let tallies = counted(&ledger, at(5));
    assert_eq!(of(&tallies.settled), [("succeeded", 1)]);
    assert_eq!(tallies.attempts.values().sum::<u64>(), 2);
}

#[test]
fn counters_that_count_at_once_count_everything_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.db");
    let database = Sqlite::open(&file);
    for _ in 0..50 {
        post(&database.ledger(), &acme(), &Target::many(200), at(0));
    }
    race(4, |_| {
        let database = Sqlite::open(&file);
        while database.ledger().count_up(1).unwrap() {}
    });
    let tallies = counted(&database.ledger(), at(0));
    assert_eq!(of(&tallies.deliveries), [("owed", 10_000)]);
    assert_eq!(of(&tallies.events), [("message.sent", 50)]);
}

#[test]
fn a_step_of_counting_is_bounded() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    for _ in 0..30 {
        post(&ledger, &acme(), &Target::many(200), at(0));
    }
    let mut steps = 0;
    while ledger.count_up(1).unwrap() {
        steps += 1;
    }
    assert_eq!(steps, 3);
}

#[test]
fn runs_and_duplicates_are_counted_and_hours_that_are_over_forgotten() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    ledger.count_run(at(0)).unwrap();
    ledger.count_run(at(60)).unwrap();
    // A run that ends late does not turn back the clock.
    ledger.count_run(at(30)).unwrap();
    ledger.count_duplicates(3).unwrap();
    ledger.count_duplicates(1).unwrap();
    post_one(&ledger, Target::new(), at(0));
    settle_due(&ledger, at(0), &sent());
    let tallies = counted(&ledger, at(0));
    assert_eq!((tallies.runs, tallies.last_run_at), (3, Some(at(60))));
    assert_eq!(tallies.duplicates, 4);
    assert_eq!(tallies.requests_this_hour, 1);
    assert_eq!(counted(&ledger, at(3_600)).requests_this_hour, 0);
    ledger.count_run(at(3 * 3_600)).unwrap();
    assert_eq!(
        database.number("SELECT count(*) FROM tally WHERE name = 'requests'"),
        0
    );
}

#[test]
fn what_is_owed_is_told_by_lane_and_age() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let nothing = Owed {
        first_attempts: 0,
        retries: 0,
        later: 0,
        oldest_due_at: None,
    };
    assert_eq!(ledger.owed(at(0)).unwrap(), nothing);
    post(&ledger, &acme(), &Target::many(3), at(0));
    let (claim, claimed) = claim(&ledger, 1, at(0));
    let being_sent = Owed {
        first_attempts: 2,
        later: 1,
        oldest_due_at: Some(at(0)),
        ..nothing
    };
    assert_eq!(ledger.owed(at(1)).unwrap(), being_sent);
    let done = attempt(&claimed[0], at(0), again(at(5)));
    ledger.record(&claim, &[&done]).unwrap();
    let due = Owed {
        retries: 1,
        later: 0,
        ..being_sent
    };
    assert_eq!(ledger.owed(at(5)).unwrap(), due);
}

#[test]
fn what_a_failing_receiver_keeps_waiting_is_not_the_oldest() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let failing = Target::new();
    for _ in 0..5 {
        post_one(&ledger, failing, at(0));
        settle_due(&ledger, at(0), &gave_up());
    }
    post_one(&ledger, failing, at(1));
    let owed = ledger.owed(at(100)).unwrap();
    assert_eq!((owed.first_attempts, owed.oldest_due_at), (1, None));
    post_one(&ledger, Target::new(), at(50));
    assert_eq!(ledger.owed(at(100)).unwrap().oldest_due_at, Some(at(50)));
}

#[test]
fn rows_are_counted_without_walking_through_them() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    for _ in 0..5 {
        post(&ledger, &acme(), &Target::many(2), at(0));
    }
    settle_due(&ledger, at(0), &sent());
    let rows = ledger.row_counts().unwrap();
    assert_eq!((rows.events, rows.deliveries, rows.attempts), (5, 10, 10));
    let looks: [fn(&Ledger<&Sqlite>); 2] = [
        |ledger| assert!(ledger.row_counts().unwrap().events > 0),
        |ledger| assert_eq!(ledger.owed(at(0)).unwrap().first_attempts, 0),
    ];
    for look in looks {
        let steps = |database: &Sqlite| {
            let statements = database.statements_of(look);
            statements
                .iter()
                .map(|statement| statement.steps)
                .sum::<i32>()
        };
        let few = steps(&database);
        for _ in 0..50 {
            post(&ledger, &acme(), &Target::many(20), at(1));
        }
        settle_due(&ledger, at(1), &sent());
        let many = steps(&database);
        assert!(many <= few * 2, "{few} steps, then {many}");
    }
}
