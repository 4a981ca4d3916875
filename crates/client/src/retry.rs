//! When a request is sent again.

use std::time::Duration;

use crate::Error;

/// How often, and how soon, a request is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The most attempts, the first included.
    pub attempts: u32,
    /// The pause after the first attempt. It doubles with each, and is cut by up to a half, at
    /// random, so that callers who failed together do not come back together.
    pub first_pause: Duration,
    /// The longest pause, also where the service asks for a longer one: then the caller is told.
    pub longest_pause: Duration,
}

impl Default for RetryPolicy {
    /// 5 attempts within some 5 seconds, and pauses of up to 30 seconds where the service asks for
    /// them.
    fn default() -> Self {
        Self {
            attempts: 5,
            first_pause: Duration::from_millis(250),
            longest_pause: Duration::from_secs(30),
        }
    }
}

impl RetryPolicy {
    /// Nothing is sent again.
    pub fn never() -> Self {
        Self {
            attempts: 1,
            ..Self::default()
        }
    }

    /// The pause after the attempt of this number, from 1, that failed with `error`; `None` when
    /// there is no other. `repeatable` says that doing it twice does no harm; `chance` is 0 to 1.
    pub(crate) fn pause(
        &self,
        attempt: u32,
        error: &Error,
        repeatable: bool,
        chance: f64,
    ) -> Option<Duration> {
        let again = match error {
            Error::Unreachable(_) => true,
            Error::Refused { problem, .. } if problem.status == 429 => true,
            Error::Refused { problem, .. } => repeatable && problem.status >= 500,
            Error::Unexpected { status, .. } => repeatable && *status >= 500,
            Error::Unanswered(_) => repeatable,
            Error::Setup(_) => false,
        };
        if !again || attempt >= self.attempts {
            return None;
        }
        let doubled = 2_u32.saturating_pow(attempt.saturating_sub(1));
        let most = self.first_pause.saturating_mul(doubled);
        let pause = most.min(self.longest_pause).mul_f64(1.0 - chance / 2.0);
        let wanted = match error {
            Error::Refused { retry_after, .. } => *retry_after,
            _ => None,
        };
        match wanted {
            Some(wanted) if wanted > self.longest_pause => None,
            Some(wanted) => Some(wanted.max(pause)),
            None => Some(pause),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, retry_after: Option<u64>) -> Error {
        let problem = serde_json::from_value(serde_json::json!({
            "type": "about:blank", "title": "Title", "status": status, "code": "code",
            "detail": "detail",
        }));
        Error::Refused {
            problem: Box::new(problem.unwrap()),
            retry_after: retry_after.map(Duration::from_secs),
        }
    }

    fn pause(attempt: u32, error: &Error, repeatable: bool) -> Option<u128> {
        let pause = RetryPolicy::default().pause(attempt, error, repeatable, 0.0);
        pause.map(|pause| pause.as_millis())
    }

    #[test]
    fn what_may_have_been_done_is_sent_again_only_where_that_does_no_harm() {
        let unexpected = |status| Error::Unexpected {
            status,
            detail: String::new(),
        };
        for (error, repeatable, other) in [
            (Error::Unreachable("refused".into()), true, true),
            (refused(429, None), true, true),
            (refused(503, None), true, false),
            (refused(500, None), true, false),
            (unexpected(502), true, false),
            (Error::Unanswered("reset".into()), true, false),
            (refused(422, None), false, false),
            (refused(404, None), false, false),
            (unexpected(200), false, false),
            (Error::Setup(String::new()), false, false),
        ] {
            assert_eq!(pause(1, &error, true).is_some(), repeatable, "{error:?}");
            assert_eq!(pause(1, &error, false).is_some(), other, "{error:?}");
        }
    }

    #[test]
    fn pauses_double_and_end() {
        let error = refused(503, None);
        let pauses: Vec<_> = (1..=5)
            .map(|attempt| pause(attempt, &error, true))
            .collect();
        assert_eq!(
            pauses,
            [Some(250), Some(500), Some(1_000), Some(2_000), None]
        );
        assert_eq!(RetryPolicy::never().pause(1, &error, true, 0.0), None);
        let many = RetryPolicy {
            attempts: u32::MAX,
            ..RetryPolicy::default()
        };
        let last = many.pause(u32::MAX - 1, &error, true, 1.0);
        assert_eq!(last, Some(Duration::from_secs(15)));
    }

    #[test]
    fn the_service_may_ask_for_a_longer_pause_within_bounds() {
        assert_eq!(pause(1, &refused(429, Some(7)), false), Some(7_000));
        assert_eq!(pause(1, &refused(503, Some(0)), true), Some(250));
        assert_eq!(pause(1, &refused(503, Some(31)), true), None);
    }
}
