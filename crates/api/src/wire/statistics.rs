use domain::{
    id::{ActionId, TriggerId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// An account's events and deliveries in a range of time.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
pub struct Statistics {
    /// Where the range begins.
    pub since: Timestamp,
    /// The first moment after it.
    pub until: Timestamp,
    /// The events.
    pub events: u64,
    /// The deliveries created then, by where they stand now.
    pub deliveries: StatusCounts,
    /// The attempts of those deliveries.
    pub attempts: AttemptCounts,
    /// The deliveries that are overdue now, whenever they were created.
    pub backlog: Backlog,
    /// The range step by step.
    pub series: Vec<Piece>,
    /// The triggers of `trigger_ids`, in that order.
    pub triggers: Vec<TriggerCounts>,
    /// The actions that are failing now, the longest first.
    pub failing_actions: Vec<FailingAction>,
    /// Whether there was more than was counted: then the numbers are too small.
    pub truncated: bool,
}

/// Deliveries by status.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema), schemars(inline))]
pub struct StatusCounts {
    /// Those that wait for an attempt.
    pub pending: u64,
    /// Those with an attempt under way.
    pub delivering: u64,
    /// Those that arrived.
    pub succeeded: u64,
    /// Those that were given up.
    pub failed: u64,
    /// Those that were canceled before they were sent.
    pub canceled: u64,
    /// Those that were not to be sent.
    pub skipped: u64,
}

/// Attempts, and how long they took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema), schemars(inline))]
pub struct AttemptCounts {
    /// How many.
    pub count: u64,
    /// How many of them failed.
    pub failed: u64,
    /// The median response time in milliseconds; null where there was no attempt.
    pub p50_ms: Option<u64>,
    /// The response time that 99 % stay under, in milliseconds.
    pub p99_ms: Option<u64>,
}

/// Overdue deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema), schemars(inline))]
pub struct Backlog {
    /// Deliveries that are due and wait for a dispatcher.
    pub due: u64,
    /// Since when the oldest of them waits.
    pub oldest_due_at: Option<Timestamp>,
}

/// A step of the range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema), schemars(inline))]
pub struct Piece {
    /// When the step begins.
    pub at: Timestamp,
    /// The events.
    pub events: u64,
    /// The deliveries created then that have succeeded by now.
    pub succeeded: u64,
    /// Those that have failed by now.
    pub failed: u64,
}

/// The deliveries of a trigger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema), schemars(inline))]
pub struct TriggerCounts {
    /// The trigger's id. It may not exist any more.
    pub trigger_id: TriggerId,
    /// How many deliveries.
    pub deliveries: u64,
    /// Those that were given up or wait for one more attempt.
    pub failed: u64,
}

/// An action whose attempts fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema), schemars(inline))]
pub struct FailingAction {
    /// The trigger of its last delivery.
    pub trigger_id: TriggerId,
    /// The action's id.
    pub action_id: ActionId,
    /// When the first attempt failed since the last success.
    pub failing_since: Timestamp,
    /// How many attempts have failed since.
    pub consecutive_failures: u64,
}
