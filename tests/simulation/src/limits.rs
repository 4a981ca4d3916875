//! The product's limits that the model keeps to.
//!
//! What `domain` says is taken from there. The others are private to the component and the ledger,
//! whose crates a native program has no use for: they are repeated here, and a test holds them
//! against the source.

use std::time::Duration;

use domain::{delivery::RUN_BUDGET, trigger::MAX_TIMEOUT};

/// The most runners that claim at once.
pub const SLOTS: usize = 4;
/// The most requests in flight of one runner.
pub const IN_FLIGHT: usize = 64;
/// The most requests in flight of one runner and queue.
pub const IN_FLIGHT_PER_QUEUE: usize = 16;
/// How long a runner claims; then it finishes what is in flight and hands over.
pub const CLAIMING: Duration = Duration::from_secs(RUN_BUDGET.as_secs() - MAX_TIMEOUT as u64);
/// How long what is due may wait for more to come, where something was claimed just before.
pub const PACE: Duration = Duration::from_millis(10);
/// How long a runner with nothing to do looks for new deliveries before it leaves.
pub const LINGER: Duration = Duration::from_millis(100);
/// Retries due within this keep a runner waiting for them.
pub const SOON: Duration = Duration::from_secs(30);
/// How long a waiting runner sleeps at most.
pub const NAP: Duration = Duration::from_millis(500);
/// How often an open runner looks for new deliveries while it waits for something.
pub const GLANCE: Duration = Duration::from_millis(2);
/// As above, for one that has waited for long.
pub const SLOW_GLANCE: Duration = Duration::from_millis(20);
/// A claim looks at so many times what it has room for of what is due longest.
pub const WINDOW: usize = 4;
/// The most queues of which a claim looks at the first ones.
pub const STEPS: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    const RUNNER: &str = include_str!("../../../components/delivery/src/runner.rs");
    const RUNNERS: &str = include_str!("../../../crates/ledger/src/runners.rs");
    const DELIVERIES: &str = include_str!("../../../crates/ledger/src/deliveries.rs");

    #[test]
    fn the_limits_are_those_of_the_product() {
        let millis = |name, duration: Duration| {
            let seconds = duration.as_secs();
            if duration == Duration::from_secs(seconds) {
                return format!("const {name}: Duration = Duration::from_secs({seconds});");
            }
            let millis = duration.as_millis();
            format!("const {name}: Duration = Duration::from_millis({millis});")
        };
        for line in [
            format!("const IN_FLIGHT: usize = {IN_FLIGHT};"),
            format!("const IN_FLIGHT_PER_QUEUE: usize = {IN_FLIGHT_PER_QUEUE};"),
            "const CLAIMING: Duration = Duration::from_secs(BUDGET.as_secs() - MAX_TIMEOUT as u64);"
                .to_owned(),
            "const BUDGET: Duration = RUN_BUDGET;".to_owned(),
            millis("PACE", PACE),
            millis("LINGER", LINGER),
            millis("SOON", SOON),
            millis("NAP", NAP),
            millis("GLANCE", GLANCE),
            millis("SLOW_GLANCE", SLOW_GLANCE),
        ] {
            assert!(RUNNER.contains(&line), "{line}");
        }
        assert!(RUNNERS.contains(&format!("const SLOTS: usize = {SLOTS};")));
        for text in [
            format!("LIMIT {STEPS}\n"),
            format!("ORDER BY due_at LIMIT {WINDOW} * ?4)"),
            format!("LIMIT min(?5, 1 + {WINDOW} * ?4 / (SELECT count(*) FROM step))"),
        ] {
            assert!(DELIVERIES.contains(&text), "{text}");
        }
    }
}
