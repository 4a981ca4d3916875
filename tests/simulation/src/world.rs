//! Who posts, who receives, and what goes wrong.

use std::{f64::consts::TAU, ops::Range};

use clap::ValueEnum;
use domain::{
    delivery::{Failure, Outcome, judge},
    trigger::DEFAULT_TIMEOUT,
};
use serde::Serialize;

use crate::{Parameters, micros, random::Random};

/// The receivers of an account: the endpoints of its actions.
pub const RECEIVERS: usize = 3;
/// How likely an event is owed to each of its account's receivers. So an event makes one and a half
/// deliveries on average, and one in eight makes none.
pub const MATCHES: f64 = 0.5;
/// Half of the answers of a receiver that is up come within this, in milliseconds.
pub const RESPONSE_MILLIS: f64 = 150.0;
/// How widely response times are spread: one in a hundred takes 6.4 times the median.
pub const RESPONSE_SPREAD: f64 = 0.8;
/// One of so many receivers that are down hangs, the others answer 503.
pub const HANGS_ONE_IN: usize = 4;
/// The hour at which what goes wrong begins.
pub const OUTAGE_BEGINS: u64 = 9;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scenario {
    /// Nothing but an attempt now and then
    None,
    /// 5 % of the receivers are down for an hour
    FewDown,
    /// 30 % of the receivers are down for 6 hours
    ManyDown,
    /// A receiver of the largest account hangs for 2 hours
    OneHangs,
    /// The scheduler does not call for an hour
    NoScheduler,
}

impl Scenario {
    /// What it is called where people read it.
    pub fn label(self) -> &'static str {
        match self {
            Self::None => "no outage",
            Self::FewDown => "5 % of receivers down for 1 h",
            Self::ManyDown => "30 % of receivers down for 6 h",
            Self::OneHangs => "one large receiver hangs for 2 h",
            Self::NoScheduler => "scheduler not called for 1 h",
        }
    }

    /// Whether receivers are down, so that it matters whether a delivery is to one of those.
    pub fn has_receivers_down(self) -> bool {
        matches!(self, Self::FewDown | Self::ManyDown | Self::OneHangs)
    }

    /// When it goes wrong, in hours since the beginning. `None` when nothing does.
    pub fn hours(self) -> Option<Range<u64>> {
        let length = match self {
            Self::None => return None,
            Self::FewDown | Self::NoScheduler => 1,
            Self::ManyDown => 6,
            Self::OneHangs => 2,
        };
        Some(OUTAGE_BEGINS..OUTAGE_BEGINS + length)
    }

    /// The share of the receivers that are down.
    fn share_down(self) -> f64 {
        match self {
            Self::FewDown => 0.05,
            Self::ManyDown => 0.3,
            Self::None | Self::OneHangs | Self::NoScheduler => 0.0,
        }
    }
}

/// What a receiver does during the outage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// What it does at any time.
    Up,
    /// It answers 503, in its usual time.
    Unavailable,
    /// It answers nothing until the attempt's time is over.
    Hangs,
}

/// What a receiver makes of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// It answers 200.
    Success,
    /// It answers 503.
    Unavailable,
    /// It does not answer in time.
    Late,
}

impl Answer {
    /// What came of the attempt, as the product has it.
    pub fn outcome(self) -> Outcome {
        match self {
            Self::Success => judge(200),
            Self::Unavailable => judge(503),
            Self::Late => Err(Failure::Timeout(DEFAULT_TIMEOUT)),
        }
    }
}

/// The accounts and their receivers.
///
/// An account is its rank by size. A receiver is a number below [`World::receivers`], at random, as
/// the ids of actions are: the ledger steps through the queues in the order of those.
#[derive(Debug)]
pub struct World {
    pick: AliasTable,
    receivers_of: Vec<[u32; RECEIVERS]>,
    account_of: Vec<u32>,
    fates: Vec<Fate>,
    /// When the outage is, in microseconds; empty when there is none.
    outage: Range<u64>,
    scheduler_fails: bool,
    /// How many events are posted in a microsecond, on average over the day.
    rate: f64,
    day_swing: f64,
    failing_share: f64,
}

impl World {
    /// The world of these parameters.
    pub fn new(parameters: &Parameters, random: &mut Random) -> Self {
        let accounts = parameters.accounts;
        let receivers = accounts * RECEIVERS;
        // The account of rank r posts 1/r of what the largest does.
        let weights: Vec<f64> = (1..=accounts).map(|rank| 1.0 / rank as f64).collect();
        let mut numbers: Vec<u32> = (0..receivers as u32).collect();
        for last in (1..receivers).rev() {
            numbers.swap(last, random.below(last + 1));
        }
        let (receivers_of, _) = numbers.as_chunks::<RECEIVERS>();
        let mut account_of = vec![0; receivers];
        for (account, own) in receivers_of.iter().enumerate() {
            for receiver in own {
                account_of[*receiver as usize] = account as u32;
            }
        }
        let mut fates = vec![Fate::Up; receivers];
        let scenario = parameters.scenario;
        if scenario == Scenario::OneHangs {
            fates[numbers[0] as usize] = Fate::Hangs;
        }
        for (index, by_size) in spread_evenly(receivers, scenario.share_down()).enumerate() {
            fates[numbers[by_size] as usize] = if index % HANGS_ONE_IN == 1 {
                Fate::Hangs
            } else {
                Fate::Unavailable
            };
        }
        let outage = scenario.hours().unwrap_or_default();
        let an_hour = accounts as f64 * parameters.events_per_account_hour;
        Self {
            pick: AliasTable::new(&weights),
            receivers_of: receivers_of.to_vec(),
            account_of,
            fates,
            outage: micros::hours(outage.start)..micros::hours(outage.end),
            scheduler_fails: scenario == Scenario::NoScheduler,
            rate: an_hour / micros::hours(1) as f64,
            day_swing: parameters.day_swing,
            failing_share: parameters.failing_share,
        }
    }

    /// How many receivers there are.
    pub fn receivers(&self) -> usize {
        self.account_of.len()
    }

    /// A receiver's account.
    pub fn account_of(&self, receiver: u32) -> u32 {
        self.account_of[receiver as usize]
    }

    /// What a receiver does during the outage.
    pub fn fate(&self, receiver: u32) -> Fate {
        self.fates[receiver as usize]
    }

    /// When the outage is, in microseconds.
    pub fn outage(&self) -> &Range<u64> {
        &self.outage
    }

    /// Whether the scheduler calls at this time, in microseconds.
    pub fn scheduler_calls(&self, now: u64) -> bool {
        !(self.scheduler_fails && self.outage.contains(&now))
    }

    /// How long after `now` the next event is posted, both in microseconds.
    ///
    /// The rate changes so little between two events that the one at `now` is as good as that of
    /// every moment until then.
    pub fn until_next_event(&self, now: u64, random: &mut Random) -> u64 {
        let of_day = now as f64 / micros::hours(24) as f64;
        let rate = self.rate * (1.0 - self.day_swing * (TAU * of_day).cos());
        random.gap(rate) as u64
    }

    /// The receivers that an account's next event is owed to, as one of these three or not.
    pub fn next_event(&self, random: &mut Random) -> [Option<u32>; RECEIVERS] {
        let account = self.pick.pick(random);
        self.receivers_of[account].map(|receiver| random.chance(MATCHES).then_some(receiver))
    }

    /// What a receiver makes of an attempt that starts at `now`, and how long that takes, in
    /// microseconds.
    pub fn attempt(&self, receiver: u32, now: u64, random: &mut Random) -> (Answer, u64) {
        let fate = if self.outage.contains(&now) {
            self.fate(receiver)
        } else {
            Fate::Up
        };
        let timeout = micros::seconds(DEFAULT_TIMEOUT.into());
        let takes = random.log_normal(RESPONSE_MILLIS * 1_000.0, RESPONSE_SPREAD) as u64;
        let fails = random.chance(self.failing_share);
        if fate == Fate::Hangs || takes >= timeout {
            return (Answer::Late, timeout);
        }
        let answer = if fails || fate == Fate::Unavailable {
            Answer::Unavailable
        } else {
            Answer::Success
        };
        (answer, takes)
    }
}

/// So many of `0..count` that they are this share, as far from each other as they can be: so the
/// same share of the large and of the small is down, whatever the seed.
fn spread_evenly(count: usize, share: f64) -> impl Iterator<Item = usize> {
    let before = move |index: usize| (index as f64 * share + 0.5).floor();
    (0..count).filter(move |index| before(index + 1) > before(*index))
}

/// Picks from many by their weights at the price of one: Walker's alias method, as Vose builds it.
#[derive(Debug)]
struct AliasTable(Vec<(f64, u32)>);

impl AliasTable {
    fn new(weights: &[f64]) -> Self {
        let mean = weights.iter().sum::<f64>() / weights.len() as f64;
        let mut table: Vec<(f64, u32)> = (0..)
            .zip(weights)
            .map(|(own, weight)| (weight / mean, own))
            .collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) =
            (0..table.len()).partition(|index| table[*index].0 < 1.0);
        while let (Some(poor), Some(&rich)) = (small.pop(), large.last()) {
            table[poor].1 = rich as u32;
            table[rich].0 -= 1.0 - table[poor].0;
            if table[rich].0 < 1.0 {
                large.pop();
                small.push(rich);
            }
        }
        Self(table)
    }

    fn pick(&self, random: &mut Random) -> usize {
        let index = random.below(self.0.len());
        let (own, other) = self.0[index];
        if random.chance(own) {
            index
        } else {
            other as usize
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world(accounts: usize, scenario: Scenario) -> World {
        let parameters = Parameters {
            accounts,
            scenario,
            ..Parameters::default()
        };
        World::new(&parameters, &mut Random::new(1))
    }

    #[test]
    fn the_share_that_is_down_is_as_the_scenario_says_and_a_quarter_of_it_hangs() {
        for (scenario, accounts, down, hang) in [
            (Scenario::None, 1_000, 0, 0),
            (Scenario::FewDown, 10, 2, 1),
            (Scenario::FewDown, 1_000, 150, 38),
            (Scenario::ManyDown, 1_000, 900, 225),
            (Scenario::OneHangs, 1_000, 1, 1),
            (Scenario::NoScheduler, 1_000, 0, 0),
        ] {
            let world = world(accounts, scenario);
            let count = |wanted: fn(Fate) -> bool| {
                let fates = world.fates.iter().copied();
                fates.filter(|fate| wanted(*fate)).count()
            };
            let found = (
                count(|fate| fate != Fate::Up),
                count(|fate| fate == Fate::Hangs),
            );
            assert_eq!(found, (down, hang), "{scenario:?}");
        }
    }

    #[test]
    fn a_few_accounts_post_most_and_many_post_little() {
        const EVENTS: usize = 100_000;
        let world = world(1_000, Scenario::None);
        let mut random = Random::new(2);
        let mut counts = vec![0; 1_000];
        for _ in 0..EVENTS {
            counts[world.pick.pick(&mut random)] += 1;
        }
        // The sum of 1/r up to 1,000 is 7.49, up to 100 it is 5.19.
        let largest = counts[0] as f64 / EVENTS as f64;
        assert!((0.127..0.140).contains(&largest), "{largest}");
        let tenth = counts[..100].iter().sum::<usize>() as f64 / EVENTS as f64;
        assert!((0.68..0.71).contains(&tenth), "{tenth}");
    }

    #[test]
    fn receivers_fail_only_while_the_outage_lasts() {
        let world = world(10, Scenario::OneHangs);
        let mut random = Random::new(3);
        let hangs = (0..30).find(|receiver| world.fate(*receiver) == Fate::Hangs);
        let hangs = hangs.expect("one hangs");
        assert_eq!(world.account_of(hangs), 0);
        let (before, during) = (micros::hours(8), micros::hours(10));
        let timeout = (Answer::Late, micros::seconds(15));
        assert_eq!(world.attempt(hangs, during, &mut random), timeout);
        assert_ne!(world.attempt(hangs, before, &mut random), timeout);
    }
}
