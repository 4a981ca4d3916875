//! Pauses in long work. The host runs an instance on one of its few threads and does not interrupt
//! it, so the instance's other futures, and other requests of that thread, wait until it awaits
//! something.

use std::{cell::Cell, time::Duration};

use crate::clock::{self, Moment};

/// The longest stretch of work without a pause.
const STRETCH: Duration = Duration::from_millis(2);
/// The length of a pause. The host does not switch for a shorter one.
pub const PAUSE: Duration = Duration::from_millis(1);

/// The pauses of long work, which several futures of an instance may do in turn.
pub struct Pauses {
    /// When work began after the last pause.
    resumed: Cell<Moment>,
    /// The end of the present pause.
    pause_until: Cell<Option<Moment>>,
}

impl Default for Pauses {
    fn default() -> Self {
        Self {
            resumed: Cell::new(Moment::now()),
            pause_until: Cell::new(None),
        }
    }
}

impl Pauses {
    /// Pauses when the last pause was long enough ago. Of several futures that wait for the end of a
    /// pause, the first works; the others wait for the next pause if that takes long.
    pub async fn pause_when_due(&self) {
        loop {
            let now = Moment::now();
            match self.pause_until.get() {
                None if now.since(self.resumed.get()) <= STRETCH => return,
                None => self.pause_until.set(Some(now.after(PAUSE))),
                Some(until) if now < until => {}
                Some(_) => {
                    self.pause_until.set(None);
                    self.resumed.set(now);
                    return;
                }
            }
            clock::sleep(PAUSE).await;
        }
    }
}
