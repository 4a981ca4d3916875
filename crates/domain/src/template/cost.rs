//! The cost of a render, and what stops it.

use std::cell::Cell;

/// Why an expression cannot be evaluated.
#[derive(Debug)]
pub(super) enum Fault {
    /// It does not fit the values.
    Wrong(String),
    /// The render has used up its steps.
    TooExpensive,
}

pub(super) fn wrong(detail: impl Into<String>) -> Fault {
    Fault::Wrong(detail.into())
}

/// Counts the steps of one render.
pub(super) struct Meter {
    left: Cell<u64>,
}

impl Meter {
    pub(super) fn new(steps: u64) -> Self {
        Self {
            left: Cell::new(steps),
        }
    }

    pub(super) fn left(&self) -> u64 {
        self.left.get()
    }

    /// Charges so many steps. Each takes about as long as evaluating a name.
    pub(super) fn charge(&self, steps: usize) -> Result<(), Fault> {
        let left = self.left.get().checked_sub(steps as u64);
        self.left.set(left.unwrap_or(0));
        left.map(|_| ()).ok_or(Fault::TooExpensive)
    }

    /// Charges for copying, comparing or searching so many bytes of text.
    pub(super) fn charge_text(&self, bytes: usize) -> Result<(), Fault> {
        self.charge(bytes / 64)
    }

    /// Charges for looking at each character of so many bytes of text.
    pub(super) fn charge_characters(&self, bytes: usize) -> Result<(), Fault> {
        self.charge(bytes / 16)
    }
}
