//! Which actions an event is owed to.
//!
//! What matching needs of an account's triggers is compiled into one document per event type, so
//! that an event reads at most two of them (its type's and its umbrella's), whatever the number of
//! triggers. Each write of a trigger keeps the document of its type in step.

use std::cell::LazyCell;

use serde::{Deserialize, Serialize};
use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};

use crate::{
    account::AccountId,
    filter::{self, Filter, Subject},
    id::{ActionId, TriggerId},
    trigger::Trigger,
};

/// The triggers of one account and type, as far as matching needs them.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub struct MatchDocument {
    #[serde(rename = "t")]
    candidates: Vec<Candidate>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Candidate {
    #[serde(rename = "i")]
    id: TriggerId,
    #[serde(rename = "e")]
    enabled: bool,
    /// A [`Filter`], parsed when events are matched, and not kept: to allocate what a hundred of
    /// them are made of takes longer than to parse them one after the other.
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    filter: Option<Box<RawValue>>,
    /// Id and whether it is enabled.
    #[serde(rename = "a")]
    actions: Vec<(ActionId, bool)>,
}

/// Why a delivery that matches is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skip {
    /// The trigger is disabled.
    TriggerDisabled,
    /// The action is disabled.
    ActionDisabled,
}

impl Skip {
    /// The reason as the history tells it.
    pub fn reason(self) -> &'static str {
        match self {
            Self::TriggerDisabled => "trigger was disabled when the event came",
            Self::ActionDisabled => "action was disabled when the event came",
        }
    }
}

/// One action that an event matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// The trigger it belongs to.
    pub trigger: TriggerId,
    /// The action.
    pub action: ActionId,
    /// Why nothing is sent, if so.
    pub skip: Option<Skip>,
}

impl MatchDocument {
    /// Takes in the trigger as it is now.
    pub fn put(&mut self, trigger: &Trigger) {
        let candidate = Candidate {
            id: trigger.id,
            enabled: trigger.enabled,
            filter: trigger.filter.as_ref().map(|filter| {
                to_raw_value(filter).expect("a filter is JSON, whose keys are strings")
            }),
            actions: trigger
                .actions
                .iter()
                .map(|action| (action.id, action.enabled))
                .collect(),
        };
        match self
            .candidates
            .iter_mut()
            .find(|present| present.id == trigger.id)
        {
            Some(present) => *present = candidate,
            None => self.candidates.push(candidate),
        }
    }

    /// Drops the trigger, if it is there.
    pub fn remove(&mut self, id: TriggerId) {
        self.candidates.retain(|candidate| candidate.id != id);
    }

    /// The triggers.
    pub fn triggers(&self) -> impl Iterator<Item = TriggerId> {
        self.candidates.iter().map(|candidate| candidate.id)
    }

    /// Whether no trigger is left.
    pub fn is_empty(&self) -> bool {
        self.candidates.is_empty()
    }
}

impl Candidate {
    fn required_text(&self) -> Option<&str> {
        filter::required_text(self.filter.as_ref()?)
    }

    fn filter(&self) -> Result<Option<Filter>, MatchError> {
        let filter = self.filter.as_ref();
        let filter = filter.map(|filter| serde_json::from_str(filter.get()));
        filter.transpose().map_err(|error| MatchError::Unreadable {
            trigger: self.id,
            error,
        })
    }

    fn matches(&self) -> impl Iterator<Item = Match> {
        self.actions.iter().map(|(action, enabled)| Match {
            trigger: self.id,
            action: *action,
            skip: match (self.enabled, enabled) {
                (false, _) => Some(Skip::TriggerDisabled),
                (true, false) => Some(Skip::ActionDisabled),
                (true, true) => None,
            },
        })
    }
}

/// What events match can't be told.
#[derive(Debug, thiserror::Error)]
pub enum MatchError {
    /// The events match more actions together than they may.
    #[error("these events match too many actions together")]
    TooMany,
    /// A document holds a filter that was never one.
    #[error("the filter of {trigger} can't be read: {error}")]
    Unreadable {
        /// The trigger it is of.
        trigger: TriggerId,
        /// What is wrong with it.
        error: serde_json::Error,
    },
}

/// The actions of `documents` that each of these events matches, in the order of the documents. The
/// events, of which the data is given, are of one account and type: a filter is parsed once for all
/// of them, where one may match at all, and gone before the next one is.
///
/// # Errors
///
/// When the events match more than `most` actions together, or a filter can't be read.
pub fn matches(
    documents: &[MatchDocument],
    (account, event_type): (&AccountId, &str),
    events: &[&RawValue],
    mut most: usize,
) -> Result<Vec<Vec<Match>>, MatchError> {
    // Only filters look inside the data: without one it is never parsed.
    let data: LazyCell<Vec<Value>, _> = LazyCell::new(|| {
        let parsed = events.iter().map(|data| serde_json::from_str(data.get()));
        parsed.map(Result::unwrap_or_default).collect()
    });
    let texts = LazyCell::new(|| filter::texts(&data));
    let mut found: Vec<Vec<Match>> = events.iter().map(|_| Vec::new()).collect();
    for candidate in documents.iter().flat_map(|document| &document.candidates) {
        let required = candidate.required_text();
        if required.is_some_and(|text| !texts.contains(text)) {
            continue;
        }
        let filter = candidate.filter()?;
        for (place, found) in found.iter_mut().enumerate() {
            let wanted = filter.as_ref().is_none_or(|filter| {
                filter.matches(&Subject {
                    account: account.as_str(),
                    event_type,
                    data: &data[place],
                })
            });
            if wanted {
                let left = most.checked_sub(candidate.actions.len());
                most = left.ok_or(MatchError::TooMany)?;
                found.extend(candidate.matches());
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        catalogue::Catalogue,
        sealing::{NONCE_LENGTH, Sealer},
        secret::{LENGTH, SigningSecret},
        time::Timestamp,
        trigger::{Action, TriggerInput, Vault},
        url_policy::UrlPolicy,
    };

    /// A trigger for `message.sent` with one action, and what `change` says.
    fn trigger(number: u128, change: Value) -> Trigger {
        let mut input = json!({
            "type": "message.sent", "name": "T",
            "actions": [{"name": "A", "url": "https://example.com/"}],
        });
        crate::merge_patch::apply(&mut input, change);
        let input: TriggerInput = serde_json::from_value(input).unwrap();
        let (settings, actions) = input
            .check(&Catalogue::default(), &UrlPolicy::default())
            .unwrap();
        let now = Timestamp::from_millis(1);
        let sealer = Sealer::parse("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
        let nonce = || [1; NONCE_LENGTH];
        let vault = Vault {
            account: "acme",
            sealer: &sealer,
            nonce: &nonce,
        };
        let mut trigger = Trigger::new(TriggerId::new(now, number), settings, now);
        for settings in actions {
            let id = ActionId::new(now, number);
            let secret = SigningSecret::new([2; LENGTH]);
            trigger
                .actions
                .push(Action::new(id, settings, &secret, &vault, now));
        }
        trigger
    }

    fn document(triggers: &[Trigger]) -> MatchDocument {
        let mut document = MatchDocument::default();
        triggers.iter().for_each(|trigger| document.put(trigger));
        // What is stored is what matches.
        serde_json::from_str(&serde_json::to_string(&document).unwrap()).unwrap()
    }

    /// What each of these events matches.
    fn each_matched(
        document: MatchDocument,
        events: &[Value],
        most: usize,
    ) -> Result<Vec<Vec<Match>>, MatchError> {
        let account = AccountId::parse("acme").unwrap();
        let events = events.iter().map(|data| to_raw_value(data).unwrap());
        let events: Vec<_> = events.collect();
        let events: Vec<_> = events.iter().map(|data| &**data).collect();
        matches(&[document], (&account, "message.sent"), &events, most)
    }

    fn matched(document: MatchDocument, data: Value) -> Vec<(TriggerId, Option<Skip>)> {
        let found = each_matched(document, &[data], usize::MAX).unwrap();
        let found = found.into_iter().flatten();
        found.map(|found| (found.trigger, found.skip)).collect()
    }

    #[test]
    fn every_action_of_every_trigger_matches_in_order() {
        let triggers = [trigger(1, json!({})), trigger(2, json!({}))];
        let found = matched(document(&triggers), json!({}));
        assert_eq!(found, [(triggers[0].id, None), (triggers[1].id, None)]);
    }

    #[test]
    fn what_is_disabled_is_skipped_and_says_why() {
        let off = trigger(1, json!({"enabled": false}));
        let action_off = trigger(
            2,
            json!({"actions": [{"name": "A", "url": "https://example.com/", "enabled": false}]}),
        );
        let found = matched(document(&[off, action_off]), json!({}));
        let skips: Vec<_> = found.into_iter().map(|(_, skip)| skip).collect();
        assert_eq!(
            skips,
            [Some(Skip::TriggerDisabled), Some(Skip::ActionDisabled)]
        );
    }

    #[test]
    fn a_filter_decides_on_the_data() {
        let only = trigger(1, json!({"filter": {"data.channel": "sms"}}));
        let document = document(std::slice::from_ref(&only));
        assert_eq!(
            matched(document.clone(), json!({"channel": "sms"})),
            [(only.id, None)]
        );
        assert_eq!(matched(document, json!({"channel": "email"})), []);
    }

    #[test]
    fn events_that_are_matched_together_match_what_each_does_alone() {
        let all = trigger(1, json!({}));
        let sms = trigger(2, json!({"filter": {"data.channel": "sms"}}));
        let document = document(&[all, sms]);
        let events = ["sms", "email", "sms"].map(|channel| json!({"channel": channel}));
        let together = each_matched(document.clone(), &events, usize::MAX).unwrap();
        let matched: Vec<_> = together.iter().map(Vec::len).collect();
        assert_eq!(matched, [2, 1, 2]);
        for (event, together) in events.into_iter().zip(together) {
            let alone = each_matched(document.clone(), &[event], usize::MAX).unwrap();
            assert_eq!(alone, [together]);
        }
    }

    #[test]
    fn events_match_no_more_together_than_they_may() {
        let document = document(&[trigger(1, json!({})), trigger(2, json!({}))]);
        let events = [json!({}), json!({})];
        assert!(each_matched(document.clone(), &events, 4).is_ok());
        let error = each_matched(document, &events, 3).unwrap_err();
        assert!(matches!(error, MatchError::TooMany), "{error}");
    }

    #[test]
    fn a_filter_that_cant_be_read_names_its_trigger() {
        let only = trigger(1, json!({"filter": {"data.channel": "sms"}}));
        let mut stored = serde_json::to_value(document(std::slice::from_ref(&only))).unwrap();
        stored["t"][0]["f"] = json!({"channel": "sms"});
        let document = serde_json::from_value(stored).unwrap();
        let error = each_matched(document, &[json!({})], 1).unwrap_err();
        let told = error.to_string();
        assert!(told.contains(&only.id.to_string()), "{told}");
    }

    #[test]
    fn a_change_takes_the_place_of_what_was_and_a_removal_leaves_nothing() {
        let before = trigger(1, json!({}));
        let after = trigger(1, json!({"enabled": false}));
        let mut document = document(&[before, after.clone()]);
        let found = matched(document.clone(), json!({}));
        assert_eq!(found, [(after.id, Some(Skip::TriggerDisabled))]);
        document.remove(after.id);
        assert!(document.is_empty());
    }
}
