//! Examples, all of one story: that of the README's walk with curl, and of the catalogue's samples.

use domain::{
    catalogue::{EventType, built_in},
    headers::NOT_SHOWN,
    schedule::RetrySchedule,
    trigger,
    webhook::USER_AGENT,
};
use serde_json::{Value, json};

pub(crate) const ACCOUNT: &str = "acme";
pub(crate) const TRIGGER: &str = "trg_01M84Z34MRJWA9RQ9QBPKQ6788";
pub(crate) const ACTION: &str = "act_01M84Z34MRDM1HTEVQZ2B81NSZ";
pub(crate) const EVENT: &str = "evt_01M84Z351ZZZWRBGRVHJRFSR5M";
pub(crate) const DELIVERY: &str = "dlv_01M84Z351ZTPPX3S4BKS7SY41X";
pub(crate) const API_KEY: &str = "key_01M84Z30QF4RY7C0M2V9J8H5T3";
pub(crate) const TYPE: &str = "participant.confirmed";
pub(crate) const UMBRELLA: &str = "participant.reminder_state_changed";
pub(crate) const CUSTOM_TYPE: &str = "invoice.paid";
pub(crate) const URL: &str = "https://desk.example.com/hooks";
pub(crate) const SECRET: &str = "whsec_3kWkMhWd0kqQyPAy2iG9Rmm5h7l8rHc4bqFfV2W1x8M=";

const CREATED: &str = "2026-11-23T19:45:56.376Z";
const RECEIVED: &str = "2026-11-23T19:45:56.799Z";
const SENT: &str = "2026-11-23T19:45:56.813Z";

/// The catalogue's sample of an event type.
pub(crate) fn sample(key: &str) -> Value {
    let sample = built_in(key).map(EventType::sample);
    sample
        .and_then(|sample| serde_json::from_str(sample).ok())
        .unwrap_or_else(|| json!({}))
}

/// A page of a list that has one item.
pub(crate) fn page(item: Value) -> Value {
    json!({ "data": [item], "next_cursor": null })
}

pub(crate) fn filter() -> Value {
    json!({
        "data.appointment.calendar": "Main",
        "data.message.channel": { "$in": ["sms", "whatsapp"] },
    })
}

/// An action as it is sent.
pub(crate) fn action_input() -> Value {
    json!({
        "name": "Desk", "url": URL, "headers": { "authorization": "Bearer s3cr3t" },
    })
}

pub(crate) fn action() -> Value {
    json!({
        "id": ACTION,
        "name": "Desk",
        "enabled": true,
        "url": URL,
        "method": "POST",
        "headers": {},
        "secret_headers": ["authorization"],
        "public_headers": [],
        "signature_schemes": ["v1"],
        "body_template": null,
        "content_type": trigger::DEFAULT_CONTENT_TYPE,
        "timeout_seconds": trigger::DEFAULT_TIMEOUT,
        "retry_schedule": RetrySchedule::default(),
        "ordered": false,
        "max_per_second": null,
        "health": {
            "last_success_at": SENT, "last_failure_at": null, "failing_since": null,
            "consecutive_failures": 0,
        },
        "created_at": CREATED,
        "updated_at": CREATED,
    })
}

/// A trigger as it is sent.
pub(crate) fn trigger_input() -> Value {
    json!({
        "type": UMBRELLA,
        "name": "Tell the front desk",
        "filter": filter(),
        "actions": [action_input()],
    })
}

pub(crate) fn trigger() -> Value {
    json!({
        "id": TRIGGER,
        "type": UMBRELLA,
        "name": "Tell the front desk",
        "description": "",
        "enabled": true,
        "filter": filter(),
        "actions": [action()],
        "created_at": CREATED,
        "updated_at": CREATED,
    })
}

/// An event as it is posted.
pub(crate) fn new_event() -> Value {
    json!({
        "type": TYPE, "data": sample(TYPE), "occurred_at": "2026-11-23T15:04:05Z", "id": "booking-81",
    })
}

pub(crate) fn cloud_event() -> Value {
    json!({
        "specversion": "1.0", "id": "81", "source": "/bookings", "type": TYPE,
        "time": "2026-11-23T15:04:05Z", "datacontenttype": "application/json", "data": sample(TYPE),
    })
}

/// What a posted event is answered with.
pub(crate) fn accepted(duplicate: bool) -> Value {
    json!({
        "id": EVENT,
        "type": TYPE,
        "deliveries": [{ "id": DELIVERY, "trigger_id": TRIGGER, "action_id": ACTION }],
        "duplicate": duplicate,
    })
}

pub(crate) fn event() -> Value {
    json!({
        "id": EVENT, "type": TYPE, "occurred_at": "2026-11-23T15:04:05.000Z", "received_at": RECEIVED,
        "producer_id": "booking-81", "test": false,
    })
}

pub(crate) fn event_details() -> Value {
    let mut event = event();
    event["data"] = sample(TYPE);
    event["deliveries"] = json!([delivery("succeeded")]);
    event
}

/// A delivery in a list.
pub(crate) fn delivery(status: &str) -> Value {
    let mut delivery = json!({
        "id": DELIVERY, "event_id": EVENT, "trigger_id": TRIGGER, "action_id": ACTION,
        "type": TYPE, "status": status, "attempt_count": 1, "created_at": RECEIVED, "test": false,
    });
    match status {
        "pending" => delivery["next_attempt_at"] = json!("2026-11-23T20:12:40.200Z"),
        "canceled" => delivery["reason"] = json!("canceled by hand"),
        _ => {}
    }
    delivery
}

/// A delivery with its attempts.
pub(crate) fn delivery_details(status: &str) -> Value {
    let mut delivery = delivery(status);
    delivery["attempts"] = json!([{
        "number": 1,
        "started_at": SENT,
        "duration_ms": 5,
        "status_code": 204,
        "request_headers": sent_headers(),
        "response_headers": { "date": "Mon, 23 Nov 2026 19:45:56 GMT" },
        "response_body": "",
    }]);
    delivery
}

/// The headers of a request to a receiver, without the values of secret ones.
fn sent_headers() -> Value {
    json!({
        "accept": "*/*",
        "authorization": NOT_SHOWN,
        "content-type": trigger::DEFAULT_CONTENT_TYPE,
        "user-agent": USER_AGENT,
        "webhook-hops": "1",
        "webhook-id": DELIVERY,
        "webhook-signature": "v1,fS8mc4tUgl5x72FZc4oTDiXRJUHFQlyX8F60rMXCXyA=",
        "webhook-timestamp": "1795463156",
    })
}

/// The body that a receiver gets.
pub(crate) fn payload() -> Value {
    json!({
        "id": EVENT,
        "type": TYPE,
        "timestamp": "2026-11-23T15:04:05.000Z",
        "account": ACCOUNT,
        "trigger": { "id": TRIGGER, "name": "Tell the front desk", "type": UMBRELLA },
        "action": { "id": ACTION, "name": "Desk" },
        "delivery": { "id": DELIVERY },
        "data": sample(TYPE),
    })
}

pub(crate) fn preview() -> Value {
    let body = payload().to_string();
    json!({
        "type": TYPE,
        "made_up": { "event_id": EVENT, "delivery_id": DELIVERY },
        "triggers": [{
            "id": TRIGGER, "type": UMBRELLA, "name": "Tell the front desk", "enabled": true,
            "matches": true,
            "actions": [{
                "id": ACTION, "name": "Desk", "enabled": true, "would_send": true,
                "request": {
                    "method": "POST", "url": URL, "headers": sent_headers(),
                    "body_bytes": body.len(), "body": body, "body_truncated": false,
                },
            }],
        }],
        "next_cursor": null,
    })
}

/// A type that a deployment adds, as it is sent.
pub(crate) fn event_type_input() -> Value {
    json!({
        "label": "Invoice paid", "group": "Invoices",
        "description": "An invoice was paid in full.",
        "sample": { "invoice": { "id": "inv_1", "total": 120.5 } },
    })
}

pub(crate) fn custom_type() -> Value {
    let mut custom = event_type_input();
    custom["key"] = json!(CUSTOM_TYPE);
    custom["custom"] = json!(true);
    custom["operator"] = json!(false);
    custom
}

/// A type of the catalogue.
pub(crate) fn built_in_type(key: &str) -> Value {
    let Some(event_type) = built_in(key) else {
        return json!({});
    };
    let mut shown = json!({
        "key": event_type.key, "label": event_type.label, "group": event_type.group,
        "description": event_type.description, "custom": false, "operator": false,
        "sample": sample(key),
    });
    if let Some(umbrella) = &event_type.member_of {
        shown["member_of"] = json!(umbrella);
    }
    shown
}

/// A document that an export made; with secrets where they are asked for.
pub(crate) fn exported(with_secrets: bool) -> Value {
    let mut action = action();
    let mut document = json!({
        "format": "webhook-triggers/export",
        "version": 1,
        "account": ACCOUNT,
        "exported_at": "2026-11-24T17:50:47.263Z",
        "next_cursor": null,
    });
    if let Some(action) = action.as_object_mut() {
        action.remove("health");
        action.remove("updated_at");
        action.insert("headers".into(), json!({ "authorization": null }));
    }
    if with_secrets {
        action["sealed"] = json!("KkFgwEXaEGPbICzM4wnR13tGVyDIzKL2YKUDe56tKWJqmZT6S8YQNQ==");
        document["encryption"] = json!({
            "kdf": "argon2id", "memory_kib": 19456, "passes": 2, "lanes": 1,
            "salt": "gGJjls/JsOKMePl8330rLA==",
            "cipher": "xchacha20-poly1305",
            "check": "KkFgwEXaEGPbICzM4wnR13tGVyDIzKL2YKUDe56tKWJqmZT6S8YQNQ==",
        });
    }
    document["triggers"] = json!([{
        "id": TRIGGER, "type": UMBRELLA, "name": "Tell the front desk", "description": "",
        "enabled": true, "filter": filter(), "actions": [action], "created_at": CREATED,
    }]);
    document
}
