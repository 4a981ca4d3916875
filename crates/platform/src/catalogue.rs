//! The catalogue of this deployment: the built-in types, and its own ones, which the key-value store
//! holds under one key.
//!
//! What is about built-in types alone never reads that key: an event of one of them costs no more
//! than before there were others.

use std::collections::BTreeSet;

use domain::{
    catalogue::{Catalogue, CustomKey, EventTypeInput, MAX_TYPES, Origin, built_in},
    id::TriggerId,
    input::FieldError,
};
use serde::{Deserialize, Serialize};

use crate::{
    clock::{self, Moment},
    http::{Preconditions, Query},
    ledger::{self, Ledger, Subject},
    problem::Problem,
    store::{PATIENCE, StoreError, TriggerStore, WRITABLE},
};

/// Where the deployment's own types are. No account's key begins like this.
const KEY: &str = "event-types";

/// The most triggers that are named when they keep a type from being deleted.
const MAX_NAMED: usize = 20;

/// What is stored.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Document {
    /// Grows with every change, and never goes back: the revision of what was changed last.
    revision: u64,
    types: Catalogue,
}

/// The whole catalogue: one read.
///
/// # Errors
///
/// When the store fails.
pub fn load(store: &TriggerStore) -> Result<Catalogue, StoreError> {
    Ok(document(store)?.types)
}

/// The catalogue as far as these keys need it: one read, or none when all are built in.
///
/// # Errors
///
/// When the store fails.
pub fn covering<'k>(
    store: &TriggerStore,
    keys: impl IntoIterator<Item = &'k str>,
) -> Result<Catalogue, StoreError> {
    if keys.into_iter().all(|key| built_in(key).is_some()) {
        Ok(Catalogue::default())
    } else {
        load(store)
    }
}

/// The key of the type that a list's `type` parameter asks for.
///
/// # Errors
///
/// 400 when there is no such type, or when the store fails.
pub fn wanted<'q>(query: &'q Query<'_>) -> Result<Option<&'q str>, Problem> {
    let Some(key) = query.get("type") else {
        return Ok(None);
    };
    let catalogue = covering(&TriggerStore::open()?, [key])?;
    query.parse("type", |key| catalogue.named(key).map(drop))?;
    Ok(Some(key))
}

/// What became of a type that was put.
#[derive(Debug)]
pub struct Put {
    /// Whether there was none of its key before.
    pub created: bool,
    /// The catalogue that has it.
    pub catalogue: Catalogue,
}

/// Adds, changes or deletes a type of the deployment's own, when it is its turn.
pub struct EventTypes {
    store: TriggerStore,
    ledger: Ledger,
}

impl EventTypes {
    /// The types of the deployment.
    ///
    /// # Errors
    ///
    /// When a store can't be opened or a setting is malformed.
    pub fn open() -> Result<Self, Problem> {
        Ok(Self {
            store: TriggerStore::open()?,
            ledger: ledger::open()?,
        })
    }

    /// Adds a type, or puts it in the place of the one that is there. Events have it from now on; a
    /// type that is put as it is already stays as it is.
    ///
    /// # Errors
    ///
    /// 400 when the key can't be had, 409 when it is a built-in type's, 412 or 422, or when a store
    /// fails.
    pub async fn put(
        &self,
        key: &str,
        input: EventTypeInput,
        conditions: &Preconditions,
    ) -> Result<Put, Problem> {
        changeable(key)?;
        let key = CustomKey::parse(key).map_err(|error| Problem::bad_request(error.to_string()))?;
        self.change(|document| {
            let catalogue = &document.types;
            let before = catalogue.find(key.as_str());
            conditions.check_or_missing(before.map(|before| before.revision))?;
            let created = before.is_none();
            if created && catalogue.custom().len() >= MAX_TYPES {
                let detail = format!("a deployment has at most {MAX_TYPES} event types of its own");
                return Err(Problem::invalid(vec![FieldError::new("", detail)]));
            }
            let mut event_type = input.check(&key, catalogue)?;
            event_type.revision = before.map_or(0, |before| before.revision);
            if before != Some(&event_type) {
                document.revision += 1;
                event_type.revision = document.revision;
                document.types.put(event_type);
            }
            let catalogue = document.types.clone();
            Ok(Put { created, catalogue })
        })
        .await
    }

    /// Deletes a type that no trigger has and that has no members.
    ///
    /// # Errors
    ///
    /// 404, 412, or 409 that says what keeps it, or when a store fails.
    pub async fn delete(&self, key: &str, conditions: &Preconditions) -> Result<(), Problem> {
        changeable(key)?;
        self.change(|document| {
            let found = document.types.named(key);
            let found = found.map_err(|error| Problem::not_found(error.to_string()))?;
            conditions.check(found.revision)?;
            let members: Vec<_> = document
                .types
                .members_of(key)
                .map(|member| &*member.key)
                .collect();
            if !members.is_empty() {
                let members = members.join(", ");
                let detail = format!("{key} has members: {members}; delete or change them first");
                return Err(Problem::conflict(detail));
            }
            let unsettled = self.ledger.unsettled(clock::now())?;
            let triggers = self.store.triggers_of_type(key, &unsettled)?;
            if !triggers.is_empty() {
                return Err(in_use(key, &triggers));
            }
            document.types.remove(key);
            document.revision += 1;
            Ok(())
        })
        .await
    }

    /// Runs `change` on what is stored when it is its turn, and stores it where its revision grew.
    /// It is one value: there is nothing that could be left half done.
    async fn change<T>(
        &self,
        change: impl FnOnce(&mut Document) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let lease = ledger::lease(&self.ledger, &Subject::EventTypes, PATIENCE).await?;
        let changed = self.change_now(change);
        ledger::give_back(&self.ledger, &lease);
        changed
    }

    fn change_now<T>(
        &self,
        change: impl FnOnce(&mut Document) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let since = Moment::now();
        let mut document = document(&self.store)?;
        let revision = document.revision;
        let answer = change(&mut document)?;
        if document.revision > revision {
            if since.elapsed() > WRITABLE {
                return Err(StoreError::TooSlow.into());
            }
            let what = "the deployment's event types";
            self.store.write(KEY, what, &document)?;
        }
        Ok(answer)
    }
}

fn document(store: &TriggerStore) -> Result<Document, StoreError> {
    Ok(store.read(KEY)?.unwrap_or_default())
}

/// That the type of this key, if there is one, is the deployment's to change.
fn changeable(key: &str) -> Result<(), Problem> {
    match built_in(key).map(|found| found.origin) {
        Some(Origin::BuiltIn) => Err(Problem::conflict(format!(
            "{key} is built in: it can't be changed or deleted"
        ))),
        Some(Origin::Operator) => Err(Problem::conflict(format!(
            "{key} is for events of the service's own: it can't be changed or deleted"
        ))),
        Some(Origin::Custom) | None => Ok(()),
    }
}

/// That triggers keep a type from being deleted, and which.
fn in_use(key: &str, triggers: &BTreeSet<(String, TriggerId)>) -> Problem {
    let named = triggers.iter().take(MAX_NAMED);
    let named: Vec<_> = named
        .map(|(account, id)| format!("{id} of account {account}"))
        .collect();
    let more = match triggers.len() - named.len() {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    let count = match triggers.len() {
        1 => "1 trigger".to_owned(),
        count => format!("{count} triggers"),
    };
    let named = named.join(", ");
    Problem::conflict(format!(
        "{key} is the type of {count}; delete them or give them another type first: {named}{more}"
    ))
}
