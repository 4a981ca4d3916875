//! The course of things: events come, runners claim and send, what failed is tried again.

use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};

use domain::{
    delivery::{Retry, Status, settle},
    schedule::RetrySchedule,
    time::Timestamp,
};
use serde::Serialize;

use crate::{
    Parameters,
    backlog::{Backlog, Lane},
    histogram::Histogram,
    limits::{CLAIMING, GLANCE, IN_FLIGHT, LINGER, NAP, PACE, SLOTS, SLOW_GLANCE, SOON, WINDOW},
    micros,
    random::Random,
    world::{Answer, Fate, World},
};

/// How long it takes to wake a runner, or to start one that takes over.
pub const WAKING: Duration = Duration::from_millis(10);
/// How often the scheduler calls.
pub const SCHEDULER: Duration = Duration::from_secs(60);
/// What a claim takes of the machine's time, beside what it sends, for each delivery and each queue
/// that it looks at in vain: five milliseconds for the most that there can be. Nobody else can write
/// meanwhile.
///
/// That it looks at four deliveries for each that it takes is part of what the machine makes of
/// attempts, which is measured with a backlog.
pub const LOOKING: Duration = Duration::from_micros(13);
/// What a moment of the course of the backlog stands for.
pub const STEP: Duration = Duration::from_secs(5 * 60);

/// How late attempts were: how long after they were due they started, in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Lateness {
    /// How many attempts.
    pub count: u64,
    /// Half of them were no later.
    pub p50_ms: f64,
    /// 99 of 100 were no later.
    pub p99_ms: f64,
    /// None was later.
    pub max_ms: f64,
}

impl Lateness {
    fn of(times: &Histogram) -> Self {
        let millis = |micros: u64| micros as f64 / 1_000.0;
        Self {
            count: times.total(),
            p50_ms: millis(times.percentile(50)),
            p99_ms: millis(times.percentile(99)),
            max_ms: millis(times.longest()),
        }
    }
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcomes {
    /// Events that were posted.
    pub events: u64,
    /// Deliveries that came of them.
    pub deliveries: u64,
    /// Of these, those to receivers that are down in the outage, whenever they came.
    pub to_receivers_that_go_down: u64,
    /// Attempts that were started.
    pub attempts: u64,
    /// Deliveries that succeeded.
    pub succeeded: u64,
    /// Deliveries of which the last attempt of the schedule failed.
    pub given_up: u64,
    /// Deliveries that wait for a retry at the end.
    pub waiting_for_retry: u64,
    /// Deliveries that are due at the end.
    pub due: u64,
    /// Deliveries that are in flight at the end.
    pub in_flight: u64,
    /// The most deliveries that were due and waited at once.
    pub peak_backlog: usize,
    /// The same of each five minutes.
    pub backlog: Vec<usize>,
    /// The most attempts in flight at once.
    pub peak_in_flight: usize,
    /// The same of attempts at receivers that are down.
    pub peak_in_flight_down: usize,
    /// First attempts of deliveries that were accepted while the outage lasted; all of them when
    /// there was none. One that was not made until the end counts with how late it is by then.
    pub first_attempts: Lateness,
    /// Of these, those at receivers that stay up.
    pub first_attempts_up: Lateness,
    /// All retries, counted as first attempts are.
    pub retries: Lateness,
    /// By how many more deliveries are due at the end than were twelve hours before, or at the
    /// beginning, in an hour.
    pub growth_per_hour: f64,
    /// How long after the outage, in seconds, it was last so that more was due than is sent in a
    /// second. `None` when there was no outage, or it was still so at the end.
    pub backlog_gone_after_s: Option<f64>,
    /// How long after the outage, in seconds, the last delivery that was accepted until then was
    /// done with. `None` as above.
    pub settled_after_s: Option<f64>,
}

impl Outcomes {
    /// Whether more is owed than is sent: at the end more is due than is sent in a second, and ever
    /// more.
    pub fn overloaded(&self, parameters: &Parameters) -> bool {
        self.due as f64 > parameters.capacity && self.growth_per_hour > 0.0
    }
}

/// Runs the model.
pub fn run(parameters: &Parameters) -> Outcomes {
    Model::new(parameters).run()
}

/// Something that happens.
#[derive(Debug, Clone, Copy)]
enum Step {
    Event,
    Retry,
    Finished,
    Woken,
    Scheduled,
    Runner(usize),
}

/// One that claims. What is in flight when it closes goes on without it.
#[derive(Debug)]
struct Runner {
    /// Tells it from those that had its slot before.
    number: u64,
    started: u64,
    in_flight: usize,
    /// Whether it sleeps until a retry is due, and does not count as one who sees what comes.
    waits: bool,
    claimed: Option<u64>,
    /// When it last had something to do.
    worked: u64,
    /// When it looks next.
    next: u64,
}

impl Runner {
    /// Whether it sees what comes, so that nobody need be woken.
    fn open(&self) -> bool {
        !self.waits && self.in_flight < IN_FLIGHT
    }

    fn closes(&self) -> u64 {
        self.started + micros::of(CLAIMING)
    }

    fn look_at(&mut self, time: u64) {
        self.next = self.next.min(time);
    }
}

/// An attempt in flight. In the order of its end.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Attempt {
    ends: u64,
    delivery: u32,
    slot: usize,
    runner: u64,
    answer: Answer,
    down: bool,
}

struct Model {
    world: World,
    random: Random,
    schedule: RetrySchedule,
    backlog: Backlog,
    now: u64,
    end: u64,
    /// What an attempt takes of the machine's time, in microseconds.
    cost: f64,
    /// When the machine is done with what has been claimed.
    machine_free: u64,
    slots: [Option<Runner>; SLOTS],
    /// How many of each queue the runner of a slot has in flight.
    busy: [Vec<u8>; SLOTS],
    runners: u64,
    next_event: u64,
    next_call: u64,
    woken: Option<u64>,
    flying: BinaryHeap<Reverse<Attempt>>,
    retries: BinaryHeap<Reverse<(u64, u32)>>,
    first: Histogram,
    first_up: Histogram,
    again: Histogram,
    seen: Seen,
}

/// What is counted on the way.
#[derive(Debug, Default)]
struct Seen {
    events: u64,
    deliveries: u64,
    to_down: u64,
    attempts: u64,
    succeeded: u64,
    given_up: u64,
    flying_down: usize,
    peak_flying: usize,
    peak_flying_down: usize,
    backlog: Vec<usize>,
    /// As many as are sent in a second: no backlog to speak of.
    calm: usize,
    /// When more than that was due last.
    crowded: u64,
    /// Deliveries that are owed and were accepted until the outage's end.
    old: u64,
    /// When the last of them so far was done with.
    old_settled: u64,
}

impl Model {
    fn new(parameters: &Parameters) -> Self {
        let mut random = Random::new(parameters.seed);
        let world = World::new(parameters, &mut random);
        let receivers = world.receivers();
        let end = micros::hours(parameters.hours);
        Self {
            schedule: RetrySchedule::default(),
            backlog: Backlog::new(receivers),
            now: 0,
            end,
            cost: 1_000_000.0 / parameters.capacity,
            machine_free: 0,
            slots: [const { None }; SLOTS],
            busy: std::array::from_fn(|_| vec![0; 2 * receivers]),
            runners: 0,
            next_event: world.until_next_event(0, &mut random),
            next_call: 0,
            woken: None,
            flying: BinaryHeap::new(),
            retries: BinaryHeap::new(),
            first: Histogram::default(),
            first_up: Histogram::default(),
            again: Histogram::default(),
            seen: Seen {
                calm: parameters.capacity as usize,
                backlog: vec![0; end.div_ceil(micros::of(STEP)) as usize],
                ..Seen::default()
            },
            world,
            random,
        }
    }

    fn run(mut self) -> Outcomes {
        loop {
            let (time, step) = self.next_step();
            if time >= self.end {
                break;
            }
            self.pass_to(time);
            match step {
                Step::Event => self.event(),
                Step::Retry => self.retry(),
                Step::Finished => self.finished(),
                Step::Woken => self.wake(),
                Step::Scheduled => self.call(),
                Step::Runner(slot) => self.act(slot),
            }
            self.look();
        }
        self.pass_to(self.end);
        self.outcomes()
    }

    fn next_step(&self) -> (u64, Step) {
        let mut next = (self.next_event, Step::Event);
        let mut or = |time: Option<u64>, step| {
            if let Some(time) = time.filter(|time| *time < next.0) {
                next = (time, step);
            }
        };
        let due = self.retries.peek().map(|Reverse((due, _))| *due);
        or(due, Step::Retry);
        let ends = self.flying.peek().map(|Reverse(attempt)| attempt.ends);
        or(ends, Step::Finished);
        or(self.woken, Step::Woken);
        or(Some(self.next_call), Step::Scheduled);
        for (slot, runner) in self.slots.iter().enumerate() {
            or(
                runner.as_ref().map(|runner| runner.next),
                Step::Runner(slot),
            );
        }
        next
    }

    /// Lets time pass in which nothing happens: what is due stays as it is.
    fn pass_to(&mut self, time: u64) {
        let due = self.backlog.due();
        let step = micros::of(STEP);
        let from = (self.now / step) as usize;
        // The end itself belongs to no step.
        let to = (time.min(self.end - 1) / step) as usize;
        for peak in &mut self.seen.backlog[from..=to] {
            *peak = due.max(*peak);
        }
        if due > self.seen.calm {
            self.seen.crowded = time;
        }
        debug_assert!(time >= self.now);
        self.now = time;
    }

    /// Takes note of how things are now.
    fn look(&mut self) {
        let step = (self.now / micros::of(STEP)) as usize;
        let peak = &mut self.seen.backlog[step];
        *peak = self.backlog.due().max(*peak);
        self.seen.peak_flying = self.flying.len().max(self.seen.peak_flying);
        self.seen.peak_flying_down = self.seen.flying_down.max(self.seen.peak_flying_down);
    }

    /// An event is accepted.
    fn event(&mut self) {
        let now = self.now;
        self.next_event = now + self.world.until_next_event(now, &mut self.random);
        self.seen.events += 1;
        let owed = self.world.next_event(&mut self.random);
        for receiver in owed.into_iter().flatten() {
            self.backlog.accept(receiver, now);
            self.seen.deliveries += 1;
            self.seen.to_down += u64::from(self.world.fate(receiver) != Fate::Up);
            if now < self.world.outage().end {
                self.seen.old += 1;
            }
        }
        if owed.iter().any(Option::is_some) && !self.is_seen() {
            self.wake_soon();
        }
    }

    /// A retry falls due. Nobody is woken for that.
    fn retry(&mut self) {
        if let Some(Reverse((_, delivery))) = self.retries.pop() {
            self.backlog.fall_due(delivery);
            self.is_seen();
        }
    }

    /// Whether a runner is open and sees what has come; it looks in a moment.
    fn is_seen(&mut self) -> bool {
        let now = self.now;
        let mut seen = false;
        for runner in self
            .slots
            .iter_mut()
            .flatten()
            .filter(|runner| runner.open())
        {
            // Somewhere between two looks.
            let moment = self.random.unit() * glance(now - runner.worked) as f64;
            runner.look_at(now + moment as u64);
            seen = true;
        }
        seen
    }

    fn wake_soon(&mut self) {
        let woken = self.now + micros::of(WAKING);
        self.woken = Some(self.woken.map_or(woken, |other| other.min(woken)));
    }

    /// Somebody was woken, and stays if nobody else is open.
    fn wake(&mut self) {
        self.woken = None;
        if !self.slots.iter().flatten().any(Runner::open) {
            self.start();
        }
    }

    /// The scheduler calls, if it does.
    fn call(&mut self) {
        self.next_call += micros::of(SCHEDULER);
        if self.world.scheduler_calls(self.now) {
            self.start();
        }
    }

    /// Starts a runner, if there is a slot for it.
    fn start(&mut self) {
        let Some(slot) = self.slots.iter().position(Option::is_none) else {
            return;
        };
        self.runners += 1;
        self.busy[slot].fill(0);
        self.slots[slot] = Some(Runner {
            number: self.runners,
            started: self.now,
            in_flight: 0,
            waits: false,
            claimed: None,
            worked: self.now,
            next: self.now,
        });
    }

    /// A runner looks at what is due, and decides when to look again.
    fn act(&mut self, slot: usize) {
        let now = self.now;
        let Some(mut runner) = self.slots[slot].take() else {
            return;
        };
        if now >= runner.closes() {
            // Whatever is due soon, a successor is woken for.
            if self.backlog.due() > 0 || self.due_soon().is_some() {
                self.wake_soon();
            }
            return;
        }
        runner.waits = false;
        runner.next = runner.closes();
        let looked = self.claim(slot, &mut runner);
        let stays = match looked {
            Looked::At(time) => {
                runner.look_at(time);
                true
            }
            Looked::InVain if runner.in_flight > 0 => true,
            Looked::InVain if now < runner.worked + micros::of(LINGER) => {
                runner.look_at(runner.worked + micros::of(LINGER));
                true
            }
            Looked::InVain => self.idle(&mut runner),
        };
        if stays {
            self.slots[slot] = Some(runner);
        }
    }

    /// Claims what is due and starts on it.
    fn claim(&mut self, slot: usize, runner: &mut Runner) -> Looked {
        let now = self.now;
        let room = IN_FLIGHT - runner.in_flight;
        let Some(since) = self.backlog.due_since().filter(|_| room > 0) else {
            return Looked::InVain;
        };
        if self.machine_free > now {
            // Of those that wait for their turn, it is anybody's.
            let moment = self.random.unit() * micros::of(GLANCE) as f64;
            return Looked::At(self.machine_free + moment as u64);
        }
        let pace = micros::of(PACE);
        if let Some(claimed) = runner.claimed
            && now < claimed + pace
            && now < since + pace
        {
            return Looked::At((claimed + pace).min(since + pace));
        }
        let sees_all = self.backlog.sees_all(room);
        let claimed = self
            .backlog
            .claim(&self.world, room, &self.busy[slot], &mut self.random);
        if !sees_all {
            let of_use = (WINDOW * claimed.len()) as u64;
            let in_vain = self.backlog.looked_at().saturating_sub(of_use);
            self.machine_free = now + micros::of(LOOKING) * in_vain;
        }
        if claimed.is_empty() {
            // Another look comes upon other queues, unless this one came upon all.
            return if sees_all {
                Looked::InVain
            } else {
                Looked::At(self.machine_free + glance(now - runner.worked))
            };
        }
        runner.claimed = Some(now);
        runner.worked = now;
        runner.in_flight += claimed.len();
        let begins = self.machine_free.max(now);
        for (position, delivery) in claimed.iter().enumerate() {
            let start = begins + (self.cost * (position + 1) as f64) as u64;
            self.send(*delivery, start, (slot, runner.number));
        }
        self.machine_free = begins + (self.cost * claimed.len() as f64) as u64;
        if self.backlog.due() == 0 {
            return Looked::InVain;
        }
        if runner.in_flight < IN_FLIGHT {
            return Looked::At(self.machine_free.max(now + micros::of(GLANCE)));
        }
        // It filled up: what is left is for another.
        if !self.slots.iter().flatten().any(Runner::open) {
            self.wake_soon();
        }
        Looked::InVain
    }

    /// Starts an attempt.
    fn send(&mut self, delivery: u32, start: u64, (slot, runner): (usize, u64)) {
        let owed = self.backlog.get(delivery);
        let (receiver, late) = (owed.receiver, start - owed.due);
        let fate = self.world.fate(receiver);
        let (lane, accepted) = (owed.lane(), owed.accepted);
        self.note_lateness(lane, fate, accepted, late);
        let down = fate != Fate::Up && self.world.outage().contains(&start);
        let (answer, takes) = self.world.attempt(receiver, start, &mut self.random);
        self.busy[slot][self.backlog.queue_of(delivery)] += 1;
        self.flying.push(Reverse(Attempt {
            ends: start + takes,
            delivery,
            slot,
            runner,
            answer,
            down,
        }));
        self.seen.attempts += 1;
        self.seen.flying_down += usize::from(down);
    }

    fn note_lateness(&mut self, lane: Lane, fate: Fate, accepted: u64, late: u64) {
        if lane == Lane::Retry {
            self.again.add(late);
            return;
        }
        let outage = self.world.outage();
        if !outage.is_empty() && !outage.contains(&accepted) {
            return;
        }
        self.first.add(late);
        if fate == Fate::Up {
            self.first_up.add(late);
        }
    }

    /// An attempt ends, and is recorded.
    fn finished(&mut self) {
        let now = self.now;
        let Some(Reverse(attempt)) = self.flying.pop() else {
            return;
        };
        let delivery = attempt.delivery;
        self.seen.flying_down -= usize::from(attempt.down);
        let queue = self.backlog.queue_of(delivery);
        let own = self.slots[attempt.slot].as_mut();
        if let Some(runner) = own.filter(|runner| runner.number == attempt.runner) {
            self.busy[attempt.slot][queue] -= 1;
            runner.in_flight -= 1;
            runner.worked = now;
            // There is room again: in all, and in the queue.
            if self.backlog.due() > 0 {
                runner.look_at(now);
            }
            if runner.in_flight == 0 {
                runner.look_at(now + micros::of(LINGER));
            }
        }
        let owed = self.backlog.get(delivery);
        let (receiver, accepted) = (owed.receiver, owed.accepted);
        let retry = Retry {
            schedule: &self.schedule,
            tries: owed.tries + 1,
            retry_after: None,
            jitter: self.random.word(),
        };
        let outcome = attempt.answer.outcome();
        self.backlog.note(receiver, outcome.is_err());
        let settled = settle(&outcome, &retry, timestamp(now));
        if let Some(due) = settled.due_at {
            let due = (due.as_millis().unsigned_abs() * 1_000).max(now);
            self.backlog.put_off(delivery, due);
            self.retries.push(Reverse((due, delivery)));
            return;
        }
        self.backlog.remove(delivery);
        if settled.status == Status::Succeeded {
            self.seen.succeeded += 1;
        } else {
            self.seen.given_up += 1;
        }
        if accepted < self.world.outage().end {
            self.seen.old -= 1;
            self.seen.old_settled = now;
        }
    }

    /// A runner with nothing to do waits for a retry that is due soon, unless another does: returns
    /// whether it stays.
    fn idle(&self, runner: &mut Runner) -> bool {
        let others_wait = self.slots.iter().flatten().any(|other| other.waits);
        let Some(due) = self.due_soon().filter(|_| !others_wait) else {
            return false;
        };
        runner.waits = true;
        runner.look_at(due.min(self.now + micros::of(NAP)));
        true
    }

    /// When the next retry is due, if that is soon.
    fn due_soon(&self) -> Option<u64> {
        let next = self.retries.peek().map(|Reverse((due, _))| *due);
        next.filter(|due| *due < self.now + micros::of(SOON))
    }

    fn outcomes(mut self) -> Outcomes {
        let waiting: Vec<_> = self
            .backlog
            .all_due()
            .map(|owed| {
                let late = self.end - owed.due;
                (owed.lane(), owed.receiver, owed.accepted, late)
            })
            .collect();
        for (lane, receiver, accepted, late) in waiting {
            self.note_lateness(lane, self.world.fate(receiver), accepted, late);
        }
        let outage_end = self.world.outage().end;
        let after = |time: u64| time.saturating_sub(outage_end) as f64 / 1_000_000.0;
        let over = !self.world.outage().is_empty() && outage_end < self.end;
        let seen = self.seen;
        let hours = (self.end / micros::hours(1)).min(12);
        let steps = (micros::hours(hours) / micros::of(STEP)) as usize;
        let before = seen.backlog.iter().rev().nth(steps).copied();
        let growth = self.backlog.due() as f64 - before.unwrap_or(0) as f64;
        let crowded = seen.calm < self.backlog.due();
        Outcomes {
            events: seen.events,
            deliveries: seen.deliveries,
            to_receivers_that_go_down: seen.to_down,
            attempts: seen.attempts,
            succeeded: seen.succeeded,
            given_up: seen.given_up,
            waiting_for_retry: self.retries.len() as u64,
            due: self.backlog.due() as u64,
            in_flight: self.flying.len() as u64,
            peak_backlog: seen.backlog.iter().copied().max().unwrap_or(0),
            backlog: seen.backlog,
            peak_in_flight: seen.peak_flying,
            peak_in_flight_down: seen.peak_flying_down,
            first_attempts: Lateness::of(&self.first),
            first_attempts_up: Lateness::of(&self.first_up),
            retries: Lateness::of(&self.again),
            growth_per_hour: growth / hours as f64,
            backlog_gone_after_s: (over && !crowded).then(|| after(seen.crowded)),
            settled_after_s: (over && seen.old == 0).then(|| after(seen.old_settled)),
        }
    }
}

/// What came of a look at what is due.
enum Looked {
    /// It is to be looked again at this time.
    At(u64),
    /// There is nothing to be had until something happens.
    InVain,
}

/// How long a runner that has had nothing to do for so long waits until it looks again.
fn glance(quiet: u64) -> u64 {
    (quiet / 10).clamp(micros::of(GLANCE), micros::of(SLOW_GLANCE))
}

fn timestamp(micros: u64) -> Timestamp {
    Timestamp::from_millis((micros / 1_000) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Scenario;

    const SCENARIOS: [Scenario; 5] = [
        Scenario::None,
        Scenario::FewDown,
        Scenario::ManyDown,
        Scenario::OneHangs,
        Scenario::NoScheduler,
    ];

    fn parameters(accounts: usize, scenario: Scenario) -> Parameters {
        Parameters {
            accounts,
            scenario,
            hours: 24,
            ..Parameters::default()
        }
    }

    #[test]
    fn every_delivery_ends_succeeded_given_up_or_is_still_owed() {
        for scenario in SCENARIOS {
            // So that some are given up: half of the attempts fail, and it lasts for longer than the
            // schedule.
            for (failing_share, hours) in [(0.005, 24), (0.5, 120)] {
                let outcomes = run(&Parameters {
                    failing_share,
                    hours,
                    ..parameters(50, scenario)
                });
                let ended = outcomes.succeeded + outcomes.given_up;
                let owed = outcomes.waiting_for_retry + outcomes.due + outcomes.in_flight;
                assert_eq!(ended + owed, outcomes.deliveries, "{scenario:?}");
                assert!(outcomes.attempts >= ended);
                assert_eq!(outcomes.given_up > 0, hours == 120, "{scenario:?}");
                // Those that are due were counted as if they were made now.
                let counted = outcomes.retries.count + outcomes.deliveries;
                assert_eq!(counted, outcomes.attempts + outcomes.due, "{scenario:?}");
            }
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_result_and_another_seed_another() {
        let own = parameters(50, Scenario::ManyDown);
        let other = Parameters {
            seed: 2,
            ..own.clone()
        };
        assert_eq!(run(&own), run(&own));
        assert_ne!(run(&own), run(&other));
    }

    #[test]
    fn without_an_outage_first_attempts_are_late_by_little_more_than_the_claim_pace() {
        for accounts in [10, 1_000] {
            let late = run(&parameters(accounts, Scenario::None)).first_attempts;
            let most = WAKING + PACE;
            assert!(late.p99_ms < most.as_secs_f64() * 1_000.0, "{late:?}");
            assert!(late.max_ms < 100.0, "{late:?}");
        }
    }

    #[test]
    fn an_outage_of_some_receivers_does_not_make_the_others_late() {
        for scenario in [Scenario::FewDown, Scenario::ManyDown] {
            let outcomes = run(&parameters(300, scenario));
            let (up, all) = (&outcomes.first_attempts_up, &outcomes.first_attempts);
            assert!(up.p99_ms < 100.0, "{up:?}");
            assert!(up.max_ms < 1_000.0, "{up:?}");
            // Those that are down do wait: each is asked once at a time.
            assert!(all.max_ms > 1_000.0, "{all:?}");
        }
    }

    #[test]
    fn a_receiver_that_hangs_does_not_take_all_slots() {
        let outcomes = run(&parameters(1_000, Scenario::OneHangs));
        assert!(outcomes.peak_backlog > 1_000, "{}", outcomes.peak_backlog);
        let held = outcomes.peak_in_flight_down;
        assert!(held > 0 && held < IN_FLIGHT, "{held}");
        assert!(outcomes.first_attempts_up.max_ms < 1_000.0);
        assert!(outcomes.backlog_gone_after_s.is_some());
    }

    #[test]
    fn without_the_scheduler_retries_are_late_by_at_most_the_gap() {
        // So few events that whatever they wake is of no help, and so many failures that there are
        // retries.
        let late = |scenario| {
            let outcomes = run(&Parameters {
                events_per_account_hour: 0.5,
                failing_share: 0.5,
                hours: 48,
                ..parameters(10, scenario)
            });
            assert!(outcomes.retries.count > 100);
            outcomes.retries.max_ms
        };
        let minute = SCHEDULER.as_secs_f64() * 1_000.0;
        assert!(late(Scenario::None) <= 1.1 * minute);
        let late = late(Scenario::NoScheduler);
        assert!((2.0 * minute..=61.1 * minute).contains(&late), "{late}");
    }

    #[test]
    fn more_load_than_capacity_grows_the_backlog_by_the_difference_and_the_report_says_so() {
        let parameters = Parameters {
            // 36,000 events and one and a half times as many deliveries an hour.
            events_per_account_hour: 36.0,
            day_swing: 0.0,
            failing_share: 0.0,
            capacity: 10.0,
            ..parameters(1_000, Scenario::None)
        };
        let outcomes = run(&parameters);
        let growth = 54_000.0 - 36_000.0;
        for hour in [6, 12, 24] {
            // In twelve steps an hour.
            let due = outcomes.backlog[hour * 12 - 1] as f64 / hour as f64;
            assert!((0.95..1.05).contains(&(due / growth)), "{hour}: {due}");
        }
        assert!((0.95..1.05).contains(&(outcomes.growth_per_hour / growth)));
        assert!(outcomes.overloaded(&parameters));
        let in_time = self::parameters(1_000, Scenario::None);
        assert!(!run(&in_time).overloaded(&in_time));
        let run = crate::report::Run {
            parameters,
            outcomes,
        };
        let table = crate::report::Report(vec![run]).to_string();
        assert!(table.contains("more is owed than is sent"), "{table}");
    }
}
