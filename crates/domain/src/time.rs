//! Points in time, to the millisecond, as the ledger stores them.

use std::{
    fmt,
    ops::{Add, Sub},
    time::{Duration, SystemTime},
};

use jiff::{SignedDuration, civil::DateTime};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A point in time: milliseconds since the Unix epoch. Written as RFC 3339 in UTC, always with
/// three fraction digits, so that times sort as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// The text is no RFC 3339 time, or one outside the years 0001 to 9999.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not an RFC 3339 time such as 2026-11-23T15:04:05Z")]
pub struct InvalidTimestamp;

/// `0001-01-01T00:00:00.000Z`.
const MIN_MILLIS: i64 = -62_135_596_800_000;

/// `9999-12-31T23:59:59.999Z`.
const MAX_MILLIS: i64 = 253_402_300_799_999;

const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

impl Timestamp {
    /// The point `millis` milliseconds after the Unix epoch; clamped to the years 0001 to 9999.
    pub fn from_millis(millis: i64) -> Self {
        Self(millis.clamp(MIN_MILLIS, MAX_MILLIS))
    }

    /// Milliseconds since the Unix epoch.
    pub fn as_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, as `webhook-timestamp` carries them.
    pub fn as_seconds(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Parses an RFC 3339 time (section 5.6) with any offset. `T` and `Z` may be lower case; digits
    /// beyond the millisecond are dropped. The leap second `23:59:60Z` of the end of June or
    /// December is the first second of the next day, as in Unix time.
    ///
    /// # Errors
    ///
    /// When the text is anything else, or lies outside the years 0001 to 9999 UTC.
    pub fn parse(text: &str) -> Result<Self, InvalidTimestamp> {
        let millis = parse(text.as_bytes()).ok_or(InvalidTimestamp)?;
        if !(MIN_MILLIS..=MAX_MILLIS).contains(&millis) {
            return Err(InvalidTimestamp);
        }
        Ok(Self(millis))
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0).max(0).unsigned_abs())
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, after: Duration) -> Self {
        let millis = i64::try_from(after.as_millis()).unwrap_or(i64::MAX);
        Self::from_millis(self.0.saturating_add(millis))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, before: Duration) -> Self {
        let millis = i64::try_from(before.as_millis()).unwrap_or(i64::MAX);
        Self::from_millis(self.0.saturating_sub(millis))
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => Self(0) + after,
            Err(before) => Self(0) - before.duration(),
        }
    }
}

impl From<Timestamp> for SystemTime {
    fn from(Timestamp(millis): Timestamp) -> Self {
        let distance = Duration::from_millis(millis.unsigned_abs());
        if millis < 0 {
            Self::UNIX_EPOCH - distance
        } else {
            Self::UNIX_EPOCH + distance
        }
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = EPOCH
            .checked_add(SignedDuration::from_millis(self.0))
            .map_err(|_| fmt::Error)?;
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            time.year(),
            time.month(),
            time.day(),
            time.hour(),
            time.minute(),
            time.second(),
            time.millisecond(),
        )
    }
}

/// RFC 3339's `date-time`, as milliseconds since the Unix epoch.
fn parse(text: &[u8]) -> Option<i64> {
    let (date, rest) = text.split_at_checked(10)?;
    let (&[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2], [b'T' | b't', rest @ ..]) = (date, rest)
    else {
        return None;
    };
    let (time, rest) = rest.split_at_checked(8)?;
    let &[h1, h2, b':', min1, min2, b':', s1, s2] = time else {
        return None;
    };
    let year = i16::from(number([y1, y2])?) * 100 + i16::from(number([y3, y4])?);
    let second = number([s1, s2])?;
    let (millis, rest) = match rest.strip_prefix(b".") {
        Some(fraction) => fraction_of_second(fraction)?,
        None => (0, rest),
    };
    let offset = match rest {
        b"Z" | b"z" => 0,
        &[sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let hours = number([h1, h2]).filter(|hours| *hours < 24)?;
            let minutes = number([m1, m2]).filter(|minutes| *minutes < 60)?;
            let minutes = i64::from(hours) * 60 + i64::from(minutes);
            if sign == b'+' { minutes } else { -minutes }
        }
        _ => return None,
    };
    // A leap second counts from the second before it.
    let is_leap = second == 60;
    let time = DateTime::new(
        year,
        number([m1, m2])?,
        number([d1, d2])?,
        number([h1, h2])?,
        number([min1, min2])?,
        if is_leap { 59 } else { second },
        0,
    );
    let utc = time
        .ok()?
        .checked_sub(SignedDuration::from_mins(offset))
        .ok()?;
    if is_leap
        && !matches!(
            (utc.month(), utc.day(), utc.hour(), utc.minute()),
            (6, 30, 23, 59) | (12, 31, 23, 59)
        )
    {
        return None;
    }
    let seconds = utc.duration_since(EPOCH).as_secs() + i64::from(is_leap);
    Some(seconds * 1_000 + millis)
}

/// A number of two digits.
fn number(digits: [u8; 2]) -> Option<i8> {
    let [tens, ones] = digits.map(|digit| (digit as char).to_digit(10));
    i8::try_from(tens? * 10 + ones?).ok()
}

/// The milliseconds that a text's first digits say, one at least, and the text after them.
fn fraction_of_second(text: &[u8]) -> Option<(i64, &[u8])> {
    let is_digit = |byte: &u8| byte.is_ascii_digit();
    let end = text.iter().position(|byte| !is_digit(byte))?;
    let (digits, rest) = text.split_at(end);
    let digits = (!digits.is_empty()).then_some(digits)?;
    let first = digits.iter().map(|digit| i64::from(digit - b'0'));
    let millis = first
        .chain([0, 0])
        .take(3)
        .fold(0, |sum, digit| sum * 10 + digit);
    Some((millis, rest))
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(|e| D::Error::custom(format!("{text:?} {e}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_survives_the_way_through_the_systems_time() {
        for millis in [MIN_MILLIS, -1_500, 0, 1_795_446_245_123, MAX_MILLIS] {
            let time = Timestamp::from_millis(millis);
            assert_eq!(Timestamp::from(SystemTime::from(time)), time);
        }
    }

    #[test]
    fn times_are_written_in_utc_with_three_fraction_digits() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (1_795_446_245_000, "2026-11-23T15:04:05.000Z"),
            (1_795_446_245_120, "2026-11-23T15:04:05.120Z"),
            (i64::MIN, "0001-01-01T00:00:00.000Z"),
            (i64::MAX, "9999-12-31T23:59:59.999Z"),
        ] {
            let time = Timestamp::from_millis(millis);
            assert_eq!(time.to_string(), text);
            assert_eq!(Timestamp::parse(text), Ok(time));
        }
    }

    #[test]
    fn times_sort_as_text() {
        let mut times =
            [-1, 0, 1, 20, 999, 1_000, 1_001, i64::MIN, i64::MAX].map(Timestamp::from_millis);
        let mut texts = times.map(|time| time.to_string());
        times.sort_unstable();
        texts.sort_unstable();
        assert_eq!(times.map(|time| time.to_string()), texts);
    }

    #[test]
    fn reads_what_rfc_3339_allows() {
        for (text, utc) in [
            ("2026-11-23T16:04:05+01:00", "2026-11-23T15:04:05.000Z"),
            ("2026-11-23t15:04:05z", "2026-11-23T15:04:05.000Z"),
            ("2026-11-23T15:04:05.1Z", "2026-11-23T15:04:05.100Z"),
            ("2026-11-23T15:04:05.12Z", "2026-11-23T15:04:05.120Z"),
            (
                "2026-11-23T15:04:05.9999999999999999Z",
                "2026-11-23T15:04:05.999Z",
            ),
            ("2026-11-23T15:04:05-00:00", "2026-11-23T15:04:05.000Z"),
            ("2026-11-22T15:05:05-23:59", "2026-11-23T15:04:05.000Z"),
            ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59.000Z"),
            ("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.500Z"),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"),
            ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000Z"),
            // RFC 3339, 5.8: a leap second, in UTC and elsewhere.
            ("1990-12-31T23:59:60Z", "1991-01-01T00:00:00.000Z"),
            ("1990-12-31T15:59:60-08:00", "1991-01-01T00:00:00.000Z"),
            ("2015-06-30T23:59:60.5Z", "2015-07-01T00:00:00.500Z"),
        ] {
            let time = Timestamp::parse(text).map(|time| time.to_string());
            assert_eq!(time.as_deref(), Ok(utc), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_not_rfc_3339() {
        for bad in [
            "",
            "yesterday",
            "2026-11-23",
            "2026-11-23T15:04:05",
            "20180405T183100Z",
            "2026-11-23T15Z",
            "2026-11-23T15:04Z",
            "2026-11-23T15:04:05+25:59",
            "2026-11-23T15:04:05+24:00",
            "2026-11-23T15:04:05+01:60",
            "2026-11-23T15:04:05+01",
            "2026-11-23T15:04:05+0100",
            "2026-11-23T15:04:05Z[Europe/Paris]",
            "2026-11-23T15:04:05+01:00[Europe/Paris]",
            "2026-11-23 15:04:05Z",
            "2026-11-23T15:04:05 01:00",
            "2026-11-23T15:04:05.Z",
            "2026-11-23T15:04:05,5Z",
            "2026-11-23T15:04:05.5",
            "2026-11-23T15:04:05Z ",
            " 2026-11-23T15:04:05Z",
            "+002026-11-23T15:04:05Z",
            "2026-11-23T24:00:00Z",
            "2026-11-23T15:60:00Z",
            "2026-11-23T15:04:61Z",
            "2026-11-31T15:04:05Z",
            "2026-02-29T15:04:05Z",
            "2026-00-01T15:04:05Z",
            "2026-1-1T15:04:05Z",
            "２026-11-23T15:04:05Z",
            // No end of June or December.
            "2026-11-23T23:59:60Z",
            "2026-12-31T15:59:60Z",
            "2026-12-31T23:59:60+01:00",
            // Outside the years 0001 to 9999, once in UTC.
            "0000-12-31T23:59:59Z",
            "0001-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01",
            "9999-12-31T23:59:60Z",
        ] {
            assert_eq!(Timestamp::parse(bad), Err(InvalidTimestamp), "{bad:?}");
        }
    }

    #[test]
    fn arithmetic_stays_inside_what_can_be_written() {
        let last = Timestamp::from_millis(i64::MAX);
        assert_eq!(last + Duration::from_secs(u64::MAX), last);
        assert_eq!(
            Timestamp::from_millis(5).since(Timestamp::from_millis(9)),
            Duration::ZERO
        );
        assert_eq!(
            Timestamp::from_millis(9).since(Timestamp::from_millis(5)),
            Duration::from_millis(4)
        );
    }
}
