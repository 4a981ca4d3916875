//! An account's triggers: read and changed, by the same rules whoever asks, the API or the pages.

mod transfer;

use std::{collections::HashMap, time::Duration};

use api::wire::ActionHealth;
use domain::{
    account::AccountId,
    catalogue::{Catalogue, EventType},
    id::{ActionId, TriggerId},
    input::FieldError,
    merge_patch::Document,
    page::Page,
    sealing::Sealer,
    secret::SigningSecret,
    signing_keys::Scheme,
    trigger::{Action, ActionInput, PatchError, Secrets, Trigger, TriggerInput, Vault},
};

use crate::{
    catalogue, clock, config, entropy,
    http::Preconditions,
    idempotency::Once,
    ledger::{self, Ledger},
    problem::Problem,
    signing_keys,
    store::{self, IndexEntry, TriggerStore},
};

/// The triggers of one account.
pub struct Triggers {
    account: AccountId,
    store: TriggerStore,
    ledger: Ledger,
    sealer: Sealer,
}

/// Which triggers to list.
#[derive(Debug, Default)]
pub struct TriggerFilter<'a> {
    /// Of this type only.
    pub event_type: Option<&'a str>,
    /// Only those that fire, or only those that do not.
    pub enabled: Option<bool>,
    /// Whose name contains this, whatever its case.
    pub text: Option<&'a str>,
    /// One of these only.
    pub ids: Option<Vec<TriggerId>>,
}

impl Triggers {
    /// The triggers of this account.
    ///
    /// # Errors
    ///
    /// When a store can't be opened or a setting is malformed.
    pub fn of(account: AccountId) -> Result<Self, Problem> {
        Ok(Self {
            account,
            sealer: config::sealer()?,
            store: TriggerStore::open()?,
            ledger: ledger::open()?,
        })
    }

    /// The account.
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// The store of all accounts' triggers.
    pub fn store(&self) -> &TriggerStore {
        &self.store
    }

    /// The ledger of all accounts.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What seals and opens what is secret of the account's actions.
    pub fn vault(&self) -> Vault<'_> {
        Vault {
            account: self.account.as_str(),
            sealer: &self.sealer,
            nonce: &entropy::bytes,
        }
    }

    /// How these actions' attempts have gone. One that had none is missing.
    ///
    /// # Errors
    ///
    /// When the ledger fails.
    pub fn health<'a>(
        &self,
        actions: impl IntoIterator<Item = &'a Action>,
    ) -> Result<HashMap<ActionId, ActionHealth>, Problem> {
        let ids: Vec<_> = actions.into_iter().map(|action| action.id).collect();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        Ok(self.ledger.health(&self.account, &ids)?)
    }

    /// A page of the triggers that `filter` wants, the oldest first, and the cursor of the next
    /// page.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub fn list(
        &self,
        filter: &TriggerFilter<'_>,
        page: &Page,
    ) -> Result<(Vec<Trigger>, Option<String>), Problem> {
        let text = filter.text.map(str::to_lowercase);
        let after = page
            .after
            .as_deref()
            .and_then(|id| TriggerId::parse(id).ok());
        let wanted = |entry: &IndexEntry| {
            filter
                .event_type
                .is_none_or(|event_type| event_type == entry.event_type)
                && filter
                    .enabled
                    .is_none_or(|enabled| enabled == entry.enabled)
                && text
                    .as_ref()
                    .is_none_or(|text| entry.name.to_lowercase().contains(text))
                && filter
                    .ids
                    .as_ref()
                    .is_none_or(|ids| ids.contains(&entry.id))
                && after.is_none_or(|after| entry.id > after)
        };
        let index = self.store.index(&self.account)?;
        let mut entries: Vec<_> = index.into_iter().filter(wanted).collect();
        entries.sort_by_key(|entry| entry.id);
        let next = page.cut(&mut entries, |entry| entry.id);

        // One that was deleted since the index was read is simply not there.
        let triggers = entries
            .iter()
            .filter_map(|entry| self.store.trigger(&self.account, entry.id).transpose());
        Ok((triggers.collect::<Result<_, _>>()?, next))
    }

    /// The triggers that an event of this type may fire: those of its type and of its umbrella's.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub fn fired_by(&self, event_type: &EventType) -> Result<Vec<TriggerId>, Problem> {
        let fired = |entry: &IndexEntry| {
            entry.event_type == event_type.key
                || event_type.member_of.as_deref() == Some(&entry.event_type)
        };
        let index = self.store.index(&self.account)?.into_iter();
        Ok(index.filter(fired).map(|entry| entry.id).collect())
    }

    /// That there is a key pair, where an action `wants` to sign with one; `pointer` leads to it.
    fn can_sign(&self, wants: bool, pointer: &str) -> Result<(), Problem> {
        if wants
            && signing_keys::of(&self.store, &self.account)?
                .live(clock::now())
                .next()
                .is_none()
        {
            let pointer = format!("{pointer}/signature_schemes");
            return Err(Problem::invalid(vec![FieldError::new(
                pointer,
                NO_KEY_PAIR,
            )]));
        }
        Ok(())
    }

    /// The trigger with this id, if it is there.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub fn get(&self, id: TriggerId) -> Result<Option<Trigger>, Problem> {
        Ok(self.store.trigger(&self.account, id)?)
    }

    /// The trigger that a path names.
    ///
    /// # Errors
    ///
    /// 404 when the account has none of this id, or when the store fails.
    pub fn find(&self, segment: &str) -> Result<Trigger, Problem> {
        // What is no trigger id names no trigger.
        let found = match TriggerId::parse(segment) {
            Ok(id) => self.get(id)?,
            Err(_) => None,
        };
        found.ok_or_else(|| {
            Problem::not_found(format!("{} has no trigger {segment:?}", self.account))
        })
    }

    /// Creates a trigger, with its actions.
    ///
    /// # Errors
    ///
    /// 409 or 422, or when a store fails.
    pub async fn create(&self, input: TriggerInput, once: &Once<'_>) -> Result<Trigger, Problem> {
        let find = |id: &str| match TriggerId::parse(id) {
            Ok(id) => self.get(id),
            Err(_) => Ok(None),
        };
        if let Some(earlier) = once.earlier(&self.ledger, find)? {
            return Ok(earlier);
        }
        let catalogue = catalogue::covering(&self.store, input.event_type())?;
        let (settings, actions) = input.check(&catalogue, &config::url_policy()?)?;
        within_actions(actions.len())?;
        for (index, settings) in actions.iter().enumerate() {
            self.can_sign(
                settings.signs_with(Scheme::V1a),
                &format!("/actions/{index}"),
            )?;
        }
        let now = clock::now();
        let id = TriggerId::new(now, entropy::bits());
        let mut trigger = Trigger::new(id, settings, now);
        for settings in actions {
            let id = ActionId::new(now, entropy::bits());
            let secret = SigningSecret::new(entropy::bytes());
            let action = Action::new(id, settings, &secret, &self.vault(), now);
            trigger.actions.push(action);
        }
        self.write(&[&trigger.event_type], |writer| {
            if let Some(earlier) = once.earlier(&self.ledger, find)? {
                return Ok(earlier);
            }
            let most = config::limits()?.triggers;
            if self.store.index(&self.account)?.len() >= most {
                let detail = format!("an account has at most {most} triggers");
                return Err(Problem::invalid(vec![FieldError::new("", detail)]));
            }
            let name = trigger.id.to_string();
            once.create(&self.ledger, &name, || Ok(writer.put(None, &trigger)?))?;
            Ok(trigger.clone())
        })
        .await
    }

    /// Applies a JSON merge patch to a trigger.
    ///
    /// # Errors
    ///
    /// 404, 412 or 422, or when a store fails; the trigger is then unchanged.
    pub async fn change(
        &self,
        trigger: &str,
        patch: Document,
        conditions: &Preconditions,
    ) -> Result<Trigger, Problem> {
        let policy = config::url_policy()?;
        let wanted = patch.get("type").and_then(Document::text);
        self.rewrite(trigger, wanted, conditions, |trigger, catalogue| {
            trigger.patch(patch, catalogue, &policy, clock::now())
        })
        .await
    }

    /// Replaces the settings of a trigger; its actions stay.
    ///
    /// # Errors
    ///
    /// 404, 412 or 422, or when a store fails; the trigger is then unchanged.
    pub async fn replace(
        &self,
        trigger: &str,
        input: TriggerInput,
        conditions: &Preconditions,
    ) -> Result<Trigger, Problem> {
        let policy = config::url_policy()?;
        let wanted = input.event_type().map(str::to_owned);
        self.rewrite(trigger, wanted, conditions, |trigger, catalogue| {
            trigger.replace(input, catalogue, &policy, clock::now())
        })
        .await
    }

    /// Applies `change` to a trigger, whose type is then `event_type` if there is one.
    async fn rewrite(
        &self,
        trigger: &str,
        event_type: Option<String>,
        conditions: &Preconditions,
        change: impl FnOnce(&mut Trigger, &Catalogue) -> Result<(), Vec<FieldError>>,
    ) -> Result<Trigger, Problem> {
        let types: Vec<_> = event_type.as_deref().into_iter().collect();
        self.write(&types, |writer| {
            let before = self.find(trigger)?;
            conditions.check(before.revision)?;
            let mut trigger = before.clone();
            let keys = types.iter().copied().chain([before.event_type.as_str()]);
            let catalogue = catalogue::covering(&self.store, keys)?;
            change(&mut trigger, &catalogue)?;
            writer.put(Some(&before), &trigger)?;
            Ok(trigger)
        })
        .await
    }

    /// Deletes a trigger with its actions.
    ///
    /// # Errors
    ///
    /// 404 or 412, or when a store fails.
    pub async fn delete(&self, trigger: &str, conditions: &Preconditions) -> Result<(), Problem> {
        self.write(&[], |writer| {
            let trigger = self.find(trigger)?;
            conditions.check(trigger.revision)?;
            Ok(writer.remove(&trigger)?)
        })
        .await
    }

    /// Adds an action to a trigger.
    ///
    /// # Errors
    ///
    /// 404, 409 or 422, or when a store fails.
    pub async fn add_action(
        &self,
        trigger: &str,
        input: ActionInput,
        once: &Once<'_>,
    ) -> Result<Action, Problem> {
        let policy = config::url_policy()?;
        self.write(&[], |writer| {
            let before = self.find(trigger)?;
            let find = |id: &str| {
                let id = ActionId::parse(id).ok();
                Ok(id.and_then(|id| before.action(id)).cloned())
            };
            if let Some(earlier) = once.earlier(&self.ledger, find)? {
                return Ok(earlier);
            }
            let catalogue = catalogue::covering(&self.store, [before.event_type.as_str()])?;
            let settings = input.check(catalogue.find(&before.event_type), &policy)?;
            self.can_sign(settings.signs_with(Scheme::V1a), "")?;
            let now = clock::now();
            let id = ActionId::new(now, entropy::bits());
            let secret = SigningSecret::new(entropy::bytes());
            let action = Action::new(id, settings, &secret, &self.vault(), now);
            let mut trigger = before.clone();
            within_actions(trigger.actions.len() + 1)?;
            trigger.add(action.clone(), now)?;
            once.create(&self.ledger, &action.id.to_string(), || {
                Ok(writer.put(Some(&before), &trigger)?)
            })?;
            Ok(action)
        })
        .await
    }

    /// Applies a JSON merge patch to an action.
    ///
    /// # Errors
    ///
    /// 404, 412 or 422, or when a store fails; the action is then unchanged.
    pub async fn change_action(
        &self,
        place: (&str, &str),
        patch: Document,
        conditions: &Preconditions,
    ) -> Result<Action, Problem> {
        let policy = config::url_policy()?;
        self.rewrite_action(place, conditions, |action, event_type| {
            action.patch(patch, event_type, &policy, &self.vault(), clock::now())
        })
        .await
    }

    /// Replaces the settings of an action.
    ///
    /// # Errors
    ///
    /// 404, 412 or 422, or when a store fails; the action is then unchanged.
    pub async fn replace_action(
        &self,
        place: (&str, &str),
        input: ActionInput,
        conditions: &Preconditions,
    ) -> Result<Action, Problem> {
        let policy = config::url_policy()?;
        self.rewrite_action(place, conditions, |action, event_type| {
            action.replace(input, event_type, &policy, &self.vault(), clock::now())
        })
        .await
    }

    /// Applies `change` to an action of a trigger, and saves it.
    async fn rewrite_action(
        &self,
        (trigger, action): (&str, &str),
        conditions: &Preconditions,
        change: impl FnOnce(&mut Action, Option<&EventType>) -> Result<(), PatchError>,
    ) -> Result<Action, Problem> {
        self.write(&[], |writer| {
            let before = self.find(trigger)?;
            let mut action = find_action(&before, action)?.clone();
            conditions.check(action.revision)?;
            let catalogue = catalogue::covering(&self.store, [before.event_type.as_str()])?;
            let event_type = catalogue.find(&before.event_type);
            change(&mut action, event_type).map_err(|error| match error {
                PatchError::Invalid(errors) => Problem::invalid(errors),
                PatchError::Open(error) => error.into(),
            })?;
            self.can_sign(action.signs_with(Scheme::V1a), "")?;
            writer.put(Some(&before), &before.with(&action, action.updated_at))?;
            Ok(action)
        })
        .await
    }

    /// Deletes an action.
    ///
    /// # Errors
    ///
    /// 404 or 412, or when a store fails.
    pub async fn delete_action(
        &self,
        (trigger, action): (&str, &str),
        conditions: &Preconditions,
    ) -> Result<(), Problem> {
        self.write(&[], |writer| {
            let before = self.find(trigger)?;
            let action = find_action(&before, action)?;
            conditions.check(action.revision)?;
            Ok(writer.put(Some(&before), &before.without(action.id, clock::now()))?)
        })
        .await
    }

    /// Gives an action a new secret; the one before goes on signing for `overlap`.
    ///
    /// # Errors
    ///
    /// 404, 409 while too many older ones sign or where what the request created before is gone, 422,
    /// or when a store fails.
    pub async fn rotate_secret(
        &self,
        (trigger, action): (&str, &str),
        overlap: Duration,
        once: &Once<'_>,
    ) -> Result<Secrets, Problem> {
        self.write(&[], |writer| {
            let before = self.find(trigger)?;
            let mut action = find_action(&before, action)?.clone();
            let find = |name: &str| {
                let secrets = action.secrets(&self.vault())?;
                Ok(secrets.have(name).then_some(secrets))
            };
            if let Some(earlier) = once.earlier(&self.ledger, find)? {
                return Ok(earlier);
            }
            let now = clock::now();
            let secret = SigningSecret::new(entropy::bytes());
            action.rotate(&secret, overlap, &self.vault(), now)?;
            once.create(&self.ledger, &secret.fingerprint(), || {
                Ok(writer.put(Some(&before), &before.with(&action, now))?)
            })?;
            Ok(action.secrets(&self.vault())?)
        })
        .await
    }

    /// Changes the account's triggers, in turn; `types` are the keys of the types that the change
    /// gives to them.
    async fn write<T>(
        &self,
        types: &[&str],
        change: impl FnOnce(&store::Writer<'_>) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let turn = store::Turn {
            store: &self.store,
            ledger: &self.ledger,
            account: &self.account,
            patience: store::PATIENCE,
            types,
        };
        turn.take(change).await
    }
}

/// The action of a trigger that a path names.
///
/// # Errors
///
/// 404 when the trigger has none of this id.
pub fn find_action<'a>(trigger: &'a Trigger, segment: &str) -> Result<&'a Action, Problem> {
    ActionId::parse(segment)
        .ok()
        .and_then(|id| trigger.action(id))
        .ok_or_else(|| Problem::not_found(format!("{} has no action {segment:?}", trigger.id)))
}

/// Why an action can't sign with the account's key pair.
pub(crate) const NO_KEY_PAIR: &str =
    "has v1a, and the account has no key pair yet: POST …/signing-keys makes one";

/// That a trigger may have so many actions.
fn within_actions(count: usize) -> Result<(), Problem> {
    let most = config::limits()?.actions;
    if count > most {
        let detail = format!("a trigger has at most {most} actions");
        return Err(Problem::invalid(vec![FieldError::new("/actions", detail)]));
    }
    Ok(())
}
