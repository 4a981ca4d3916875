//! Pauses in long work, so that the host's other requests go on.
//!
//! Functions of this crate that may work for long take a function to await between two pieces of
//! work; whether it waits, and for how long, is the caller's decision.

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

/// The output of a future that never waits, such as one of a function that got [`never`].
///
/// # Panics
///
/// When the future waits.
pub fn without_waiting<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the future waits"),
    }
}

/// No pause.
pub async fn never() {}
