//! `/v1/api-keys[/{key}]`

use domain::access::{MAX_ACCOUNTS, MAX_KEYS, MAX_LIFETIME, MAX_PER_MINUTE, Scope};
use serde_json::{Value, json};

use crate::{
    Operation,
    document::{
        description::{Answer, Body, Description},
        examples,
        paths::Tag,
        problems::Problem,
        schema::{Schema, integer, list, object, of, one_of, text, time},
        schemas::{Named, account_id, api_key_id, name, page},
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
        .answers(200, Answer::json("The key.", of("ApiKey"), known()))
        .problems([Problem::NotFound])
}

pub(crate) fn revoke() -> Description {
    Description::new("Revoke an API key")
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

pub(super) fn schemas() -> Vec<Named> {
    let key = text()
        .like("^key_[0-7][0-9A-HJKMNP-TV-Z]{25}\\.[A-Za-z0-9_-]{43}$")
        .says("The key itself, for `Authorization: Bearer`. It can't be had again.");
    vec![
        ("ApiKeyInput", input()),
        ("ApiKey", object(members())),
        (
            "NewApiKey",
            object(members().into_iter().chain([("key", key)])),
        ),
        ("ApiKeys", page("ApiKey")),
    ]
}

fn input() -> Schema {
    object([
        ("name", name()),
        ("scopes", scopes()),
        ("accounts?", accounts().or_null()),
        ("requests_per_minute?", per_minute().or_null()),
        (
            "expires_in?",
            integer(1..=MAX_LIFETIME)
                .says("How long it is a key, in seconds. Without it, it does not end by itself.")
                .or_null(),
        ),
    ])
}

fn members() -> Vec<(&'static str, Schema)> {
    vec![
        ("id", api_key_id()),
        ("name", name()),
        ("scopes", scopes()),
        ("accounts", accounts().or_null()),
        ("requests_per_minute", per_minute().or_null()),
        ("created_at", time()),
        ("expires_at", time().or_null()),
        (
            "last_used_at",
            time()
                .or_null()
                .says("Within ten minutes; null while it was never used."),
        ),
    ]
}

fn scopes() -> Schema {
    list(one_of(Scope::ALL.map(Scope::as_str)))
        .not_empty()
        .at_most(Scope::ALL.len())
        .with("uniqueItems", true)
        .says("What it may do.")
}

fn accounts() -> Schema {
    list(account_id())
        .not_empty()
        .at_most(MAX_ACCOUNTS)
        .says("The accounts that it is for: all where nothing is said. Not with the scopes `run` and `metrics`.")
}

fn per_minute() -> Schema {
    integer(1..=u64::from(MAX_PER_MINUTE))
        .says("How many requests a minute it may make; beyond them it is answered 429. Each session of its portal links may make as many.")
}
