//! `/v1/api-keys[/{key}]`

use domain::access::MAX_KEYS;
use serde_json::{Value, json};

use crate::{
    Operation,
    document::{
        description::{Answer, Body, Description},
        examples,
        paths::Tag,
        problems::Problem,
        schema::of,
    },
};

pub(crate) const TAG: Tag = Tag {
    name: "API keys",
    description: "Keys for what needs less than everything.",
};

pub(crate) fn create() -> Description {
    let example =
        json!({ "name": "Booking app", "scopes": ["ingest"], "accounts": [examples::ACCOUNT] });
    Description::new("Create an API key")
        .says(format!(
            "A key for what needs less than everything. `key` in the answer is the key itself; it is \
             stored as a hash, and shown this once: only the same request under the same \
             `Idempotency-Key` is answered with it again. `ingest` posts events and does nothing else, \
             `read` looks at everything but secrets, `manage` looks at and changes everything but \
             posts no events, `run` works off what is due, `metrics` looks at metrics and usage. There are at most {MAX_KEYS} keys. This \
             takes a key of the setting `api_key`, as do all operations on keys."
        ))
        .body(Body::json("The key.", of("ApiKeyInput"), example))
        .creates_once()
        .answers(
            201,
            Answer::json("It can be used from now on.", of("NewApiKey"), made())
                .header("Location", "location")
                .link(Operation::ShowApiKey, [("api_key", "$response.body#/id")])
                .link(Operation::RevokeApiKey, [("api_key", "$response.body#/id")]),
        )
}

pub(crate) fn show_all() -> Description {
    Description::new("List the API keys")
        .says("Those that were made here, the first first. The list is not cut into pages.")
        .answers(
            200,
            Answer::json("The keys.", of("ApiKeys"), examples::page(known())),
        )
}

pub(crate) fn show() -> Description {
    Description::new("Show an API key")
        .says("What it may do and when it was used last. The key itself is not shown again.")
        .answers(200, Answer::json("The key.", of("ApiKey"), known()))
        .problems([Problem::NotFound])
}

pub(crate) fn revoke() -> Description {
    Description::new("Revoke an API key")
        .says("It ends at once, with the portal links that it made and their sessions.")
        .answers(204, Answer::empty("It is no key any more."))
        .problems([Problem::NotFound])
}

fn known() -> Value {
    json!({
        "id": examples::API_KEY, "name": "Booking app", "scopes": ["ingest"],
        "accounts": [examples::ACCOUNT], "requests_per_minute": null,
        "created_at": "2026-11-23T19:45:56.376Z", "expires_at": null,
        "last_used_at": "2026-11-23T19:45:56.799Z",
    })
}

fn made() -> Value {
    let mut made = known();
    made["last_used_at"] = Value::Null;
    let secret = "x5vJ0c2u3sBq1mYwQh8r7TnZk4LdFgPaEoRiUyWtSbM";
    made["key"] = format!("{}.{secret}", examples::API_KEY).into();
    made
}
