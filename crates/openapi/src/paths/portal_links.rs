//! `/v1/accounts/{account}/portal-links`

use domain::portal::{DEFAULT_LINK, MAX_LINK, MAX_RETURN_URL, MIN_LINK};
use serde_json::json;

use crate::{
    operation::{Answer, Body, Operation, Path, path, post},
    schema::{Schema, integer, object, of, one_of, text, time},
    schemas::Named,
};

pub(super) fn paths() -> Vec<Path> {
    let create = Operation::new("createPortalLink", "Make a link to an account's page")
        .says(
            "Whoever has the link reaches the page of this account, and of no other, until it \
             expires. Hand it to the account's user and nobody else.",
        )
        .body(
            Body::json(
                "What the link allows, and for how long.",
                of("PortalLinkInput"),
                json!({ "expires_in": 3600, "role": "manage", "return_url": "https://app.example.com/settings" }),
            )
            .optional(),
        )
        .answers(
            201,
            Answer::json(
                "The link.",
                of("PortalLink"),
                json!({
                    "url": "https://hooks.example.com/portal?token=2ea8c600.WnA424jnIsFSOn3tTozUfc6z",
                    "role": "manage",
                    "expires_at": "2026-11-23T20:45:56.376Z",
                }),
            ),
        );
    vec![path("/v1/accounts/{account}/portal-links", [post(create)])]
}

pub(super) fn schemas() -> Vec<Named> {
    vec![("PortalLinkInput", input()), ("PortalLink", link())]
}

fn role() -> Schema {
    one_of(["manage", "view"]).says("Whether its user may change things, or only look.")
}

fn input() -> Schema {
    object([
        (
            "expires_in?",
            integer(MIN_LINK.as_secs()..=MAX_LINK.as_secs())
                .default(DEFAULT_LINK.as_secs())
                .says("How long it is good for, in seconds.")
                .or_null(),
        ),
        ("role?", role().default("manage").or_null()),
        (
            "return_url?",
            text()
                .at_most(MAX_RETURN_URL)
                .like("^[Hh][Tt][Tt][Pp][Ss]?://")
                .says("Where the page leads back to: http or https.")
                .or_null(),
        ),
    ])
}

fn link() -> Schema {
    object([
        ("url", text().not_empty().says("The link.")),
        ("role", role()),
        ("expires_at", time().says("Until when it is good.")),
    ])
}
