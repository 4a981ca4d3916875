//! How long a purge may go on in one request.

use std::time::Duration;

use domain::account::PURGE_BUDGET as LONGEST;
use platform::{clock::Moment, http::Request, problem::Problem};

/// The time of one request.
#[derive(Clone, Copy)]
pub(super) struct Budget {
    started: Moment,
    length: Duration,
}

impl Budget {
    /// What the request's only parameter, `budget_seconds`, says.
    pub(super) fn of(request: &Request) -> Result<Self, Problem> {
        let query = request.head.query(&["budget_seconds"])?;
        let length = query.parse("budget_seconds", |text| {
            let seconds = text.parse().ok().map(Duration::from_secs);
            seconds
                .filter(|length| *length <= LONGEST)
                .ok_or_else(|| format!("is 0 to {} seconds", LONGEST.as_secs()))
        })?;
        Ok(Self {
            started: request.started,
            length: length.unwrap_or(LONGEST),
        })
    }

    /// Whether there is no time for another step. Asked after each of them: whatever the budget, a
    /// request does one.
    pub(super) fn is_spent(self) -> bool {
        self.started.elapsed() >= self.length
    }
}
