//! Turns at rendering body templates.
//!
//! The attempts of a run share one thread, and rendering is the only work of theirs that can hold it
//! for longer. So renders make pauses in which all other attempts go on, and an account renders for
//! a quarter of the time at most while attempts of others are in flight.

use std::{cell::RefCell, collections::HashMap, time::Duration};

use domain::account::AccountId;
use platform::clock::{self, Moment};

/// After an account has rendered, others have so many times as long.
const OTHERS: u32 = 3;
/// How long is rendered without a pause.
const STRETCH: Duration = Duration::from_millis(2);
/// A pause: enough to look at what the host has for the attempts that wait for it.
const PAUSE: Duration = Duration::from_millis(1);
/// The longest wait for a turn, so that a run ends in time.
const LONGEST_WAIT: Duration = Duration::from_secs(3);

/// The turns of one run.
pub(crate) struct Rendering(RefCell<State>);

struct State {
    accounts: HashMap<AccountId, Share>,
    /// For how long has been rendered since the last pause.
    stretch: Duration,
    pause_until: Moment,
}

struct Share {
    in_flight: usize,
    /// When the account may render again while others wait.
    next_turn: Moment,
}

impl Rendering {
    pub(crate) fn new() -> Self {
        Self(RefCell::new(State {
            accounts: HashMap::new(),
            stretch: Duration::ZERO,
            pause_until: Moment::now(),
        }))
    }

    /// An attempt begins, and lasts until this is dropped.
    pub(crate) fn attempt<'r>(&'r self, account: &'r AccountId) -> Attempt<'r> {
        let mut state = self.0.borrow_mut();
        let share = state.accounts.entry(account.clone());
        let share = share.or_insert_with(|| Share {
            in_flight: 0,
            next_turn: Moment::now(),
        });
        share.in_flight += 1;
        Attempt {
            rendering: self,
            account,
        }
    }
}

/// An attempt of an account.
pub(crate) struct Attempt<'r> {
    rendering: &'r Rendering,
    account: &'r AccountId,
}

impl Attempt<'_> {
    /// Waits for the account's turn and renders.
    pub(crate) async fn render<T>(&self, render: impl FnOnce() -> T) -> T {
        let began = Moment::now();
        while let Some(wait) = self.wait(began) {
            clock::sleep(wait).await;
        }
        let started = Moment::now();
        let rendered = render();
        self.took(started.elapsed());
        rendered
    }

    /// How long to wait until it may be the account's turn; nothing when it is.
    fn wait(&self, began: Moment) -> Option<Duration> {
        let now = Moment::now();
        let state = self.rendering.0.borrow();
        let pause = state.pause_until.since(now);
        if !pause.is_zero() {
            return Some(pause.max(PAUSE));
        }
        let share = state.accounts.get(self.account)?;
        let wait = share.next_turn.since(now);
        let is_waiting = !wait.is_zero() && state.has_others(self.account);
        (is_waiting && now.since(began) < LONGEST_WAIT).then(|| wait.clamp(PAUSE, 50 * PAUSE))
    }

    fn took(&self, time: Duration) {
        let now = Moment::now();
        let mut state = self.rendering.0.borrow_mut();
        state.stretch += time;
        if state.stretch >= STRETCH {
            state.stretch = Duration::ZERO;
            state.pause_until = now.after(PAUSE);
        }
        if state.has_others(self.account)
            && let Some(share) = state.accounts.get_mut(self.account)
        {
            share.next_turn = share.next_turn.max(now).after(OTHERS * time);
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let mut state = self.rendering.0.borrow_mut();
        if let Some(share) = state.accounts.get_mut(self.account) {
            share.in_flight -= 1;
        }
    }
}

impl State {
    /// Whether attempts of other accounts are in flight.
    fn has_others(&self, account: &AccountId) -> bool {
        let mut accounts = self.accounts.iter();
        accounts.any(|(other, share)| other != account && share.in_flight > 0)
    }
}
