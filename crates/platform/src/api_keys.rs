//! The API keys that were made through the API: where they are kept, and how they are used.
//!
//! | key in the store | value |
//! |---|---|
//! | `api-key:{key}` | a key, without what would let anybody use it: the truth |
//! | `api-key-use:{key}` | when it was last used |
//! | `api-keys` | the ids of the keys that there may be: what the list reads |

use std::time::Duration;

use domain::{
    access::{ApiKey, ApiKeyInput, MAX_KEYS, Need},
    id::ApiKeyId,
    input::FieldError,
    rate_limit::RateLimit,
    sealing::{Sealed, Sealer},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::{
    clock, config, entropy,
    idempotency::Once,
    ledger::{self, Counted, Ledger, Subject},
    problem::Problem,
    store::{PATIENCE, TriggerStore},
};

/// Where the ids are. No account's key begins like this, nor do the others here.
const LIST: &str = "api-keys";

/// How exact it is told when a key was last used.
const USED: Duration = Duration::from_secs(10 * 60);

fn key_of(id: ApiKeyId) -> String {
    format!("api-key:{id}")
}

fn use_of(id: ApiKeyId) -> String {
    format!("api-key-use:{id}")
}

/// How a key was used.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Use {
    /// Within [`USED`].
    last_at: Option<Timestamp>,
}

/// A key with what is known of its use.
#[derive(Debug)]
pub struct Listed {
    /// The key.
    pub key: ApiKey,
    /// When it was last used, within ten minutes; nothing while it was not.
    pub last_used_at: Option<Timestamp>,
}

/// Lets pass what takes `need` and comes with this token, and notes that the key was used.
///
/// # Errors
///
/// 401 when the token is no key, 403 when the key may not do this, 429 when it was used too often, or
/// when the store fails.
pub(crate) fn admit(token: &str, need: Need<'_>) -> Result<(), Problem> {
    let id = ApiKey::id_of(token).ok_or_else(Problem::unauthorized)?;
    let now = clock::now();
    let store = TriggerStore::open()?;
    let key: Option<ApiKey> = store.read(&key_of(id))?;
    let key = key
        .filter(|key| key.admits(token, now))
        .ok_or_else(Problem::unauthorized)?;
    key.allow(need)
        .map_err(|denied| Problem::forbidden(denied.to_string()))?;
    if let Some(most) = key.requests_per_minute {
        count(&ledger::open()?, &RateLimit::of_key(key.id, most), now)?;
    }
    note_use(&store, &key, now)
}

/// Whether the key of this token may do what takes `need`. It does not count as a use.
///
/// # Errors
///
/// When the store fails.
pub(crate) fn allows(token: &str, need: Need<'_>) -> Result<bool, Problem> {
    let Some(id) = ApiKey::id_of(token) else {
        return Ok(false);
    };
    let key: Option<ApiKey> = TriggerStore::open()?.read(&key_of(id))?;
    Ok(key.is_some_and(|key| key.admits(token, clock::now()) && key.allow(need).is_ok()))
}

/// Counts one use.
///
/// # Errors
///
/// 429 when the limit is reached, or when the ledger fails.
pub(crate) fn count(ledger: &Ledger, limit: &RateLimit, now: Timestamp) -> Result<(), Problem> {
    match ledger.count_use(&limit.counter, limit.most, limit.window, now)? {
        Counted::Allowed => Ok(()),
        Counted::RefusedUntil(until) => {
            let seconds = until.since(now).as_millis().div_ceil(1_000).max(1);
            let seconds = u64::try_from(seconds).unwrap_or(u64::MAX);
            let detail = limit.refusal(seconds);
            Err(Problem::too_many_requests(detail, seconds))
        }
    }
}

/// Notes that a key is being used: a read, and a write now and then.
fn note_use(store: &TriggerStore, key: &ApiKey, now: Timestamp) -> Result<(), Problem> {
    let name = use_of(key.id);
    let noted: Use = store.read(&name)?.unwrap_or_default();
    if noted.last_at.is_none_or(|at| now.since(at) >= USED) {
        let noted = Use { last_at: Some(now) };
        store.write(&name, "what is known of an API key", &noted)?;
    }
    Ok(())
}

/// The key of this id; `None` when it was revoked or has expired.
///
/// # Errors
///
/// When the store fails.
pub(crate) fn live(
    store: &TriggerStore,
    id: ApiKeyId,
    now: Timestamp,
) -> Result<Option<ApiKey>, Problem> {
    let key: Option<ApiKey> = store.read(&key_of(id))?;
    Ok(key.filter(|key| key.is_live(now)))
}

/// The keys, the first first.
///
/// # Errors
///
/// When the store fails.
pub fn list() -> Result<Vec<Listed>, Problem> {
    let store = TriggerStore::open()?;
    let ids: Vec<ApiKeyId> = store.read(LIST)?.unwrap_or_default();
    // One that is not there is about to be made, or was left behind half made.
    let found = ids.into_iter().map(|id| listed(&store, id));
    found.filter_map(Result::transpose).collect()
}

/// A key.
///
/// # Errors
///
/// 404 when there is none of this id, or when the store fails.
pub fn find(id: &str) -> Result<Listed, Problem> {
    let found = match ApiKeyId::parse(id) {
        Ok(id) => listed(&TriggerStore::open()?, id)?,
        Err(_) => None,
    };
    found.ok_or_else(|| none(id))
}

fn listed(store: &TriggerStore, id: ApiKeyId) -> Result<Option<Listed>, Problem> {
    let Some(key) = store.read(&key_of(id))? else {
        return Ok(None);
    };
    let noted: Use = store.read(&use_of(id))?.unwrap_or_default();
    let last_used_at = noted.last_at;
    Ok(Some(Listed { key, last_used_at }))
}

fn none(id: &str) -> Problem {
    Problem::not_found(format!("there is no API key {id:?}"))
}

/// Creates a key. Returns it with its token, which only the same request under the same
/// idempotency key is answered with again.
///
/// # Errors
///
/// 409 or 422, also when there are too many, or when a store fails.
pub async fn create(input: ApiKeyInput, once: &Once<'_>) -> Result<(ApiKey, String), Problem> {
    let now = clock::now();
    let id = ApiKeyId::new(now, entropy::bits());
    let (key, token) = input.check(id, entropy::bytes(), now)?;
    let sealer = config::sealer()?;
    let sealed = sealer.seal(&owner(id), token.as_bytes(), entropy::bytes());
    // Retention takes it away with the idempotency key.
    let name = format!("{id} {}", sealed.to_token());
    change(|ledger, store, ids| {
        let find = |name: &str| created(store, &sealer, name);
        if let Some(earlier) = once.earlier(ledger, find)? {
            return Ok(earlier);
        }
        // Those that were made halfway are gone with the next change.
        let there = |id: &ApiKeyId| store.read::<ApiKey>(&key_of(*id));
        let mut kept = Vec::new();
        for id in ids {
            if there(&id)?.is_some() {
                kept.push(id);
            }
        }
        if kept.len() >= MAX_KEYS {
            let detail = format!("a deployment has at most {MAX_KEYS} API keys");
            return Err(Problem::invalid(vec![FieldError::new("", detail)]));
        }
        kept.push(id);
        once.create(ledger, &name, || {
            // In the list first: no key works that the list does not show.
            store.write(LIST, "the list of API keys", &kept)?;
            store.write(&key_of(id), "an API key", &key)?;
            Ok((key, token))
        })
    })
    .await
}

/// What a sealed token belongs to.
fn owner(id: ApiKeyId) -> String {
    format!("{id}/token")
}

/// The key that was created under this name, with its token.
fn created(
    store: &TriggerStore,
    sealer: &Sealer,
    name: &str,
) -> Result<Option<(ApiKey, String)>, Problem> {
    let named = name.split_once(' ').and_then(|(id, sealed)| {
        let id = ApiKeyId::parse(id).ok()?;
        Some((id, Sealed::from_token(sealed)?))
    });
    let Some((id, sealed)) = named else {
        return Ok(None);
    };
    let Some(key) = store.read(&key_of(id))? else {
        return Ok(None);
    };
    let token = sealer.open(&owner(id), &sealed).map_err(|error| {
        Problem::conflict(format!(
            "this request created {id}, whose token can't be shown again: {error}; revoke {id} and \
             create another key"
        ))
    })?;
    let token = String::from_utf8(token).map_err(Problem::internal)?;
    Ok(Some((key, token)))
}

/// Revokes a key: from now on it is none.
///
/// # Errors
///
/// 404 when there is none of this id, or when a store fails.
pub async fn revoke(id: &str) -> Result<(), Problem> {
    let found = find(id)?.key.id;
    change(|_, store, mut ids| {
        store.delete(&key_of(found))?;
        store.delete(&use_of(found))?;
        ids.retain(|id| *id != found);
        store.write(LIST, "the list of API keys", &ids)?;
        Ok(())
    })
    .await
}

/// Runs `change` on the store and the list when it is its turn.
async fn change<T>(
    change: impl FnOnce(&Ledger, &TriggerStore, Vec<ApiKeyId>) -> Result<T, Problem>,
) -> Result<T, Problem> {
    let ledger = ledger::open()?;
    let lease = ledger::lease(&ledger, &Subject::ApiKeys, PATIENCE).await?;
    let changed = TriggerStore::open()
        .map_err(Problem::from)
        .and_then(|store| {
            let ids = store.read(LIST)?.unwrap_or_default();
            change(&ledger, &store, ids)
        });
    ledger::give_back(&ledger, &lease);
    changed
}
