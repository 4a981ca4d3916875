//! All of an account's triggers at once: exported, imported, removed.

use std::collections::HashSet;

use domain::{
    id::TriggerId,
    input::FieldError,
    page::{self, Page},
    signing_keys::Scheme,
    time::Timestamp,
    transfer::{Destination, Document, Incoming, Lock, Outcome, PlanError, Planned, TriggerEntry},
    trigger::Trigger,
};

use super::{NO_KEY_PAIR, Triggers};
use crate::{
    catalogue, clock, config, entropy,
    problem::Problem,
    signing_keys,
    store::{Batch, Change},
};

/// How many bytes the triggers of one exported document take, and those of one trigger more: half
/// of what an import takes, so that a document may be written again in a longer way.
const EXPORTED: usize = 512 * 1024;

/// How many triggers go in one turn.
const REMOVED: usize = 200;

/// What an import does, not yet done.
struct Plan {
    /// Each trigger, with what it was.
    triggers: Vec<(Option<Trigger>, Planned)>,
    batch: Batch,
}

impl Triggers {
    /// A document of the triggers of a page, the oldest first: `page.limit` at most, and not more
    /// than an import takes. Their secrets are sealed with `lock`, or left out.
    ///
    /// # Errors
    ///
    /// When the store fails or a secret does not open.
    pub fn export(&self, page: &Page, lock: Option<&Lock>) -> Result<Document, Problem> {
        let now = clock::now();
        let after = page
            .after
            .as_deref()
            .and_then(|id| TriggerId::parse(id).ok());
        let mut index = self.store.index(&self.account)?;
        index.retain(|entry| after.is_none_or(|after| entry.id > after));
        index.sort_by_key(|entry| entry.id);

        let mut entries = Vec::new();
        let (mut bytes, mut last, mut more) = (0, None, false);
        for listed in index {
            // One that was deleted since the index was read is simply not there.
            let Some(trigger) = self.store.trigger(&self.account, listed.id)? else {
                continue;
            };
            let entry = TriggerEntry::of(&trigger, lock, &self.vault(), now)?;
            let size = serde_json::to_vec(&entry).map_err(Problem::internal)?.len();
            more = entries.len() == page.limit || !entries.is_empty() && bytes + size > EXPORTED;
            if more {
                break;
            }
            bytes += size;
            last = Some(listed.id);
            entries.push(entry);
        }
        let next = last.filter(|_| more);
        let next = next.map(|id| page::cursor(&id.to_string()));
        Ok(Document::new(now, lock, (entries, next), &self.vault()))
    }

    /// Makes the account's triggers what a document says they are, or only says what that would
    /// change. What is there already as it is to be is not written, so that an import that was
    /// cut short is completed by another one.
    ///
    /// # Errors
    ///
    /// 422 with everything that is wrong with the document, and nothing is written; or when a
    /// store fails.
    pub async fn import(
        &self,
        document: Document,
        lock: Option<&Lock>,
        dry_run: bool,
    ) -> Result<Vec<Planned>, Problem> {
        let now = clock::now();
        let types: Vec<_> = document.event_types().map(str::to_owned).collect();
        let types: Vec<_> = types.iter().map(String::as_str).collect();
        let destination = Destination {
            account: &self.account,
            catalogue: &catalogue::covering(&self.store, types.iter().copied())?,
            policy: &config::url_policy()?,
            now,
        };
        let incoming = document.check(&destination, lock)?;
        let plan = if dry_run {
            self.plan(incoming, now)?
        } else {
            self.write(&types, |writer| {
                let mut plan = self.plan(incoming, now)?;
                writer.write(std::mem::take(&mut plan.batch))?;
                for (before, planned) in &plan.triggers {
                    if let Some(before) = before {
                        writer.cancel_removed(before, Some(&planned.trigger));
                    }
                }
                Ok(plan)
            })
            .await?
        };
        Ok(plan
            .triggers
            .into_iter()
            .map(|(_, planned)| planned)
            .collect())
    }

    fn plan(&self, incoming: Vec<Incoming>, now: Timestamp) -> Result<Plan, Problem> {
        let limits = config::limits()?;
        let keys = signing_keys::of(&self.store, &self.account)?;
        let has_pair = keys.live(now).next().is_some();
        let mut ids = HashSet::new();
        let mut triggers = Vec::new();
        let mut errors = Vec::new();
        for incoming in incoming {
            let pointer = incoming.pointer.clone();
            let mut before = self.store.trigger(&self.account, incoming.document_id)?;
            let id = incoming.local_id(&self.account, before.is_some());
            if before.is_none() {
                before = self.store.trigger(&self.account, id)?;
            }
            if !ids.insert(id) {
                let detail = format!("stands for {id}, as another trigger of the document does");
                errors.push(FieldError::new(format!("{pointer}/id"), detail));
                continue;
            }
            match incoming.plan(id, before.as_ref(), &self.vault(), &entropy::bytes, now) {
                Ok(planned) => {
                    if planned.trigger.actions.len() > limits.actions {
                        let detail = format!("has more than {} actions", limits.actions);
                        errors.push(FieldError::new(pointer.clone(), detail));
                    }
                    let actions = planned.trigger.actions.iter().enumerate();
                    for (index, _) in
                        actions.filter(|(_, action)| !has_pair && action.signs_with(Scheme::V1a))
                    {
                        let pointer = format!("{pointer}/actions/{index}/signature_schemes");
                        errors.push(FieldError::new(pointer, NO_KEY_PAIR));
                    }
                    // With its place in the document, which the store cannot say.
                    if let Err(error) = self.store.fits(&planned.trigger) {
                        errors.push(FieldError::new(pointer, error));
                    }
                    triggers.push((before, planned));
                }
                Err(PlanError::Invalid(more)) => errors.extend(more),
                Err(PlanError::Open(error)) => return Err(error.into()),
            }
        }
        let of = |outcome| {
            let with = triggers.iter();
            with.filter(|(_, planned)| planned.summary.result == outcome)
                .count()
        };
        let present = self.store.index(&self.account)?.len();
        if present + of(Outcome::Created) > limits.triggers {
            let detail = format!(
                "has {} triggers that are not there yet; there are {present}, and an account has \
                 at most {}",
                of(Outcome::Created),
                limits.triggers
            );
            errors.push(FieldError::new("/document/triggers", detail));
        }
        if !errors.is_empty() {
            return Err(errors.into());
        }
        let changed = triggers
            .iter()
            .filter(|(_, planned)| planned.summary.result != Outcome::Unchanged);
        let changes: Vec<_> = changed
            .map(|(before, planned)| Change::Put {
                before: before.as_ref(),
                trigger: &planned.trigger,
            })
            .collect();
        let batch = if changes.is_empty() {
            Batch::default()
        } else {
            self.store.batch(&self.account, &changes)?
        };
        Ok(Plan { triggers, batch })
    }

    /// Deletes some of the account's triggers, a bounded number in one turn.
    ///
    /// # Returns
    ///
    /// How many were deleted, and how many are left.
    ///
    /// # Errors
    ///
    /// When a store fails.
    pub async fn remove_some(&self) -> Result<(usize, usize), Problem> {
        self.write(&[], |writer| {
            let index = self.store.index(&self.account)?;
            let removed = index.len().min(REMOVED);
            let changes: Vec<_> = index.iter().take(removed).map(Change::Remove).collect();
            writer.write(self.store.batch(&self.account, &changes)?)?;
            Ok((removed, index.len() - removed))
        })
        .await
    }
}
