//! How fast, and in which order, an action's webhooks go: as they come, unless it says otherwise.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::input::Whole;

/// The most requests a second that can be asked for: what is faster needs no limit here.
pub const MAX_PER_SECOND: u32 = 50;

/// How an action's webhooks go one after the other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pace {
    /// One at a time, the oldest first. One that fails is tried again until it succeeds or is given up, and the others wait.
    pub ordered: bool,
    /// The most in a second, 1 to [`MAX_PER_SECOND`]; nothing where that is not limited.
    pub max_per_second: Option<u32>,
}

impl Pace {
    /// Whether they go as they come.
    pub fn is_free(&self) -> bool {
        *self == Self::default()
    }

    /// What there has to be between the beginnings of two attempts.
    pub fn interval(&self) -> Duration {
        match self.max_per_second {
            // Rounded up, so that it is never one more in a second.
            Some(most) => Duration::from_millis(1_000_u64.div_ceil(most.max(1).into())),
            None => Duration::ZERO,
        }
    }

    /// Checks what a caller wants.
    ///
    /// # Errors
    ///
    /// What is wrong with `max_per_second`.
    pub fn parse(ordered: bool, max_per_second: Option<&Whole>) -> Result<Self, String> {
        let max_per_second = max_per_second.map(|most| most.within(1..=MAX_PER_SECOND));
        Ok(Self {
            ordered,
            max_per_second: max_per_second.transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_the_limit_fit_into_a_second() {
        for most in 1..=MAX_PER_SECOND {
            let pace = Pace::parse(false, Some(&most.into())).unwrap();
            assert!(pace.interval() * most >= Duration::from_secs(1), "{most}");
            let exact = Duration::from_secs(1) / most;
            assert!(pace.interval() < exact + Duration::from_millis(1), "{most}");
        }
        assert_eq!(Pace::default().interval(), Duration::ZERO);
    }

    #[test]
    fn a_limit_is_a_number_that_can_be_kept() {
        for most in [0, MAX_PER_SECOND + 1] {
            let refused = Pace::parse(true, Some(&most.into())).unwrap_err();
            assert_eq!(
                refused,
                format!("is a whole number from 1 to 50, not {most}")
            );
        }
        assert!(Pace::parse(false, None).unwrap().is_free());
        assert!(!Pace::parse(true, None).unwrap().is_free());
    }
}
