//! Statistics: the time that they are about, and how it is cut into pieces.

use std::time::Duration;

use crate::time::Timestamp;

const HOUR: Duration = Duration::from_secs(60 * 60);
/// The longest time that statistics are about: 7 days.
pub const LONGEST: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// How long it is where nobody says since when: 24 hours.
pub const DEFAULT: Duration = Duration::from_secs(24 * 60 * 60);
/// Up to this length its pieces are hours, from there on six hours each.
const IN_HOURS: Duration = Duration::from_secs(48 * 60 * 60);

/// A time that statistics are about: from `since` on and before `until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    since: Timestamp,
    until: Timestamp,
}

/// There are no statistics of such a time. The text follows the name of the parameter `since`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRange {
    /// It ends before it begins, or has no length.
    #[error("has to be before until")]
    Empty,
    /// It is longer than [`LONGEST`].
    #[error("is more than 7 days before until")]
    TooLong,
}

/// A piece of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// Where it begins: at a full hour, or at 0, 6, 12 or 18 o'clock UTC.
    pub at: Timestamp,
    /// Where that part of it begins that is in the range.
    pub start: Timestamp,
    /// Where that part ends.
    pub end: Timestamp,
}

impl Range {
    /// The range of these ends, each where it is said; else it ends `now`, and has the usual length.
    ///
    /// # Errors
    ///
    /// When it is empty or too long.
    pub fn new(
        since: Option<Timestamp>,
        until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Self, InvalidRange> {
        let until = until.unwrap_or(now);
        let since = since.unwrap_or(until - DEFAULT);
        if since >= until {
            Err(InvalidRange::Empty)
        } else if until.since(since) > LONGEST {
            Err(InvalidRange::TooLong)
        } else {
            Ok(Self { since, until })
        }
    }

    /// Its first moment.
    pub fn since(self) -> Timestamp {
        self.since
    }

    /// The first moment after it.
    pub fn until(self) -> Timestamp {
        self.until
    }

    /// Its pieces, in their order and without a gap: 49 at most.
    pub fn buckets(self) -> impl Iterator<Item = Bucket> {
        let step = if self.until.since(self.since) <= IN_HOURS {
            HOUR
        } else {
            6 * HOUR
        };
        let length = i64::try_from(step.as_millis()).unwrap_or(i64::MAX);
        let into = self.since.as_millis().rem_euclid(length);
        let first = Timestamp::from_millis(self.since.as_millis() - into);
        let starts = std::iter::successors(Some(first), move |at| Some(*at + step));
        starts
            .take_while(move |at| *at < self.until)
            .map(move |at| Bucket {
                at,
                start: at.max(self.since),
                end: (at + step).min(self.until),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn range(since: &str, until: &str) -> Result<Range, InvalidRange> {
        let now = time("2026-11-26T10:00:00Z");
        Range::new(Some(time(since)), Some(time(until)), now)
    }

    #[test]
    fn a_range_that_nobody_asked_for_is_the_last_day() {
        let now = time("2026-11-26T10:00:00Z");
        let range = Range::new(None, None, now).unwrap();
        assert_eq!(
            (range.since(), range.until()),
            (time("2026-11-25T10:00:00Z"), now)
        );
        let until = time("2026-11-20T10:00:00Z");
        let range = Range::new(None, Some(until), now).unwrap();
        assert_eq!(
            (range.since(), range.until()),
            (time("2026-11-19T10:00:00Z"), until)
        );
    }

    #[test]
    fn a_range_has_a_length_of_seven_days_at_most() {
        let until = "2026-11-26T10:00:00Z";
        assert!(range("2026-11-19T10:00:00Z", until).is_ok());
        assert_eq!(
            range("2026-11-19T09:59:59.999Z", until),
            Err(InvalidRange::TooLong)
        );
        for since in [until, "2026-11-27T10:00:00Z"] {
            assert_eq!(range(since, until), Err(InvalidRange::Empty));
        }
    }

    #[test]
    fn pieces_begin_at_full_hours_and_leave_nothing_out() {
        for (since, until, count, first, last) in [
            (
                "2026-11-24T10:00:00Z",
                "2026-11-26T10:00:00Z",
                48,
                "2026-11-24T10:00:00Z",
                "2026-11-26T09:00:00Z",
            ),
            (
                "2026-11-24T10:30:00Z",
                "2026-11-26T10:30:00Z",
                49,
                "2026-11-24T10:00:00Z",
                "2026-11-26T10:00:00Z",
            ),
            (
                "2026-11-24T09:59:59Z",
                "2026-11-26T10:00:00Z",
                9,
                "2026-11-24T06:00:00Z",
                "2026-11-26T06:00:00Z",
            ),
            (
                "2026-11-19T10:00:00Z",
                "2026-11-26T10:00:00Z",
                29,
                "2026-11-19T06:00:00Z",
                "2026-11-26T06:00:00Z",
            ),
            (
                "2026-11-26T09:10:00Z",
                "2026-11-26T09:20:00Z",
                1,
                "2026-11-26T09:00:00Z",
                "2026-11-26T09:00:00Z",
            ),
        ] {
            let range = range(since, until).unwrap();
            let buckets: Vec<_> = range.buckets().collect();
            assert_eq!(buckets.len(), count, "{since}");
            assert_eq!(buckets[0].at, time(first));
            assert_eq!(buckets[count - 1].at, time(last));
            assert_eq!(buckets[0].start, range.since());
            assert_eq!(buckets[count - 1].end, range.until());
            for pair in buckets.windows(2) {
                assert_eq!((pair[0].end, pair[1].at), (pair[1].start, pair[1].start));
            }
        }
    }
}
