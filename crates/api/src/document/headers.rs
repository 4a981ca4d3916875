//! Headers of answers.

use serde_json::{Map, Value, json};

/// The headers that answers have, by their names among the components.
pub(crate) fn all() -> Map<String, Value> {
    let header = |required: bool, schema: Value, description: &str, example: &str| {
        json!({
            "required": required, "schema": schema, "description": description, "example": example,
        })
    };
    let etag = json!({ "type": "string", "pattern": "^\"[0-9]+\"$" });
    [
        (
            "etag",
            header(
                true,
                etag.clone(),
                "The version that this is, for `If-Match`.",
                "\"1\"",
            ),
        ),
        (
            "etag-of-custom",
            header(
                false,
                etag,
                "The version that this is, for `If-Match`. Types that cannot be changed have none.",
                "\"1\"",
            ),
        ),
        (
            "location",
            header(
                true,
                json!({ "type": "string", "pattern": "^/v1/.*$" }),
                "The path of what was made.",
                "/v1/accounts/acme/triggers/trg_01M84Z34MRJWA9RQ9QBPKQ6788",
            ),
        ),
        (
            "no-store",
            header(
                true,
                json!({ "type": "string", "const": "no-store" }),
                "The answer has secrets, or may have.",
                "no-store",
            ),
        ),
        (
            "allow",
            header(
                true,
                json!({ "type": "string", "pattern": "^[A-Z]+(, [A-Z]+)*$" }),
                "The methods that the path has.",
                "GET, POST",
            ),
        ),
        (
            "accept-encoding",
            header(
                false,
                json!({ "type": "string", "const": "identity" }),
                "Where the body had a `Content-Encoding`: bodies are taken as they are only.",
                "identity",
            ),
        ),
        (
            "www-authenticate",
            header(
                true,
                json!({ "type": "string", "const": "Bearer" }),
                "The scheme of the key.",
                "Bearer",
            ),
        ),
        (
            "retry-after",
            header(
                true,
                json!({ "type": "string", "pattern": "^[0-9]+$" }),
                "After how many seconds to try again.",
                "1",
            ),
        ),
    ]
    .map(|(name, header)| (name.to_owned(), header))
    .into_iter()
    .collect()
}
