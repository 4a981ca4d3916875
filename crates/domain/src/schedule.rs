//! When a failed delivery is tried again.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    input::{FieldError, Whole},
    time::Timestamp,
};

const MINUTE: u32 = 60;
const HOUR: u32 = 60 * MINUTE;
const DAY: u32 = 24 * HOUR;

/// The delays of an action that names none: nine retries over 3 days and 3.5 hours.
const DEFAULT: [u32; 9] = [
    5,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    14 * HOUR,
    20 * HOUR,
    24 * HOUR,
];

/// The most delays of a schedule.
pub const MAX_DELAYS: usize = 20;
/// The longest delay, in seconds.
pub const MAX_DELAY: u32 = 7 * DAY;
/// The longest that a receiver's `Retry-After` is honoured.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(DAY as u64);

/// The delays between the attempts of a delivery, in seconds. As many as there are, so many
/// retries; none means one attempt only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<u32>")]
pub struct RetrySchedule(Vec<u32>);

/// The delays make no schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSchedule {
    /// There are too many.
    #[error("has {0} delays; the most is {MAX_DELAYS}")]
    TooMany(usize),
    /// One is out of range.
    #[error("has a delay of {0} seconds; a delay is 1 second to {MAX_DELAY} seconds (7 days)")]
    Delay(u32),
}

impl Default for RetrySchedule {
    fn default() -> Self {
        Self(DEFAULT.to_vec())
    }
}

impl TryFrom<Vec<u32>> for RetrySchedule {
    type Error = InvalidSchedule;

    fn try_from(delays: Vec<u32>) -> Result<Self, InvalidSchedule> {
        if delays.len() > MAX_DELAYS {
            return Err(InvalidSchedule::TooMany(delays.len()));
        }
        match delays.iter().find(|delay| !(1..=MAX_DELAY).contains(delay)) {
            Some(delay) => Err(InvalidSchedule::Delay(*delay)),
            None => Ok(Self(delays)),
        }
    }
}

impl RetrySchedule {
    /// The schedule that a caller writes.
    ///
    /// # Errors
    ///
    /// What is wrong with it, under the pointer of the delay that is no whole number.
    pub fn parse(delays: &[Whole]) -> Result<Self, FieldError> {
        let seconds = delays.iter().enumerate().map(|(place, delay)| {
            delay.within(0..=u32::MAX).or_else(|_| {
                let delay = delay.within(1..=MAX_DELAY);
                delay.map_err(|error| FieldError::new(format!("/{place}"), error))
            })
        });
        let seconds: Vec<_> = seconds.collect::<Result<_, _>>()?;
        Self::try_from(seconds).map_err(|error| FieldError::new("", error))
    }

    /// The delays, in seconds.
    pub fn delays(&self) -> &[u32] {
        &self.0
    }

    /// When to try again after the attempt number `tries` (from 1) failed at `now`; `None` when
    /// that was the last. `jitter` is any random number: it moves the delay by up to ±20 %, so
    /// that what failed together does not come back together.
    pub fn next(&self, tries: u32, now: Timestamp, jitter: u64) -> Option<Timestamp> {
        let index = usize::try_from(tries.checked_sub(1)?).ok()?;
        let millis = u64::from(*self.0.get(index)?) * 1_000;
        let spread = millis * 2 / 5;
        Some(now + Duration::from_millis(millis - spread / 2 + jitter % (spread + 1)))
    }
}

/// The earliest time that a `Retry-After` header asks for: delay seconds or an HTTP date (RFC
/// 9110, section 10.2.3), at most 24 hours away. `None` when it asks for nothing that can be
/// understood, or for a time that has passed.
pub fn retry_after(value: &str, now: Timestamp) -> Option<Timestamp> {
    let value = value.trim();
    let all_digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let wait = if all_digits {
        // More digits than fit are a long wait, not garbage.
        Duration::from_secs(value.parse().unwrap_or(u64::MAX))
    } else {
        let date = httpdate::parse_http_date(value).ok()?;
        let millis = date.duration_since(std::time::UNIX_EPOCH).ok()?.as_millis();
        Timestamp::from_millis(i64::try_from(millis).ok()?).since(now)
    };
    (!wait.is_zero()).then(|| now + wait.min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_446_245_000;

    fn now() -> Timestamp {
        Timestamp::from_millis(NOW)
    }

    #[test]
    fn the_default_schedule_lasts_for_days() {
        let schedule = RetrySchedule::default();
        let seconds: u32 = schedule.0.iter().sum();
        assert_eq!(seconds, 3 * DAY + 3 * HOUR + 35 * MINUTE + 5);
        assert!(schedule.next(9, now(), 0).is_some());
        assert_eq!(schedule.next(10, now(), 0), None);
    }

    #[test]
    fn jitter_stays_within_a_fifth_either_way() {
        let schedule = RetrySchedule::try_from(vec![10]).unwrap();
        let waits: Vec<_> = (0..100_000)
            .step_by(7)
            .map(|jitter| {
                schedule
                    .next(1, now(), jitter)
                    .unwrap()
                    .since(now())
                    .as_millis()
            })
            .collect();
        assert_eq!(waits.iter().min(), Some(&8_000));
        assert_eq!(waits.iter().max(), Some(&12_000));
    }

    #[test]
    fn an_empty_schedule_never_retries_and_bad_delays_are_refused() {
        assert_eq!(
            RetrySchedule::try_from(vec![]).unwrap().next(1, now(), 0),
            None
        );
        assert_eq!(
            RetrySchedule::try_from(vec![5, 0]),
            Err(InvalidSchedule::Delay(0))
        );
        assert_eq!(
            RetrySchedule::try_from(vec![MAX_DELAY + 1]),
            Err(InvalidSchedule::Delay(MAX_DELAY + 1))
        );
        assert_eq!(
            RetrySchedule::try_from(vec![1; 21]),
            Err(InvalidSchedule::TooMany(21))
        );
    }

    #[test]
    fn retry_after_is_understood_within_bounds() {
        let wait = |value: &str| retry_after(value, now()).map(|at| at.since(now()).as_secs());
        for (value, seconds) in [
            ("120", Some(120)),
            (" 120 ", Some(120)),
            ("0", None),
            ("86400", Some(86_400)),
            ("86401", Some(86_400)),
            ("99999999999999999999999999", Some(86_400)),
            ("-5", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
            ("Mon, 23 Nov 2026 15:05:05 GMT", Some(60)),
            ("Monday, 23-Nov-26 15:05:05 GMT", Some(60)),
            ("Mon Nov 23 15:05:05 2026", Some(60)),
            ("Sun, 22 Nov 2026 15:05:05 GMT", None),
            ("Sat, 23 Nov 2126 15:05:05 GMT", Some(86_400)),
            ("Mon, 99 Nov 2026 15:05:05 GMT", None),
        ] {
            assert_eq!(wait(value), seconds, "{value:?}");
        }
    }
}
