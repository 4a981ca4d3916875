//! The share of a run's time in which accounts render body templates.
//!
//! The attempts of a run share one thread, and only rendering holds it for long. So there are pauses
//! between renders, and an account renders for an eighth of the time at most. Ordinary templates
//! never come near that.

use std::{cell::RefCell, collections::HashMap, time::Duration};

use domain::account::AccountId;
use platform::{
    clock::{self, Moment},
    pauses::{PAUSE, Pauses},
};

/// The inverse of an account's share of the time.
const INVERSE_SHARE: u32 = 8;
/// Rendering time that an account may use at once.
const BURST: Duration = Duration::from_millis(10);
/// The longest wait for a turn, so that a run ends in time.
const LONGEST_WAIT: Duration = Duration::from_secs(3);

/// The rendering time of one run.
#[derive(Default)]
pub(crate) struct Rendering {
    pauses: Pauses,
    /// When the time that each account has used is paid for.
    paid: RefCell<HashMap<AccountId, Moment>>,
}

impl Rendering {
    /// Waits for the account's turn and renders.
    pub(crate) async fn render<T>(&self, account: &AccountId, render: impl FnOnce() -> T) -> T {
        let began = Moment::now();
        loop {
            self.pauses.pause_when_due().await;
            match self.wait(account) {
                Some(wait) if began.elapsed() < LONGEST_WAIT => clock::sleep(wait).await,
                _ => break,
            }
        }
        let started = Moment::now();
        let rendered = render();
        self.charge(account, started.elapsed());
        rendered
    }

    /// How long until the account may render again, unless it may now.
    fn wait(&self, account: &AccountId) -> Option<Duration> {
        let ahead = self.paid.borrow().get(account)?.since(Moment::now());
        let wait = ahead.saturating_sub(INVERSE_SHARE * BURST);
        // Others of the account wait, too, so it may not be this one's turn then.
        (!wait.is_zero()).then(|| wait.clamp(PAUSE, 50 * PAUSE))
    }

    fn charge(&self, account: &AccountId, time: Duration) {
        let now = Moment::now();
        let mut paid = self.paid.borrow_mut();
        let paid = paid.entry(account.clone()).or_insert(now);
        *paid = (*paid).max(now).after(INVERSE_SHARE * time);
    }
}
