//! Triggers that a piece of work looks at again and again.

use std::collections::{HashMap, hash_map::Entry};

use domain::{account::AccountId, id::TriggerId, trigger::Trigger};

use super::{StoreError, TriggerStore};

/// Triggers, each of which is read once, as it was then. It is for one piece of work: what an account
/// changes holds from the next on.
pub struct ReadOnce<'s> {
    store: &'s TriggerStore,
    triggers: HashMap<(AccountId, TriggerId), Option<Trigger>>,
}

impl<'s> ReadOnce<'s> {
    /// No trigger is read yet.
    pub fn new(store: &'s TriggerStore) -> Self {
        Self {
            store,
            triggers: HashMap::new(),
        }
    }

    /// A trigger of an account.
    ///
    /// # Errors
    ///
    /// When the store fails. The trigger is read again then.
    pub fn trigger(
        &mut self,
        account: &AccountId,
        id: TriggerId,
    ) -> Result<Option<&Trigger>, StoreError> {
        let trigger = match self.triggers.entry((account.clone(), id)) {
            Entry::Occupied(read) => read.into_mut(),
            Entry::Vacant(unread) => unread.insert(self.store.trigger(account, id)?),
        };
        Ok(trigger.as_ref())
    }
}
