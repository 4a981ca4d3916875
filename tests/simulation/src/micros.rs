//! Simulated time: microseconds since the beginning.

use std::time::Duration;

/// So many seconds.
pub const fn seconds(seconds: u64) -> u64 {
    seconds * 1_000_000
}

/// So many hours.
pub const fn hours(hours: u64) -> u64 {
    seconds(hours * 60 * 60)
}

/// A duration; none here is longer than 2⁶⁴ microseconds.
pub const fn of(duration: Duration) -> u64 {
    duration.as_micros() as u64
}
