//! The request that a receiver gets: headers, body and signature.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::{
    account::AccountId,
    catalogue::EventType,
    delivery::Failure,
    hops,
    id::{ActionId, DeliveryId, EventId, TriggerId},
    origin::Origin,
    sealing::OpenError,
    secret::SigningSecret,
    signing::{self, KeyPairs},
    signing_keys::Scheme,
    template::{TemplateError, TemplateErrorKind},
    time::Timestamp,
    trace,
    trigger::{Action, Method, Trigger, Vault},
    url_policy::{EndpointUrl, UrlPolicy},
};

/// What `user-agent` says.
pub const USER_AGENT: &str = concat!("webhook-triggers/", env!("CARGO_PKG_VERSION"));

/// The body of a webhook, and what a body template can speak of.
#[derive(Debug, Serialize)]
#[cfg_attr(
    feature = "document",
    derive(schemars::JsonSchema),
    schemars(
        rename = "WebhookBody",
        description = "The body of a webhook without a body template."
    )
)]
pub struct Payload<'a> {
    /// The event's id.
    pub id: EventId,
    /// The event's type.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "document", schemars(with = "crate::schema::EventTypeKey"))]
    pub event_type: &'a str,
    /// Whether it was made up to test an action. Real events have no such member.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(feature = "document", schemars(with = "crate::schema::True"))]
    pub test: bool,
    /// When the event occurred.
    pub timestamp: Timestamp,
    /// The account it belongs to.
    pub account: &'a str,
    /// The trigger that it fired.
    pub trigger: TriggerPart<'a>,
    /// The action that runs.
    pub action: ActionPart<'a>,
    /// The delivery that this is.
    pub delivery: DeliveryPart,
    /// What happened.
    #[cfg_attr(feature = "document", schemars(with = "crate::schema::Data"))]
    pub data: &'a RawValue,
    /// How the event came about: a matter of headers.
    #[serde(skip)]
    pub origin: Origin,
}

/// The trigger, as a payload names it.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema), schemars(inline))]
pub struct TriggerPart<'a> {
    /// Its id.
    pub id: TriggerId,
    /// Its name.
    pub name: &'a str,
    /// Its type: an umbrella, where the event's type is a member of one.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "document", schemars(with = "crate::schema::EventTypeKey"))]
    pub event_type: &'a str,
}

/// The action, as a payload names it.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema), schemars(inline))]
pub struct ActionPart<'a> {
    /// Its id.
    pub id: ActionId,
    /// Its name.
    pub name: &'a str,
}

/// The delivery, as a payload names it.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema), schemars(inline))]
pub struct DeliveryPart {
    /// Its id.
    pub id: DeliveryId,
}

/// An event, as deliveries need it.
#[derive(Debug, Clone)]
pub struct Event {
    /// Its id.
    pub id: EventId,
    /// Its type's key.
    pub event_type: String,
    /// Whether it was made up to test an action.
    pub test: bool,
    /// When it occurred.
    pub occurred_at: Timestamp,
    /// What happened.
    pub data: Box<RawValue>,
    /// How it came about.
    pub origin: Origin,
}

impl<'a> Payload<'a> {
    /// What `delivery` tells of `event` to the receiver of `action`.
    pub fn new(
        account: &'a AccountId,
        event: &'a Event,
        (trigger, action): (&'a Trigger, &'a Action),
        delivery: DeliveryId,
    ) -> Self {
        Self {
            id: event.id,
            event_type: &event.event_type,
            test: event.test,
            timestamp: event.occurred_at,
            account: account.as_str(),
            trigger: TriggerPart {
                id: trigger.id,
                name: &trigger.name,
                event_type: &trigger.event_type,
            },
            action: ActionPart {
                id: action.id,
                name: &action.name,
            },
            delivery: DeliveryPart { id: delivery },
            data: &event.data,
            origin: event.origin,
        }
    }
}

/// A payload with the type's sample for data, on which a template is tried when it is saved.
pub fn sample(event_type: &EventType) -> Payload<'_> {
    let at = Timestamp::from_millis(1_795_446_245_000);
    let data = serde_json::from_str(event_type.sample()).expect("samples are JSON");
    Payload {
        id: EventId::first_at(at),
        event_type: &event_type.key,
        test: false,
        timestamp: at,
        account: "acme",
        trigger: TriggerPart {
            id: TriggerId::first_at(at),
            name: &event_type.label,
            event_type: &event_type.key,
        },
        action: ActionPart {
            id: ActionId::first_at(at),
            name: "Sample action",
        },
        delivery: DeliveryPart {
            id: DeliveryId::first_at(at),
        },
        data,
        origin: Origin::default(),
    }
}

/// A request to send: all of it but the URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookRequest {
    /// The method.
    pub method: Method,
    /// Names in lower case and values, in the order they are sent.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// Makes requests of what the actions of one account are to send: for deliveries and for previews.
pub struct Composer<'a> {
    /// Which URLs requests may go to.
    pub policy: &'a UrlPolicy,
    /// What opens the actions' headers and secrets.
    pub vault: Vault<'a>,
    /// What signs with the account's key pairs.
    pub key_pairs: &'a KeyPairs<'a>,
}

impl Composer<'_> {
    /// The request of one attempt at `now`, as `action` wants it, and where it goes.
    ///
    /// # Errors
    ///
    /// When the URL is not allowed (any more), the body template fails on this event, or what is
    /// sealed does not open.
    pub fn compose(
        &self,
        action: &Action,
        payload: &Payload<'_>,
        now: Timestamp,
    ) -> Result<(EndpointUrl, WebhookRequest), Failure> {
        // A secret that does not open is a setting gone wrong, not the receiver's fault.
        let sealed = |error: OpenError| Failure::Internal(format!("the action's secrets: {error}"));
        let url = EndpointUrl::parse(&action.url, self.policy)
            .map_err(|refusal| Failure::Blocked(refusal.to_string()))?;
        let headers = action.headers(&self.vault).map_err(sealed)?;
        let secrets = if action.signs_with(Scheme::V1) {
            action.secrets(&self.vault).map_err(sealed)?.live(now)
        } else {
            Vec::new()
        };
        let key_pairs = if action.signs_with(Scheme::V1a) {
            self.key_pairs
        } else {
            &signing::no_key_pairs
        };
        let request =
            compose(action, &headers, (&secrets, key_pairs), payload, now).map_err(|error| {
                match error.kind {
                    TemplateErrorKind::TooExpensive => {
                        Failure::TemplateTooExpensive(error.to_string())
                    }
                    _ => Failure::Template(error.to_string()),
                }
            })?;
        Ok((url, request))
    }
}

/// Makes the request of one attempt at `now`, signed by each of the secrets and key pairs.
fn compose(
    action: &Action,
    custom_headers: &serde_json::Map<String, serde_json::Value>,
    (secrets, key_pairs): (&[SigningSecret], &KeyPairs<'_>),
    payload: &Payload<'_>,
    now: Timestamp,
) -> Result<WebhookRequest, TemplateError> {
    let body = match &action.body_template {
        Some(template) => {
            let body = template.render_for(&action.content_type, payload)?;
            body.into_bytes()
        }
        None => serde_json::to_vec(payload)
            .expect("a payload has string keys and raw JSON, which always serialise"),
    };
    let id = payload.delivery.id.to_string();
    let mut headers = vec![
        ("content-type".to_owned(), action.content_type.clone()),
        ("user-agent".to_owned(), USER_AGENT.to_owned()),
        // Firewalls block requests without it (OWASP Core Rule Set, rule 920300).
        ("accept".to_owned(), "*/*".to_owned()),
    ];
    for (name, value) in custom_headers {
        let value = value.as_str().unwrap_or_default().to_owned();
        // An action may speak under a name of its own.
        match headers.iter_mut().find(|(present, _)| present == name) {
            Some(default) => default.1 = value,
            None => headers.push((name.clone(), value)),
        }
    }
    headers.push((
        "webhook-signature".to_owned(),
        signing::signature(secrets, key_pairs, &id, now, &body),
    ));
    headers.push(("webhook-id".to_owned(), id));
    headers.push(("webhook-timestamp".to_owned(), now.as_seconds().to_string()));
    let hops = payload.origin.hops.of_webhook();
    headers.push((hops::HEADER.to_owned(), hops.to_string()));
    // An action may have a trace of its own.
    let traced = headers.iter().any(|(name, _)| name == trace::HEADER);
    if let Some(parent) = payload.origin.trace.filter(|_| !traced) {
        let span = parent.of_attempt(payload.delivery.id, now);
        headers.push((trace::HEADER.to_owned(), span.to_string()));
    }
    Ok(WebhookRequest {
        method: action.method,
        headers,
        body,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalogue::{BUILT_IN, built_in},
        sealing::{NONCE_LENGTH, Sealer},
        secret::LENGTH,
        trigger::{ActionInput, Vault},
        url_policy::UrlPolicy,
    };

    fn action(input: serde_json::Value) -> (Action, serde_json::Map<String, serde_json::Value>) {
        let sealer = Sealer::parse("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
        let nonce = || [1; NONCE_LENGTH];
        let vault = Vault {
            account: "acme",
            sealer: &sealer,
            nonce: &nonce,
        };
        let input: ActionInput = serde_json::from_value(input).unwrap();
        let settings = input
            .check(built_in("message.sent"), &UrlPolicy::default())
            .unwrap();
        let now = Timestamp::from_millis(1);
        let id = ActionId::new(now, 7);
        let action = Action::new(id, settings, &SigningSecret::new([2; LENGTH]), &vault, now);
        let headers = action.headers(&vault).unwrap();
        (action, headers)
    }

    fn composed(input: serde_json::Value) -> WebhookRequest {
        let (action, headers) = action(input);
        let secrets = [SigningSecret::new([2; LENGTH])];
        let payload = sample(built_in("message.sent").unwrap());
        let now = Timestamp::from_millis(1_795_446_245_678);
        compose(
            &action,
            &headers,
            (&secrets, &signing::no_key_pairs),
            &payload,
            now,
        )
        .unwrap()
    }

    #[test]
    fn every_type_has_a_sample_payload() {
        for event_type in &BUILT_IN {
            let body = serde_json::to_value(sample(event_type)).unwrap();
            assert_eq!(body["type"], *event_type.key);
            assert!(body["data"].is_object(), "{}", event_type.key);
        }
    }

    #[test]
    fn the_three_headers_are_there_and_custom_ones_beside_them() {
        let request = composed(serde_json::json!({
            "name": "A", "url": "https://example.com/", "headers": {"X-Key": "k", "User-Agent": "u"},
        }));
        let own = composed(serde_json::json!({
            "name": "A", "url": "https://example.com/", "headers": {"Accept": "application/json"},
        }));
        let accepts: Vec<_> = own.headers.iter().filter(|(n, _)| n == "accept").collect();
        assert_eq!(
            accepts,
            [&("accept".to_owned(), "application/json".to_owned())]
        );
        let header = |name: &str| {
            let mut values = request.headers.iter().filter(|(n, _)| n == name);
            let value = values.next().map(|(_, value)| value.as_str());
            assert!(values.next().is_none(), "{name} is there twice");
            value
        };
        assert_eq!(header("webhook-id"), Some("dlv_01M84EZ1M80000000000000000"));
        assert_eq!(header("webhook-timestamp"), Some("1795446245"));
        assert!(header("webhook-signature").is_some_and(|value| value.starts_with("v1,")));
        assert_eq!(header("content-type"), Some("application/json"));
        assert_eq!(header("x-key"), Some("k"));
        assert_eq!(header("user-agent"), Some("u"));
        assert_eq!(header("accept"), Some("*/*"));
    }

    #[test]
    fn a_test_is_marked_and_nothing_else_is() {
        let mut payload = sample(built_in("message.sent").unwrap());
        let body = serde_json::to_value(&payload).unwrap();
        assert_eq!(body.get("test"), None);
        payload.test = true;
        let body = serde_json::to_value(&payload).unwrap();
        assert_eq!(body["test"], true);
    }

    #[test]
    fn a_request_that_cannot_be_made_says_why() {
        let sealer = Sealer::parse("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
        let nonce = || [1; NONCE_LENGTH];
        let vault = |account| Vault {
            account,
            sealer: &sealer,
            nonce: &nonce,
        };
        let (action, _) = action(serde_json::json!({
            "name": "A", "url": "https://example.com/", "body_template": "{{ data.message.id|tojson }}",
        }));
        let usual = sample(built_in("message.sent").unwrap());
        let now = Timestamp::from_millis(1_795_446_245_678);
        let failure = |account, policy: &UrlPolicy, payload: &Payload<'_>| {
            let vault = vault(account);
            let composed = Composer {
                policy,
                vault,
                key_pairs: &signing::no_key_pairs,
            }
            .compose(&action, payload, now);
            composed
                .map(|(url, _)| url.to_string())
                .map_err(|failure| failure.to_string())
        };
        let policy = UrlPolicy::default();
        let sent_to = failure("acme", &policy, &usual);
        assert_eq!(sent_to.as_deref(), Ok("https://example.com/"));

        let own = UrlPolicy {
            own_hosts: vec!["example.com".into()],
            ..UrlPolicy::default()
        };
        let blocked = failure("acme", &own, &usual).unwrap_err();
        assert!(blocked.starts_with("blocked address: "), "{blocked}");

        let data = RawValue::from_string("{}".into()).unwrap();
        let bare = Payload {
            data: &data,
            ..usual
        };
        let template = failure("acme", &policy, &bare).unwrap_err();
        assert_eq!(template, "template: line 1: `data.message` is undefined");

        let usual = sample(built_in("message.sent").unwrap());
        let forged = failure("other", &policy, &usual).unwrap_err();
        assert!(
            forged.starts_with("internal: the action's secrets: "),
            "{forged}"
        );
    }

    #[test]
    fn a_template_can_name_the_fields_of_the_data() {
        let request = composed(serde_json::json!({
            "name": "A", "url": "https://example.com/", "content_type": "text/plain",
            "body_template": "{{ type }} to {{ data.participant.name }}",
        }));
        let body = String::from_utf8(request.body).unwrap();
        let sample: serde_json::Value =
            serde_json::from_str(built_in("message.sent").unwrap().sample()).unwrap();
        let name = sample["participant"]["name"].as_str().unwrap();
        assert_eq!(body, format!("message.sent to {name}"));
    }
}
