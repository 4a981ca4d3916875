//! Random numbers that a seed determines.

use std::f64::consts::TAU;

/// A generator: `SplitMix64` (Steele, Lea, Flood: "Fast splittable pseudorandom number generators",
/// 2014). The same seed gives the same numbers.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The generator of this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to but not including 1.
    pub fn unit(&mut self) -> f64 {
        // 53 bits are what a float tells apart there.
        (self.word() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A number below `end`, which is not 0. The numbers in question are so far below 2⁶⁴ that the
    /// remainder favours none by anything that shows.
    pub fn below(&mut self, end: usize) -> usize {
        (self.word() % end as u64) as usize
    }

    /// Whether something of this probability happens.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// How long until what happens `rate` times in a unit of time happens next, in that unit.
    pub fn gap(&mut self, rate: f64) -> f64 {
        -(1.0 - self.unit()).ln() / rate
    }

    /// A log-normal number: half of them are below `median`, two thirds within a factor of
    /// exp(`spread`) of it.
    pub fn log_normal(&mut self, median: f64, spread: f64) -> f64 {
        // Box and Muller's method; its second number is not worth being kept.
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        median * (spread * radius * (TAU * self.unit()).cos()).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_determines_the_numbers() {
        // The first output for seed 0 in the authors' reference implementation.
        assert_eq!(Random::new(0).word(), 0xE220_A839_7B1D_CDAF);
        let numbers = |seed| {
            let mut random = Random::new(seed);
            [random.word(), random.word()]
        };
        assert_eq!(numbers(7), numbers(7));
        assert_ne!(numbers(7), numbers(8));
    }

    #[test]
    fn gaps_and_log_normal_numbers_have_the_mean_and_median_that_they_say() {
        const COUNT: usize = 20_000;
        let mut random = Random::new(1);
        let mean = (0..COUNT).map(|_| random.gap(4.0)).sum::<f64>() / COUNT as f64;
        assert!((0.24..0.26).contains(&mean), "{mean}");
        let below = (0..COUNT).filter(|_| random.log_normal(150.0, 0.8) < 150.0);
        let below = below.count();
        assert!((9_700..10_300).contains(&below), "{below}");
    }
}
