//! Isolation: two accounts have triggers, actions, events and deliveries of the same ids, and nothing of one changes for the other.

use domain::{
    account::AccountId,
    id::{DeliveryId, EventId},
    operator::{Announcement, Disabling, Fact, Failing},
    pace::Pace,
    statistics::Range,
    time::Timestamp,
};
use ledger::{Claim, ClaimLimits, Claimed, DeliveryFilter, Ledger, Lines, Place, StatisticsLimits};

use crate::support::{
    Post, Sqlite, Target, account, acme, again, at, attempt, claim, first, gave_up, limits,
    new_claim, sent,
};

type Store<'a> = Ledger<&'a Sqlite>;

fn rival() -> AccountId {
    account("rival")
}

/// Posts the same event, with the same deliveries, so many times to both accounts.
fn post_to_both(ledger: &Store<'_>, target: Target, count: i64, now: Timestamp) -> Vec<DeliveryId> {
    let ids = (0..count).map(|number| {
        let owed = [target.owed(now)];
        let id = EventId::new(now, u128::try_from(number).unwrap());
        for of in [acme(), rival()] {
            let post = Post {
                account: of,
                ..Post::new(now, &owed)
            };
            post.accept_as(ledger, id).unwrap();
        }
        owed[0].id
    });
    ids.collect()
}

/// Claims all that is due, as far as one claim goes, and gives it by accounts: `acme`'s, then the rival's.
fn claim_both(ledger: &Store<'_>, now: Timestamp) -> (Claim, [Vec<Claimed>; 2]) {
    let (claim, claimed) = claim(ledger, 1_000, now);
    let (mine, others) = claimed.into_iter().partition(|row| row.account == acme());
    (claim, [mine, others])
}

/// Has so many attempts of the rival fail, one after the other, and none of `acme`.
fn rival_fails(ledger: &Store<'_>, target: Target, count: i64) {
    for second in 1..=count {
        let owed = [target.owed(at(second))];
        let post = Post {
            account: rival(),
            ..Post::new(at(second), &owed)
        };
        post.accept(ledger).unwrap();
        let (claim, [mine, others]) = claim_both(ledger, at(second));
        assert_eq!((mine.len(), others.len()), (0, 1));
        let failed = attempt(&others[0], at(second), gave_up());
        ledger.record(&claim, &[&failed]).unwrap();
    }
}

#[test]
fn failures_count_against_the_account_whose_they_are() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let target = Target::new();
    rival_fails(&ledger, target, 7);
    let health = |of: &AccountId| ledger.health(of, &[target.action]).unwrap();
    assert!(health(&acme()).is_empty());
    assert!(ledger.health_of(&acme()).unwrap().is_empty());
    assert_eq!(health(&rival())[&target.action].consecutive_failures, 7);

    post_to_both(&ledger, target, 1, at(10));
    let (claim, [mine, _]) = claim_both(&ledger, at(10));
    let done = attempt(&mine[0], at(10), sent());
    ledger.record(&claim, &[&done]).unwrap();
    let mine = &health(&acme())[&target.action];
    assert_eq!((mine.consecutive_failures, mine.failing_since), (0, None));
    let others = &health(&rival())[&target.action];
    assert_eq!(others.consecutive_failures, 7);
    assert_eq!(others.last_success_at, None);
}

#[test]
fn one_accounts_failing_action_does_not_throttle_anothers() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let target = Target::new();
    rival_fails(&ledger, target, 5);
    post_to_both(&ledger, target, 10, at(10));
    let (_, [mine, others]) = claim_both(&ledger, at(10));
    assert_eq!((mine.len(), others.len()), (10, 1));
    // What is late is told of the one that is well.
    assert_eq!(ledger.owed(at(11)).unwrap().oldest_due_at, None);
}

#[test]
fn one_accounts_requests_in_flight_take_no_room_of_anothers_queue() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let target = Target::new();
    post_to_both(&ledger, target, 10, at(0));
    let full = [(format!("0{}{}", target.action.random_part(), rival()), 16)];
    let limits = ClaimLimits {
        in_flight: &full,
        ..limits(64)
    };
    let claimed = ledger.claim(&new_claim(at(1)), &limits, at(1)).unwrap();
    assert_eq!(claimed.len(), 10);
    assert!(claimed.iter().all(|claimed| claimed.account == acme()));
}

/// What a runner does that finds both actions to have this pace: returns what may be sent now.
fn turn(ledger: &Store<'_>, pace: Pace, now: Timestamp) -> (Claim, [Vec<Claimed>; 2]) {
    ledger.advance(now).unwrap();
    let (claim, both) = claim_both(ledger, now);
    let mut lines = Lines::default();
    let both = both.map(|mut claimed| {
        claimed.retain(|claimed| lines.admit(claimed, pace));
        claimed
    });
    ledger.keep_lines(&claim, &lines, now).unwrap();
    (claim, both)
}

#[test]
fn one_accounts_ordered_queue_does_not_wait_for_anothers() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let ordered = Pace {
        ordered: true,
        max_per_second: None,
    };
    let mut posted = post_to_both(&ledger, Target::new(), 3, at(0));
    posted.sort_unstable();
    turn(&ledger, ordered, at(1));
    for (number, id) in posted.iter().enumerate() {
        let (claim, [mine, others]) = turn(&ledger, ordered, at(1));
        assert_eq!(mine.iter().map(|row| row.id).collect::<Vec<_>>(), [*id]);
        let mut done = vec![attempt(&mine[0], at(1), sent())];
        // The rival's first one fails, and holds up what is the rival's.
        assert_eq!(others.len(), usize::from(number == 0));
        done.extend(
            others
                .iter()
                .map(|row| attempt(row, at(1), again(at(9_000)))),
        );
        ledger
            .record(&claim, &done.iter().collect::<Vec<_>>())
            .unwrap();
    }
    assert!(ledger.has_lines().unwrap());
}

#[test]
fn one_accounts_rate_does_not_slow_down_another() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let pace = Pace {
        ordered: false,
        max_per_second: Some(1),
    };
    post_to_both(&ledger, Target::new(), 3, at(0));
    turn(&ledger, pace, at(1));
    for second in 2..5 {
        let (_, [mine, others]) = turn(&ledger, pace, at(second));
        assert_eq!((mine.len(), others.len()), (1, 1), "at {second} s");
    }
    assert_eq!(database.number("SELECT count(*) FROM line"), 2);
}

#[test]
fn one_accounts_recovery_and_disabling_are_not_anothers() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let target = Target::new();
    // Down since its fifth failure, and again because it was disabled.
    rival_fails(&ledger, target, 6);
    let disabled = Announcement {
        account: rival(),
        trigger: target.trigger,
        action: Some(target.action),
        at: at(7),
        fact: Fact::ActionDisabled(Disabling {
            reason: "gone".into(),
            failing: Failing {
                failed_attempts: 6,
                failing_since: Some(at(1)),
            },
        }),
    };
    post_to_both(&ledger, target, 1, at(6));
    let (claim, [mine, others]) = claim_both(&ledger, at(8));
    ledger.intend(&disabled).unwrap();
    assert!(ledger.intents(&acme()).unwrap().is_empty());
    let (place, _) = ledger.intents(&rival()).unwrap().remove(0);
    ledger.settle_intent(place, true).unwrap();
    let done = [&mine[0], &others[0]].map(|row| attempt(row, at(8), sent()));
    ledger
        .record(&claim, &done.iter().collect::<Vec<_>>())
        .unwrap();
    let told = ledger.announcements(Place::default(), 100).unwrap();
    assert!(told.iter().all(|(_, told)| told.account == rival()));
    let recovered = |(_, told): &(Place, Announcement)| match &told.fact {
        Fact::ActionRecovered { .. } => true,
        Fact::ActionDisabled(_) | Fact::DeliveryFailed { .. } | Fact::FiltersSkipped { .. } => {
            false
        }
    };
    assert!(told.iter().any(recovered));
}

#[test]
fn lists_and_statistics_show_the_accounts_own() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let target = Target::new();
    rival_fails(&ledger, target, 2);
    let ids = post_to_both(&ledger, target, 3, at(10));
    let event = (ledger.delivery(&acme(), ids[0]).unwrap().unwrap())
        .delivery
        .event_id;
    let by_trigger = DeliveryFilter {
        trigger: Some(target.trigger),
        ..Default::default()
    };
    let by_action = DeliveryFilter {
        action: Some(target.action),
        ..Default::default()
    };
    let by_event = DeliveryFilter {
        event: Some(event),
        ..Default::default()
    };
    for (filter, mine, others) in [(by_trigger, 3, 5), (by_action, 3, 5), (by_event, 1, 1)] {
        let count = |of: &AccountId| ledger.deliveries(of, &filter, &first(20)).unwrap().len();
        assert_eq!(
            (count(&acme()), count(&rival())),
            (mine, others),
            "{filter:?}"
        );
    }
    let range = Range::new(Some(at(-60)), Some(at(60)), at(60)).unwrap();
    let statistics = |of: &AccountId| {
        let limits = StatisticsLimits::default();
        (ledger.statistics(of, range, &[target.trigger], &limits, at(60))).unwrap()
    };
    let (mine, others) = (statistics(&acme()), statistics(&rival()));
    assert_eq!(
        (mine.triggers[0].deliveries, mine.deliveries.failed),
        (3, 0)
    );
    assert_eq!(mine.failing_actions, []);
    assert_eq!(
        (others.triggers[0].deliveries, others.deliveries.failed),
        (5, 2)
    );
    assert_eq!(others.failing_actions.len(), 1);
}

#[test]
fn what_one_account_retries_cancels_or_purges_is_its_own() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let target = Target::new();
    let ids = post_to_both(&ledger, target, 3, at(0));
    let of_acme = |column: &str| {
        database.rows(&format!(
            "SELECT {column} FROM delivery WHERE account = 'acme' ORDER BY id"
        ))
    };
    let before = of_acme("id, status, reason, due_at, queue");
    ledger.cancel_by_hand(&rival(), ids[0], at(1)).unwrap();
    ledger.retry(&rival(), ids[1], at(1)).unwrap();
    let event = ledger
        .delivery(&rival(), ids[2])
        .unwrap()
        .unwrap()
        .delivery
        .event_id;
    let purged = ledger.purge_events(&rival(), &[event]).unwrap();
    assert_eq!((purged.events, purged.deliveries), (1, 1));
    ledger.purge_account(&rival()).unwrap();
    assert_eq!(of_acme("id, status, reason, due_at, queue"), before);
    assert_eq!(database.number("SELECT count(*) FROM event"), 3);
    assert_eq!(database.number("SELECT count(*) FROM delivery"), 3);
}

#[test]
fn each_account_sends_its_own_event() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let id = EventId::new(at(0), 1);
    for (of, data) in [(acme(), "1"), (rival(), "2")] {
        let post = Post {
            account: of,
            data,
            ..Post::new(at(0), &[])
        };
        post.accept_as(&ledger, id).unwrap();
    }
    let events = ledger
        .events_to_send(&[(acme(), id), (rival(), id)])
        .unwrap();
    let data = |of| events[&(of, id)].data.get();
    assert_eq!((data(acme()), data(rival())), ("1", "2"));
}
