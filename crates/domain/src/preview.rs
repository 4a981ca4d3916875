//! Previews: what an event would do, had it happened now. Nothing is sent and nothing is stored.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    account::AccountId,
    filter::{Mismatch, Subject},
    headers::NOT_SHOWN,
    id::{ActionId, DeliveryId, TriggerId},
    time::Timestamp,
    trigger::{Action, Method, Trigger},
    webhook::{Composer, Event, Payload},
};

/// The most bytes of a body that are shown.
pub const MAX_BODY: usize = 64 * 1024;

/// A preview of one event.
pub struct Preview<'a> {
    /// The account that it would come in.
    pub account: &'a AccountId,
    /// The event.
    pub event: &'a Event,
    /// The event's data once more, as filters look at it.
    pub data: &'a Value,
    /// What makes the requests.
    pub composer: Composer<'a>,
    /// The id that every request has in place of its delivery's, of which there is none.
    pub delivery: DeliveryId,
    /// When it would be sent.
    pub now: Timestamp,
}

/// Whether a trigger fires, and why not.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema), schemars(inline))]
pub struct Verdict {
    /// Whether it would fire.
    pub matches: bool,
    /// Why it would not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The first condition of its filter that the event does not meet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mismatch: Option<Mismatch>,
}

/// A trigger of the event's type or of its umbrella.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
pub struct TriggerPreview {
    /// The trigger's id.
    pub id: TriggerId,
    /// The key of its type: the event's, or its umbrella.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "document", schemars(with = "crate::schema::EventTypeKey"))]
    pub event_type: String,
    /// What people call it.
    pub name: String,
    /// Whether it fires at all.
    pub enabled: bool,
    /// Whether it would fire.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Its actions.
    pub actions: Vec<ActionPreview>,
}

/// What would become of an action.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
pub struct ActionPreview {
    /// The action's id.
    pub id: ActionId,
    /// What people call it.
    pub name: String,
    /// Whether it runs at all.
    pub enabled: bool,
    /// Whether a webhook would be sent.
    pub would_send: bool,
    /// Why nothing would be sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why each attempt would fail before anything is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestPreview>,
}

/// A request as it would be sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
pub struct RequestPreview {
    /// Its method.
    pub method: Method,
    /// Where it would go.
    pub url: String,
    /// Its headers, with the signature.
    pub headers: BTreeMap<String, String>,
    /// The beginning of its body.
    pub body: String,
    /// How long the whole body is, all of which is signed.
    pub body_bytes: usize,
    /// Whether that is more than is shown.
    pub body_truncated: bool,
}

impl Preview<'_> {
    /// Whether the trigger, which is of the event's type or of its umbrella, fires.
    pub fn verdict(&self, trigger: &Trigger) -> Verdict {
        let subject = Subject {
            account: self.account.as_str(),
            event_type: &self.event.event_type,
            data: self.data,
        };
        let filter = trigger.filter.as_ref();
        let mismatch = filter.and_then(|filter| filter.explain(&subject).err());
        let mut reasons = Vec::new();
        if !trigger.enabled {
            reasons.push("the trigger is disabled".to_owned());
        }
        if let Some(mismatch) = &mismatch {
            reasons.push(format!("the filter does not match: {mismatch}"));
        }
        Verdict {
            matches: reasons.is_empty(),
            reason: (!reasons.is_empty()).then(|| reasons.join("; ")),
            mismatch,
        }
    }

    /// What would become of an action of the trigger.
    ///
    /// What is only switched off shows its request all the same; an event that the filter keeps
    /// out is none that the action was made for, and so it shows none.
    pub fn action(&self, trigger: &Trigger, verdict: &Verdict, action: &Action) -> ActionPreview {
        let reason = if !verdict.matches {
            Some("the trigger does not fire")
        } else if !action.enabled {
            Some("the action is disabled")
        } else {
            None
        };
        let mut preview = ActionPreview::of(action, reason);
        if verdict.mismatch.is_some() {
            return preview;
        }
        let payload = Payload::new(self.account, self.event, (trigger, action), self.delivery);
        match self.composer.compose(action, &payload, self.now) {
            Ok((url, request)) => {
                let headers = request.headers.into_iter();
                let headers = headers.map(|(name, value)| {
                    let secret = action.secret_headers.contains(&name);
                    let value = if secret { NOT_SHOWN.to_owned() } else { value };
                    (name, value)
                });
                let body = shown(String::from_utf8_lossy(&request.body).into_owned());
                preview.request = Some(RequestPreview {
                    method: request.method,
                    url: url.to_string(),
                    headers: headers.collect(),
                    body_truncated: body.len() < request.body.len(),
                    body_bytes: request.body.len(),
                    body,
                });
            }
            Err(failure) => preview.error = Some(failure.to_string()),
        }
        preview.would_send &= preview.error.is_none();
        preview
    }
}

impl TriggerPreview {
    /// The trigger with what would become of its actions.
    pub fn new(trigger: &Trigger, verdict: Verdict, actions: Vec<ActionPreview>) -> Self {
        Self {
            id: trigger.id,
            event_type: trigger.event_type.clone(),
            name: trigger.name.clone(),
            enabled: trigger.enabled,
            verdict,
            actions,
        }
    }
}

impl ActionPreview {
    /// The action without its request; it would be sent unless there is a reason against it.
    fn of(action: &Action, reason: Option<&str>) -> Self {
        Self {
            id: action.id,
            name: action.name.clone(),
            enabled: action.enabled,
            would_send: reason.is_none(),
            reason: reason.map(Into::into),
            error: None,
            request: None,
        }
    }
}

/// As much of a body as is shown.
pub(crate) fn shown(mut body: String) -> String {
    body.truncate(body.floor_char_boundary(MAX_BODY));
    body
}

#[cfg(test)]
mod tests {
    use serde_json::{json, value::RawValue};

    use super::*;
    use crate::{
        catalogue::Catalogue,
        id::EventId,
        merge_patch,
        origin::Origin,
        sealing::{NONCE_LENGTH, Sealer},
        secret::{LENGTH, SigningSecret},
        signing,
        trigger::{TriggerInput, Vault},
        url_policy::UrlPolicy,
    };

    const NONCE: fn() -> [u8; NONCE_LENGTH] = || [1; NONCE_LENGTH];

    fn sealer() -> Sealer {
        Sealer::parse("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap()
    }

    fn secret() -> SigningSecret {
        SigningSecret::new([2; LENGTH])
    }

    fn now() -> Timestamp {
        Timestamp::from_millis(1_795_446_245_678)
    }

    fn vault(sealer: &Sealer) -> Vault<'_> {
        Vault {
            account: "acme",
            sealer,
            nonce: &NONCE,
        }
    }

    /// A trigger for `message.sent` with one action, and what `change` says.
    fn trigger(change: Value) -> Trigger {
        let mut input = json!({
            "type": "message.sent", "name": "T",
            "actions": [{"name": "A", "url": "https://example.com/", "headers": {"x-key": "k"}}],
        });
        merge_patch::apply(&mut input, change);
        let input: TriggerInput = serde_json::from_value(input).unwrap();
        let (settings, actions) = input
            .check(&Catalogue::default(), &UrlPolicy::default())
            .unwrap();
        let mut trigger = Trigger::new(TriggerId::new(now(), 1), settings, now());
        let sealer = sealer();
        for (settings, number) in actions.into_iter().zip(1..) {
            let id = ActionId::new(now(), number);
            let action = Action::new(id, settings, &secret(), &vault(&sealer), now());
            trigger.actions.push(action);
        }
        trigger
    }

    /// What an event with this data would do, as it is answered.
    fn preview_under(policy: &UrlPolicy, trigger: &Trigger, data: &Value) -> Value {
        let sealer = sealer();
        let preview = Preview {
            account: &AccountId::parse("acme").unwrap(),
            event: &Event {
                id: EventId::first_at(now()),
                event_type: "message.sent".into(),
                test: false,
                occurred_at: now(),
                data: RawValue::from_string(data.to_string()).unwrap(),
                origin: Origin::default(),
            },
            data,
            composer: Composer {
                policy,
                vault: vault(&sealer),
                key_pairs: &signing::no_key_pairs,
            },
            delivery: DeliveryId::first_at(now()),
            now: now(),
        };
        let verdict = preview.verdict(trigger);
        let actions = trigger.actions.iter();
        let actions = actions.map(|action| preview.action(trigger, &verdict, action));
        let actions = actions.collect();
        serde_json::to_value(TriggerPreview::new(trigger, verdict, actions)).unwrap()
    }

    fn preview(trigger: &Trigger, data: &Value) -> Value {
        preview_under(&UrlPolicy::default(), trigger, data)
    }

    #[test]
    fn a_trigger_that_fires_shows_each_request_signed() {
        let trigger = trigger(json!({}));
        let shown = preview(&trigger, &json!({"n": 1}));
        assert_eq!(shown["matches"], true);
        assert_eq!(shown.get("reason"), None);
        let action = &shown["actions"][0];
        assert_eq!(action["would_send"], true);
        let request = &action["request"];
        assert_eq!(request["method"], "POST");
        assert_eq!(request["url"], "https://example.com/");
        assert_eq!(request["headers"]["x-key"], NOT_SHOWN);
        let body = request["body"].as_str().unwrap();
        let payload: Value = serde_json::from_str(body).unwrap();
        assert_eq!(payload["data"], json!({"n": 1}));
        assert_eq!(payload.get("test"), None);
        assert_eq!(payload["delivery"]["id"], request["headers"]["webhook-id"]);
        let id = request["headers"]["webhook-id"].as_str().unwrap();
        let signature = signing::signature(
            &[secret()],
            &signing::no_key_pairs,
            id,
            now(),
            body.as_bytes(),
        );
        assert_eq!(request["headers"]["webhook-signature"], signature);
        assert_eq!(request["body_bytes"], body.len());
        assert_eq!(request["body_truncated"], false);
    }

    #[test]
    fn what_is_switched_off_says_so_and_shows_its_request() {
        let off = preview(&trigger(json!({"enabled": false})), &json!({}));
        assert_eq!(off["matches"], false);
        assert_eq!(off["reason"], "the trigger is disabled");
        let action = &off["actions"][0];
        assert_eq!(action["would_send"], false);
        assert_eq!(action["reason"], "the trigger does not fire");
        assert!(action["request"].is_object());

        let actions = json!([
            {"name": "A", "url": "https://example.com/", "enabled": false},
            {"name": "B", "url": "https://example.com/"},
        ]);
        let one_off = preview(&trigger(json!({"actions": actions})), &json!({}));
        assert_eq!(one_off["matches"], true);
        let [off, on] = [&one_off["actions"][0], &one_off["actions"][1]];
        assert_eq!(off["reason"], "the action is disabled");
        assert_eq!(
            (&off["would_send"], &on["would_send"]),
            (&json!(false), &json!(true))
        );
        assert!(off["request"].is_object() && on["request"].is_object());
    }

    #[test]
    fn a_filter_that_does_not_match_names_the_condition() {
        let only = trigger(json!({"filter": {"data.channel": {"$in": ["sms"]}}}));
        let shown = preview(&only, &json!({"channel": "email"}));
        let mismatch = json!({
            "path": "data.channel", "operator": "$in", "expected": "[\"sms\"]",
            "found": "\"email\"",
        });
        assert_eq!(shown["matches"], false);
        assert_eq!(shown["mismatch"], mismatch);
        assert_eq!(
            shown["reason"],
            "the filter does not match: data.channel: expected $in [\"sms\"], found \"email\""
        );
        let action = &shown["actions"][0];
        assert_eq!((action.get("request"), action.get("error")), (None, None));
        assert_eq!(preview(&only, &json!({"channel": "sms"}))["matches"], true);
    }

    #[test]
    fn a_request_that_cannot_be_made_shows_the_error_that_its_attempts_would_have() {
        let template = trigger(json!({"actions": [
            {"name": "A", "url": "https://example.com/", "body_template": "{{ data.message.id|tojson }}"},
        ]}));
        let action = &preview(&template, &json!({}))["actions"][0];
        assert_eq!(action["would_send"], false);
        assert_eq!(
            action["error"],
            "template: line 1: `data.message` is undefined"
        );
        assert_eq!((action.get("request"), action.get("reason")), (None, None));

        let own = UrlPolicy {
            own_hosts: vec!["example.com".into()],
            ..UrlPolicy::default()
        };
        let shown = preview_under(&own, &trigger(json!({})), &json!({}));
        let error = shown["actions"][0]["error"].as_str().unwrap();
        assert!(error.starts_with("blocked address: "), "{error}");
    }

    #[test]
    fn a_long_body_is_cut_and_says_so() {
        let data = json!({"text": "ä".repeat(MAX_BODY)});
        let shown = preview(&trigger(json!({})), &data);
        let request = &shown["actions"][0]["request"];
        assert_eq!(request["body_truncated"], true);
        assert!(request["body"].as_str().unwrap().len() <= MAX_BODY);
        assert!(request["body_bytes"].as_u64().unwrap() > 2 * MAX_BODY as u64);
    }
}
