//! Which actions an event creates deliveries for.
//!
//! What matching needs of an account's triggers is compiled into one document per event type, so
//! that an event reads at most two of them (its type's and its umbrella's), whatever the number of
//! triggers. Each write of a trigger keeps the document of its type in step.
//!
//! # Bounds
//!
//! The filters of all triggers together take at most [`MAX_EVENT_STEPS`] on one event, and those of
//! all events of one request at most [`MAX_REQUEST_STEPS`]. A filter that needs more than its share
//! of the event's steps is put off until all others are evaluated, so that an expensive filter never
//! keeps a cheap one from being evaluated. An event is accepted whatever its filters take:
//! triggers whose filters were not evaluated are recorded with it ([`Omitted`]).

use std::cell::{LazyCell, OnceCell};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde::{Deserialize, Serialize};
use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};

use crate::{
    account::AccountId,
    filter::{self, Filter, MAX_STEPS, Subject, parse_steps},
    id::{ActionId, TriggerId},
    trigger::Trigger,
};

/// The most steps that all filters together take on one event, parsing them included. The store's
/// limit on the size of the match documents of one type bounds the steps of their filters on an event
/// with a single value at each path, to less than this.
pub const MAX_EVENT_STEPS: usize = 500_000;

/// The most steps that filters take on all events of one request.
pub const MAX_REQUEST_STEPS: usize = 4 * MAX_EVENT_STEPS;

/// The most triggers whose filters were not evaluated that an event names; the rest is counted.
pub const MAX_UNEVALUATED_NAMED: usize = 100;

/// The most deliveries that are stored for an event only to say that nothing is sent.
pub const MAX_SKIPPED: usize = 100;

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
    /// The event has as many deliveries as it may have.
    OverLimit,
}

impl Skip {
    /// The reason as the history tells it.
    pub fn reason(self) -> &'static str {
        match self {
            Self::TriggerDisabled => "trigger was disabled when the event came",
            Self::ActionDisabled => "action was disabled when the event came",
            Self::OverLimit => "the event had as many deliveries as one event may create",
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

/// Why events can't be matched.
#[derive(Debug, thiserror::Error)]
pub enum MatchError {
    /// The filters take more steps on the events of the request than they may.
    #[error("the filters take too many steps on these events")]
    TooManySteps,
    /// A document holds a filter that was never one.
    #[error("the filter of {trigger} can't be read: {error}")]
    Unreadable {
        /// The trigger it is of.
        trigger: TriggerId,
        /// What is wrong with it.
        error: serde_json::Error,
    },
}

/// What an event matches.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Matched {
    /// The actions, in the order of the documents.
    pub actions: Vec<Match>,
    /// The triggers whose filters were not evaluated.
    pub unevaluated: Vec<Unevaluated>,
}

/// A trigger whose filter was not evaluated on an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema), schemars(inline))]
pub struct Unevaluated {
    /// The trigger.
    #[serde(rename = "id")]
    pub trigger: TriggerId,
    /// Why.
    pub reason: UnevaluatedReason,
}

/// Why a filter was not evaluated on an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema), schemars(inline))]
pub enum UnevaluatedReason {
    /// It takes more steps than one filter may.
    #[serde(rename = "filter_too_expensive")]
    Filter,
    /// All filters together had taken the event's steps.
    #[serde(rename = "event_too_expensive")]
    Event,
}

impl UnevaluatedReason {
    /// The reason in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Filter => "its filter takes too many steps on this event",
            Self::Event => "the account's filters together take too many steps on this event",
        }
    }
}

/// What an event created no deliveries for, though it may match. It is recorded with the event.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Omitted {
    /// The triggers whose filters were not evaluated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unevaluated_triggers: Option<UnevaluatedTriggers>,
    /// The deliveries that it would have had, had it not as many as it may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub omitted_deliveries: Option<OmittedDeliveries>,
}

/// The triggers whose filters were not evaluated on an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema), schemars(inline))]
pub struct UnevaluatedTriggers {
    /// How many they are.
    pub count: usize,
    /// The first of them.
    #[cfg_attr(feature = "document", schemars(length(max = MAX_UNEVALUATED_NAMED)))]
    pub triggers: Vec<Unevaluated>,
}

/// Deliveries that an event did not create.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema), schemars(inline))]
pub struct OmittedDeliveries {
    /// How many they are, those that are listed as skipped included.
    pub count: usize,
    /// The most that the event creates.
    pub limit: usize,
}

impl Matched {
    /// The deliveries that an event with this match has, and what it has no deliveries for.
    ///
    /// At most `limit` are to be sent. Of those that are not, for whatever reason, [`MAX_SKIPPED`]
    /// are there to say so, or as many as there is room for below `limit`.
    pub fn limited(self, limit: usize) -> (Vec<Match>, Omitted) {
        let mut sent = 0;
        let mut over = 0;
        let mut actions = self.actions;
        for action in &mut actions {
            if action.skip.is_some() {
                continue;
            }
            if sent == limit {
                action.skip = Some(Skip::OverLimit);
                over += 1;
            } else {
                sent += 1;
            }
        }
        let mut room = MAX_SKIPPED.max(limit - sent);
        actions.retain(|action| {
            let is_kept = action.skip.is_none() || room > 0;
            room -= usize::from(action.skip.is_some() && room > 0);
            is_kept
        });
        let mut triggers = self.unevaluated;
        let count = triggers.len();
        triggers.truncate(MAX_UNEVALUATED_NAMED);
        let omitted = Omitted {
            unevaluated_triggers: (count > 0).then_some(UnevaluatedTriggers { count, triggers }),
            omitted_deliveries: (over > 0).then_some(OmittedDeliveries { count: over, limit }),
        };
        (actions, omitted)
    }
}

impl Omitted {
    /// What an event has that has deliveries for all that it matches.
    pub const NOTHING: Self = Self {
        unevaluated_triggers: None,
        omitted_deliveries: None,
    };

    /// Whether the event has deliveries for all that it matches.
    pub fn is_nothing(&self) -> bool {
        self.unevaluated_triggers.is_none() && self.omitted_deliveries.is_none()
    }
}

/// Matches events of one account and type with its triggers.
pub struct Matcher<'d> {
    account: &'d AccountId,
    event_type: &'d str,
    triggers: Vec<Prepared<'d>>,
    /// Whether parsed filters are kept for the next event.
    keeps_filters: bool,
}

/// A trigger, with what was found out about its filter so far.
struct Prepared<'d> {
    candidate: &'d Candidate,
    required_text: OnceCell<Option<&'d str>>,
    filter: OnceCell<Filter>,
}

impl<'d> Matcher<'d> {
    /// A matcher for one event, or for `several`, whose filters are then parsed once for all.
    pub fn new(
        documents: &'d [MatchDocument],
        (account, event_type): (&'d AccountId, &'d str),
        several: bool,
    ) -> Self {
        let candidates = documents.iter().flat_map(|document| &document.candidates);
        let prepared = candidates.map(|candidate| Prepared {
            candidate,
            required_text: OnceCell::new(),
            filter: OnceCell::new(),
        });
        Self {
            account,
            event_type,
            triggers: prepared.collect(),
            keeps_filters: several,
        }
    }

    /// What an event matches, found in at most [`MAX_EVENT_STEPS`], which are taken from the steps
    /// of the `request`. Awaits `pause` between filters.
    ///
    /// # Errors
    ///
    /// When the request has fewer steps left than are needed, or a filter can't be read.
    pub async fn matches(
        &self,
        data: &RawValue,
        request: &mut usize,
        pause: &impl AsyncFn(),
    ) -> Result<Matched, MatchError> {
        // Only filters look inside the data: without one it is never parsed.
        let data_text = data.get();
        let data = LazyCell::new(|| serde_json::from_str(data_text).unwrap_or_default());
        let texts: LazyCell<BTreeSet<&str>, _> = LazyCell::new(|| filter::texts(&data));
        let mut event = Steps {
            event: MAX_EVENT_STEPS,
            request,
        };
        let mut verdicts = Vec::with_capacity(self.triggers.len());
        for (place, trigger) in self.triggers.iter().enumerate() {
            pause().await;
            // Half of the steps are for those that need more than their share.
            let share = event.event.saturating_sub(MAX_EVENT_STEPS / 2);
            let share = share / (self.triggers.len() - place);
            verdicts.push(match trigger.required_text(&mut event)? {
                Some(text) if !texts.contains(text) => Some(false),
                _ => self.evaluate(trigger, &data, share, &mut event)?,
            });
        }
        let mut put_off: Vec<usize> = (0..verdicts.len()).collect();
        put_off.retain(|place| verdicts[*place].is_none());
        if !put_off.is_empty() {
            // Another one is the first for another event, so that not always the same come too late.
            let first = hash(data_text) % put_off.len() as u64;
            put_off.rotate_left(usize::try_from(first).unwrap_or_default());
        }
        let mut unevaluated = BTreeMap::new();
        for place in put_off {
            pause().await;
            let share = event.event;
            verdicts[place] = self.evaluate(&self.triggers[place], &data, share, &mut event)?;
            if verdicts[place].is_none() {
                let reason = match share >= MAX_STEPS {
                    true => UnevaluatedReason::Filter,
                    false => UnevaluatedReason::Event,
                };
                let trigger = self.triggers[place].candidate.id;
                unevaluated.insert(place, Unevaluated { trigger, reason });
            }
        }
        let fired = self.triggers.iter().zip(verdicts);
        let fired = fired.filter(|(_, verdict)| *verdict == Some(true));
        Ok(Matched {
            actions: fired
                .flat_map(|(fired, _)| fired.candidate.matches())
                .collect(),
            unevaluated: unevaluated.into_values().collect(),
        })
    }

    /// Whether the event passes a trigger's filter; none where that takes more steps than a filter
    /// may take, or than `share`.
    fn evaluate(
        &self,
        trigger: &Prepared<'_>,
        data: &Value,
        share: usize,
        steps: &mut Steps<'_>,
    ) -> Result<Option<bool>, MatchError> {
        let Some(source) = &trigger.candidate.filter else {
            return Ok(Some(true));
        };
        let parsed;
        let filter = match trigger.filter.get() {
            Some(filter) => filter,
            None => {
                steps.take(parse_steps(source.get().len()))?;
                parsed = trigger.parse(source)?;
                match self.keeps_filters {
                    true => trigger.filter.get_or_init(|| parsed),
                    false => &parsed,
                }
            }
        };
        let subject = Subject {
            account: self.account.as_str(),
            event_type: self.event_type,
            data,
        };
        let decision = filter.decide(&subject, share.min(MAX_STEPS));
        steps.take(decision.steps)?;
        Ok(decision.matches)
    }
}

impl<'d> Prepared<'d> {
    /// A text without which the data can't pass the filter, see [`filter::required_text`].
    fn required_text(&self, steps: &mut Steps<'_>) -> Result<Option<&'d str>, MatchError> {
        let Some(filter) = &self.candidate.filter else {
            return Ok(None);
        };
        if self.required_text.get().is_none() {
            steps.take(parse_steps(filter.get().len()))?;
        }
        Ok(*self
            .required_text
            .get_or_init(|| filter::required_text(filter)))
    }

    fn parse(&self, source: &RawValue) -> Result<Filter, MatchError> {
        serde_json::from_str(source.get()).map_err(|error| MatchError::Unreadable {
            trigger: self.candidate.id,
            error,
        })
    }
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// The steps that are left for an event's filters.
struct Steps<'r> {
    event: usize,
    request: &'r mut usize,
}

impl Steps<'_> {
    /// Takes steps that were taken, from the event's and from the request's.
    fn take(&mut self, steps: usize) -> Result<(), MatchError> {
        self.event = self.event.saturating_sub(steps);
        let left = self.request.checked_sub(steps);
        *self.request = left.ok_or(MatchError::TooManySteps)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        catalogue::Catalogue,
        pause::{never, without_waiting},
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

    /// What each of these events matches, and the steps that are left of the request's.
    fn each_matched(
        document: MatchDocument,
        events: &[Value],
    ) -> Result<(Vec<Matched>, usize), MatchError> {
        let account = AccountId::parse("acme").unwrap();
        let documents = [document];
        let matcher = Matcher::new(&documents, (&account, "message.sent"), events.len() > 1);
        let mut left = MAX_REQUEST_STEPS;
        let matched = events.iter().map(|data| {
            let data = to_raw_value(data).unwrap();
            without_waiting(matcher.matches(&data, &mut left, &never))
        });
        let matched = matched.collect::<Result<_, _>>()?;
        Ok((matched, left))
    }

    fn one_matched(document: MatchDocument, data: Value) -> Matched {
        let (mut matched, _) = each_matched(document, &[data]).unwrap();
        matched.remove(0)
    }

    fn matched(document: MatchDocument, data: Value) -> Vec<(TriggerId, Option<Skip>)> {
        let found = one_matched(document, data).actions.into_iter();
        found.map(|found| (found.trigger, found.skip)).collect()
    }

    /// A filter that takes about 500 steps for each of an event's `data.list`, and never matches.
    fn expensive() -> Value {
        json!({"data.list": {"$in": (0..500).map(|n| format!("v{n}")).collect::<Vec<_>>()}})
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
        let (together, _) = each_matched(document.clone(), &events).unwrap();
        let matched: Vec<_> = together
            .iter()
            .map(|matched| matched.actions.len())
            .collect();
        assert_eq!(matched, [2, 1, 2]);
        for (event, together) in events.into_iter().zip(together) {
            assert_eq!(one_matched(document.clone(), event), together);
        }
    }

    #[test]
    fn a_filter_that_takes_too_many_steps_is_not_evaluated() {
        let (cheap, dear) = (
            trigger(1, json!({})),
            trigger(2, json!({"filter": expensive()})),
        );
        let document = document(&[dear.clone(), cheap.clone()]);
        let data = json!({"list": vec!["x"; 1_000]});
        let found = one_matched(document.clone(), data);
        assert_eq!(found.actions.len(), 1);
        assert_eq!(found.actions[0].trigger, cheap.id);
        let reason = UnevaluatedReason::Filter;
        assert_eq!(
            found.unevaluated,
            [Unevaluated {
                trigger: dear.id,
                reason
            }]
        );
        // Well below that it is.
        let found = one_matched(document, json!({"list": vec!["x"; 50]}));
        assert_eq!(found.unevaluated, []);
    }

    #[test]
    fn expensive_filters_keep_no_cheap_one_from_being_evaluated() {
        let dear = (0..40).map(|number| trigger(number, json!({"filter": expensive()})));
        let cheap = (40..60).map(|n| trigger(n, json!({"filter": {"data.list": "x"}})));
        let triggers: Vec<_> = dear.chain(cheap).collect();
        let document = document(&triggers);
        // Each of them takes less than a filter may, all together more than the event has.
        let data = |note: usize| json!({"list": vec!["x"; 75], "note": note});
        let found = one_matched(document.clone(), data(0));
        assert_eq!(found.actions.len(), 20);
        assert!(!found.unevaluated.is_empty());
        assert!(found.unevaluated.len() < 40, "some are evaluated");
        for unevaluated in &found.unevaluated {
            assert_eq!(unevaluated.reason, UnevaluatedReason::Event);
        }
        // Each of the expensive ones is evaluated on some event.
        let mut never: BTreeSet<_> = triggers[..40].iter().map(|trigger| trigger.id).collect();
        for note in 0..50 {
            let missed = one_matched(document.clone(), data(note)).unevaluated;
            let missed: BTreeSet<_> = missed.iter().map(|missed| missed.trigger).collect();
            never.retain(|id| missed.contains(id));
        }
        assert!(never.is_empty(), "{never:?}");
    }

    #[test]
    fn a_thousand_filters_of_usual_size_take_a_fraction_of_an_events_steps() {
        let usual = |n: u128| {
            json!({"filter": {
                "data.participant.email": {"$endsWith": format!("@example{n}.com")},
                "data.appointment.calendar": {"$in": ["Main", "Second", "Third"]},
                "data.appointment.tags": {"$in": ["first-visit", "urgent"]},
            }})
        };
        let triggers: Vec<_> = (0..1_000).map(|n| trigger(n, usual(n))).collect();
        let data = json!({
            "participant": {"email": "al@example7.com", "name": "Al"},
            "appointment": {"calendar": "Main", "tags": ["a", "b", "urgent", "c"]},
        });
        let (found, left) = each_matched(document(&triggers), &[data]).unwrap();
        assert_eq!(found[0].unevaluated, []);
        assert_eq!(found[0].actions.len(), 1);
        let taken = MAX_REQUEST_STEPS - left;
        assert!(taken < MAX_EVENT_STEPS / 4, "{taken}");
    }

    #[test]
    fn events_of_one_request_take_a_bounded_number_of_steps() {
        let triggers = (0..20).map(|number| trigger(number, json!({"filter": expensive()})));
        let document = document(&triggers.collect::<Vec<_>>());
        let event = json!({"list": vec!["x"; 1_000]});
        assert!(each_matched(document.clone(), &vec![event.clone(); 3]).is_ok());
        let error = each_matched(document, &vec![event; 100]).unwrap_err();
        assert!(matches!(error, MatchError::TooManySteps), "{error}");
    }

    #[test]
    fn an_event_has_as_many_deliveries_as_it_may_and_says_what_it_has_not() {
        let matched = |sent: u128, disabled: u128| Matched {
            actions: (0..sent + disabled)
                .map(|number| Match {
                    trigger: TriggerId::new(Timestamp::from_millis(1), 1),
                    action: ActionId::new(Timestamp::from_millis(1), number),
                    // Those that are disabled come first.
                    skip: (number < disabled).then_some(Skip::ActionDisabled),
                })
                .collect(),
            unevaluated: Vec::new(),
        };
        let counts = |sent, disabled, limit| {
            let (actions, omitted) = matched(sent, disabled).limited(limit);
            let skipped = |skip| actions.iter().filter(|action| action.skip == skip).count();
            let over = omitted.omitted_deliveries;
            (
                skipped(None),
                skipped(Some(Skip::ActionDisabled)),
                skipped(Some(Skip::OverLimit)),
                over.map(|over| (over.count, over.limit)),
            )
        };
        assert_eq!(counts(3, 2, 1_000), (3, 2, 0, None));
        assert_eq!(counts(1_000, 2, 1_000), (1_000, 2, 0, None));
        assert_eq!(counts(1_005, 0, 1_000), (1_000, 0, 5, Some((5, 1_000))));
        assert_eq!(
            counts(10_000, 0, 1_000),
            (1_000, 0, 100, Some((9_000, 1_000)))
        );
        assert_eq!(counts(10, 10_000, 1_000), (10, 990, 0, None));
        assert_eq!(counts(2, 1, 1), (1, 1, 1, Some((1, 1))));
    }

    #[test]
    fn a_filter_that_cant_be_read_names_its_trigger() {
        let only = trigger(1, json!({"filter": {"data.channel": "sms"}}));
        let mut stored = serde_json::to_value(document(std::slice::from_ref(&only))).unwrap();
        stored["t"][0]["f"] = json!({"channel": "sms"});
        let document = serde_json::from_value(stored).unwrap();
        let error = each_matched(document, &[json!({})]).unwrap_err();
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
