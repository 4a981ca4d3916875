//! Changes of triggers, written together: what is derived from them is written once.

use std::collections::{BTreeMap, BTreeSet};

use domain::{account::AccountId, matching::MatchDocument, trigger::Trigger};

use super::{
    IndexEntry, StoreError, TriggerStore, Writer, Written, encode, index_key, match_key,
    trigger_key,
};

/// A change of one trigger.
pub enum Change<'a> {
    /// It is to be so; `before` is what it was, for one that is there already.
    Put {
        /// What it was.
        before: Option<&'a Trigger>,
        /// What it is to be.
        trigger: &'a Trigger,
    },
    /// It is to be gone.
    Remove(&'a IndexEntry),
}

/// Changes that were worked out and found to be small enough for the store, and not yet written.
#[derive(Default)]
pub struct Batch {
    /// Keys and values in the order in which they are written, the truths first; a key without a
    /// value is deleted.
    writes: Vec<(String, Option<Vec<u8>>)>,
    /// The keys of the types that triggers are given.
    types: BTreeSet<String>,
}

impl TriggerStore {
    /// Works out what these changes of an account's triggers write. Nothing is written.
    ///
    /// # Errors
    ///
    /// When something would be too large for the store, or the store fails.
    pub fn batch(&self, account: &AccountId, changes: &[Change<'_>]) -> Result<Batch, StoreError> {
        let mut batch = Batch::default();
        let listed = self.index(account)?;
        let mut index = listed.clone();
        let mut documents = Documents {
            store: self,
            account,
            of_types: BTreeMap::new(),
        };
        for change in changes {
            match change {
                Change::Put { before, trigger } => {
                    let key = trigger_key(account, trigger.id);
                    let truth = encode("the trigger with its actions", trigger)?;
                    batch.writes.push((key, Some(truth)));
                    if before.is_none_or(|before| before.event_type != trigger.event_type) {
                        batch.types.insert(trigger.event_type.clone());
                    }
                    let entry = IndexEntry::of(trigger);
                    match index.iter_mut().find(|present| present.id == trigger.id) {
                        Some(present) => *present = entry,
                        None => index.push(entry),
                    }
                    documents.of_type(&trigger.event_type)?.put(trigger);
                    if let Some(before) =
                        before.filter(|before| before.event_type != trigger.event_type)
                    {
                        documents.of_type(&before.event_type)?.remove(before.id);
                    }
                }
                Change::Remove(entry) => {
                    batch.writes.push((trigger_key(account, entry.id), None));
                    index.retain(|present| present.id != entry.id);
                    documents.of_type(&entry.event_type)?.remove(entry.id);
                }
            }
        }
        // Where triggers come to before where they leave: an event of that moment fires one that
        // moves between a type and its umbrella twice rather than not at all.
        let documents = documents.of_types.into_iter();
        let (come, leave): (Vec<_>, Vec<_>) =
            documents.partition(|(event_type, _)| batch.types.contains(event_type));
        for (event_type, document) in come.into_iter().chain(leave) {
            let document = if document.is_empty() {
                None
            } else {
                let what = "matching for the triggers of this type";
                Some(encode(what, &document)?)
            };
            batch
                .writes
                .push((match_key(account, &event_type), document));
        }
        if index != listed {
            let index = if index.is_empty() {
                None
            } else {
                Some(encode("the list of the account's triggers", &index)?)
            };
            batch.writes.push((index_key(account), index));
        }
        Ok(batch)
    }

    fn write_batch(&self, batch: Batch) -> Written {
        for (key, value) in batch.writes {
            match value {
                Some(value) => self.store.set(&key, &value)?,
                None => self.store.delete(&key)?,
            }
        }
        Ok(())
    }
}

/// The match documents that a batch changes, each read once.
struct Documents<'a> {
    store: &'a TriggerStore,
    account: &'a AccountId,
    of_types: BTreeMap<String, MatchDocument>,
}

impl Documents<'_> {
    fn of_type(&mut self, event_type: &str) -> Result<&mut MatchDocument, StoreError> {
        if !self.of_types.contains_key(event_type) {
            let key = match_key(self.account, event_type);
            let document = self.store.read(&key)?.unwrap_or_default();
            self.of_types.insert(event_type.to_owned(), document);
        }
        Ok(self.of_types.entry(event_type.to_owned()).or_default())
    }
}

impl Writer<'_> {
    /// Writes a batch of this account's that was worked out in this turn.
    ///
    /// # Errors
    ///
    /// When a trigger is given a type that is not among the turn's or not in the catalogue any
    /// more, or the store fails.
    pub fn write(&self, batch: Batch) -> Result<(), StoreError> {
        for key in &batch.types {
            self.types.named(key)?;
        }
        self.in_time()?;
        self.repaired(self.store.write_batch(batch))
    }
}
