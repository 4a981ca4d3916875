//! The key pairs of accounts, in the trigger store under `signing-keys:{account}`.

use std::time::Duration;

use domain::{
    account::AccountId,
    secret::RotationInput,
    signing_keys::{SigningKeys, StoredKey},
    trigger::Vault,
};

use crate::{
    clock, config, entropy,
    idempotency::Once,
    ledger::{self, Ledger, Subject},
    problem::Problem,
    store::{PATIENCE, StoreError, TriggerStore},
};

fn key_of(account: &AccountId) -> String {
    format!("signing-keys:{account}")
}

/// The pairs of an account: one read.
///
/// # Errors
///
/// When the store fails.
pub fn of(store: &TriggerStore, account: &AccountId) -> Result<SigningKeys, StoreError> {
    Ok(store.read(&key_of(account))?.unwrap_or_default())
}

/// Creates a new pair for an account, when it is its turn.
///
/// # Errors
///
/// 422 for what is wrong in `input`, 409 while too many older pairs sign or where what the request
/// created before is gone, or when a store fails or a setting is malformed.
pub async fn rotate(
    account: &AccountId,
    input: &RotationInput,
    once: &Once<'_>,
) -> Result<StoredKey, Problem> {
    let overlap = input.overlap().map_err(|error| vec![error])?;
    let sealer = config::sealer()?;
    let vault = Vault {
        account: account.as_str(),
        sealer: &sealer,
        nonce: &entropy::bytes,
    };
    let ledger = ledger::open()?;
    let lease = ledger::lease(&ledger, &Subject::SigningKeys, PATIENCE).await?;
    let rotated = || {
        let store = TriggerStore::open()?;
        let mut keys = of(&store, account)?;
        let now = clock::now();
        let find = |id: &str| Ok(keys.find(id, now).cloned());
        if let Some(earlier) = once.earlier(&ledger, find)? {
            return Ok(earlier);
        }
        let created = keys.rotate(entropy::bytes(), overlap, &vault, now)?.clone();
        once.create(&ledger, &created.id, || {
            Ok(store.write(&key_of(account), "an account's key pairs", &keys)?)
        })?;
        Ok(created)
    };
    let rotated: Result<_, Problem> = rotated();
    ledger::give_back(&ledger, &lease);
    rotated
}

/// Moves the pairs of the vault's account under its newest key, as far as they open.
///
/// # Errors
///
/// When it is not its turn for so long, or a store fails.
pub(crate) async fn reseal(
    account: &AccountId,
    vault: &Vault<'_>,
    store: &TriggerStore,
    ledger: &Ledger,
    patience: Duration,
) -> Result<(), Problem> {
    let lease = ledger::lease(ledger, &Subject::SigningKeys, patience).await?;
    let resealed = || {
        let mut keys = of(store, account)?;
        // Forgotten meanwhile: then there is nothing to write.
        if keys.under_older_keys(vault.sealer) > 0 {
            keys.reseal(vault);
            store.write(&key_of(account), "an account's key pairs", &keys)?;
        }
        Ok(())
    };
    let resealed: Result<_, StoreError> = resealed();
    ledger::give_back(ledger, &lease);
    Ok(resealed?)
}

/// Forgets the pairs of an account.
///
/// # Errors
///
/// When the store fails.
pub fn forget(store: &TriggerStore, account: &AccountId) -> Result<(), StoreError> {
    store.delete(&key_of(account))
}
