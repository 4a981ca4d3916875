//! What events are owed to, by what their account has set up now.

use std::collections::{HashMap, hash_map::Entry};

use domain::{
    account::AccountId,
    catalogue::EventType,
    id::DeliveryId,
    matching::{self, MatchDocument},
    time::Timestamp,
};
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
    Matcher::new(store, account, now).owed_to(event_type, data)
}

/// Matches several events of one account, and reads what it needs of the store once for each type.
pub struct Matcher<'a> {
    store: &'a TriggerStore,
    account: &'a AccountId,
    /// When they came.
    pub now: Timestamp,
    documents: HashMap<&'a str, Vec<MatchDocument>>,
}

impl<'a> Matcher<'a> {
    /// For events of this account that came now.
    pub fn new(store: &'a TriggerStore, account: &'a AccountId, now: Timestamp) -> Self {
        Self {
            store,
            account,
            now,
            documents: HashMap::new(),
        }
    }

    /// The deliveries that an event is owed to.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub fn owed_to(
        &mut self,
        event_type: &'a EventType,
        data: &RawValue,
    ) -> Result<Vec<PlannedDelivery>, StoreError> {
        let documents = match self.documents.entry(&event_type.key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                unknown.insert(self.store.match_documents(self.account, event_type)?)
            }
        };
        let found = matching::matches(documents, self.account, &event_type.key, data);
        let planned = found.into_iter().map(|matched| PlannedDelivery {
            id: DeliveryId::new(self.now, entropy::bits()),
            trigger: matched.trigger,
            action: matched.action,
            skip: matched.skip,
        });
        Ok(planned.collect())
    }
}
