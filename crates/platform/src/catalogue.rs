//! The catalogue of this deployment: the built-in types, and its own ones, which the key-value store
//! holds under one key.
//!
//! What is about built-in types alone never reads that key: an event of one of them costs no more
//! than before there were others.

use domain::catalogue::{Catalogue, built_in};

use crate::{
    http::Query,
    problem::Problem,
    store::{StoreError, TriggerStore},
};

/// Where the deployment's own types are. No account's key begins like this.
const KEY: &str = "event-types";

/// The whole catalogue: one read.
///
/// # Errors
///
/// When the store fails.
pub fn load(store: &TriggerStore) -> Result<Catalogue, StoreError> {
    Ok(Catalogue::with(store.read(KEY)?.unwrap_or_default()))
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
