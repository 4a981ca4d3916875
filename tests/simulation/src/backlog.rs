//! What is owed, and which of it a claim takes: what the statement of `Ledger::claim` does, in
//! memory.

use std::collections::VecDeque;

use domain::delivery::FAILING_AFTER;

use crate::{
    limits::{IN_FLIGHT_PER_QUEUE, STEPS, WINDOW},
    random::Random,
    world::World,
};

/// Where a list of deliveries ends.
const END: u32 = u32::MAX;

/// Which attempts a queue is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// First attempts.
    First,
    /// Retries.
    Retry,
}

/// A delivery that is owed.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Who it is owed to.
    pub receiver: u32,
    /// When it was accepted, in microseconds.
    pub accepted: u64,
    /// When it is due, in microseconds.
    pub due: u64,
    /// Attempts made so far.
    pub tries: u32,
    /// Its place in the order in which deliveries became due.
    order: u64,
    // Its neighbours among all that is due, and the one after it in its queue.
    before: u32,
    after: u32,
    next: u32,
}

impl Delivery {
    /// Which queue of its receiver it is in.
    pub fn lane(&self) -> Lane {
        if self.tries == 0 {
            Lane::First
        } else {
            Lane::Retry
        }
    }
}

/// An action's first attempts, or its retries.
#[derive(Debug, Clone)]
struct Queue {
    /// The first and last that are due.
    head: u32,
    tail: u32,
    /// How many are due, wait for being due or are in flight.
    owed: u32,
    /// How many of it the claim at hand has come upon, and which claim that was.
    found: u32,
    found_by: u64,
}

/// All that is owed.
#[derive(Debug)]
pub struct Backlog {
    deliveries: Vec<Delivery>,
    free: Vec<u32>,
    /// Those of first attempts, then those of retries.
    queues: Vec<Queue>,
    receivers: usize,
    /// Which queues anything is owed of: a bit each, a lane at a time.
    owed: [Bits; 2],
    /// How many attempts of each receiver have failed in a row.
    failures: Vec<u32>,
    head: u32,
    tail: u32,
    due: usize,
    order: u64,
    claims: u64,
    looked_at: u64,
    touched: Vec<usize>,
    candidates: Vec<Candidate>,
}

/// A delivery that a claim may take.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    delivery: u32,
    lane: Lane,
    account: u32,
    rank: u32,
    order: u64,
    turn: u32,
    place: u32,
}

impl Backlog {
    /// Nothing is owed.
    pub fn new(receivers: usize) -> Self {
        let queue = Queue {
            head: END,
            tail: END,
            owed: 0,
            found: 0,
            found_by: 0,
        };
        Self {
            deliveries: Vec::new(),
            free: Vec::new(),
            queues: vec![queue; 2 * receivers],
            receivers,
            owed: [Bits::new(receivers), Bits::new(receivers)],
            failures: vec![0; receivers],
            head: END,
            tail: END,
            due: 0,
            order: 0,
            claims: 0,
            looked_at: 0,
            touched: Vec::new(),
            candidates: Vec::new(),
        }
    }

    /// How many deliveries are due and wait.
    pub fn due(&self) -> usize {
        self.due
    }

    /// How many deliveries are owed: due, in flight, or waiting for a retry.
    pub fn owed(&self) -> usize {
        self.deliveries.len() - self.free.len()
    }

    /// When what is due longest became due, in microseconds.
    pub fn due_since(&self) -> Option<u64> {
        (self.head != END).then(|| self.deliveries[self.head as usize].due)
    }

    /// The deliveries that are due, those that are due longest first.
    pub fn all_due(&self) -> impl Iterator<Item = &Delivery> {
        let mut next = self.head;
        std::iter::from_fn(move || {
            let delivery = self.deliveries.get(next as usize)?;
            next = delivery.after;
            Some(delivery)
        })
    }

    /// A delivery that is owed.
    pub fn get(&self, delivery: u32) -> &Delivery {
        &self.deliveries[delivery as usize]
    }

    /// The index of a queue, as the counts of what is in flight have it.
    pub fn queue_of(&self, delivery: u32) -> usize {
        let delivery = self.get(delivery);
        self.queue(delivery.lane(), delivery.receiver)
    }

    fn queue(&self, lane: Lane, receiver: u32) -> usize {
        lane as usize * self.receivers + receiver as usize
    }

    /// A delivery is accepted, and due, at `now`. Times must not go back.
    pub fn accept(&mut self, receiver: u32, now: u64) {
        let delivery = Delivery {
            receiver,
            accepted: now,
            due: now,
            tries: 0,
            order: 0,
            before: END,
            after: END,
            next: END,
        };
        let index = if let Some(index) = self.free.pop() {
            self.deliveries[index as usize] = delivery;
            index
        } else {
            self.deliveries.push(delivery);
            (self.deliveries.len() - 1) as u32
        };
        self.owe(Lane::First, receiver);
        self.append(index);
    }

    /// A delivery in flight is to be tried again at `due`. Nobody sees it until
    /// [`Backlog::fall_due`].
    pub fn put_off(&mut self, index: u32, due: u64) {
        let delivery = &mut self.deliveries[index as usize];
        let (lane, receiver) = (delivery.lane(), delivery.receiver);
        delivery.tries += 1;
        delivery.due = due;
        self.settle(lane, receiver);
        self.owe(Lane::Retry, receiver);
    }

    /// A delivery that was put off is due. Times must not go back.
    pub fn fall_due(&mut self, index: u32) {
        self.append(index);
    }

    /// A delivery in flight is done with.
    pub fn remove(&mut self, index: u32) {
        let delivery = self.get(index);
        self.settle(delivery.lane(), delivery.receiver);
        self.free.push(index);
    }

    /// An attempt at this receiver succeeded or failed.
    pub fn note(&mut self, receiver: u32, failed: bool) {
        let failures = &mut self.failures[receiver as usize];
        *failures = if failed {
            failures.saturating_add(1)
        } else {
            0
        };
    }

    fn owe(&mut self, lane: Lane, receiver: u32) {
        let queue = self.queue(lane, receiver);
        self.queues[queue].owed += 1;
        if self.queues[queue].owed == 1 {
            self.owed[lane as usize].set(receiver as usize, true);
        }
    }

    fn settle(&mut self, lane: Lane, receiver: u32) {
        let queue = self.queue(lane, receiver);
        self.queues[queue].owed -= 1;
        if self.queues[queue].owed == 0 {
            self.owed[lane as usize].set(receiver as usize, false);
        }
    }

    /// Puts a delivery at the end of all that is due, and of its queue.
    fn append(&mut self, index: u32) {
        self.order += 1;
        let (order, tail) = (self.order, self.tail);
        let delivery = &mut self.deliveries[index as usize];
        delivery.order = order;
        delivery.before = tail;
        delivery.after = END;
        delivery.next = END;
        match tail {
            END => self.head = index,
            tail => self.deliveries[tail as usize].after = index,
        }
        self.tail = index;
        self.due += 1;
        let queue = self.queue_of(index);
        let last = self.queues[queue].tail;
        match last {
            END => self.queues[queue].head = index,
            last => self.deliveries[last as usize].next = index,
        }
        self.queues[queue].tail = index;
    }

    /// Takes the first delivery of a queue out of what is due.
    fn take(&mut self, index: u32) {
        let Delivery {
            before,
            after,
            next,
            ..
        } = self.deliveries[index as usize];
        match before {
            END => self.head = after,
            before => self.deliveries[before as usize].after = after,
        }
        match after {
            END => self.tail = before,
            after => self.deliveries[after as usize].before = before,
        }
        self.due -= 1;
        let queue = self.queue_of(index);
        // A claim takes from the front only: of a queue, who comes later has a later turn.
        debug_assert_eq!(self.queues[queue].head, index);
        self.queues[queue].head = next;
        if next == END {
            self.queues[queue].tail = END;
        }
    }

    /// Claims up to `room` deliveries, in the order in which they are sent. `busy` is how many of
    /// each queue the runner has in flight.
    pub fn claim(
        &mut self,
        world: &World,
        room: usize,
        busy: &[u8],
        random: &mut Random,
    ) -> Vec<u32> {
        self.find(room, random);
        self.rank(world, busy);
        let candidates = &mut self.candidates;
        // Of an account, its queues take turns: the first of each before the second of any.
        candidates.sort_unstable_by_key(|c| (c.lane, c.account, c.rank, c.order));
        number(candidates, |c| (c.lane, c.account), |c, turn| c.turn = turn);
        // Of a lane, the accounts do.
        candidates.sort_unstable_by_key(|c| (c.lane, c.turn, c.order));
        number(candidates, |c| c.lane, |c, place| c.place = place);
        // And the lanes.
        candidates.sort_unstable_by_key(|c| (c.place, c.order));
        let taken: Vec<u32> = candidates.iter().take(room).map(|c| c.delivery).collect();
        for delivery in &taken {
            self.take(*delivery);
        }
        taken
    }

    /// Whether a claim with so much room looks at all that is due, so that another one would find
    /// the same.
    pub fn sees_all(&self, room: usize) -> bool {
        self.due <= WINDOW * room
    }

    /// How many deliveries of those that are due longest, and how many queues, the last claim looked
    /// at.
    pub fn looked_at(&self) -> u64 {
        self.looked_at
    }

    /// Comes upon deliveries as the statement does: those that are due longest, and the first of
    /// some queues.
    fn find(&mut self, room: usize, random: &mut Random) {
        self.claims += 1;
        self.looked_at = self.due.min(WINDOW * room) as u64;
        self.touched.clear();
        let mut next = self.head;
        for _ in 0..WINDOW * room {
            let Some(delivery) = self.deliveries.get(next as usize) else {
                break;
            };
            let queue = self.queue(delivery.lane(), delivery.receiver);
            next = delivery.after;
            let found = self.found(queue);
            self.queues[queue].found = found + 1;
        }
        if self.sees_all(room) {
            return;
        }
        let steps = self.steps(random);
        self.looked_at += steps.len() as u64;
        let of_each = (1 + WINDOW * room / steps.len().max(1)).min(IN_FLIGHT_PER_QUEUE);
        for queue in steps {
            let mut first = 0;
            let mut next = self.queues[queue].head;
            while first < of_each as u32 && next != END {
                first += 1;
                next = self.deliveries[next as usize].next;
            }
            if first > 0 {
                let found = self.found(queue);
                self.queues[queue].found = found.max(first);
            }
        }
    }

    /// How many of a queue the claim at hand has come upon so far.
    fn found(&mut self, queue: usize) -> u32 {
        let entry = &mut self.queues[queue];
        if entry.found_by != self.claims {
            entry.found_by = self.claims;
            entry.found = 0;
            self.touched.push(queue);
        }
        entry.found
    }

    /// The queues that a claim steps to: those of each lane in a ring, in turns, from a random one
    /// on.
    fn steps(&self, random: &mut Random) -> Vec<usize> {
        let start = random.below(self.receivers);
        let mut steps = Vec::with_capacity(STEPS);
        let mut lanes: VecDeque<(Lane, usize, usize)> = [Lane::First, Lane::Retry]
            .into_iter()
            .filter_map(|lane| {
                let first = self.owed[lane as usize].next(start)?;
                Some((lane, first, first))
            })
            .collect();
        while steps.len() < STEPS
            && let Some((lane, first, at)) = lanes.pop_front()
        {
            steps.push(self.queue(lane, at as u32));
            if let Some(next) = self.owed[lane as usize].next(at + 1)
                && next != first
            {
                lanes.push_back((lane, first, next));
            }
        }
        steps
    }

    /// Makes candidates of what was come upon and is not too much of its queue.
    fn rank(&mut self, world: &World, busy: &[u8]) {
        self.candidates.clear();
        for queue in &self.touched {
            let lane = if *queue < self.receivers {
                Lane::First
            } else {
                Lane::Retry
            };
            let receiver = queue % self.receivers;
            let failing = self.failures[receiver] as usize >= FAILING_AFTER;
            let limit = if failing { 1 } else { IN_FLIGHT_PER_QUEUE };
            let busy = u32::from(busy[*queue]);
            let last = self.queues[*queue]
                .found
                .min((limit as u32).saturating_sub(busy));
            let mut next = self.queues[*queue].head;
            for position in 1..=last {
                let delivery = &self.deliveries[next as usize];
                self.candidates.push(Candidate {
                    delivery: next,
                    lane,
                    account: world.account_of(receiver as u32),
                    rank: position + busy,
                    order: delivery.order,
                    turn: 0,
                    place: 0,
                });
                next = delivery.next;
            }
        }
    }
}

/// Numbers sorted candidates from 1 on within each group.
fn number<G: PartialEq>(
    candidates: &mut [Candidate],
    group: impl Fn(&Candidate) -> G,
    mut set: impl FnMut(&mut Candidate, u32),
) {
    let mut last = None;
    let mut count = 0;
    for candidate in candidates {
        let own = Some(group(candidate));
        count = if own == last { count + 1 } else { 1 };
        last = own;
        set(candidate, count);
    }
}

/// A set of small numbers.
#[derive(Debug)]
struct Bits(Vec<u64>);

impl Bits {
    fn new(count: usize) -> Self {
        Self(vec![0; count.div_ceil(64)])
    }

    fn set(&mut self, index: usize, value: bool) {
        let (word, bit) = (index / 64, 1 << (index % 64));
        if value {
            self.0[word] |= bit;
        } else {
            self.0[word] &= !bit;
        }
    }

    /// The first of the set that is at least `from`, or else the first of all.
    fn next(&self, from: usize) -> Option<usize> {
        self.first_in(from, self.0.len())
            .or_else(|| self.first_in(0, self.0.len()))
    }

    fn first_in(&self, from: usize, end: usize) -> Option<usize> {
        (from / 64..end).find_map(|word| {
            let mask = if word == from / 64 {
                u64::MAX << (from % 64)
            } else {
                u64::MAX
            };
            let bits = self.0[word] & mask;
            (bits != 0).then(|| word * 64 + bits.trailing_zeros() as usize)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Parameters, world::Scenario};

    fn world() -> World {
        let parameters = Parameters {
            accounts: 100,
            scenario: Scenario::None,
            ..Parameters::default()
        };
        World::new(&parameters, &mut Random::new(1))
    }

    fn receivers_of(world: &World, account: u32) -> Vec<u32> {
        (0..world.receivers() as u32)
            .filter(|receiver| world.account_of(*receiver) == account)
            .collect()
    }

    fn claimed(backlog: &mut Backlog, world: &World, room: usize) -> Vec<u32> {
        let busy = vec![0; 2 * world.receivers()];
        let taken = backlog.claim(world, room, &busy, &mut Random::new(1));
        taken
            .into_iter()
            .map(|index| backlog.get(index).receiver)
            .collect()
    }

    #[test]
    fn accounts_take_turns_and_so_do_the_queues_of_one() {
        let world = world();
        let (large, small) = (receivers_of(&world, 0), receivers_of(&world, 1));
        let mut backlog = Backlog::new(world.receivers());
        for now in 0..20 {
            backlog.accept(large[0], now);
        }
        backlog.accept(large[1], 20);
        backlog.accept(small[0], 21);
        let expected = [large[0], small[0], large[1], large[0]];
        assert_eq!(claimed(&mut backlog, &world, 4), expected);
        assert_eq!(backlog.due(), 18);
        assert_eq!(backlog.owed(), 22);
    }

    #[test]
    fn a_queue_is_in_flight_so_often_and_one_that_fails_once() {
        let world = world();
        let mut backlog = Backlog::new(world.receivers());
        for now in 0..100 {
            backlog.accept(7, now);
        }
        assert_eq!(claimed(&mut backlog, &world, 64).len(), 16);
        for _ in 0..FAILING_AFTER {
            backlog.note(7, true);
        }
        assert_eq!(claimed(&mut backlog, &world, 64).len(), 1);
        backlog.note(7, false);
        assert_eq!(claimed(&mut backlog, &world, 64).len(), 16);
    }

    #[test]
    fn a_backlog_does_not_hide_what_came_after_it() {
        let world = world();
        let mut backlog = Backlog::new(world.receivers());
        for now in 0..10_000 {
            backlog.accept(7, now);
        }
        for _ in 0..FAILING_AFTER {
            backlog.note(7, true);
        }
        backlog.accept(8, 10_000);
        assert!(!backlog.sees_all(64));
        assert_eq!(backlog.looked_at(), 0);
        let mut taken = claimed(&mut backlog, &world, 64);
        taken.sort_unstable();
        assert_eq!(taken, [7, 8]);
        // Four times the room, and the two queues.
        assert_eq!(backlog.looked_at(), 258);
    }

    #[test]
    fn a_retry_waits_unseen_until_it_is_due() {
        let world = world();
        let mut backlog = Backlog::new(world.receivers());
        backlog.accept(7, 0);
        let busy = vec![0; 2 * world.receivers()];
        let taken = backlog.claim(&world, 64, &busy, &mut Random::new(1));
        backlog.put_off(taken[0], 5);
        assert_eq!((backlog.due(), backlog.owed()), (0, 1));
        backlog.fall_due(taken[0]);
        assert_eq!((backlog.due(), backlog.due_since()), (1, Some(5)));
        assert_eq!(backlog.get(taken[0]).lane(), Lane::Retry);
        let taken = backlog.claim(&world, 64, &busy, &mut Random::new(1));
        backlog.remove(taken[0]);
        assert_eq!((backlog.due(), backlog.owed()), (0, 0));
    }

    #[test]
    fn the_ring_of_a_set_goes_round() {
        let mut bits = Bits::new(130);
        assert_eq!(bits.next(0), None);
        for index in [3, 64, 129] {
            bits.set(index, true);
        }
        let next = [0, 3, 4, 65, 129, 130].map(|from| bits.next(from));
        assert_eq!(next, [3, 3, 64, 129, 129, 3].map(Some));
        bits.set(64, false);
        assert_eq!(bits.next(4), Some(129));
    }
}
