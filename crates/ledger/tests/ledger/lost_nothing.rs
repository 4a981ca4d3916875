//! Whatever happens in whatever order, no delivery gets into an impossible state or is lost.
//!
//! A model in a few lines says what each step makes of each delivery; after every step the tables
//! have to say the same.

use std::{collections::BTreeMap, time::Duration};

use domain::{
    delivery::{GONE, Outcome, Retry, Settled, Status, settle},
    id::{DeliveryId, EventId},
    schedule::RetrySchedule,
    time::Timestamp,
};
use ledger::{
    Cancelled, Claim, Claimed, FinishedAttempt, Ledger, Recovery, Retried, Row, Value, Withdrawn,
};
use proptest::{prelude::*, sample::Index};

use crate::support::{Post, Sqlite, Target, acme, at, attempt, claim};

/// Something that happens.
#[derive(Debug, Clone)]
enum Step {
    /// An event comes that is owed to so many, and so many more that are off.
    Accept {
        owed: usize,
        skipped: usize,
    },
    /// An event is owed again.
    Replay(Index),
    /// A runner claims.
    Claim {
        total: usize,
    },
    /// A runner reports; its lease may be over, and others may have the delivery.
    Finish(Index, End),
    /// A runner finds that the action is gone.
    Withdraw(Index),
    /// A runner dies with all it holds.
    Crash,
    Retry(Index),
    Cancel(Index),
    Recover {
        since_seconds: i64,
    },
    Prune {
        age_seconds: u64,
    },
    Pass {
        seconds: u64,
    },
}

#[derive(Debug, Clone, Copy)]
enum End {
    Ok,
    Fail,
    Gone,
}

fn step() -> impl Strategy<Value = Step> {
    let end = prop_oneof![2 => Just(End::Ok), 4 => Just(End::Fail), 1 => Just(End::Gone)];
    prop_oneof![
        3 => (0..3usize, 0..2usize).prop_map(|(owed, skipped)| Step::Accept { owed, skipped }),
        1 => any::<Index>().prop_map(Step::Replay),
        5 => (1..5usize).prop_map(|total| Step::Claim { total }),
        8 => (any::<Index>(), end).prop_map(|(held, end)| Step::Finish(held, end)),
        1 => any::<Index>().prop_map(Step::Withdraw),
        1 => Just(Step::Crash),
        2 => any::<Index>().prop_map(Step::Retry),
        1 => any::<Index>().prop_map(Step::Cancel),
        1 => (0..200i64).prop_map(|since_seconds| Step::Recover { since_seconds }),
        1 => (0..200u64).prop_map(|age_seconds| Step::Prune { age_seconds }),
        4 => prop_oneof![0..12u64, 30..60u64].prop_map(|seconds| Step::Pass { seconds }),
    ]
}

/// What a delivery has to look like.
#[derive(Debug, Clone, PartialEq)]
struct Delivery {
    event: EventId,
    status: Status,
    tries: u32,
    due_at: Option<Timestamp>,
    claim: Option<String>,
    /// Of each attempt, whether it succeeded.
    attempts: Vec<bool>,
    created_at: Timestamp,
}

/// A claimed delivery in a runner's hands.
#[derive(Clone)]
struct Held {
    claim: Claim,
    claimed: Claimed,
}

struct World<'a> {
    database: &'a Sqlite,
    ledger: Ledger<&'a Sqlite>,
    now: Timestamp,
    targets: Vec<Target>,
    events: Vec<(EventId, Timestamp)>,
    deliveries: BTreeMap<DeliveryId, Delivery>,
    held: Vec<Held>,
}

impl<'a> World<'a> {
    fn over(database: &'a Sqlite) -> Self {
        Self {
            database,
            ledger: database.ledger(),
            now: at(0),
            targets: Target::many(2),
            events: Vec::new(),
            deliveries: BTreeMap::new(),
            held: Vec::new(),
        }
    }

    fn play(&mut self, step: &Step) {
        match step {
            Step::Accept { owed, skipped } => self.accept(*owed, *skipped),
            Step::Replay(index) => self.replay(index),
            Step::Claim { total } => self.claim(*total),
            Step::Finish(index, end) => {
                if let Some(held) = pick(&self.held, index).cloned() {
                    self.finish(&held, *end);
                }
            }
            Step::Withdraw(index) => {
                if let Some(held) = pick(&self.held, index).cloned() {
                    self.withdraw(&held);
                }
            }
            Step::Crash => self.held.clear(),
            Step::Retry(index) => self.retry(index),
            Step::Cancel(index) => self.cancel(index),
            Step::Recover { since_seconds } => self.recover(at(*since_seconds)),
            Step::Prune { age_seconds } => self.prune(Duration::from_secs(*age_seconds)),
            Step::Pass { seconds } => self.now = self.now + Duration::from_secs(*seconds),
        }
    }

    fn owe(&mut self, event: EventId, owed: &[ledger::PlannedDelivery]) {
        for owed in owed {
            let due_at = owed.skip.is_none().then_some(self.now);
            let status = if owed.skip.is_none() {
                Status::Pending
            } else {
                Status::Skipped
            };
            let (tries, claim, attempts, created_at) = (0, None, Vec::new(), self.now);
            let new = Delivery {
                event,
                status,
                tries,
                due_at,
                claim,
                attempts,
                created_at,
            };
            self.deliveries.insert(owed.id, new);
        }
    }

    fn accept(&mut self, owed: usize, skipped: usize) {
        let targets = self.targets.iter().cycle();
        let owed = targets
            .clone()
            .take(owed)
            .map(|target| target.owed(self.now));
        let skipped = targets.take(skipped).map(|target| target.skipped(self.now));
        let all: Vec<_> = owed.chain(skipped).collect();
        let (event, _) = Post::new(self.now, &all).accept(&self.ledger).unwrap();
        self.events.push((event, self.now));
        self.owe(event, &all);
    }

    fn replay(&mut self, index: &Index) {
        if let Some(&(event, _)) = pick(&self.events, index) {
            let owed = [self.targets[0].owed(self.now)];
            assert!(self.ledger.replay(&acme(), event, &owed, self.now).unwrap());
            self.owe(event, &owed);
        }
    }

    fn claim(&mut self, total: usize) {
        let (claim, claimed) = claim(&self.ledger, total, self.now);
        let is_due = |delivery: &Delivery| delivery.due_at.is_some_and(|due| due <= self.now);
        if claimed.is_empty() {
            assert!(
                !self.deliveries.values().any(is_due),
                "something due was not claimed"
            );
        }
        assert!(claimed.len() <= total);
        for claimed in claimed {
            let delivery = self.deliveries.get_mut(&claimed.id).unwrap();
            assert!(is_due(delivery) && claimed.tries == delivery.tries);
            delivery.status = Status::Delivering;
            delivery.claim = Some(claim.token.clone());
            delivery.due_at = Some(claim.lease_until);
            self.held.push(Held {
                claim: claim.clone(),
                claimed,
            });
        }
    }

    /// The delivery that is held, if it still is under this claim.
    fn live(&mut self, held: &Held) -> Option<&mut Delivery> {
        let delivery = self.deliveries.get_mut(&held.claimed.id)?;
        (delivery.claim.as_ref() == Some(&held.claim.token)).then_some(delivery)
    }

    /// What is reported stays in hand: it may be reported once more.
    fn finish(&mut self, held: &Held, end: End) {
        let finished = self.attempt(held, end);
        let recorded = self.ledger.record(&held.claim, &[&finished]).unwrap();
        let live = self.live(held);
        assert_eq!(recorded, usize::from(live.is_some()));
        if let Some(delivery) = live {
            delivery.attempts.push(finished.error.is_none());
            delivery.tries += 1;
            delivery.claim = None;
            delivery.status = finished.settled.status;
            delivery.due_at = finished.settled.due_at;
        }
    }

    fn attempt(&self, held: &Held, end: End) -> FinishedAttempt {
        let outcome: Outcome = match end {
            End::Ok => Ok(204),
            End::Fail => Err(domain::delivery::Failure::ConnectionRefused),
            End::Gone => Err(GONE),
        };
        let schedule = RetrySchedule::try_from(vec![5, 20]).unwrap();
        let tries = held.claimed.tries + 1;
        let retry = Retry {
            schedule: &schedule,
            tries,
            retry_after: None,
            jitter: 0,
        };
        let settled: Settled = settle(&outcome, &retry, self.now);
        let error = outcome.err().map(|failure| failure.to_string());
        FinishedAttempt {
            error,
            ..attempt(&held.claimed, self.now, settled)
        }
    }

    fn withdraw(&mut self, held: &Held) {
        let reason = "action was deleted".into();
        let gone = Withdrawn {
            account: acme(),
            delivery: held.claimed.id,
            status: Status::Canceled,
            reason,
        };
        let canceled = self.ledger.withdraw(&held.claim, &[gone]).unwrap();
        let live = self.live(held);
        assert_eq!(canceled, usize::from(live.is_some()));
        if let Some(delivery) = live {
            (delivery.status, delivery.due_at, delivery.claim) = (Status::Canceled, None, None);
        }
    }

    /// A delivery, and whether a runner holds it under a live lease.
    fn pick_delivery(&mut self, index: &Index) -> Option<(DeliveryId, &mut Delivery, bool)> {
        let now = self.now;
        let count = self.deliveries.len();
        let (id, delivery) = self.deliveries.iter_mut().nth(index.index(count.max(1)))?;
        let held = delivery.status == Status::Delivering
            && delivery.due_at.is_some_and(|lease_until| lease_until > now);
        Some((*id, delivery, held))
    }

    fn retry(&mut self, index: &Index) {
        let now = self.now;
        let Some((id, delivery, held)) = self.pick_delivery(index) else {
            return;
        };
        if !held {
            delivery.due_again(now);
        }
        let expected = if held {
            Retried::UnderWay
        } else {
            Retried::Due
        };
        assert_eq!(self.ledger.retry(&acme(), id, now).unwrap(), expected);
    }

    fn cancel(&mut self, index: &Index) {
        let now = self.now;
        let Some((id, delivery, held)) = self.pick_delivery(index) else {
            return;
        };
        let expected = if held {
            Cancelled::UnderWay
        } else if delivery.due_at.is_none() {
            Cancelled::Settled
        } else {
            (delivery.status, delivery.due_at, delivery.claim) = (Status::Canceled, None, None);
            Cancelled::Done
        };
        assert_eq!(
            self.ledger.cancel_by_hand(&acme(), id, now).unwrap(),
            expected
        );
    }

    fn recover(&mut self, since: Timestamp) {
        let mut count = 0;
        for delivery in self.deliveries.values_mut() {
            if delivery.status == Status::Failed && delivery.created_at >= since {
                delivery.due_again(self.now);
                count += 1;
            }
        }
        let recovery = Recovery {
            since,
            until: None,
            trigger: None,
            action: None,
            except: Vec::new(),
        };
        assert_eq!(
            self.ledger.recover(&acme(), &recovery, self.now).unwrap(),
            count
        );
    }

    fn prune(&mut self, age: Duration) {
        let cutoff = self.now - age;
        self.ledger.prune(cutoff).unwrap();
        // A look that finds no old event ends it: no delivery is older than its event.
        self.deliveries
            .retain(|_, delivery| delivery.due_at.is_some() || delivery.created_at >= cutoff);
        let owed: Vec<_> = self
            .deliveries
            .values()
            .map(|delivery| delivery.event)
            .collect();
        self.events
            .retain(|(event, received_at)| *received_at >= cutoff || owed.contains(event));
    }

    /// The tables say what the model says, and nothing impossible.
    fn check(&self) {
        let found = self.database.rows(
            "SELECT id, event_id, status, tries, due_at, claim, created_at, attempt_count,
                    (SELECT group_concat(number || (error IS NULL), ' ') FROM
                        (SELECT * FROM attempt WHERE delivery_id = delivery.id ORDER BY number))
             FROM delivery ORDER BY id",
        );
        let expected: Vec<_> = self
            .deliveries
            .iter()
            .map(|(id, row)| row.columns(*id))
            .collect();
        assert_eq!(found, expected);
        let events = self.database.rows("SELECT id FROM event ORDER BY rowid");
        let expected: Vec<Row> = self
            .events
            .iter()
            .map(|(id, _)| vec![Value::Text(id.to_string())])
            .collect();
        assert_eq!(events, expected);
        for impossible in [
            "delivery WHERE (due_at IS NULL) = (status IN ('pending', 'delivering'))",
            "delivery WHERE (claim IS NULL) = (status = 'delivering')",
            "delivery WHERE tries > attempt_count",
            "delivery WHERE event_id NOT IN (SELECT id FROM event)",
            "delivery WHERE attempt_count = 0 AND status IN ('succeeded', 'failed')",
            "attempt WHERE delivery_id NOT IN (SELECT id FROM delivery)",
        ] {
            assert_eq!(
                self.database.rows(&format!("SELECT * FROM {impossible}")),
                Vec::<Row>::new()
            );
        }
        let due = self
            .deliveries
            .values()
            .filter_map(|delivery| delivery.due_at)
            .min();
        assert_eq!(self.ledger.next_due_at().unwrap(), due);
    }

    /// From now on all goes well.
    fn settle_all(&mut self) {
        // Each run settles something that is due; the rest waits for a schedule or a lease.
        for _ in 0..self.deliveries.len() {
            let Some(due) = self.ledger.next_due_at().unwrap() else {
                break;
            };
            self.now = self.now.max(due);
            self.held.clear();
            self.claim(64);
            for held in std::mem::take(&mut self.held) {
                self.finish(&held, End::Ok);
            }
        }
        self.check();
        assert!(
            self.deliveries
                .values()
                .all(|delivery| delivery.due_at.is_none())
        );
    }
}

impl Delivery {
    fn due_again(&mut self, now: Timestamp) {
        self.status = Status::Pending;
        self.tries = 0;
        self.due_at = Some(now);
        self.claim = None;
    }

    /// As `World::check` reads it.
    fn columns(&self, id: DeliveryId) -> Row {
        let text = |text: &dyn ToString| Value::Text(text.to_string());
        let optional = |value: Option<Value>| value.unwrap_or(Value::Null);
        let attempts: Vec<_> = (1..)
            .zip(&self.attempts)
            .map(|(number, ok)| format!("{number}{}", u8::from(*ok)))
            .collect();
        vec![
            text(&id),
            text(&self.event),
            text(&self.status),
            i64::from(self.tries).into(),
            optional(self.due_at.map(Value::from)),
            optional(self.claim.clone().map(Value::Text)),
            self.created_at.into(),
            attempts.len().into(),
            optional((!attempts.is_empty()).then(|| Value::Text(attempts.join(" ")))),
        ]
    }
}

fn pick<'a, T>(among: &'a [T], index: &Index) -> Option<&'a T> {
    (!among.is_empty()).then(|| index.get(among))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_of_events_crashes_and_wishes_loses_a_delivery(
        steps in proptest::collection::vec(step(), 1..60),
    ) {
        let database = Sqlite::in_memory();
        prop_assert_eq!(database.ledger().next_due_at().unwrap(), None);
        let mut world = World::over(&database);
        for step in &steps {
            world.play(step);
            world.check();
        }
        world.settle_all();
    }
}
