//! `/v1/accounts/{account}/portal-links`, `…/portal-sessions[/revoke]`

use domain::portal::SESSION;
use serde_json::json;

use crate::document::{
    description::{Answer, Body, Description},
    examples,
    paths::Tag,
    schema::of,
};

pub(crate) const TAG: Tag = Tag {
    name: "Portal links",
    description: "Links by which an account's users reach its page.",
};

pub(crate) fn create() -> Description {
    Description::new("Make a link to an account's page")
        .says(format!(
            "The link opens the page of this account, and of no other. It works once, unless it is \
             `reusable`, and begins a session of {} hours. Link and session end with the API key that \
             made the link; each session has the key's rate limit. Links lead to `public_url`. Without that setting, they \
             lead to where the API was called, if that is a loopback address; otherwise the answer is 409. The same \
             request under the same `Idempotency-Key` is answered with the same link as long as that works; when it \
             was opened, has expired or was revoked, the answer is 409.",
            SESSION.as_secs() / 3600
        ))
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
                    "reusable": false,
                    "key": examples::API_KEY,
                    "expires_at": "2026-11-23T20:45:56.376Z",
                }),
            ),
        )
        .creates_once()
}

pub(crate) fn open() -> Description {
    Description::new("Open a link")
        .says(
            "The page calls this when somebody follows a link, and keeps the session in a cookie. A link that \
             works once is used up. A link that is invalid, expired, revoked or used up is answered \
             403. This takes a key of the setting `api_key`.",
        )
        .body(Body::json(
            "The link's token.",
            of("PortalLinkToken"),
            json!({ "token": "2ea8c600.WnA424jnIsFSOn3tTozUfc6z" }),
        ))
        .answers(
            201,
            Answer::json(
                "The session.",
                of("PortalSession"),
                json!({
                    "session": "2ea8c600.q8F0m1r2vVZb5yGQ3kM7hQ",
                    "role": "manage",
                    "expires_at": "2026-11-24T03:45:56.376Z",
                }),
            ),
        )
}

pub(crate) fn revoke() -> Description {
    Description::new("Sign out everywhere")
        .says(
            "Ends all sessions of the account's users at once, and all links that were made until now. Links that are \
             made afterwards work. Operators stay signed in.",
        )
        .answers(204, Answer::empty("All sessions have ended."))
}
