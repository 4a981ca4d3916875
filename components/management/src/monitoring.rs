//! The state of the service itself.

pub(crate) mod health;
pub(crate) mod metrics;
pub(crate) mod usage;
