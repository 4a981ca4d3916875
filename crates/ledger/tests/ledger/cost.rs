//! What the statements cost: as much with a full ledger as with an empty one.

use std::collections::HashMap;

use domain::{delivery::Status, time::Timestamp};
use ledger::{DeliveryFilter, EventFilter, Ledger, Recovery, Returned};

use crate::support::{
    LEASE, Post, Sqlite, Statement, Target, accept_all, acme, again, at, attempt, begin_test,
    claim, first, limits, millis, new_claim, post, sent,
};

/// A ledger in which each of 20 actions is owed so many events, and so many more are settled.
struct Filled {
    database: Sqlite,
    targets: Vec<Target>,
    now: Timestamp,
}

impl Filled {
    fn with(events: i64) -> Self {
        let database = Sqlite::in_memory();
        let targets = Target::many(20);
        let ledger = database.ledger();
        let now = at(100_000);
        assert_eq!(ledger.next_due_at().unwrap(), None);
        for start in [0, 50_000_000] {
            // What was there before has been sent: in one statement, to save the tests' time.
            database.rows("UPDATE delivery SET status = 'succeeded', due_at = NULL");
            for event in 0..events {
                post(&ledger, &acme(), &targets, millis(start + event));
            }
        }
        Self {
            database,
            targets,
            now,
        }
    }

    fn statements_of(&self, act: impl FnOnce(&Ledger<&Sqlite>)) -> Vec<Statement> {
        self.database.statements_of(act)
    }
}

type Act = fn(&Filled, &Ledger<&Sqlite>);

fn listed(filled: &Filled, ledger: &Ledger<&Sqlite>, filter: DeliveryFilter<'_>, count: usize) {
    let found = ledger.deliveries(&acme(), &filter, &first(20)).unwrap();
    assert_eq!(found.len(), count.min(21), "{filter:?} {:?}", filled.now);
}

/// What the service does all day.
const ACTS: &[(&str, Act)] = &[
    ("accept", |filled, ledger| {
        post(ledger, &acme(), &filled.targets[..2], filled.now);
    }),
    ("accept under a key, twice", |filled, ledger| {
        let keys = [
            (Some("key"), Some("order-7")),
            (Some("key"), None),
            (None, Some("order-7")),
        ];
        for (idempotency_key, producer_id) in keys {
            let event = Post {
                idempotency_key,
                producer_id,
                ..Post::new(filled.now, &[])
            };
            event.accept(ledger).unwrap();
            assert!(event.earlier(ledger).is_some());
        }
    }),
    ("look for what is due", |_, ledger| {
        assert!(ledger.next_due_at().unwrap().is_some());
    }),
    ("claim", |filled, ledger| {
        assert_eq!(claim(ledger, 64, filled.now).1.len(), 64);
    }),
    ("claim with requests in flight", |filled, ledger| {
        let in_flight: Vec<_> = filled
            .targets
            .iter()
            .map(|target| (format!("0{}{}", target.action.random_part(), acme()), 15))
            .collect();
        let mut limits = limits(64);
        limits.in_flight = &in_flight;
        assert_eq!(
            ledger
                .claim(&new_claim(filled.now), &limits, filled.now)
                .unwrap()
                .len(),
            20
        );
    }),
    ("read the events, record the results", |filled, ledger| {
        let (claim, claimed) = claim(ledger, 40, filled.now);
        let mut wanted: Vec<_> = claimed.iter().map(|row| (acme(), row.event)).collect();
        wanted.dedup();
        assert!(!ledger.events_to_send(&wanted).unwrap().is_empty());
        let ends = [sent(), again(filled.now)];
        let done: Vec<_> = claimed
            .iter()
            .zip(ends.into_iter().cycle())
            .map(|(claimed, end)| attempt(claimed, filled.now, end))
            .collect();
        assert_eq!(
            ledger
                .record(&claim, &done.iter().collect::<Vec<_>>())
                .unwrap(),
            40
        );
    }),
    (
        "note hosts, give back, put off and cancel",
        |filled, ledger| {
            let (claim, claimed) = claim(ledger, 40, filled.now);
            let hosts = claimed
                .iter()
                .map(|row| ((acme(), row.action), "host".to_owned()));
            ledger.note_hosts(&hosts.collect()).unwrap();
            let returned: Vec<_> = claimed
                .iter()
                .map(|row| Returned {
                    account: acme(),
                    delivery: row.id,
                    due_at: filled.now,
                    reason: None,
                })
                .collect();
            ledger.return_claimed(&claim, &returned).unwrap();
            let (action, later) = (filled.targets[3].action, filled.now + LEASE);
            assert_eq!(
                ledger.held_until(&acme(), action, filled.now).unwrap(),
                None
            );
            // Of an action with little pending: how much there is to do is what these cost.
            let few = Target::new();
            post(ledger, &acme(), &[few], at(0));
            ledger
                .put_off_held(&HashMap::from([((acme(), few.action), later)]), filled.now)
                .unwrap();
            let canceled = ledger.cancel_pending(&acme(), &[few.action], "gone");
            assert_eq!(canceled.unwrap(), 1);
            assert!(!ledger.others_have_pending(&acme(), filled.now).unwrap());
        },
    ),
    ("come, wait and go", |filled, ledger| {
        let slot = ledger.enter("a", filled.now).unwrap().unwrap();
        assert!(!ledger.wait(&slot, filled.now).unwrap());
        ledger.leave(&slot, filled.now).unwrap();
        ledger.renew(&slot, true, filled.now).unwrap();
        ledger.abandon(&slot).unwrap();
    }),
    ("retry, cancel and show", |filled, ledger| {
        let page = ledger
            .deliveries(&acme(), &DeliveryFilter::default(), &first(1))
            .unwrap();
        ledger.retry(&acme(), page[0].id, filled.now).unwrap();
        ledger
            .cancel_by_hand(&acme(), page[0].id, filled.now)
            .unwrap();
        assert!(ledger.delivery(&acme(), page[0].id).unwrap().is_some());
        assert!(ledger.event(&acme(), page[0].event_id).unwrap().is_some());
        ledger
            .replay(&acme(), page[0].event_id, &[], filled.now)
            .unwrap();
        let actions: Vec<_> = filled.targets.iter().map(|target| target.action).collect();
        assert_eq!(ledger.health(&acme(), &actions).unwrap().len(), 20);
    }),
    ("recover where nothing failed", |filled, ledger| {
        let since = at(0);
        let recovery = Recovery {
            since,
            until: None,
            trigger: None,
            action: None,
            except: Vec::new(),
        };
        assert_eq!(ledger.recover(&acme(), &recovery, filled.now).unwrap(), 0);
    }),
    ("list deliveries", |filled, ledger| {
        listed(filled, ledger, DeliveryFilter::default(), 21);
    }),
    ("list deliveries by status", |filled, ledger| {
        for (status, count) in [
            (Status::Pending, 21),
            (Status::Succeeded, 21),
            (Status::Failed, 0),
        ] {
            let status = Some(status);
            listed(
                filled,
                ledger,
                DeliveryFilter {
                    status,
                    ..Default::default()
                },
                count,
            );
        }
    }),
    ("list deliveries by trigger", |filled, ledger| {
        let trigger = Some(filled.targets[7].trigger);
        listed(
            filled,
            ledger,
            DeliveryFilter {
                trigger,
                ..Default::default()
            },
            21,
        );
        let trigger = Some(Target::new().trigger);
        listed(
            filled,
            ledger,
            DeliveryFilter {
                trigger,
                ..Default::default()
            },
            0,
        );
    }),
    ("list deliveries by action", |filled, ledger| {
        let action = Some(filled.targets[7].action);
        listed(
            filled,
            ledger,
            DeliveryFilter {
                action,
                ..Default::default()
            },
            21,
        );
        let (trigger, status) = (Some(filled.targets[7].trigger), Some(Status::Pending));
        let filter = DeliveryFilter {
            action,
            trigger,
            status,
            ..Default::default()
        };
        listed(filled, ledger, filter, 21);
        // As rare as can be, in a state that is not rare.
        let action = Some(Target::new().action);
        let filter = DeliveryFilter {
            action,
            status,
            ..Default::default()
        };
        listed(filled, ledger, filter, 0);
    }),
    ("list deliveries by event", |filled, ledger| {
        let page = ledger
            .deliveries(&acme(), &DeliveryFilter::default(), &first(1))
            .unwrap();
        let event = Some(page[0].event_id);
        listed(
            filled,
            ledger,
            DeliveryFilter {
                event,
                ..Default::default()
            },
            2,
        );
    }),
    ("list deliveries by type", |filled, ledger| {
        let event_type = Some("message.sent");
        listed(
            filled,
            ledger,
            DeliveryFilter {
                event_type,
                ..Default::default()
            },
            21,
        );
    }),
    ("list deliveries by time", |filled, ledger| {
        let (since, until) = (Some(millis(5)), Some(millis(7)));
        listed(
            filled,
            ledger,
            DeliveryFilter {
                since,
                until,
                ..Default::default()
            },
            40,
        );
        let until = Some(at(0));
        listed(
            filled,
            ledger,
            DeliveryFilter {
                until,
                ..Default::default()
            },
            0,
        );
    }),
    (
        "test an action, list the tests and the others",
        |filled, ledger| {
            let (claim, claimed) = begin_test(ledger, filled.targets[7], filled.now);
            let done = attempt(&claimed, filled.now, sent());
            assert_eq!(ledger.record(&claim, &[&done]).unwrap(), 1);
            for (test, count) in [(true, 1), (false, 21)] {
                let (test, action) = (Some(test), Some(filled.targets[7].action));
                for action in [action, None] {
                    let filter = DeliveryFilter {
                        action,
                        test,
                        ..Default::default()
                    };
                    let found = ledger.deliveries(&acme(), &filter, &first(20)).unwrap();
                    assert_eq!(found.len(), count, "{filter:?}");
                }
                let filter = EventFilter {
                    test,
                    ..Default::default()
                };
                let found = ledger.events(&acme(), &filter, &first(20)).unwrap();
                assert_eq!(found.len(), count, "{filter:?}");
            }
        },
    ),
    ("list events", |_, ledger| {
        for (event_type, since, until, count) in [
            (None, None, None, 21),
            (Some("message.sent"), None, None, 21),
            (Some("message.failed"), None, None, 0),
            (None, Some(millis(5)), Some(millis(7)), 2),
        ] {
            let filter = EventFilter {
                event_type,
                since,
                until,
                test: None,
            };
            assert_eq!(
                ledger.events(&acme(), &filter, &first(20)).unwrap().len(),
                count
            );
        }
    }),
    ("accept a batch under a key, twice", |filled, ledger| {
        let ids: Vec<_> = (0..50).map(|number| format!("batched-{number}")).collect();
        let owed: Vec<_> = ids
            .iter()
            .map(|_| [filled.targets[0].owed(filled.now)])
            .collect();
        let batch: Vec<_> = (ids.iter().zip(&owed))
            .map(|(id, owed)| Post {
                idempotency_key: Some(id),
                producer_id: Some(id),
                batch: Some("cafe"),
                ..Post::new(filled.now, owed)
            })
            .collect();
        for _ in 0..2 {
            accept_all(ledger, &batch).unwrap();
        }
    }),
    ("purge an event", |_, ledger| {
        let page = ledger
            .deliveries(&acme(), &DeliveryFilter::default(), &first(1))
            .unwrap();
        let step = ledger.purge_events(&acme(), &[page[0].event_id]).unwrap();
        assert_eq!((step.events, step.more), (1, false));
    }),
    ("purge an account where there is more", |_, ledger| {
        assert_eq!(ledger.purge_account(&acme()).unwrap().deliveries, 500);
    }),
    ("prune where nothing is old", |_, ledger| {
        assert!(!ledger.prune(at(0)).unwrap().more());
    }),
    ("prune", |filled, ledger| {
        let pruned = ledger.prune(filled.now).unwrap();
        assert_eq!((pruned.deliveries, pruned.more()), (500, true));
    }),
];

#[test]
fn no_statement_walks_through_the_ledger() {
    let filled = Filled::with(50);
    for (name, act) in ACTS {
        for statement in filled.statements_of(|ledger| act(&filled, ledger)) {
            for step in filled.database.plan(&statement.sql) {
                // What it may walk through: what the statement itself was given or has found.
                let tables = ["delivery", "event", "attempt", "head", "action_health"];
                // And what is in flight, in an index that has nothing else.
                let scanned = step
                    .strip_prefix("SCAN ")
                    .filter(|rest| !rest.contains("delivery_in_flight"))
                    .and_then(|rest| rest.split(' ').next());
                assert!(
                    scanned.is_none_or(|table| !tables.contains(&table)),
                    "to {name}: {step}, in {}",
                    statement.sql
                );
            }
        }
    }
}

#[test]
fn a_statement_costs_the_same_with_a_hundred_times_as_much_in_the_ledger() {
    let (small, large) = (Filled::with(50), Filled::with(5_000));
    for (name, act) in ACTS {
        let steps = |filled: &Filled| -> i32 {
            filled
                .statements_of(|ledger| act(filled, ledger))
                .iter()
                .map(|done| done.steps)
                .sum()
        };
        let (few, many) = (steps(&small), steps(&large));
        println!("{name}: {few} steps, {many} with 100 times as much");
        assert!(
            many < few * 5 / 4 + 100,
            "to {name} takes {few} steps, then {many}"
        );
    }
}

#[test]
fn a_claim_costs_little_more_with_a_hundred_times_as_many_actions() {
    let steps = |actions| {
        let database = Sqlite::in_memory();
        let targets = Target::many(actions);
        for second in 0..16 {
            post(&database.ledger(), &acme(), &targets, at(second));
        }
        let claims = database.statements_of(|ledger| {
            assert_eq!(claim(ledger, 64, at(16)).1.len(), 64);
        });
        claims[0].steps
    };
    let (few, many) = (steps(20), steps(2_000));
    assert!(many < few * 3, "{few} steps, then {many}");
}

#[test]
fn a_batch_is_one_statement_and_costs_about_as_much_an_event_as_an_event_alone() {
    const EVENTS: usize = 500;
    let filled = Filled::with(50);
    let owed: Vec<_> = (0..EVENTS)
        .map(|_| [filled.targets[0].owed(filled.now)])
        .collect();
    let ids: Vec<_> = (0..EVENTS).map(|number| format!("id-{number}")).collect();
    let events: Vec<_> = owed
        .iter()
        .zip(&ids)
        .map(|(owed, id)| Post {
            producer_id: Some(id),
            ..Post::new(filled.now, owed)
        })
        .collect();
    let cost = |events: &[Post<'_>]| {
        let statements = filled.statements_of(|ledger| {
            accept_all(ledger, events).unwrap();
        });
        assert_eq!(statements.len(), 1);
        statements[0].steps
    };
    let alone = cost(&events[..1]);
    let batch = cost(&events[1..]) / 499;
    println!("{alone} steps alone, {batch} an event in a batch");
    // What makes a batch cheap is that the rest is there once: request, statement, commit.
    assert!(batch < alone * 3 / 2);
    // All over again, and with one that is new: what was there before is read by one statement.
    let again = filled.statements_of(|ledger| {
        let fresh = Post::new(filled.now, &[]);
        let mixed: Vec<_> = events.into_iter().chain([fresh]).collect();
        accept_all(ledger, &mixed).unwrap();
    });
    assert_eq!(again.len(), 2);
}
