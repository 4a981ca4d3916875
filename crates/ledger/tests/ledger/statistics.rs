//! Statistics: the numbers, the range, the caps, and what they cost.

use std::time::Instant;

use api::wire::{AttemptCounts, Backlog, Piece, Statistics, StatusCounts, TriggerCounts};
use domain::{
    delivery::Status,
    id::{DeliveryId, EventId, TriggerId},
    statistics::Range,
    time::Timestamp,
};
use ledger::{Ledger, StatisticsLimits};

use crate::support::{
    Post, Sqlite, Target, account, acme, again, at, attempt, begin_test, claim, claim_one, gave_up,
    post, post_one, sent,
};

const HOUR: i64 = 3_600;

fn between(since: i64, until: i64) -> Range {
    Range::new(Some(at(since)), Some(at(until)), at(until)).unwrap()
}

fn statistics(ledger: &Ledger<&Sqlite>, range: Range, now: Timestamp) -> Statistics {
    limited(ledger, range, &StatisticsLimits::default(), now)
}

/// Those of these triggers alone.
fn of_triggers(
    ledger: &Ledger<&Sqlite>,
    range: Range,
    triggers: &[TriggerId],
    now: Timestamp,
) -> Vec<TriggerCounts> {
    let limits = StatisticsLimits::default();
    let found = ledger.statistics(&acme(), range, triggers, &limits, now);
    found.unwrap().triggers
}

fn limited(
    ledger: &Ledger<&Sqlite>,
    range: Range,
    limits: &StatisticsLimits,
    now: Timestamp,
) -> Statistics {
    ledger.statistics(&acme(), range, &[], limits, now).unwrap()
}

#[test]
fn an_account_without_anything_has_every_bucket_and_nothing_in_it() {
    let database = Sqlite::in_memory();
    let found = statistics(&database.ledger(), between(0, 24 * HOUR), at(0));
    assert_eq!(
        (found.events, found.deliveries),
        (0, StatusCounts::default())
    );
    let attempts = AttemptCounts {
        count: 0,
        failed: 0,
        p50_ms: None,
        p99_ms: None,
    };
    assert_eq!(found.attempts, attempts);
    let backlog = Backlog {
        due: 0,
        oldest_due_at: None,
    };
    assert_eq!(found.backlog, backlog);
    assert_eq!(found.series.len(), 25);
    let numbers = |piece: &Piece| piece.events + piece.succeeded + piece.failed;
    assert_eq!(found.series.iter().map(numbers).sum::<u64>(), 0);
    assert!(found.triggers.is_empty() && found.failing_actions.is_empty());
    assert!(!found.truncated);
}

#[test]
fn each_delivery_counts_where_it_stands_and_when_it_was_created() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let [good, bad, off, others] = std::array::from_fn(|_| Target::new());
    // Before the range, in it twice, and after it; and somebody else's.
    for second in [-1, 0, HOUR, 3 * HOUR] {
        let now = at(second);
        let owed = [good.owed(now), bad.owed(now), off.skipped(now)];
        Post::new(now, &owed).accept(&ledger).unwrap();
    }
    post(&ledger, &account("other"), &[others], at(2 * HOUR));
    let (held, claimed) = claim(&ledger, 64, at(0));
    assert_eq!(claimed.len(), 4);
    for claimed in &claimed {
        let end = if claimed.action == good.action {
            sent()
        } else if claimed.id >= DeliveryId::first_at(at(0)) {
            gave_up()
        } else {
            again(at(9 * HOUR))
        };
        let mut done = attempt(claimed, at(0), end);
        done.duration_ms = if claimed.action == good.action {
            20
        } else {
            900
        };
        assert_eq!(ledger.record(&held, &[&done]).unwrap(), 1);
    }
    let found = statistics(&ledger, between(0, 3 * HOUR), at(2 * HOUR));
    assert_eq!(found.events, 2);
    let deliveries = StatusCounts {
        pending: 2,
        succeeded: 1,
        failed: 1,
        skipped: 2,
        ..StatusCounts::default()
    };
    assert_eq!(found.deliveries, deliveries);
    let attempts = AttemptCounts {
        count: 2,
        failed: 1,
        p50_ms: Some(20),
        p99_ms: Some(900),
    };
    assert_eq!(found.attempts, attempts);
    // The range begins at 15:04:05, within the first bucket; the second event at 16:04:05.
    let pieces: Vec<_> = found
        .series
        .iter()
        .map(|piece| (piece.events, piece.succeeded, piece.failed))
        .collect();
    assert_eq!(pieces, [(1, 1, 1), (1, 0, 0), (0, 0, 0), (0, 0, 0)]);
    assert_eq!(found.series[0].at.to_string(), "2026-11-23T15:00:00.000Z");
    // In the order in which they are asked for, and those of others are as if they had nothing.
    let none = Target::new();
    let counts = [
        (off, 2, 0),
        (others, 0, 0),
        (bad, 2, 1),
        (none, 0, 0),
        (good, 2, 0),
    ];
    let counts = counts.map(|(target, deliveries, failed)| TriggerCounts {
        trigger_id: target.trigger,
        deliveries,
        failed,
    });
    let asked = counts.map(|counts| counts.trigger_id);
    let range = between(0, 3 * HOUR);
    assert_eq!(of_triggers(&ledger, range, &asked, at(2 * HOUR)), counts);
    assert!(found.triggers.is_empty());
    // Those of HOUR are due at 2 HOUR, whatever the range; that of -1 is not, nor that of 3 HOUR.
    let backlog = Backlog {
        due: 2,
        oldest_due_at: Some(at(HOUR)),
    };
    assert_eq!(found.backlog, backlog);
    let [failing] = found.failing_actions.as_slice() else {
        panic!("{:?}", found.failing_actions)
    };
    assert_eq!(
        (failing.trigger_id, failing.action_id),
        (bad.trigger, bad.action)
    );
    assert_eq!(
        (failing.failing_since, failing.consecutive_failures),
        (at(0), 2)
    );
    assert!(!found.truncated);
}

#[test]
fn what_is_tried_once_more_is_failing_and_what_was_never_tried_is_not() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let target = Target::new();
    post_one(&ledger, target, at(1));
    let (held, claimed) = claim_one(&ledger, at(1));
    let done = attempt(&claimed, at(1), again(at(60)));
    ledger.record(&held, &[&done]).unwrap();
    post_one(&ledger, target, at(2));
    let found = statistics(&ledger, between(0, HOUR), at(2));
    assert_eq!(found.deliveries.pending, 2);
    let counts = TriggerCounts {
        trigger_id: target.trigger,
        deliveries: 2,
        failed: 1,
    };
    let found = of_triggers(&ledger, between(0, HOUR), &[target.trigger], at(2));
    assert_eq!(found, [counts]);
}

#[test]
fn tests_count_nowhere() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let target = Target::new();
    for end in [sent(), gave_up()] {
        let (held, claimed) = begin_test(&ledger, target, at(5));
        let done = attempt(&claimed, at(5), end);
        assert_eq!(ledger.record(&held, &[&done]).unwrap(), 1);
    }
    begin_test(&ledger, target, at(5));
    post_one(&ledger, target, at(6));
    let found = statistics(&ledger, between(0, HOUR), at(7));
    assert_eq!(found.events, 1);
    let deliveries = StatusCounts {
        pending: 1,
        ..StatusCounts::default()
    };
    assert_eq!(found.deliveries, deliveries);
    assert_eq!((found.attempts.count, found.attempts.p50_ms), (0, None));
    assert_eq!(found.series[0].succeeded + found.series[0].failed, 0);
    let triggers = of_triggers(&ledger, between(0, HOUR), &[target.trigger], at(7));
    assert_eq!(triggers[0].deliveries, 1);
    assert!(found.failing_actions.is_empty());
}

#[test]
fn percentiles_are_durations_that_were_and_are_of_the_newest() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let target = Target::new();
    for number in 1..=201 {
        post_one(&ledger, target, at(number));
        let (held, claimed) = claim_one(&ledger, at(number));
        let mut done = attempt(&claimed, at(number), sent());
        // The newest took 1 to 200 ms, in an order that is not theirs; the oldest long.
        let milliseconds = if number == 1 {
            90_000
        } else {
            number * 7 % 200 + 1
        };
        done.duration_ms = milliseconds.unsigned_abs();
        ledger.record(&held, &[&done]).unwrap();
    }
    let limits = StatisticsLimits {
        durations: 200,
        ..StatisticsLimits::default()
    };
    let found = limited(&ledger, between(0, HOUR), &limits, at(300)).attempts;
    assert_eq!(
        (found.count, found.p50_ms, found.p99_ms),
        (201, Some(100), Some(198))
    );
}

#[test]
fn what_is_beyond_the_caps_is_left_out_and_said_to_be() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let targets = Target::many(3);
    for second in 0..10 {
        post(&ledger, &acme(), &targets, at(second));
    }
    let (held, claimed) = claim(&ledger, 64, at(4));
    for claimed in &claimed {
        let done = attempt(claimed, at(4), gave_up());
        ledger.record(&held, &[&done]).unwrap();
    }
    assert_eq!(claimed.len(), 15);
    let limits = StatisticsLimits::default();
    let found = |limits: &StatisticsLimits| limited(&ledger, between(0, HOUR), limits, at(9));
    let all = found(&limits);
    assert_eq!(
        (all.events, all.attempts.count, all.backlog.due),
        (10, 15, 15)
    );
    assert_eq!(all.failing_actions.len(), 3);
    assert!(!all.truncated);
    // As many as there are is not too many.
    let exact = found(&StatisticsLimits { rows: 30, ..limits });
    assert_eq!((exact.deliveries.failed, exact.truncated), (15, false));

    let few = found(&StatisticsLimits { rows: 16, ..limits });
    assert!(few.truncated);
    assert_eq!(few.events, 10);
    // The newest: 15 that are pending, and one of those that failed.
    assert_eq!((few.deliveries.pending, few.deliveries.failed), (15, 1));
    assert_eq!((few.attempts.count, few.series[0].failed), (1, 1));
    let triggers: Vec<_> = targets.iter().map(|target| target.trigger).collect();
    let rows = StatisticsLimits { rows: 16, ..limits };
    let found_of = ledger.statistics(&acme(), between(0, HOUR), &triggers, &rows, at(9));
    let counts = found_of.unwrap().triggers;
    assert_eq!(
        counts.iter().map(|counts| counts.deliveries).sum::<u64>(),
        16
    );

    let few = found(&StatisticsLimits { rows: 4, ..limits });
    assert_eq!((few.events, few.deliveries.pending), (4, 4));

    let few = found(&StatisticsLimits {
        pending: 2,
        failing: 2,
        ..limits
    });
    assert_eq!((few.backlog.due, few.truncated), (2, true));
    assert_eq!(few.backlog.oldest_due_at, Some(at(5)));
    assert_eq!(few.failing_actions.len(), 2);
}

#[test]
fn attempts_beyond_the_caps_are_left_out_by_whole_deliveries() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    for second in 0..3 {
        post_one(&ledger, Target::new(), at(second));
    }
    for round in 1..=3 {
        let (held, claimed) = claim(&ledger, 64, at(10 * round));
        for claimed in &claimed {
            let done = attempt(claimed, at(10 * round), again(at(10 * round + 10)));
            ledger.record(&held, &[&done]).unwrap();
        }
    }
    // The newest delivery has three, the next three more: the fourth newest is of that one.
    let counts = [(9, 9, false), (8, 9, true), (4, 6, true), (3, 3, true)];
    for (rows, count, truncated) in counts {
        let limits = StatisticsLimits {
            rows,
            ..StatisticsLimits::default()
        };
        let found = limited(&ledger, between(0, HOUR), &limits, at(99));
        assert_eq!(
            (found.attempts.count, found.truncated),
            (count, truncated),
            "{rows}"
        );
        assert_eq!(found.attempts.failed, count);
        assert_eq!(found.deliveries.pending, 3);
    }
}

#[test]
fn an_action_without_a_delivery_is_not_told_of() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    post_one(&ledger, Target::new(), at(1));
    let (held, claimed) = claim_one(&ledger, at(1));
    let done = attempt(&claimed, at(1), gave_up());
    ledger.record(&held, &[&done]).unwrap();
    let failing = |ledger| {
        statistics(ledger, between(0, HOUR), at(9))
            .failing_actions
            .len()
    };
    assert_eq!(failing(&ledger), 1);
    ledger.prune(at(5)).unwrap();
    assert_eq!(failing(&ledger), 0);
}

/// Puts so many events into the ledger, each with a delivery and an attempt, evenly over a week.
/// As many are pending as not. Behind the ledger's back, to save the tests' time.
fn fill(database: &Sqlite, count: i64) {
    const WEEK: i64 = 7 * 24 * HOUR;
    let ledger = database.ledger();
    assert_eq!(ledger.next_due_at().unwrap(), None);
    let targets = Target::many(50);
    let rows = |start: i64, end: i64| {
        let rows: Vec<_> = (start..end)
            .map(|number| {
                let now =
                    Timestamp::from_millis(at(0).as_millis() + number * (WEEK * 1_000 / count));
                let target = targets[usize::try_from(number).unwrap() % targets.len()];
                let owed = target.owed(now);
                let status = if number % 2 == 0 {
                    Status::Pending
                } else {
                    Status::Succeeded
                };
                serde_json::json!([
                    EventId::new(now, u128::from(crate::support::random())),
                    owed.id,
                    target.trigger,
                    target.action,
                    status,
                    now.as_millis(),
                ])
            })
            .collect();
        serde_json::Value::from(rows).to_string()
    };
    for start in (0..count).step_by(5_000) {
        let rows = rows(start, (start + 5_000).min(count));
        database.rows(&format!(
            "INSERT INTO event (account, id, type, occurred_at, received_at, data, fingerprint,
                                deliveries)
             SELECT 'acme', value ->> 0, 'message.sent', value ->> 5, value ->> 5,
                    json_object('text', hex(zeroblob(300))), 'f', '[]' FROM json_each('{rows}')"
        ));
        database.rows(&format!(
            "INSERT INTO delivery (account, id, event_id, trigger_id, action_id, type, status,
                                   attempt_count, due_at, queue, created_at)
             SELECT 'acme', value ->> 1, value ->> 0, value ->> 2, value ->> 3, 'message.sent',
                    value ->> 4, 1, CASE value ->> 4 WHEN 'pending' THEN value ->> 5 END,
                    '1' || substr(value ->> 3, -16), value ->> 5 FROM json_each('{rows}')"
        ));
        // What it makes of its delivery is as it is there already.
        database.rows(&format!(
            "INSERT INTO attempt (account, delivery_id, number, started_at, duration_ms, status_code,
                                  error, request_headers, response_headers, response_body, status,
                                  due_at)
             SELECT 'acme', value ->> 1, 1, value ->> 5, abs(random()) % 900, 204,
                    CASE value ->> 4 WHEN 'pending' THEN 'status 500' END,
                    json_object('a', hex(zeroblob(200))), json_object('a', hex(zeroblob(80))),
                    hex(zeroblob(100)), value ->> 4,
                    CASE value ->> 4 WHEN 'pending' THEN value ->> 5 END FROM json_each('{rows}')"
        ));
    }
}

fn week() -> Range {
    between(0, 7 * 24 * HOUR)
}

#[test]
fn statistics_are_six_statements_and_none_walks_through_the_ledger() {
    let database = Sqlite::in_memory();
    fill(&database, 1_000);
    let done = database.statements_of(|ledger| {
        of_triggers(ledger, week(), &[Target::new().trigger], at(0));
    });
    assert_eq!(done.len(), 6);
    for statement in done {
        for step in database.plan(&statement.sql) {
            let tables = ["delivery", "event", "attempt", "action_health"];
            let scanned = tables
                .iter()
                .any(|table| step.starts_with(&format!("SCAN {table}")));
            assert!(!scanned, "{step}, in {}", statement.sql);
            // By account and time, and not by account alone.
            let ids = ["status=?", "action_id=?"];
            let range = step.contains("account=?") && !ids.iter().any(|id| step.contains(id));
            let bounded = step.contains(">?") || step.contains("action_health");
            assert!(!range || bounded, "{step}, in {}", statement.sql);
        }
    }
}

#[test]
fn statistics_cost_no_more_with_ten_times_as_much_beyond_the_caps() {
    let limits = StatisticsLimits {
        rows: 500,
        durations: 200,
        pending: 200,
        ..StatisticsLimits::default()
    };
    let steps = |count| {
        let database = Sqlite::in_memory();
        fill(&database, count);
        let done = database.statements_of(|ledger| {
            assert!(limited(ledger, week(), &limits, at(0)).truncated);
        });
        done.iter().map(|statement| statement.steps).sum::<i32>()
    };
    let (few, many) = (steps(1_000), steps(10_000));
    println!("{few} steps, {many} with ten times as much");
    assert!(many < few * 5 / 4 + 100, "{few} steps, then {many}");
}

#[test]
fn statistics_of_an_hour_cost_no_more_in_a_week_that_is_full() {
    let limits = StatisticsLimits {
        pending: 100,
        ..StatisticsLimits::default()
    };
    // As many in the hour itself, and more or fewer beside it.
    let steps = |elsewhere| {
        let database = Sqlite::in_memory();
        fill(&database, elsewhere);
        for second in 0..50 {
            post_one(&database.ledger(), Target::new(), at(-HOUR + second));
        }
        let done = database.statements_of(|ledger| {
            let found = limited(ledger, between(-HOUR, 0), &limits, at(0));
            assert_eq!(found.events, 50);
        });
        done.iter().map(|statement| statement.steps).sum::<i32>()
    };
    let (few, many) = (steps(1_000), steps(10_000));
    println!("{few} steps, {many} with ten times as much");
    assert!(many < few * 5 / 4 + 100, "{few} steps, then {many}");
}

#[test]
fn of_a_hundred_thousand_deliveries_the_newest_are_counted_and_that_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let database = Sqlite::open(&directory.path().join("ledger.db"));
    fill(&database, 100_000);
    let ledger = database.ledger();
    let started = Instant::now();
    let found = statistics(&ledger, week(), at(7 * 24 * HOUR));
    println!("{:?} with 100,000 of each kind", started.elapsed());
    assert!(found.truncated);
    assert_eq!(found.events, 20_000);
    let (pending, succeeded) = (found.deliveries.pending, found.deliveries.succeeded);
    assert_eq!((pending, succeeded), (10_000, 10_000));
    assert_eq!(found.attempts.count, 20_000);
    assert_eq!(found.backlog.due, 10_000);
    let pieces = found.series.iter();
    assert_eq!(pieces.map(|piece| piece.events).sum::<u64>(), 20_000);
    for statement in database.statements_of(|ledger| {
        statistics(ledger, week(), at(7 * 24 * HOUR));
    }) {
        println!("{} steps: {}", statement.steps, &statement.sql[..60]);
    }
}
