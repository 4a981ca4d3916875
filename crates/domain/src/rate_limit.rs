//! Rate limits: how often something may happen in a window of time.

use std::time::Duration;

use crate::id::ApiKeyId;

/// A limit on how often something may happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimit {
    /// The name of the counter.
    pub counter: String,
    /// The most in a window.
    pub most: u32,
    /// The length of a window. It begins with the first time that is counted.
    pub window: Duration,
    /// What a refusal says; `{}` stands for the number.
    subject: &'static str,
}

impl RateLimit {
    /// The limit on the requests of an API key.
    pub fn of_key(id: ApiKeyId, most: u32) -> Self {
        let subject = "this key is limited to {} requests a minute";
        Self::per_minute(format!("key {id}"), most, subject)
    }

    /// A limit in a minute.
    pub fn per_minute(counter: String, most: u32, subject: &'static str) -> Self {
        Self {
            counter,
            most,
            window: Duration::from_secs(60),
            subject,
        }
    }

    /// A limit in an hour.
    pub fn per_hour(counter: String, most: u32, subject: &'static str) -> Self {
        Self {
            window: Duration::from_secs(60 * 60),
            ..Self::per_minute(counter, most, subject)
        }
    }

    /// What to tell the caller when the limit is reached for so many more seconds.
    pub fn refusal(&self, seconds: u64) -> String {
        let subject = self.subject.replace("{}", &self.most.to_string());
        let wait = match seconds {
            1 => "a second".to_owned(),
            2..120 => format!("{seconds} seconds"),
            _ => format!("{} minutes", seconds.div_ceil(60)),
        };
        format!("{subject}; try again in {wait}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_limit_and_when_to_try_again() {
        let limit = RateLimit::per_hour(String::new(), 60, "limited to {} an hour");
        for (seconds, wait) in [
            (1, "a second"),
            (90, "90 seconds"),
            (120, "2 minutes"),
            (3_541, "60 minutes"),
        ] {
            let expected = format!("limited to 60 an hour; try again in {wait}");
            assert_eq!(limit.refusal(seconds), expected);
        }
    }
}
