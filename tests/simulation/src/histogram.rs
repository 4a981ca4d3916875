//! How times are spread, in bounded memory.

/// Each power of two has so many buckets, so that a percentile is at most 1/32 too long.
const BUCKETS_PER_OCTAVE: usize = 32;
const OCTAVE_BITS: u32 = BUCKETS_PER_OCTAVE.trailing_zeros();
const BUCKETS: usize = (64 - OCTAVE_BITS as usize + 1) * BUCKETS_PER_OCTAVE;

/// A histogram of times in microseconds.
#[derive(Debug, Clone)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    longest: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            counts: vec![0; BUCKETS],
            total: 0,
            longest: 0,
        }
    }
}

impl Histogram {
    /// Takes in a time in microseconds.
    pub fn add(&mut self, micros: u64) {
        self.counts[bucket(micros)] += 1;
        self.total += 1;
        self.longest = self.longest.max(micros);
    }

    /// How many were taken in.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The longest, in microseconds; 0 without any.
    pub fn longest(&self) -> u64 {
        self.longest
    }

    /// What so many of a hundred do not exceed, in microseconds, rounded up to the end of its
    /// bucket; 0 without any.
    pub fn percentile(&self, percent: u64) -> u64 {
        let rank = (self.total * percent).div_ceil(100).max(1);
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return end(index).min(self.longest);
            }
        }
        0
    }
}

/// The bucket of a time: the times below 64 have one each.
fn bucket(micros: u64) -> usize {
    let Some(shift) = (u64::BITS - micros.leading_zeros()).checked_sub(OCTAVE_BITS + 1) else {
        return micros as usize;
    };
    shift as usize * BUCKETS_PER_OCTAVE + (micros >> shift) as usize
}

/// The longest time of a bucket.
fn end(bucket: usize) -> u64 {
    let shift = (bucket / BUCKETS_PER_OCTAVE).saturating_sub(1);
    let first = (bucket - shift * BUCKETS_PER_OCTAVE) as u64;
    (first << shift) + ((1 << shift) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_lies_in_its_bucket_which_is_narrow() {
        for micros in [
            0,
            1,
            31,
            32,
            63,
            64,
            65,
            127,
            128,
            1_000,
            123_456_789,
            u64::MAX / 3,
        ] {
            let end = end(bucket(micros));
            assert!(micros <= end, "{micros} {end}");
            assert!(end - micros <= micros / 32, "{micros} {end}");
        }
        assert!(bucket(u64::MAX) < BUCKETS);
    }

    #[test]
    fn percentiles_are_not_exceeded_by_so_many() {
        let mut histogram = Histogram::default();
        assert_eq!((histogram.percentile(99), histogram.longest()), (0, 0));
        for millis in 1..=1_000 {
            histogram.add(millis * 1_000);
        }
        let p50 = histogram.percentile(50);
        assert!((500_000..516_000).contains(&p50), "{p50}");
        let p99 = histogram.percentile(99);
        assert!((990_000..=1_000_000).contains(&p99), "{p99}");
        assert_eq!(histogram.percentile(100), 1_000_000);
        assert_eq!(histogram.total(), 1_000);
    }
}
