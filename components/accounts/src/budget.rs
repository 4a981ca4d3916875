//! How long a purge may go on in one request.

use std::time::Duration;

use domain::account::PURGE_BUDGET as LONGEST;
use platform::{clock::Moment, http::Query, problem::Problem};

/// The time of one request.
#[derive(Clone, Copy)]
pub(crate) struct Budget {
    started: Moment,
    length: Duration,
}

impl Budget {
    /// What the parameter `budget_seconds` says of a request that began at `started`.
    pub(crate) fn of(query: &Query<'_>, started: Moment) -> Result<Self, Problem> {
        let length = query.parse("budget_seconds", |text| {
            let seconds = text.parse().ok().map(Duration::from_secs);
            seconds
                .filter(|length| *length <= LONGEST)
                .ok_or_else(|| format!("is 0 to {} seconds", LONGEST.as_secs()))
        })?;
        Ok(Self {
            started,
            length: length.unwrap_or(LONGEST),
        })
    }

    /// Whether there is no time for another step. Asked after each of them: whatever the budget, a
    /// request does one.
    pub(crate) fn is_spent(self) -> bool {
        self.started.elapsed() >= self.length
    }
}
