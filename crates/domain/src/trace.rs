//! Distributed tracing: a producer's trace goes on to the receivers of what came of its event.
//!
//! The header is that of [W3C Trace Context](https://www.w3.org/TR/trace-context/#traceparent-header). The trace's id is passed
//! on as it came; each attempt is a span of its own in it.

use std::fmt;

use crate::{id::DeliveryId, time::Timestamp};

/// The header, in lower case.
pub const HEADER: &str = "traceparent";

/// Where in which trace something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    trace: u128,
    span: u64,
    flags: u8,
}

impl TraceParent {
    /// What a request with this header says. A header that can't be understood is as good as none, as the specification wants
    /// it: an event is not refused for it.
    pub fn parse(header: &str) -> Option<Self> {
        let header = header.as_bytes();
        // Later versions may have more behind, after another dash.
        let (known, rest) = header.split_at_checked(LENGTH)?;
        let version = hex(known.get(0..2)?)?;
        let dashes = [2, 35, 52].iter().all(|place| known[*place] == b'-');
        let ends = match version {
            0 => rest.is_empty(),
            0xff => false,
            _ => matches!(rest.first(), None | Some(b'-')),
        };
        if !dashes || !ends {
            return None;
        }
        let parent = Self {
            trace: hex(&known[3..35])?,
            span: u64::try_from(hex(&known[36..52])?).ok()?,
            flags: u8::try_from(hex(&known[53..55])?).ok()?,
        };
        (parent.trace != 0 && parent.span != 0).then_some(parent)
    }

    /// The span of one attempt of a delivery, which begins at `now`. No two attempts of a delivery begin at once, and deliveries
    /// have 64 random bits at the end of their ids.
    #[must_use]
    pub fn of_attempt(self, delivery: DeliveryId, now: Timestamp) -> Self {
        let span = delivery.random() ^ now.as_millis().cast_unsigned();
        Self {
            span: span.max(1),
            ..self
        }
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { trace, span, flags } = self;
        write!(f, "00-{trace:032x}-{span:016x}-{flags:02x}")
    }
}

/// The length of version 00, in bytes, and the least of every other.
const LENGTH: usize = 55;

/// Lower-case hexadecimal digits, and nothing else.
fn hex(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |number, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The specification's example.
    const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn what_is_read_is_written_as_it_was() {
        assert_eq!(TraceParent::parse(EXAMPLE).unwrap().to_string(), EXAMPLE);
    }

    #[test]
    fn what_a_later_version_adds_is_left_out() {
        let later = format!("cc{}-what-the-future-will-be-like", &EXAMPLE[2..]);
        let parent = TraceParent::parse(&later).unwrap();
        assert_eq!(parent.to_string(), EXAMPLE);
        assert_eq!(
            TraceParent::parse(&format!("cc{}", &EXAMPLE[2..])),
            Some(parent)
        );
    }

    #[test]
    fn what_can_not_be_understood_is_as_good_as_none() {
        for header in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 ",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.more",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",
            "00-4bf92f3577b34da6a3ce929d0e0e473ü-00f067aa0ba902b7-01",
            "0x-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(TraceParent::parse(header), None, "{header}");
        }
    }

    #[test]
    fn each_attempt_is_a_span_of_its_own_in_the_same_trace() {
        let parent = TraceParent::parse(EXAMPLE).unwrap();
        let at = Timestamp::from_millis;
        let delivery = |random| DeliveryId::new(at(0), random);
        let first = parent.of_attempt(delivery(7), at(1_000));
        let second = parent.of_attempt(delivery(7), at(6_000));
        let other = parent.of_attempt(delivery(8), at(1_000));
        let spans = [parent.span, first.span, second.span, other.span];
        for (place, span) in spans.iter().enumerate() {
            assert!(!spans[..place].contains(span));
        }
        assert_eq!((first.trace, first.flags), (parent.trace, parent.flags));
        // A span is never all zeros.
        assert_ne!(parent.of_attempt(delivery(1_000), at(1_000)).span, 0);
    }
}
