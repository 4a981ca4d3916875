//! What receivers get: a webhook for each event type.

use domain::{
    catalogue::{BUILT_IN, EventType, OPERATOR},
    hops,
    id::DeliveryId,
    trace,
    webhook::USER_AGENT,
};
use serde_json::{Map, Value, json};

use crate::document::{
    description::JSON,
    examples,
    schema::{Schema, of, text, value},
};

// Without the value of `Accept`: its asterisk and slash end a comment in what some generators write.
const DESCRIPTION: &str = "Sent to an action's URL with the action's method, signed as Standard Webhooks says. Unless the action sets \
     others, `Accept` allows every media type and `Content-Type` is `application/json`. The headers that the action has come along. An \
     action with a body template sends what the template makes instead of this body. Any 2xx within the action's timeout is a success. \
     Anything else, a redirect too, is a failure, and is repeated on the action's schedule; 410 disables the action.";

/// The webhooks, by the keys of their event types, as OpenAPI 3.1 has them.
pub(crate) fn all() -> Map<String, Value> {
    let mut all: Map<_, _> = BUILT_IN
        .iter()
        .chain(&OPERATOR)
        .map(|event_type| (event_type.key.to_string(), of_type(event_type)))
        .collect();
    let custom = webhook(
        examples::CUSTOM_TYPE,
        "An event of a type of the deployment's own",
        DESCRIPTION,
        Value::from(of("WebhookBody")),
        json!({ "invoice": { "id": "inv_1", "total": 120.5 } }),
    );
    all.insert("custom".to_owned(), custom);
    all
}

fn of_type(event_type: &EventType) -> Value {
    let key = &*event_type.key;
    let schema = json!({ "allOf": [
        Value::from(of("WebhookBody")),
        { "type": "object", "required": ["type"], "properties": { "type": { "type": "string", "const": key } } },
    ] });
    let description = format!("{}\n\n{DESCRIPTION}", event_type.description);
    webhook(
        key,
        &event_type.label,
        &description,
        schema,
        examples::sample(key),
    )
}

fn webhook(key: &str, summary: &str, description: &str, schema: Value, data: Value) -> Value {
    let mut example = examples::payload();
    example["type"] = key.into();
    example["trigger"]["type"] = key.into();
    example["data"] = data;
    let parameters: Vec<_> = headers()
        .keys()
        .map(|name| json!({ "$ref": format!("#/components/parameters/{name}") }))
        .collect();
    json!({ "post": {
        "operationId": format!("receive-{}", key.replace(['.', '_'], "-")),
        "summary": summary,
        "description": description,
        "security": [],
        "parameters": parameters,
        "requestBody": { "required": true, "content": { JSON: { "schema": schema, "example": example } } },
        "responses": {
            "2XX": { "description": "The receiver has it." },
            "410": { "description": "The receiver wants no more: the action is disabled." },
        },
    } })
}

/// The headers of every webhook, as parameters.
pub(crate) fn headers() -> Map<String, Value> {
    let header = |name: &str, schema: Schema, description: &str, example: &str| {
        let parameter = json!({
            "name": name, "in": "header", "required": name != trace::HEADER, "description": description,
            "schema": Value::from(schema), "example": example,
        });
        (name.to_owned(), parameter)
    };
    let signature = "(v1,[A-Za-z0-9+/]{43}=|v1a,[A-Za-z0-9+/]{86}==)";
    [
        header(
            "user-agent",
            text(),
            "The version of the service, unless the action sets another.",
            USER_AGENT,
        ),
        header(
            "webhook-id",
            value::<DeliveryId>(),
            "The delivery's id, the same on every retry: a receiver knows repetitions by it.",
            examples::DELIVERY,
        ),
        header(
            "webhook-timestamp",
            text().like("^[0-9]+$"),
            "When this attempt was made, in seconds since the Unix epoch.",
            "1795463156",
        ),
        header(
            "webhook-signature",
            text().like(&format!("^{signature}( {signature})*$")),
            "Signatures over `id.timestamp.body`, separated by spaces: `v1,` and the base64 of HMAC-SHA256 for each secret of the \
             action, `v1a,` and the base64 of Ed25519 for each key pair of the account. The action's `signature_schemes` say which.",
            "v1,fS8mc4tUgl5x72FZc4oTDiXRJUHFQlyX8F60rMXCXyA=",
        ),
        header(
            hops::HEADER,
            text().like(&format!("^[1-{}]$", hops::MAX + 1)),
            "How many webhooks led to this one, itself included. Pass it on with an event that is posted because of this webhook.",
            "1",
        ),
        header(
            trace::HEADER,
            text().like("^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$"),
            "The trace of the request that posted the event (W3C Trace Context), with a span for each attempt. There is none where \
             that request had none.",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ),
    ]
    .into_iter()
    .collect()
}
