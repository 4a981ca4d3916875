//! A model of deliveries: how many wait and how late they are when receivers go down, for ten
//! accounts or ten thousand. `cargo xtask simulate` builds and runs it, and `docs/capacity.md` says
//! what it assumes, what it leaves out and what comes of it.
//!
//! ```text
//! World ──events──▶ Backlog ──claims──▶ runners ──attempts──▶ World ──outcomes──▶ domain::settle
//!                      ▲                                                             │
//!                      └───────────────────────── retries ───────────────────────────┘
//! ```
//!
//! Time is simulated, in microseconds, and goes from one thing that happens to the next. What is
//! random comes from the seed. Whether an attempt is a success and when it is repeated is decided
//! by the product's own code; which deliveries a claim takes is the statement of the ledger, told
//! again in [`backlog`]; when runners come and go is the delivery component, told again in
//! [`model`].

pub mod backlog;
pub mod histogram;
pub mod limits;
pub mod micros;
pub mod model;
pub mod plot;
pub mod random;
pub mod report;
pub mod world;

use serde::Serialize;

use world::Scenario;

/// What a run of the model is of.
#[derive(Debug, Clone, Serialize)]
pub struct Parameters {
    /// How many accounts there are.
    pub accounts: usize,
    /// How many events an account posts in an hour, on average over accounts and hours.
    pub events_per_account_hour: f64,
    /// What goes wrong.
    pub scenario: Scenario,
    /// How much more than the mean is posted in the busiest hour, at noon, and less in the quietest,
    /// at midnight: a share of the mean, below 1.
    pub day_swing: f64,
    /// How many attempts fail at a receiver that is up, for no reason that lasts: a share of all.
    pub failing_share: f64,
    /// How many attempts the machine makes in a second at most.
    pub capacity: f64,
    /// What determines everything random.
    pub seed: u64,
    /// How many hours are simulated.
    pub hours: u64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            accounts: 1_000,
            events_per_account_hour: 20.0,
            day_swing: 0.6,
            failing_share: 0.005,
            scenario: Scenario::None,
            // What the benchmark holds a drain against.
            capacity: 700.0,
            seed: 1,
            hours: 48,
        }
    }
}
