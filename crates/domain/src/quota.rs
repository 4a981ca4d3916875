//! Quotas: how many requests to receivers are made in an hour of the clock, in UTC.

use std::time::Duration;

use crate::time::Timestamp;

/// An hour, in milliseconds.
const HOUR: i64 = 60 * 60 * 1_000;

/// How long a delivery waits that would take its account over its share of the service's budget,
/// before it is looked at again whether others still need theirs.
const SHARE_WAIT: Duration = Duration::from_secs(60);

/// Why a delivery is deferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deferral {
    /// Its account has made all the requests that it may make in an hour.
    AccountLimit(usize),
    /// Its account has made half of all the requests that the service may make in an hour, and
    /// others have deliveries pending.
    Share(usize),
}

impl Deferral {
    /// When the delivery is due again.
    pub fn due_at(self, now: Timestamp) -> Timestamp {
        let next_hour = next_hour(now);
        match self {
            Self::AccountLimit(_) => next_hour,
            Self::Share(_) => next_hour.min(now + SHARE_WAIT),
        }
    }

    /// Why it waits, for people.
    pub fn reason(self) -> String {
        match self {
            Self::AccountLimit(limit) => {
                format!("deferred: the account has made its {limit} requests of this hour")
            }
            Self::Share(limit) => format!(
                "deferred: the account has made half of the {limit} requests of this hour, and \
                 others have deliveries pending"
            ),
        }
    }
}

/// The most requests of the service's hourly budget that an account makes while others have
/// deliveries pending.
pub fn share(per_hour: usize) -> usize {
    per_hour.div_ceil(2)
}

/// The beginning of the hour after the one that `now` is in.
pub fn next_hour(now: Timestamp) -> Timestamp {
    let millis = now.as_millis();
    Timestamp::from_millis(millis - millis.rem_euclid(HOUR) + HOUR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_of_the_clock_ends_when_the_next_begins() {
        let next = |millis| next_hour(Timestamp::from_millis(millis)).as_millis();
        assert_eq!(next(0), HOUR);
        assert_eq!(next(HOUR - 1), HOUR);
        assert_eq!(next(HOUR), 2 * HOUR);
    }

    #[test]
    fn a_share_is_asked_for_again_within_the_hour() {
        let due = |deferral: Deferral, millis| {
            deferral.due_at(Timestamp::from_millis(millis)).as_millis()
        };
        assert_eq!(due(Deferral::AccountLimit(5), 1_000), HOUR);
        assert_eq!(due(Deferral::Share(5), 1_000), 61_000);
        assert_eq!(due(Deferral::Share(5), HOUR - 1_000), HOUR);
        assert_eq!([share(1), share(5), share(450)], [1, 3, 225]);
    }
}
