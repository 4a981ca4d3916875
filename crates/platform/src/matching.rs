//! What events are owed to, by what their account has set up now.

use std::collections::BTreeMap;

use domain::{
    account::AccountId,
    catalogue::EventType,
    id::DeliveryId,
    input::FieldError,
    matching::{self, MatchError},
    time::Timestamp,
};
use serde_json::value::RawValue;

use crate::{entropy, ledger::PlannedDelivery, problem::Problem, store::TriggerStore};

/// The most deliveries that several events of one request may be owed to, all together. What one
/// statement writes holds up every other writer.
pub const MAX_TOGETHER: usize = 20_000;

impl From<MatchError> for Problem {
    fn from(error: MatchError) -> Self {
        match error {
            MatchError::TooMany => {
                let detail = format!(
                    "these events are owed to more than {MAX_TOGETHER} actions together; post \
                     fewer at once"
                );
                Self::invalid(vec![FieldError::new("", detail)])
            }
            MatchError::Unreadable { .. } => Self::internal(error),
        }
    }
}

/// The deliveries that each of an account's events, given by type and data, is owed to. Two reads
/// of the store at most for each type.
///
/// # Errors
///
/// When they are owed to more than `most` actions together, or the store fails.
pub fn owed_to(
    store: &TriggerStore,
    account: &AccountId,
    events: &[(&EventType, &RawValue)],
    mut most: usize,
    now: Timestamp,
) -> Result<Vec<Vec<PlannedDelivery>>, Problem> {
    let mut owed: Vec<Vec<PlannedDelivery>> = events.iter().map(|_| Vec::new()).collect();
    let mut of_types: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (place, (event_type, _)) in events.iter().enumerate() {
        of_types.entry(&event_type.key).or_default().push(place);
    }
    for places in of_types.values() {
        let (event_type, _) = events[places[0]];
        let documents = store.match_documents(account, event_type)?;
        let data: Vec<&RawValue> = places.iter().map(|place| events[*place].1).collect();
        let found = matching::matches(&documents, (account, &event_type.key), &data, most)?;
        for (place, found) in places.iter().zip(found) {
            most -= found.len();
            let planned = found.into_iter().map(|matched| PlannedDelivery {
                id: DeliveryId::new(now, entropy::bits()),
                trigger: matched.trigger,
                action: matched.action,
                skip: matched.skip,
            });
            owed[*place].extend(planned);
        }
    }
    Ok(owed)
}
