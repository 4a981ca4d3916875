//! `/v1/accounts/{account}[/export|/import|/purge]`

use domain::account::PURGE_BUDGET;
use serde_json::{Value, json};

use crate::{
    Operation,
    document::{
        description::{Answer, Body, Description, SAME_ACCOUNT},
        examples,
        parameters::{query, shared},
        paths::Tag,
        schema::{flag, integer, of},
    },
};

pub(crate) const TAG: Tag = Tag {
    name: "Accounts",
    description: "An account as a whole: exported, imported, purged.",
};

fn budget() -> Value {
    let longest = PURGE_BUDGET.as_secs();
    query(
        "budget_seconds",
        integer(0..=longest).default(longest),
        "How long the request may take. Whatever it says, one step is done.",
    )
}

pub(crate) fn remove() -> Description {
    let example = json!({
        "deleted": { "triggers": 31, "events": 0, "deliveries": 500 },
        "remaining": { "triggers": 0, "events": 7, "deliveries": 200 },
    });
    Description::new("Delete everything of an account")
        .says(
            "Triggers, events, deliveries and attempts. There is no way back, and no question \
             before it. Repeat it until it answers 204.",
        )
        .takes([budget()])
        .answers(204, Answer::empty("All is gone."))
        .answers(
            202,
            Answer::json(
                "There was no time for all of it.",
                of("Unfinished"),
                example,
            )
            .link(Operation::DeleteAccount, [SAME_ACCOUNT]),
        )
}

pub(crate) fn export() -> Description {
    Description::new("Export an account's triggers")
        .says(
            "As a document, without secrets: signing secrets are left out, and so are the values of \
             custom headers. A document has fewer triggers than `limit` where they are large.",
        )
        .takes(["limit", "cursor"].map(shared))
        .answers(
            200,
            Answer::json("The document.", of("Document"), examples::exported(false))
                .header("Cache-Control", "no-store"),
        )
}

pub(crate) fn export_with_secrets() -> Description {
    Description::new("Export an account's triggers with their secrets")
        .says("As without; the secrets are encrypted with a passphrase.")
        .takes(["limit", "cursor"].map(shared))
        .body(Body::json(
            "The passphrase.",
            of("ExportInput"),
            json!({ "passphrase": "correct horse battery staple" }),
        ))
        .answers(
            200,
            Answer::json("The document.", of("Document"), examples::exported(true))
                .header("Cache-Control", "no-store"),
        )
}

pub(crate) fn import() -> Description {
    let example = json!({
        "account": "acme-test", "dry_run": true, "seal": "intact", "created": 1, "updated": 0, "unchanged": 0,
        "triggers": [{
            "id": "trg_01M87AX0E2P00H85R1E1ATR6S4", "document_id": examples::TRIGGER,
            "name": "Tell the front desk", "result": "created",
            "actions": [{
                "id": "act_01M87AX0E2VBCHT0RP208RNZFA", "document_id": examples::ACTION,
                "name": "Desk", "result": "created", "new_secret": true,
                "headers_without_value": ["authorization"],
            }],
        }],
    });
    Description::new("Import triggers")
        .says(
            "A trigger of the document becomes what the document says, its actions included; \
             triggers that the document does not have stay. An id is kept where the account already \
             has that trigger or action; elsewhere it is derived from the account and the document's \
             id, so that a second import finds the first one's triggers. A document with anything \
             wrong in it is refused whole.",
        )
        .takes([query(
            "dry_run",
            flag().default(false),
            "`true`: only say what the import would do.",
        )])
        .body(Body::json(
            "The document, and the passphrase where it has secrets.",
            of("ImportInput"),
            json!({ "document": examples::exported(false) }),
        ))
        .answers(
            200,
            Answer::json("What it did, or would do.", of("Imported"), example),
        )
}

pub(crate) fn purge() -> Description {
    Description::new("Delete the events about somebody")
        .says(
            "Those that have a value at a path of their data, with what came of them. There is no \
             way back. While `done` is false, repeat it with `cursor`.",
        )
        .takes([budget()])
        .body(Body::json(
            "The path and the value.",
            of("PurgeInput"),
            json!({ "path": "data.participant.id", "equals": "ptc_4821" }),
        ))
        .answers(
            200,
            Answer::json(
                "What was deleted.",
                of("Purged"),
                json!({ "events": 1, "deliveries": 1, "done": true, "next_cursor": null }),
            ),
        )
}
