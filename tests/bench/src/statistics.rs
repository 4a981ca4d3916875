//! What many samples come to.

use std::time::Duration;

use serde::Serialize;

/// Latencies of a round, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Latency {
    /// Half of all were no longer than this.
    pub(crate) p50: f64,
    /// 99 of 100 were no longer than this.
    pub(crate) p99: f64,
}

impl Latency {
    /// What these come to; `None` without any.
    pub(crate) fn of(mut samples: Vec<Duration>) -> Option<Self> {
        samples.sort_unstable();
        Some(Self {
            p50: percentile(&samples, 50)?,
            p99: percentile(&samples, 99)?,
        })
    }
}

/// The nearest-rank percentile of sorted samples, in milliseconds.
fn percentile(sorted: &[Duration], percent: usize) -> Option<f64> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted
        .get(rank - 1)
        .map(|sample| sample.as_secs_f64() * 1_000.0)
}

/// A figure of each round, and their median.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Series {
    /// The median.
    pub(crate) median: f64,
    /// Each round's figure.
    pub(crate) rounds: Vec<f64>,
}

impl Series {
    /// The figures of the rounds, of which there has to be one.
    pub(crate) fn new(rounds: Vec<f64>) -> Self {
        let mut sorted = rounds.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 {
            sorted[middle]
        } else {
            f64::midpoint(sorted[middle - 1], sorted[middle])
        };
        Self { median, rounds }
    }

    /// How many times `base` this is: the median of the rounds' own ratios. Two figures of one
    /// round were measured at about the same time, so that what slowed the machine down then
    /// cancels out.
    pub(crate) fn over(&self, base: &Self) -> f64 {
        let ratios = self
            .rounds
            .iter()
            .zip(&base.rounds)
            .map(|(figure, base)| figure / base);
        Self::new(ratios.collect()).median
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_samples_that_so_many_do_not_exceed() {
        let samples = |count: u64| (1..=count).rev().map(Duration::from_millis).collect();
        let latency = |count| Latency::of(samples(count));
        assert_eq!(latency(0), None);
        assert_eq!(latency(1), Some(Latency { p50: 1.0, p99: 1.0 }));
        assert_eq!(
            latency(100),
            Some(Latency {
                p50: 50.0,
                p99: 99.0
            })
        );
        assert_eq!(
            latency(101),
            Some(Latency {
                p50: 51.0,
                p99: 100.0
            })
        );
    }

    #[test]
    fn the_median_is_the_middle_whatever_the_order() {
        assert_eq!(Series::new(vec![9.0, 1.0, 5.0]).median, 5.0);
        assert_eq!(Series::new(vec![9.0, 1.0, 5.0, 6.0]).median, 5.5);
        assert_eq!(Series::new(vec![9.0, 1.0]).rounds, [9.0, 1.0]);
    }

    #[test]
    fn a_ratio_compares_round_by_round() {
        // The machine was twice as slow in the second round.
        let (base, other) = (
            Series::new(vec![1.0, 2.0, 1.0]),
            Series::new(vec![1.5, 3.0, 1.4]),
        );
        assert_eq!(other.over(&base), 1.5);
    }
}
