//! Waiting for the host inside the SDK's executor.

use std::{future::poll_fn, task::Poll};

use spin_executor::{CancelOnDropToken, push_waker_and_get_token};
use wasi::io::poll::Pollable;

/// Waits until `check` gives something; `subscribe` gives what to wait on between two checks.
///
/// The condition itself is asked each time, since the executor may poll a future whose pollable is
/// not ready. What was subscribed is dropped before the future ends or is dropped: the host traps
/// when a resource goes before its pollables.
pub(crate) async fn until<T>(
    mut check: impl FnMut() -> Option<T>,
    mut subscribe: impl FnMut() -> Pollable,
) -> T {
    let mut subscription: Option<CancelOnDropToken> = None;
    poll_fn(move |context| {
        drop(subscription.take());
        if let Some(value) = check() {
            return Poll::Ready(value);
        }
        let token = push_waker_and_get_token(subscribe(), context.waker().clone());
        subscription = Some(token.into());
        Poll::Pending
    })
    .await
}
