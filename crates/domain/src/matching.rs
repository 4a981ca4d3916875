//! Which actions an event is owed to.
//!
//! What matching needs of an account's triggers is compiled into one document per event type, so
//! that an event reads at most two of them (its type's and its umbrella's), whatever the number of
//! triggers. Each write of a trigger keeps the document of its type in step.

use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};

use crate::{
    account::AccountId,
    filter::{Filter, Subject},
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
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    filter: Option<Filter>,
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
            filter: trigger.filter.clone(),
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

/// The actions of `documents` that an event matches, in the order of the documents.
pub fn matches(
    documents: &[MatchDocument],
    account: &AccountId,
    event_type: &str,
    data: &RawValue,
) -> Vec<Match> {
    // Only filters look inside the data: without one it is never parsed.
    let mut parsed: Option<Value> = None;
    let mut found = Vec::new();
    for candidate in documents.iter().flat_map(|document| &document.candidates) {
        if let Some(filter) = &candidate.filter {
            let data = &*parsed
                .get_or_insert_with(|| serde_json::from_str(data.get()).unwrap_or(Value::Null));
            if !filter.matches(&Subject {
                account: account.as_str(),
                event_type,
                data,
            }) {
                continue;
            }
        }
        found.extend(candidate.actions.iter().map(|(action, enabled)| Match {
            trigger: candidate.id,
            action: *action,
            skip: match (candidate.enabled, enabled) {
                (false, _) => Some(Skip::TriggerDisabled),
                (true, false) => Some(Skip::ActionDisabled),
                (true, true) => None,
            },
        }));
    }
    found
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

    fn matched(document: MatchDocument, data: Value) -> Vec<(TriggerId, Option<Skip>)> {
        let account = AccountId::parse("acme").unwrap();
        let data = RawValue::from_string(data.to_string()).unwrap();
        matches(&[document], &account, "message.sent", &data)
            .into_iter()
            .map(|found| (found.trigger, found.skip))
            .collect()
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
