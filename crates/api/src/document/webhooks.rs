//! What receivers get.

use serde_json::{Value, json};

use domain::id::DeliveryId;

use crate::document::{
    examples,
    schema::{Schema, of, text, value},
};

/// The webhooks, as OpenAPI 3.1 has them.
pub(crate) fn all() -> Value {
    let header = |name: &str, schema: Schema, description: &str, example: &str| {
        json!({
            "name": name, "in": "header", "required": true, "description": description,
            "schema": Value::from(schema), "example": example,
        })
    };
    let parameters = [
        header(
            "webhook-id",
            value::<DeliveryId>(),
            "The delivery's id, the same on every retry: it tells a repetition.",
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
            text().like("^v1a?,.*$"),
            "`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`; one for each secret that \
             signs, separated by spaces.",
            "v1,fS8mc4tUgl5x72FZc4oTDiXRJUHFQlyX8F60rMXCXyA=",
        ),
    ];
    json!({
        "event": {
            "post": {
                "operationId": "receiveEvent",
                "summary": "An event that fires a trigger",
                "description": "Sent by an action, with its method, to its URL, signed as Standard Webhooks \
                     says, with `Accept: */*` unless the action sets another. Without a body template the body is \
                     this. Any answer of 2xx within the \
                     action's timeout is a success; everything else, a redirect too, is a failure \
                     and is repeated on the action's schedule. 410 disables the action.",
                "security": [],
                "parameters": parameters,
                "requestBody": {
                    "required": true,
                    "content": { "application/json": {
                        "schema": Value::from(of("WebhookBody")),
                        "example": examples::payload(),
                    } },
                },
                "responses": { "2XX": { "description": "The receiver has it." } },
            },
        },
    })
}
