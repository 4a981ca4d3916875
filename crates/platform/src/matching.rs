//! What an event is owed to, by what its account has set up now.

use domain::{account::AccountId, catalogue::EventType, id::DeliveryId, matching, time::Timestamp};
use serde_json::value::RawValue;

use crate::{
    entropy,
    ledger::PlannedDelivery,
    store::{StoreError, TriggerStore},
};

/// The deliveries that an event of this account and type is owed to. Two reads of the store at most.
///
/// # Errors
///
/// When the store fails.
pub fn owed_to(
    store: &TriggerStore,
    (account, event_type): (&AccountId, &EventType),
    data: &RawValue,
    now: Timestamp,
) -> Result<Vec<PlannedDelivery>, StoreError> {
    let documents = store.match_documents(account, event_type)?;
    let found = matching::matches(&documents, account, &event_type.key, data);
    let planned = found.into_iter().map(|matched| PlannedDelivery {
        id: DeliveryId::new(now, entropy::bits()),
        trigger: matched.trigger,
        action: matched.action,
        skip: matched.skip,
    });
    Ok(planned.collect())
}
