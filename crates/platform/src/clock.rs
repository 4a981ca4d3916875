//! The one place where time is read.

use std::time::Duration;

use domain::time::Timestamp;
use wasi::clocks::{monotonic_clock, wall_clock};

use crate::wait;

/// What time it is.
pub fn now() -> Timestamp {
    let time = wall_clock::now();
    let millis = time.seconds.saturating_mul(1_000) + u64::from(time.nanoseconds / 1_000_000);
    Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}

/// A point of the monotonic clock, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(u64);

impl Moment {
    /// The present moment.
    pub fn now() -> Self {
        Self(monotonic_clock::now())
    }

    /// The moment that comes `duration` after this one.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }

    /// How long ago this was.
    pub fn elapsed(self) -> Duration {
        Self::now().since(self)
    }

    /// How long after `earlier` this is; zero when it is not.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// Waits until `moment`, while other futures of the instance go on.
pub async fn sleep_until(moment: Moment) {
    wait::until(
        || (Moment::now() >= moment).then_some(()),
        || monotonic_clock::subscribe_instant(moment.0),
    )
    .await;
}

/// Waits for `duration`, while other futures of the instance go on.
pub async fn sleep(duration: Duration) {
    sleep_until(Moment::now().after(duration)).await;
}
