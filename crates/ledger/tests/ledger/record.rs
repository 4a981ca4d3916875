//! Results: recorded once, under the claim they were made under, with all that follows from them.

use api::wire::ActionHealth;
use domain::delivery::Status;
use ledger::{FinishedAttempt, Withdrawn};
use serde_json::json;

use crate::support::{
    LEASE, Sqlite, Target, account, acme, again, at, attempt, claim, claim_one, gave_up, millis,
    new_claim, post, post_one, sent, show,
};

fn health(database: &Sqlite, target: Target) -> ActionHealth {
    let mut found = database
        .ledger()
        .health(&acme(), &[target.action, Target::new().action])
        .unwrap();
    assert!(found.len() <= 1);
    found.remove(&target.action).unwrap_or_default()
}

#[test]
fn an_attempt_is_shown_as_it_was() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let id = post_one(&ledger, Target::new(), at(0));
    let (claim, claimed) = claim_one(&ledger, at(0));
    let headers = |value: serde_json::Value| value.as_object().unwrap().clone();
    let finished = FinishedAttempt {
        status_code: Some(503),
        error: Some("status 503".into()),
        request_headers: headers(json!({"webhook-id": id, "x-note": "\"a\\b\""})),
        response_headers: headers(json!({"set-cookie": ["a=1", "b=2"]})),
        response_body: Some("é😀 \"'\\\n\t\u{7f}\u{1} [1e400] %s ?1".into()),
        ..attempt(&claimed, at(1), again(at(6)))
    };
    assert_eq!(ledger.record(&claim, &[&finished]).unwrap(), 1);

    let shown = show(&ledger, id);
    assert_eq!(
        (shown.delivery.status, shown.delivery.attempt_count),
        (Status::Pending, 1)
    );
    assert_eq!(shown.delivery.next_attempt_at, Some(at(6)));
    assert_eq!(shown.delivery.reason.as_deref(), Some("status 500"));
    let [stored] = shown.attempts.as_slice() else {
        panic!("{shown:?}")
    };
    assert_eq!(
        (stored.number, stored.started_at, stored.duration_ms),
        (1, at(1), 500)
    );
    assert_eq!(
        (stored.status_code, &stored.error),
        (Some(503), &finished.error)
    );
    assert_eq!(
        json!(stored.request_headers),
        json!(finished.request_headers)
    );
    assert_eq!(
        json!(stored.response_headers),
        json!(finished.response_headers)
    );
    assert_eq!(stored.response_body, finished.response_body);
}

#[test]
fn a_body_with_a_nul_is_kept_whole() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let id = post_one(&ledger, Target::new(), at(0));
    let (claim, claimed) = claim_one(&ledger, at(0));
    let body = Some("before\0after".to_owned());
    let finished = FinishedAttempt {
        response_body: body.clone(),
        ..attempt(&claimed, at(0), sent())
    };
    ledger.record(&claim, &[&finished]).unwrap();
    assert_eq!(show(&ledger, id).attempts[0].response_body, body);
}

#[test]
fn attempts_are_numbered_from_one_and_tries_count_the_round() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let id = post_one(&ledger, Target::new(), at(0));
    for number in 1..=4 {
        let now = at(i64::from(number) * 10);
        let (claim, claimed) = claim_one(&ledger, now);
        assert_eq!(claimed.tries, number - 1);
        let settled = if number < 4 { again(now) } else { sent() };
        ledger
            .record(&claim, &[&attempt(&claimed, now, settled)])
            .unwrap();
    }
    let shown = show(&ledger, id);
    assert_eq!(
        (shown.delivery.status, shown.delivery.attempt_count),
        (Status::Succeeded, 4)
    );
    assert_eq!(
        (shown.delivery.reason, shown.delivery.next_attempt_at),
        (None, None)
    );
    let numbers: Vec<_> = shown
        .attempts
        .iter()
        .map(|attempt| attempt.number)
        .collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
    assert_eq!(ledger.next_due_at().unwrap(), None);
}

#[test]
fn the_first_attempt_and_retries_are_in_lanes_of_their_own() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let target = Target::new();
    post_one(&ledger, target, at(0));
    for lane in ["0", "1", "1"] {
        let (claim, claimed) = claim_one(&ledger, at(0));
        assert_eq!(
            claimed.queue,
            format!("{lane}{}acme", target.action.random_part())
        );
        ledger
            .record(&claim, &[&attempt(&claimed, at(0), again(at(0)))])
            .unwrap();
    }
}

#[test]
fn a_result_under_a_lost_claim_is_not_recorded() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let id = post_one(&ledger, Target::new(), at(0));
    let (stale, claimed) = claim_one(&ledger, at(0));
    let (live, _) = claim_one(&ledger, at(0) + LEASE);
    let result = |settled| attempt(&claimed, at(0), settled);

    assert_eq!(ledger.record(&stale, &[&result(sent())]).unwrap(), 0);
    let shown = show(&ledger, id);
    assert_eq!(
        (shown.delivery.status, shown.attempts.len()),
        (Status::Delivering, 0)
    );
    assert_eq!(
        health(
            &database,
            Target {
                action: claimed.action,
                ..Target::new()
            }
        ),
        ActionHealth::default()
    );

    assert_eq!(ledger.record(&live, &[&result(gave_up())]).unwrap(), 1);
    assert_eq!(ledger.record(&stale, &[&result(sent())]).unwrap(), 0);
    // The answer to the first call was lost, and it is made again.
    assert_eq!(ledger.record(&live, &[&result(gave_up())]).unwrap(), 0);
    let shown = show(&ledger, id);
    assert_eq!(
        (shown.delivery.status, shown.attempts.len()),
        (Status::Failed, 1)
    );
}

#[test]
fn a_late_result_is_recorded_while_nobody_else_has_the_delivery() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let id = post_one(&ledger, Target::new(), at(0));
    let (claim, claimed) = claim_one(&ledger, at(0));
    let late = attempt(&claimed, at(0) + 2 * LEASE, sent());
    assert_eq!(ledger.record(&claim, &[&late]).unwrap(), 1);
    assert_eq!(show(&ledger, id).delivery.status, Status::Succeeded);
    assert_eq!(ledger.next_due_at().unwrap(), None);
}

#[test]
fn the_results_of_a_claim_are_recorded_in_one_statement_each_as_it_is() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let targets = Target::many(60);
    post(&ledger, &account("acme"), &targets, at(0));
    let (claim, claimed) = claim(&ledger, 60, at(0));
    let ends = [sent(), again(at(9)), gave_up()];
    let mut finished: Vec<_> = claimed
        .iter()
        .zip(ends.iter().cycle())
        .map(|(claimed, end)| attempt(claimed, at(0), end.clone()))
        .collect();
    // One was claimed by nobody.
    let unclaimed = post_one(&ledger, targets[0], at(0));
    finished[0].delivery = unclaimed;

    let statements = database.statements_of(|ledger| {
        assert_eq!(
            ledger
                .record(&claim, &finished.iter().collect::<Vec<_>>())
                .unwrap(),
            59
        );
    });
    assert_eq!(statements.len(), 1);
    for finished in &finished[1..] {
        let shown = show(&ledger, finished.delivery).delivery;
        assert_eq!(
            (shown.status, shown.attempt_count),
            (finished.settled.status, 1)
        );
    }
    assert_eq!(show(&ledger, unclaimed).delivery.status, Status::Pending);
    assert_eq!(
        show(&ledger, claimed[0].id).delivery.status,
        Status::Delivering
    );
    assert_eq!(ledger.record(&claim, &[]).unwrap(), 0);
}

#[test]
fn the_health_of_an_action_follows_its_attempts() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let target = Target::new();
    let run = |seconds, settled| {
        post_one(&ledger, target, at(seconds));
        let (claim, claimed) = claim_one(&ledger, at(seconds));
        ledger
            .record(&claim, &[&attempt(&claimed, at(seconds), settled)])
            .unwrap();
        health(&database, target)
    };
    // An attempt takes half a second.
    let ended = |seconds: i64| Some(millis(seconds * 1_000 + 500));
    assert_eq!(health(&database, target), ActionHealth::default());
    assert_eq!(
        run(10, gave_up()),
        ActionHealth {
            last_failure_at: ended(10),
            failing_since: Some(at(10)),
            consecutive_failures: 1,
            ..ActionHealth::default()
        }
    );
    let second = run(20, again(at(9_000)));
    assert_eq!(
        (second.failing_since, second.consecutive_failures),
        (Some(at(10)), 2)
    );
    let well = ActionHealth {
        last_success_at: ended(30),
        last_failure_at: ended(20),
        failing_since: None,
        consecutive_failures: 0,
    };
    assert_eq!(run(30, sent()), well);
    assert_eq!(
        run(40, gave_up()),
        ActionHealth {
            last_failure_at: ended(40),
            failing_since: Some(at(40)),
            consecutive_failures: 1,
            ..well
        }
    );
}

#[test]
fn a_delivery_is_withdrawn_under_its_claim_alone() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let id = post_one(&ledger, Target::new(), at(0));
    let (claim, claimed) = claim_one(&ledger, at(0));
    let gone = [Withdrawn {
        account: claimed.account.clone(),
        delivery: id,
        status: Status::Canceled,
        reason: "trigger was deleted".into(),
    }];
    assert_eq!(ledger.withdraw(&new_claim(at(0)), &gone).unwrap(), 0);
    assert_eq!(show(&ledger, id).delivery.status, Status::Delivering);

    assert_eq!(ledger.withdraw(&claim, &gone).unwrap(), 1);
    let shown = show(&ledger, id);
    assert_eq!(
        (shown.delivery.status, shown.attempts.len()),
        (Status::Canceled, 0)
    );
    assert_eq!(
        shown.delivery.reason.as_deref(),
        Some("trigger was deleted")
    );
    assert_eq!(ledger.next_due_at().unwrap(), None);
    assert_eq!(ledger.withdraw(&claim, &gone).unwrap(), 0);
    assert_eq!(
        ledger
            .record(&claim, &[&attempt(&claimed, at(0), sent())])
            .unwrap(),
        0
    );
}
