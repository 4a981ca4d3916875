//! The trigger store: triggers and their actions in the key-value store.
//!
//! | key | value |
//! |---|---|
//! | `trigger:{account}:{trigger}` | the trigger with its actions: the truth |
//! | `index:{account}` | a line for each trigger, in the order of creation: what lists read |
//! | `match:{account}:{type}` | what matching needs of the type's triggers |
//! | `event-types` | the deployment's own event types, see [`catalogue`](crate::catalogue) |
//! | `signing-keys:{account}` | see [`signing_keys`](crate::signing_keys) |
//! | `resealing` | see [`resealing`](crate::resealing) |
//! | `api-keys`, `api-key…:{key}` | see [`api_keys`](crate::api_keys) |
//!
//! The store has no compare-and-swap and no writes of several keys. So writers of an account take
//! turns, under a lease in the ledger, and write the truth first, then what is derived from it. A
//! writer that dies in between leaves its lease to run out; whoever takes it over, the next writer
//! or the next run, derives the rest again.

mod batch;
mod read_once;

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use domain::{
    account::AccountId,
    catalogue::{Catalogue, EventType, UnknownType, built_in},
    id::TriggerId,
    input::FieldError,
    matching::MatchDocument,
    operator::{Announcement, Fact, is_operator},
    trigger::{NotSendable, Trigger},
};
use serde::{
    Deserialize, Serialize,
    de::{DeserializeOwned, Error as _},
};
use spin_sdk::key_value::Store;

pub use batch::{Batch, Change};
pub use read_once::ReadOnce;

use crate::{
    catalogue,
    clock::{self, Moment},
    ledger::{self, Lease, Ledger, Subject},
    operator,
    problem::Problem,
};

/// The largest value, in bytes: what the smallest of the backends holds.
const MAX_VALUE: usize = 400_000;

/// The triggers of all accounts.
pub struct TriggerStore {
    store: Store,
}

/// The store does not answer, or holds what was never written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store refused or can't be reached.
    #[error("the trigger store failed: {0}")]
    Store(#[from] spin_sdk::key_value::Error),
    /// A value can't be read.
    #[error("the trigger store's {key} can't be read: {error}")]
    Value {
        /// Its key.
        key: String,
        /// What is wrong with it.
        error: serde_json::Error,
    },
    /// The right to write was held for too long before it was used.
    #[error("the stores took too long")]
    TooSlow,
    /// A trigger would have a type that there is not.
    #[error(transparent)]
    UnknownType(#[from] UnknownType),
    /// A value would be larger than the store holds.
    #[error("{what} would take {size} bytes of storage; the most is {MAX_VALUE}")]
    TooLarge {
        /// What it is, in words.
        what: &'static str,
        /// How large it would be.
        size: usize,
    },
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Store(_) | StoreError::TooSlow => Self::unavailable(error),
            StoreError::Value { .. } => Self::internal(error),
            StoreError::UnknownType(_) => Self::invalid(vec![FieldError::new("/type", error)]),
            StoreError::TooLarge { .. } => Self::invalid(vec![FieldError::new("", error)]),
        }
    }
}

/// A trigger, as far as lists need it to tell which to show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexEntry {
    /// Its id.
    #[serde(rename = "i")]
    pub id: TriggerId,
    /// Its type's key.
    #[serde(rename = "t")]
    pub event_type: String,
    /// Its name.
    #[serde(rename = "n")]
    pub name: String,
    /// Whether it fires.
    #[serde(rename = "e")]
    pub enabled: bool,
}

impl IndexEntry {
    fn of(trigger: &Trigger) -> Self {
        Self {
            id: trigger.id,
            event_type: trigger.event_type.clone(),
            name: trigger.name.clone(),
            enabled: trigger.enabled,
        }
    }
}

fn trigger_key(account: &AccountId, id: TriggerId) -> String {
    format!("trigger:{account}:{id}")
}

fn index_key(account: &AccountId) -> String {
    format!("index:{account}")
}

fn match_key(account: &AccountId, event_type: &str) -> String {
    format!("match:{account}:{event_type}")
}

impl TriggerStore {
    /// Opens the store.
    ///
    /// # Errors
    ///
    /// When the store can't be opened.
    pub fn open() -> Result<Self, StoreError> {
        Ok(Self {
            store: Store::open_default()?,
        })
    }

    /// Whether the store answers.
    ///
    /// # Errors
    ///
    /// When it does not.
    pub fn reachable(&self) -> Result<(), StoreError> {
        // Any key will do: the question is whether there is an answer.
        self.store.exists("index:reachable")?;
        Ok(())
    }

    /// All keys, of everything.
    pub(crate) fn keys(&self) -> Result<Vec<String>, StoreError> {
        Ok(self.store.get_keys()?)
    }

    /// How many keys there are, of everything. Lists the whole store.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub fn count_keys(&self) -> Result<u64, StoreError> {
        Ok(self.keys()?.len() as u64)
    }

    /// A trigger with its actions.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub fn trigger(
        &self,
        account: &AccountId,
        id: TriggerId,
    ) -> Result<Option<Trigger>, StoreError> {
        self.read(&trigger_key(account, id))
    }

    /// A line for each of the account's triggers, in the order of creation.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub fn index(&self, account: &AccountId) -> Result<Vec<IndexEntry>, StoreError> {
        Ok(self.read(&index_key(account))?.unwrap_or_default())
    }

    /// What matching needs for an event of this type: its own document and its umbrella's. Two
    /// reads at most.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub fn match_documents(
        &self,
        account: &AccountId,
        event_type: &EventType,
    ) -> Result<Vec<MatchDocument>, StoreError> {
        let types = std::iter::once(&event_type.key).chain(&event_type.member_of);
        types
            .filter_map(|key| self.read(&match_key(account, key)).transpose())
            .collect()
    }

    /// Whether a trigger is small enough for the store.
    ///
    /// # Errors
    ///
    /// When it is not.
    pub fn fits(&self, trigger: &Trigger) -> Result<(), StoreError> {
        encode("the trigger with its actions", trigger).map(drop)
    }

    /// Derives everything of an account again from its triggers. Lists the whole store: for repair
    /// only.
    fn rebuild(&self, account: &AccountId) -> Written {
        let keys = self.store.get_keys()?;
        let mut triggers: BTreeMap<TriggerId, Trigger> = BTreeMap::new();
        for key in keys
            .iter()
            .filter(|key| key.starts_with(&format!("trigger:{account}:")))
        {
            let trigger: Option<Trigger> = self.read(key)?;
            triggers.extend(trigger.map(|trigger| (trigger.id, trigger)));
        }

        let mut documents: BTreeMap<String, MatchDocument> = keys
            .into_iter()
            .filter(|key| key.starts_with(&format!("match:{account}:")))
            .map(|key| (key, MatchDocument::default()))
            .collect();
        for trigger in triggers.values() {
            documents
                .entry(match_key(account, &trigger.event_type))
                .or_default()
                .put(trigger);
        }
        for (key, document) in &documents {
            if document.is_empty() {
                self.store.delete(key)?;
            } else {
                self.write(key, "matching for the triggers of this type", document)?;
            }
        }
        let index: Vec<_> = triggers.values().map(IndexEntry::of).collect();
        self.write(
            &index_key(account),
            "the list of the account's triggers",
            &index,
        )
    }

    /// The triggers of this type in all accounts. Those of accounts that are `unsettled` are looked
    /// for in the truth, because what is derived from it may be behind. Lists the whole store.
    pub(crate) fn triggers_of_type(
        &self,
        event_type: &str,
        unsettled: &[AccountId],
    ) -> Result<BTreeSet<(String, TriggerId)>, StoreError> {
        let mut found = BTreeSet::new();
        for key in self.store.get_keys()? {
            match key.split(':').collect::<Vec<_>>().as_slice() {
                ["match", account, of] if *of == event_type => {
                    let document: MatchDocument = self.read(&key)?.unwrap_or_default();
                    found.extend(document.triggers().map(|id| ((*account).to_owned(), id)));
                }
                ["trigger", account, _] if unsettled.iter().any(|a| a.as_str() == *account) => {
                    let trigger: Option<Trigger> = self.read(&key)?;
                    let of_type = trigger.filter(|trigger| trigger.event_type == event_type);
                    found.extend(of_type.map(|trigger| ((*account).to_owned(), trigger.id)));
                }
                _ => {}
            }
        }
        Ok(found)
    }

    pub(crate) fn read<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, StoreError> {
        let Some(value) = self.store.get(key)? else {
            return Ok(None);
        };
        // Checked to be text once, and not again for each string in it.
        let text = std::str::from_utf8(&value).map_err(serde_json::Error::custom);
        text.and_then(serde_json::from_str)
            .map(Some)
            .map_err(|error| StoreError::Value {
                key: key.to_owned(),
                error,
            })
    }

    pub(crate) fn write(&self, key: &str, what: &'static str, value: &impl Serialize) -> Written {
        Ok(self.store.set(key, &encode(what, value)?)?)
    }

    pub(crate) fn delete(&self, key: &str) -> Written {
        Ok(self.store.delete(key)?)
    }
}

type Written = Result<(), StoreError>;

fn encode(what: &'static str, value: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    let bytes = serde_json::to_vec(value).expect("what is stored has string keys");
    if bytes.len() > MAX_VALUE {
        return Err(StoreError::TooLarge {
            what,
            size: bytes.len(),
        });
    }
    Ok(bytes)
}

/// How long a caller waits for its turn to change an account's triggers: through the lease of one
/// that vanished.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// How far into its lease a caller may begin to write. The rest is for the writes themselves:
/// whoever takes a lease over can be sure that its holder writes no more.
pub(crate) const WRITABLE: Duration = Duration::from_secs(5);

/// A turn at changing an account's triggers, which one caller at a time has.
pub struct Turn<'a> {
    /// Where the triggers are.
    pub store: &'a TriggerStore,
    /// Where the leases are.
    pub ledger: &'a Ledger,
    /// The account.
    pub account: &'a AccountId,
    /// How long to wait for the turn.
    pub patience: Duration,
    /// The keys of the types that the change gives to triggers. Those that are custom stay in the
    /// catalogue until the change is done.
    pub types: &'a [&'a str],
}

/// The right to change an account's triggers.
pub struct Writer<'a> {
    store: &'a TriggerStore,
    ledger: &'a Ledger,
    account: &'a AccountId,
    since: Moment,
    torn: Cell<bool>,
    types: Catalogue,
}

impl Turn<'_> {
    /// Runs `change` when it is its turn. What a writer that vanished left half done is repaired
    /// first.
    ///
    /// # Errors
    ///
    /// What `change` answers, or a problem when others hold the turn for too long or a store fails.
    pub async fn take<T>(
        &self,
        change: impl FnOnce(&Writer<'_>) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let triggers = Subject::Triggers(self.account.clone());
        let triggers = ledger::lease(self.ledger, &triggers, self.patience).await?;
        let since = Moment::now();
        if triggers.inherited {
            self.store.rebuild(self.account)?;
            operator::settle(self.store, self.ledger, self.account)?;
        }
        let (types, catalogue) = match self.hold_types().await {
            Ok(held) => held,
            Err(problem) => {
                ledger::give_back(self.ledger, &triggers);
                return Err(problem);
            }
        };
        let writer = Writer {
            store: self.store,
            ledger: self.ledger,
            account: self.account,
            since,
            torn: Cell::new(false),
            types: catalogue,
        };
        let changed = change(&writer);
        // A torn account keeps its lease: it runs out, and whoever takes it over repairs. It keeps
        // the lease on the types, too: the triggers that have one can't be told before.
        if !writer.torn.get() {
            for lease in types.iter().chain([&triggers]) {
                ledger::give_back(self.ledger, lease);
            }
        }
        changed
    }

    /// The lease on the event types, where a trigger is to be given a custom one, and the types as
    /// they are meanwhile. Whoever deletes a type has the same lease, so that a trigger either gets
    /// its type before and keeps it from being deleted, or finds it gone.
    async fn hold_types(&self) -> Result<(Option<Lease>, Catalogue), Problem> {
        if self.types.iter().all(|key| built_in(key).is_some()) {
            return Ok((None, Catalogue::default()));
        }
        // Later than that there is no writing any more.
        let lease = ledger::lease(self.ledger, &Subject::EventTypes, WRITABLE).await?;
        match catalogue::load(self.store) {
            Ok(catalogue) => Ok((Some(lease), catalogue)),
            Err(error) => {
                ledger::give_back(self.ledger, &lease);
                Err(error.into())
            }
        }
    }
}

impl Writer<'_> {
    /// Writes a trigger; `before` is what it was, for one that is there already.
    ///
    /// # Errors
    ///
    /// When it is given a type that is not among the turn's or not in the catalogue any more, is
    /// too large for the store, or the store fails.
    pub fn put(&self, before: Option<&Trigger>, trigger: &Trigger) -> Result<(), StoreError> {
        let change = Change::Put { before, trigger };
        self.write(self.store.batch(self.account, &[change])?)?;
        if let Some(before) = before {
            self.cancel_removed(before, Some(trigger));
        }
        Ok(())
    }

    /// Cancels what is pending of the actions that a trigger had `before` and does not have any more.
    /// What can't be canceled now is when its turn comes.
    pub(crate) fn cancel_removed(&self, before: &Trigger, after: Option<&Trigger>) {
        let removed = before.actions.iter().map(|action| action.id);
        let removed: Vec<_> = removed
            .filter(|id| after.is_none_or(|after| after.action(*id).is_none()))
            .collect();
        if removed.is_empty() {
            return;
        }
        let why = match after {
            None => NotSendable::TriggerDeleted,
            Some(_) => NotSendable::ActionDeleted,
        };
        let canceled = self
            .ledger
            .cancel_pending(self.account, &removed, &why.to_string());
        if let Err(error) = canceled {
            let (account, trigger) = (self.account, before.id);
            eprintln!("warning account={account} trigger={trigger} is not canceled yet: {error}");
        }
    }

    /// Disables an action of a trigger on the service's own account, and has that told.
    ///
    /// What is to be told is noted before, and settled after by what the store says then. Whoever
    /// takes over from a writer that vanished settles it first, before anything can change again.
    ///
    /// # Errors
    ///
    /// When a store fails.
    pub fn disable(&self, before: &Trigger, disabled: &Announcement) -> Result<(), Problem> {
        let Announcement {
            action, at, fact, ..
        } = disabled;
        let (Some(action), Fact::ActionDisabled(disabling)) =
            (action.and_then(|id| before.action(id)), fact)
        else {
            return Ok(());
        };
        let mut action = action.clone();
        action.disable(&disabling.reason, *at);
        let trigger = before.with(&action, *at);
        if is_operator(&before.event_type) {
            return Ok(self.put(Some(before), &trigger)?);
        }
        self.in_time()?;
        self.ledger.intend(disabled)?;
        let written = self.put(Some(before), &trigger);
        let settled = operator::settle(self.store, self.ledger, self.account);
        if settled.is_err() {
            self.torn.set(true);
        }
        written?;
        settled
    }

    /// Deletes a trigger.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub fn remove(&self, trigger: &Trigger) -> Result<(), StoreError> {
        let change = Change::Remove(&IndexEntry::of(trigger));
        self.write(self.store.batch(self.account, &[change])?)?;
        self.cancel_removed(trigger, None);
        Ok(())
    }

    fn in_time(&self) -> Written {
        if self.since.elapsed() > WRITABLE {
            Err(StoreError::TooSlow)
        } else {
            Ok(())
        }
    }

    /// A write that the store refused halfway leaves what is derived behind the truth.
    fn repaired(&self, written: Written) -> Written {
        if matches!(&written, Err(StoreError::Store(_))) {
            let repaired = self.store.rebuild(self.account);
            self.torn.set(repaired.is_err());
        }
        written
    }
}

/// Repairs the accounts whose last writer vanished.
///
/// # Errors
///
/// When a store fails.
pub async fn repair_abandoned(store: &TriggerStore, ledger: &Ledger) -> Result<(), Problem> {
    for account in &ledger.abandoned(clock::now())? {
        let turn = Turn {
            store,
            ledger,
            account,
            patience: Duration::from_secs(1),
            types: &[],
        };
        turn.take(|_| Ok(())).await?;
    }
    Ok(())
}
