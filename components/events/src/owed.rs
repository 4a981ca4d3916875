//! Deliveries, as whoever posts an event is told of them.

use platform::ledger::PlannedDelivery;
use serde::Serialize;

/// A delivery that is to be sent.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Owed {
    id: String,
    trigger_id: String,
    action_id: String,
}

/// Those of the deliveries that are to be sent.
pub(crate) fn owed(deliveries: &[PlannedDelivery]) -> Vec<Owed> {
    let sent = deliveries.iter().filter(|delivery| delivery.skip.is_none());
    sent.map(|delivery| Owed {
        id: delivery.id.to_string(),
        trigger_id: delivery.trigger.to_string(),
        action_id: delivery.action.to_string(),
    })
    .collect()
}

impl From<(String, String, String)> for Owed {
    fn from((id, trigger_id, action_id): (String, String, String)) -> Self {
        Self {
            id,
            trigger_id,
            action_id,
        }
    }
}
