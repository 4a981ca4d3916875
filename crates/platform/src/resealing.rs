//! Moves stored values under the newest key of `encryption_key`, so that the older ones can go.
//!
//! Runs go through the whole store in passes, a bounded part in each run. How far a pass got is in the
//! store under `resealing`. Resealing a value once more does no harm, so a run that dies halfway costs
//! nothing but its part. While the setting has several keys, passes go on, now and then: an instance
//! that was started before may still seal with an older one.

use std::time::Duration;

use api::wire::EncryptionUsage;
use domain::{account::AccountId, id::TriggerId, sealing::Sealer, time::Timestamp, trigger::Vault};
use serde::{Deserialize, Serialize};

use crate::{
    clock, entropy,
    ledger::Ledger,
    problem::Problem,
    signing_keys,
    store::{Change, StoreError, TriggerStore, Turn},
};

/// Where the progress is. No account's key is called so.
const PROGRESS: &str = "resealing";
/// How many stored values (a trigger with its actions, or an account's key pairs) a run looks at.
const STEP: usize = 200;
/// How long a run waits for its turn to change an account.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long after a whole pass the next one begins.
const PAUSE: Duration = Duration::from_secs(10 * 60);
/// How many stored values are read at most to say how many are left.
const MOST: usize = 10_000;

/// How far resealing got.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Progress {
    /// The ids of the keys of the setting. With others, everything is looked through anew.
    keys: Vec<String>,
    /// The key of the store up to which this pass got; empty while there is no pass.
    after: String,
    /// The sealed values before that which could not be moved.
    left: usize,
    /// The last whole pass.
    checked: Option<Checked>,
}

/// A whole pass that ended.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Checked {
    at: Timestamp,
    /// The sealed values that could not be moved.
    left: usize,
}

/// What is under older keys.
///
/// # Errors
///
/// When the store fails.
pub fn state(store: &TriggerStore, sealer: &Sealer) -> Result<EncryptionUsage, Problem> {
    let progress = Progress::read(store, sealer)?;
    let values_under_older_keys = match progress.checked {
        Some(checked) => checked.left,
        None => {
            let mut left = progress.left;
            for key in progress.rest(store)?.into_iter().take(MOST) {
                left += Place::of(&key).map_or(Ok(0), |place| place.older(store, sealer))?;
            }
            left
        }
    };
    Ok(EncryptionUsage {
        key: sealer.newest().to_owned(),
        values_under_older_keys,
        checked_at: progress.checked.map(|checked| checked.at),
    })
}

/// Goes on with the pass, or begins one, for a bounded part of the store. Where somebody else is
/// changing an account, the next run goes on from there.
///
/// # Errors
///
/// When a store fails.
pub async fn step(store: &TriggerStore, ledger: &Ledger, sealer: &Sealer) -> Result<(), Problem> {
    let now = clock::now();
    let mut progress = Progress::read(store, sealer)?;
    let is_over = progress.checked.is_some_and(|checked| {
        progress.after.is_empty() && (progress.keys.len() == 1 || now.since(checked.at) < PAUSE)
    });
    if is_over {
        return Ok(());
    }
    let mut rest = progress.rest(store)?;
    let is_last = rest.len() <= STEP;
    rest.truncate(STEP);
    let places: Vec<_> = rest.iter().filter_map(|key| Place::of(key)).collect();
    // An account's triggers stand together in the order of their keys.
    for of_account in places.chunk_by(Place::is_changed_with) {
        if let Err(problem) = reseal(of_account, store, ledger, sealer).await {
            eprintln!("warning resealing goes on with the next run: {problem:?}");
            progress.write(store)?;
            return Ok(());
        }
        for place in of_account {
            progress.left += place.older(store, sealer)?;
            progress.after = place.key.to_owned();
        }
    }
    if is_last {
        progress.checked = Some(Checked {
            at: now,
            left: progress.left,
        });
        progress.after.clear();
        progress.left = 0;
    }
    progress.write(store)?;
    Ok(())
}

impl Progress {
    /// The progress with the keys of the setting, of which there is none before the first run.
    fn read(store: &TriggerStore, sealer: &Sealer) -> Result<Self, StoreError> {
        let found: Option<Self> = store.read(PROGRESS)?;
        let keys = sealer.ids();
        let found = found.filter(|progress| progress.keys == keys);
        Ok(found.unwrap_or_else(|| Self {
            keys,
            ..Self::default()
        }))
    }

    fn write(&self, store: &TriggerStore) -> Result<(), StoreError> {
        store.write(PROGRESS, "how far resealing got", self)
    }

    /// The keys of the store that this pass has not come to. Lists the whole store.
    fn rest(&self, store: &TriggerStore) -> Result<Vec<String>, StoreError> {
        let mut keys = store.keys()?;
        keys.retain(|key| *key > self.after && Place::of(key).is_some());
        keys.sort_unstable();
        Ok(keys)
    }
}

/// Where sealed values are.
struct Place<'a> {
    key: &'a str,
    account: AccountId,
    what: What,
}

#[derive(Clone, Copy)]
enum What {
    Trigger(TriggerId),
    SigningKeys,
}

impl<'a> Place<'a> {
    /// What is under a key of the store, if there are sealed values.
    fn of(key: &'a str) -> Option<Self> {
        let (account, what) = match key.split(':').collect::<Vec<_>>().as_slice() {
            ["trigger", account, id] => (*account, What::Trigger(TriggerId::parse(id).ok()?)),
            ["signing-keys", account] => (*account, What::SigningKeys),
            _ => return None,
        };
        let account = AccountId::parse(account).ok()?;
        Some(Self { key, account, what })
    }

    /// Whether one turn changes both.
    fn is_changed_with(&self, other: &Self) -> bool {
        let triggers = |place: &Self| matches!(place.what, What::Trigger(_));
        self.account == other.account && triggers(self) && triggers(other)
    }

    /// How many of its sealed values are under older keys.
    fn older(&self, store: &TriggerStore, sealer: &Sealer) -> Result<usize, StoreError> {
        Ok(match self.what {
            What::Trigger(id) => store
                .trigger(&self.account, id)?
                .map_or(0, |trigger| trigger.under_older_keys(sealer)),
            What::SigningKeys => signing_keys::of(store, &self.account)?.under_older_keys(sealer),
        })
    }
}

/// Moves what can be moved of these places, which are changed in one turn.
async fn reseal(
    places: &[Place<'_>],
    store: &TriggerStore,
    ledger: &Ledger,
    sealer: &Sealer,
) -> Result<(), Problem> {
    let mut triggers = Vec::new();
    let Some(first) = places.first() else {
        return Ok(());
    };
    let vault = Vault {
        account: first.account.as_str(),
        sealer,
        nonce: &entropy::bytes,
    };
    for place in places {
        if place.older(store, sealer)? > 0 {
            match place.what {
                What::Trigger(id) => triggers.push(id),
                What::SigningKeys => {
                    signing_keys::reseal(&place.account, &vault, store, ledger, PATIENCE).await?;
                }
            }
        }
    }
    if triggers.is_empty() {
        return Ok(());
    }
    let turn = Turn {
        store,
        ledger,
        account: &first.account,
        patience: PATIENCE,
        types: &[],
    };
    turn.take(|writer| {
        let mut resealed = Vec::new();
        for id in triggers {
            // Read in this turn: it may have been changed or deleted since.
            if let Some(before) = store.trigger(&first.account, id)? {
                let mut after = before.clone();
                after.reseal(&vault);
                resealed.push((before, after));
            }
        }
        let changes: Vec<_> = resealed
            .iter()
            .map(|(before, trigger)| Change::Put {
                before: Some(before),
                trigger,
            })
            .collect();
        Ok(writer.write(store.batch(&first.account, &changes)?)?)
    })
    .await
}
