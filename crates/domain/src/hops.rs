//! Loops: a webhook that leads to an event, which leads to a webhook, and so on.
//!
//! Every webhook tells in [`HEADER`] how many webhooks led to it, itself included. Whoever posts an
//! event because of a webhook passes the header on; a webhook that is sent to the service itself
//! brings it along. An event that too many webhooks led to is not accepted. As in
//! [RFC 8586](https://www.rfc-editor.org/rfc/rfc8586), which has the same for CDNs, this helps where
//! the parties in a loop play along.

use std::fmt;

/// The header, in lower case. Actions can't set it, as all that begin with `webhook-`.
pub const HEADER: &str = "webhook-hops";

/// The most webhooks that may have led to an event.
pub const MAX: u8 = 5;

/// How many webhooks led to an event.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Hops(u8);

/// Why an event is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stopped {
    /// The header is no number.
    #[error("{HEADER} is a whole number, as the webhook had it that led to this event")]
    NotANumber,
    /// There were too many.
    #[error(
        "{0} webhooks led to this event, one after the other, and the most is {MAX}: a trigger's \
         webhook seems to come back as an event that fires it"
    )]
    TooMany(u64),
}

impl Hops {
    /// What a request with this header tells of the event that it brings; none led to one that has
    /// no such header.
    ///
    /// # Errors
    ///
    /// When the header is no number or the number is larger than [`MAX`].
    pub fn of_event(header: Option<&str>) -> Result<Self, Stopped> {
        let Some(text) = header else {
            return Ok(Self::default());
        };
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // As it was sent, so without a zero in front.
        if !digits || (text.len() > 1 && text.starts_with('0')) {
            return Err(Stopped::NotANumber);
        }
        // One that does not fit is too many, too.
        let count = text.parse().unwrap_or(u64::MAX);
        match u8::try_from(count) {
            Ok(count) if count <= MAX => Ok(Self(count)),
            _ => Err(Stopped::TooMany(count)),
        }
    }

    /// What was stored of an event. A number that never was stored counts as the most.
    pub fn stored(count: i64) -> Self {
        Self(u8::try_from(count).map_or(MAX, |count| count.min(MAX)))
    }

    /// What is stored of an event.
    pub fn count(self) -> u8 {
        self.0
    }

    /// That of a webhook that the event leads to.
    #[must_use]
    pub fn of_webhook(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Hops {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_ends_after_a_few_rounds() {
        let mut header: Option<String> = None;
        let mut rounds = 0;
        let stopped = loop {
            match Hops::of_event(header.as_deref()) {
                Ok(hops) => header = Some(hops.of_webhook().to_string()),
                Err(stopped) => break stopped,
            }
            rounds += 1;
        };
        assert_eq!((rounds, stopped), (6, Stopped::TooMany(6)));
    }

    #[test]
    fn what_is_no_number_is_told_and_what_is_too_large_stops() {
        for text in ["", "-1", "1.0", " 1", "one", "0x1", "+1", "00", "05"] {
            assert_eq!(
                Hops::of_event(Some(text)),
                Err(Stopped::NotANumber),
                "{text:?}"
            );
        }
        let huge = "9".repeat(100);
        for text in ["6", "256", huge.as_str()] {
            let stopped = Hops::of_event(Some(text));
            assert!(matches!(stopped, Err(Stopped::TooMany(_))), "{text}");
        }
        assert_eq!(Hops::of_event(Some("0")), Ok(Hops::default()));
    }

    #[test]
    fn it_survives_the_store() {
        for count in 0..=MAX {
            let hops = Hops::of_event(Some(&count.to_string())).unwrap();
            assert_eq!(Hops::stored(hops.count().into()), hops);
        }
        assert_eq!(Hops::stored(-1), Hops::stored(i64::MAX));
    }
}
