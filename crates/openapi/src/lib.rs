//! The API's description, as an OpenAPI 3.1 document.

pub mod page;

use serde_json::{Value, json};

/// The OpenAPI 3.1 document of the whole API.
pub fn document() -> Value {
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Webhook Triggers", "version": env!("CARGO_PKG_VERSION") },
        "paths": {},
    })
}
