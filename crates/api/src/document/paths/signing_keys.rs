//! `/v1/accounts/{account}/signing-keys` and `/webhook-keys/{account}`

use serde_json::{Value, json};

use crate::document::{
    description::{Answer, Body, Description},
    examples,
    paths::Tag,
    problems::Problem,
    schema::of,
};

const ID: &str = "21fe31dfa154a261";
const PUBLIC_KEY: &str = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

pub(crate) const TAG: Tag = Tag {
    name: "Signing keys",
    description: "Key pairs that sign webhooks whose receivers are not to know a secret.",
};

pub(crate) fn show() -> Description {
    Description::new("List an account's signing keys")
        .says("Those that sign now, the newest first. The list is not cut into pages.")
        .answers(
            200,
            Answer::json("The keys.", of("SigningKeys"), examples::page(key())),
        )
}

pub(crate) fn make() -> Description {
    Description::new("Make a new signing key for an account")
        .says(
            "A key pair (Ed25519) for actions that sign with `v1a`. The private half stays in the \
             service. The one before goes on signing beside it for the overlap, so that receivers \
             get to know the new one. Older ones sign until their `expires_at`, whatever the overlap; \
             0 retires all older ones at once. Answers 409 while four older ones still sign: the \
             text says when the next one can be made.",
        )
        .body(
            Body::json(
                "How long the one before goes on signing.",
                of("Rotation"),
                json!({ "overlap_seconds": 86_400 }),
            )
            .optional(),
        )
        .creates_once()
        .answers(
            201,
            Answer::json("It signs from now on.", of("SigningKey"), key()),
        )
        .problems([Problem::Conflict])
}

pub(crate) fn public() -> Description {
    let set = json!({ "keys": [{
        "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": ID,
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "whpk": PUBLIC_KEY,
    }] });
    Description::new("Show an account's public keys")
        .says(
            "A JSON Web Key Set (RFC 7517) of what verifies `v1a` signatures now, for receivers. Needs \
             no key. An account that has none, or that there is not, has an empty one.",
        )
        .answers(200, Answer::json("The public keys.", of("PublicKeys"), set))
        .problems([Problem::BadRequest])
}

fn key() -> Value {
    json!({
        "id": ID, "public_key": PUBLIC_KEY, "created_at": "2026-11-23T19:45:56.376Z",
        "expires_at": null,
    })
}
