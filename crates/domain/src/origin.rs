//! What is known of how an event came about, beside what it says.

use crate::{
    hops::{self, Hops, Stopped},
    trace::{self, TraceParent},
};

/// How an event came about: what goes on to the receivers of its webhooks, in headers.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// How many webhooks led to it.
    pub hops: Hops,
    /// Where in which trace of its producer's it happened.
    pub trace: Option<TraceParent>,
}

impl Origin {
    /// What the headers of the request tell that the event came in.
    ///
    /// # Errors
    ///
    /// When too many webhooks led to it, or it does not say how many in a number.
    pub fn of_event<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Result<Self, Stopped> {
        Ok(Self {
            hops: Hops::of_event(header(hops::HEADER))?,
            trace: header(trace::HEADER).and_then(TraceParent::parse),
        })
    }
}
