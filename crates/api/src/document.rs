//! The OpenAPI 3.1 document, made at build time and by tests.
//!
//! What is a limit in the code is the same constant here; what is an example is of one story, that of
//! the README and of the catalogue's samples. The end-to-end tests hold every answer of the service
//! against the document.
//!
//! ```text
//! paths/…   what the operations do, a file for each kind of thing
//! schemas   what is sent and answered: from the types of `wire` and `domain`
//! problems, parameters, headers, examples: what operations share
//! description, schema: the builders with which all of it is written
//! ```

mod combined;
mod description;
mod examples;
mod headers;
mod parameters;
pub(crate) mod paths;
mod problems;
mod schema;
mod schemas;
#[cfg(test)]
mod tests;
mod webhooks;

pub(crate) use description::Description;
pub(crate) use paths::Tag;

use serde::{Serialize, Serializer, ser::SerializeMap as _};
use serde_json::{Map, Value, json};

/// What goes for all of the API.
const DESCRIPTION: &str = "\
A main app posts what happens in it as events. The users of each of its accounts set up triggers: when an \
event of this type happens, send a webhook there.\n\n\
- Bodies are JSON. A member that is not in this document is an error that names it.\n\
- Times are RFC 3339; answers have them in UTC.\n\
- Lists take `limit` and `cursor`, and answer `data` and `next_cursor`.\n\
- Triggers, actions and custom event types have an `ETag`, for `If-Match`.\n\
- `PATCH` takes a JSON merge patch (RFC 7396): objects are merged, and null takes a member away.\n\
- `PUT` replaces: a member that is left out gets its default.\n\
- `HEAD` is answered wherever `GET` is.\n\
- What goes wrong is told as `application/problem+json` (RFC 9457), with a `code` for programs. Without a \
valid key every path answers 401; with one, an unknown path answers 404, and a method that a path does not \
have 405, with `Allow`.";

/// The OpenAPI 3.1 document of the whole API.
pub fn document() -> Value {
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Webhook Triggers",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Signed webhooks for what happens in an appointment-booking product",
            "description": DESCRIPTION,
            "license": { "name": "Apache License 2.0", "identifier": "Apache-2.0" },
        },
        "externalDocs": { "description": "Guides", "url": "/docs/guides" },
        "jsonSchemaDialect": "https://spec.openapis.org/oas/3.1/dialect/base",
        "servers": [{ "url": "/" }],
        "security": [{ "key": [] }],
        "tags": paths::tags(),
        "paths": paths::all(),
        "webhooks": webhooks::all(),
        "components": {
            "schemas": schemas::all(),
            "responses": problems::responses(),
            "parameters": parameters::all().into_iter().chain(webhooks::headers()).collect::<Map<_, _>>(),
            "headers": headers::all(),
            "securitySchemes": {
                "key": {
                    "type": "http", "scheme": "bearer",
                    "description": "One of the deployment's API keys.",
                },
            },
        },
    })
}

/// The document as JSON, with plain JSON before other media types: many generators take the first.
pub fn json() -> String {
    serde_json::to_string(&JsonFirst(&document())).expect("a document has string keys")
}

/// A value whose members are in order, but for `application/json`, which comes first.
struct JsonFirst<'a>(&'a Value);

impl Serialize for JsonFirst<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                let (first, rest): (Vec<_>, Vec<_>) = members
                    .iter()
                    .partition(|(name, _)| *name == description::JSON);
                for (name, member) in first.into_iter().chain(rest) {
                    map.serialize_entry(name, &JsonFirst(member))?;
                }
                map.end()
            }
            Value::Array(elements) => serializer.collect_seq(elements.iter().map(JsonFirst)),
            other => other.serialize(serializer),
        }
    }
}
