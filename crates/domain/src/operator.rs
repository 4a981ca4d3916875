//! Operator events: what the service tells of itself, in the account that it concerns, so that
//! somebody hears of a broken endpoint through a trigger like any other.
//!
//! What is about a trigger of such events is never told: there would be no end to it.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::{
    account::AccountId,
    catalogue::{EventType, OPERATOR, Origin, built_in},
    id::{ActionId, DeliveryId, EventId, TriggerId},
    matching::UnevaluatedTriggers,
    time::Timestamp,
    trigger::Trigger,
};

/// Something to tell of an action, or of triggers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// The account that it is about.
    pub account: AccountId,
    /// The action's trigger, or the first of the triggers.
    pub trigger: TriggerId,
    /// The action; none where it is about triggers.
    pub action: Option<ActionId>,
    /// When it came about.
    pub at: Timestamp,
    /// What.
    pub fact: Fact,
}

/// What there is to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// The service disabled the action by itself.
    ActionDisabled(Disabling),
    /// It gave up a delivery to the action.
    DeliveryFailed {
        /// The delivery.
        delivery: Delivery,
        /// Its attempts.
        attempt_count: u64,
        /// When it came to be.
        created_at: Timestamp,
        /// Why it was given up, in words.
        reason: String,
    },
    /// A delivery to the action succeeded, the first after it had been down.
    ActionRecovered {
        /// The delivery.
        delivery: Delivery,
        /// What had been wrong.
        failing: Failing,
    },
    /// Filters were not evaluated on an event.
    FiltersSkipped {
        /// The event.
        event: SkippedEvent,
        /// The triggers whose filters those are.
        unevaluated: UnevaluatedTriggers,
    },
}

/// An event on which filters were not evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SkippedEvent {
    /// Its id.
    pub id: EventId,
    /// Its type.
    #[serde(rename = "type")]
    pub event_type: String,
}

/// Why the service disables an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disabling {
    /// In words.
    pub reason: String,
    /// How its attempts have failed.
    pub failing: Failing,
}

/// How an action's attempts have failed since the last success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failing {
    /// How many.
    pub failed_attempts: u64,
    /// Since when.
    pub failing_since: Option<Timestamp>,
}

/// A delivery, as announcements name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// Its event.
    pub event_id: EventId,
    /// The event's type.
    #[serde(rename = "type")]
    pub event_type: String,
}

/// Whether events of this type are the service's own.
pub fn is_operator(event_type: &str) -> bool {
    built_in(event_type).is_some_and(|found| found.origin == Origin::Operator)
}

impl Announcement {
    /// The type of its event.
    pub fn event_type(&self) -> &'static EventType {
        let [disabled, failed, recovered, filters_skipped] = &OPERATOR;
        match self.fact {
            Fact::ActionDisabled(_) => disabled,
            Fact::DeliveryFailed { .. } => failed,
            Fact::ActionRecovered { .. } => recovered,
            Fact::FiltersSkipped { .. } => filters_skipped,
        }
    }

    /// The key under which its event is accepted once, however often it is announced. It has spaces,
    /// which no main app's key has.
    pub fn idempotency_key(&self) -> String {
        let key = &self.event_type().key;
        let about = match &self.fact {
            Fact::ActionDisabled(_) => self.action.map_or(String::new(), |id| id.to_string()),
            Fact::DeliveryFailed { delivery, .. } | Fact::ActionRecovered { delivery, .. } => {
                delivery.id.to_string()
            }
            Fact::FiltersSkipped { event, .. } => event.id.to_string(),
        };
        format!("{key} {about} {}", self.at.as_millis())
    }

    /// The data of its event. `trigger` is the trigger as it is now, if it is still there: it tells
    /// the names, and where the webhooks go.
    pub fn data(&self, trigger: Option<&Trigger>) -> Box<RawValue> {
        let action = trigger.zip(self.action);
        let action = action.and_then(|(trigger, id)| trigger.action(id));
        let trigger = Named {
            id: self.trigger,
            name: trigger.map(|trigger| &*trigger.name),
        };
        let action = Endpoint {
            id: self.action,
            name: action.map(|action| &*action.name),
            url: action.map(|action| without_query(&action.url)),
        };
        let data = match &self.fact {
            Fact::ActionDisabled(Disabling { reason, failing }) => {
                serde_json::value::to_raw_value(&ActionDisabled {
                    trigger,
                    action,
                    reason,
                    failing,
                    disabled_at: self.at,
                })
            }
            Fact::DeliveryFailed {
                delivery,
                attempt_count,
                created_at,
                reason,
            } => serde_json::value::to_raw_value(&DeliveryFailed {
                trigger,
                action,
                delivery,
                attempt_count: *attempt_count,
                reason,
                created_at: *created_at,
                failed_at: self.at,
            }),
            Fact::ActionRecovered { delivery, failing } => {
                serde_json::value::to_raw_value(&ActionRecovered {
                    trigger,
                    action,
                    delivery,
                    failing,
                    recovered_at: self.at,
                })
            }
            Fact::FiltersSkipped { event, unevaluated } => {
                serde_json::value::to_raw_value(&FiltersSkipped {
                    event,
                    unevaluated,
                    skipped_at: self.at,
                })
            }
        };
        data.expect("ids, texts and times are JSON")
    }
}

/// A URL without what often holds credentials.
fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

#[derive(Serialize)]
struct Named<'a> {
    id: TriggerId,
    /// None once it was deleted.
    name: Option<&'a str>,
}

#[derive(Serialize)]
struct Endpoint<'a> {
    id: Option<ActionId>,
    /// None once it was deleted, like the URL.
    name: Option<&'a str>,
    url: Option<&'a str>,
}

#[derive(Serialize)]
struct ActionDisabled<'a> {
    trigger: Named<'a>,
    action: Endpoint<'a>,
    reason: &'a str,
    #[serde(flatten)]
    failing: &'a Failing,
    disabled_at: Timestamp,
}

#[derive(Serialize)]
struct DeliveryFailed<'a> {
    trigger: Named<'a>,
    action: Endpoint<'a>,
    delivery: &'a Delivery,
    attempt_count: u64,
    reason: &'a str,
    created_at: Timestamp,
    failed_at: Timestamp,
}

#[derive(Serialize)]
struct ActionRecovered<'a> {
    trigger: Named<'a>,
    action: Endpoint<'a>,
    delivery: &'a Delivery,
    #[serde(flatten)]
    failing: &'a Failing,
    recovered_at: Timestamp,
}

#[derive(Serialize)]
struct FiltersSkipped<'a> {
    event: &'a SkippedEvent,
    #[serde(flatten)]
    unevaluated: &'a UnevaluatedTriggers,
    skipped_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::*;
    use crate::{
        catalogue::BUILT_IN,
        matching::{Unevaluated, UnevaluatedReason},
    };

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn announcements() -> [Announcement; 3] {
        let delivery = Delivery {
            id: DeliveryId::parse("dlv_01M84Z351ZTPPX3S4BKS7SY41X").unwrap(),
            event_id: EventId::parse("evt_01M84Z351ZZZWRBGRVHJRFSR5M").unwrap(),
            event_type: "participant.confirmed".to_owned(),
        };
        let failing = Failing {
            failed_attempts: 31,
            failing_since: Some(at("2026-11-23T19:45:56.813Z")),
        };
        let facts = [
            Fact::ActionDisabled(Disabling {
                reason: "every attempt has failed since 2026-11-23T19:45:56.813Z".to_owned(),
                failing: failing.clone(),
            }),
            Fact::DeliveryFailed {
                delivery: delivery.clone(),
                attempt_count: 10,
                created_at: at("2026-11-23T19:45:56.799Z"),
                reason: "gave up after 10 attempts: status 500".to_owned(),
            },
            Fact::ActionRecovered { delivery, failing },
        ];
        facts.map(|fact| Announcement {
            account: AccountId::parse("acme").unwrap(),
            trigger: TriggerId::parse("trg_01M84Z34MRJWA9RQ9QBPKQ6788").unwrap(),
            action: ActionId::parse("act_01M84Z34MRDM1HTEVQZ2B81NSZ").ok(),
            at: at("2026-11-28T20:12:40.2Z"),
            fact,
        })
    }

    /// The trigger that they are about, with its action.
    fn trigger() -> Trigger {
        let [
            Announcement {
                trigger, action, ..
            },
            ..,
        ] = announcements();
        let now = at("2026-11-23T19:45:56Z");
        let sealed = json!({"key": "", "box_": ""});
        serde_json::from_value(json!({
            "id": trigger, "type": "participant.reminder_state_changed",
            "name": "Tell the front desk", "description": "", "enabled": true, "filter": null,
            "revision": 1, "created_at": now, "updated_at": now,
            "actions": [{
                "id": action, "name": "Desk", "enabled": true, "disabled": null,
                "url": "https://desk.example.com/hooks?key=secret#x", "method": "POST",
                "headers": sealed, "body_template": null, "content_type": "application/json",
                "timeout_seconds": 15, "retry_schedule": [5], "secret": sealed, "previous": [],
                "revision": 1, "created_at": now, "updated_at": now,
            }],
        }))
        .unwrap()
    }

    /// The JSON pointers of everything in it, with its kind.
    fn shape(value: &Value) -> BTreeMap<String, &'static str> {
        let mut shape = BTreeMap::new();
        let mut open = vec![(String::new(), value)];
        while let Some((at, value)) = open.pop() {
            let kind = match value {
                Value::Null => "nothing",
                Value::Bool(_) => "truth",
                Value::Number(_) => "number",
                Value::String(_) => "text",
                Value::Array(_) => "list",
                Value::Object(members) => {
                    open.extend(members.iter().map(|(n, v)| (format!("{at}/{n}"), v)));
                    "object"
                }
            };
            shape.insert(at, kind);
        }
        shape
    }

    #[test]
    fn each_is_told_as_its_types_sample_says() {
        for announcement in announcements() {
            let event_type = announcement.event_type();
            let sample: Value = serde_json::from_str(event_type.sample()).unwrap();
            let data = announcement.data(Some(&trigger()));
            let data: Value = serde_json::from_str(data.get()).unwrap();
            assert_eq!(shape(&data), shape(&sample), "{}", event_type.key);
            assert_eq!(data["action"], sample["action"]);
            assert_eq!(data["trigger"], sample["trigger"]);
        }
    }

    #[test]
    fn filters_that_were_not_evaluated_are_told_as_their_types_sample_says() {
        let trigger = TriggerId::parse("trg_01M84Z34MRJWA9RQ9QBPKQ6788").unwrap();
        let reason = UnevaluatedReason::Filter;
        let announcement = Announcement {
            account: AccountId::parse("acme").unwrap(),
            trigger,
            action: None,
            at: at("2026-11-23T19:45:56.799Z"),
            fact: Fact::FiltersSkipped {
                event: SkippedEvent {
                    id: EventId::parse("evt_01M84Z351ZZZWRBGRVHJRFSR5M").unwrap(),
                    event_type: "participant.confirmed".to_owned(),
                },
                unevaluated: UnevaluatedTriggers {
                    count: 1,
                    triggers: vec![Unevaluated { trigger, reason }],
                },
            },
        };
        let sample: Value = serde_json::from_str(announcement.event_type().sample()).unwrap();
        let data: Value = serde_json::from_str(announcement.data(None).get()).unwrap();
        assert_eq!(data, sample);
        assert!(crate::event::check_key(&announcement.idempotency_key()).is_err());
    }

    #[test]
    fn no_credentials_in_a_query_are_told() {
        for announcement in announcements() {
            let data = announcement.data(Some(&trigger()));
            assert!(!data.get().contains("secret"), "{data}");
        }
    }

    #[test]
    fn what_was_deleted_since_is_told_by_its_ids() {
        for announcement in announcements() {
            let data = announcement.data(None);
            let data: Value = serde_json::from_str(data.get()).unwrap();
            let action = json!({"id": announcement.action, "name": null, "url": null});
            assert_eq!(data["action"], action);
            let trigger = json!({"id": announcement.trigger, "name": null});
            assert_eq!(data["trigger"], trigger);
        }
    }

    #[test]
    fn each_has_a_key_of_its_own_that_no_main_app_can_use() {
        let keys: Vec<_> = announcements()
            .iter()
            .map(Announcement::idempotency_key)
            .collect();
        for (number, key) in keys.iter().enumerate() {
            assert!(crate::event::check_key(key).is_err(), "{key}");
            assert!(!keys[..number].contains(key), "{key}");
        }
        let [mut again, ..] = announcements();
        again.at = again.at + std::time::Duration::from_millis(1);
        assert_ne!(again.idempotency_key(), keys[0]);
    }

    #[test]
    fn the_services_own_types_are_known_from_the_others() {
        for event_type in &OPERATOR {
            assert!(is_operator(&event_type.key));
        }
        for event_type in &BUILT_IN {
            assert!(!is_operator(&event_type.key));
        }
        assert!(!is_operator("webhook.other"));
    }
}
