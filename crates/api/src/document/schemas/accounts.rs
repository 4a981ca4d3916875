//! An account as a whole: exported, imported, purged.

use std::ops::RangeInclusive;

use domain::{
    page::MAX_LIMIT,
    transfer::{LANES, MAX_PASSPHRASE, MEMORY_KIB, MIN_PASSPHRASE, PASSES},
    trigger::{MAX_ACTIONS, MAX_DESCRIPTION},
};
use serde_json::json;

use super::{
    Named, account_id, action_id, actions, event_type, filters, method, name, next_cursor,
    trigger_id,
};
use crate::document::schema::{
    Schema, anything, constant, count, flag, integer, list, object, of, one_of, text, time_given,
};

pub(super) fn schemas() -> Vec<Named> {
    vec![
        ("Document", document()),
        ("DocumentTrigger", trigger()),
        ("DocumentAction", action()),
        ("Encryption", encryption()),
        ("ExportInput", object([("passphrase", passphrase())])),
        ("ImportInput", import()),
        ("Imported", imported()),
        ("ImportedTrigger", imported_trigger()),
        ("ImportedAction", imported_action()),
        ("Unfinished", unfinished()),
        ("Counts", counts()),
        ("PurgeInput", purge()),
        ("Purged", purged()),
    ]
}

fn passphrase() -> Schema {
    text().at_least(MIN_PASSPHRASE).at_most(MAX_PASSPHRASE).says(format!(
        "At least {MIN_PASSPHRASE} characters, and at most {MAX_PASSPHRASE} bytes. Nobody can open \
         the document without it."
    ))
}

fn document() -> Schema {
    let account = account_id().says("The account that it was exported from.");
    object([
        ("format", constant("webhook-triggers/export")),
        ("version", constant(1)),
        ("account", account),
        ("exported_at", time_given().says("When it was exported.")),
        (
            "encryption?",
            of("Encryption").says("How its secrets are encrypted; missing where it has none."),
        ),
        ("triggers", list(of("DocumentTrigger")).at_most(MAX_LIMIT)),
        (
            "next_cursor?",
            next_cursor().says("The `cursor` of the next document; null on the last one."),
        ),
        (
            "seal?",
            text()
                .says(
                    "Authenticates all other members. Under the passphrase where there is one, else \
                     under the newest `encryption_key` of the deployment that made it.",
                )
                .or_null(),
        ),
    ])
    .says("Some or all of an account's triggers.")
}

fn trigger() -> Schema {
    object([
        ("id", trigger_id()),
        ("type", event_type()),
        ("name", name().says("What people call it.")),
        ("description?", text().at_most(MAX_DESCRIPTION).or_null()),
        ("enabled?", flag().or_null()),
        ("filter?", filters::optional()),
        ("actions?", list(of("DocumentAction")).at_most(MAX_ACTIONS)),
        (
            "created_at?",
            time_given().says("When it was made.").or_null(),
        ),
    ])
}

fn action() -> Schema {
    let headers = actions::headers(text().or_null())
        .says("Headers of its own. Null stands for a value that was left out, or is sealed.");
    object([
        ("id", action_id()),
        ("name", name().says("What people call it.")),
        ("enabled?", flag().or_null()),
        ("disabled?", of("Disabled").or_null()),
        ("url", actions::url()),
        ("method?", method().or_null()),
        ("headers?", headers),
        ("secret_headers?", actions::secret_headers()),
        ("public_headers?", actions::public_headers()),
        ("signature_schemes?", actions::signature_schemes()),
        ("body_template?", actions::template().or_null()),
        ("content_type?", actions::content_type().or_null()),
        ("timeout_seconds?", actions::timeout().or_null()),
        ("retry_schedule?", actions::schedule().or_null()),
        ("ordered?", actions::ordered().or_null()),
        ("max_per_second?", actions::per_second().or_null()),
        (
            "created_at?",
            time_given().says("When it was made.").or_null(),
        ),
        (
            "sealed?",
            text()
                .says("Its signing secrets and the values of its headers, encrypted.")
                .or_null(),
        ),
    ])
}

fn within(range: RangeInclusive<u32>) -> Schema {
    let (least, most) = range.into_inner();
    integer(least.into()..=most.into())
}

fn encryption() -> Schema {
    object([
        (
            "kdf",
            constant("argon2id").says("What makes a key of the passphrase."),
        ),
        ("memory_kib", within(MEMORY_KIB)),
        ("passes", within(PASSES)),
        ("lanes", within(LANES)),
        ("salt", text().says("Base64.")),
        ("cipher", constant("xchacha20-poly1305")),
        ("check", text().says("Opens with the right passphrase.")),
    ])
}

fn import() -> Schema {
    object([
        ("document", of("Document")),
        (
            "passphrase?",
            passphrase()
                .says("The one that the document was exported with.")
                .or_null(),
        ),
    ])
}

fn imported() -> Schema {
    object([
        ("account", text().says("The account.")),
        ("dry_run", flag().says("Whether nothing was written.")),
        (
            "seal",
            one_of(["intact", "broken", "missing"]).says(
                "Whether the document is the one that an export made. A broken seal is of one that \
                 was altered, or of another deployment or encryption key. Unless the seal is intact \
                 and the document was exported from this account without a passphrase, an action whose URL moves to another origin \
                 keeps neither its signing secret nor the values of its headers.",
            ),
        ),
        ("created", count().says("Triggers that were not there.")),
        (
            "updated",
            count().says("Triggers that were there, and are others now."),
        ),
        (
            "unchanged",
            count().says("Triggers that were there already."),
        ),
        (
            "triggers",
            list(of("ImportedTrigger")).says("Each of them."),
        ),
    ])
}

fn imported_trigger() -> Schema {
    object([
        ("id", trigger_id()),
        (
            "document_id?",
            trigger_id().says("Its id in the document, where that is another one."),
        ),
        ("name", text()),
        ("result", one_of(["created", "updated", "unchanged"])),
        (
            "actions",
            list(of("ImportedAction")).says("The document's, then those that go."),
        ),
    ])
}

fn imported_action() -> Schema {
    object([
        ("id", action_id()),
        (
            "document_id?",
            action_id().says("Its id in the document, where that is another one."),
        ),
        ("name", text()),
        (
            "result",
            one_of(["created", "updated", "unchanged", "removed"]),
        ),
        (
            "url_change?",
            object([
                ("from", text().says("Where its webhooks went before.")),
                ("to", text().says("Where they go after.")),
            ])
            .says("Its URL, where that changes."),
        ),
        (
            "new_secret?",
            constant(true).says("It gets a signing secret that its receiver does not know yet."),
        ),
        (
            "headers_without_value?",
            list(text())
                .not_empty()
                .says("Headers that are not sent until somebody sets their values."),
        ),
    ])
}

fn counts() -> Schema {
    object([
        ("triggers", count()),
        ("events", count()),
        ("deliveries", count()),
    ])
}

fn unfinished() -> Schema {
    object([
        ("deleted", of("Counts").says("What this request deleted.")),
        (
            "remaining",
            of("Counts").says("What is left, counted up to 10,000 of a kind."),
        ),
    ])
}

fn purge() -> Schema {
    object([
        (
            "path",
            text().like(r"^data\..+").says(
                "Where the value is, as filters name it: below `data.`. In arrays any element \
                 counts.",
            ),
        ),
        (
            "equals",
            anything()
                .with("type", json!(["string", "number", "boolean"]))
                .says("The value. Upper and lower case differ, and so do `7` and `\"7\"`."),
        ),
        (
            "cursor?",
            text()
                .says("The `next_cursor` of the request before, to go on from there.")
                .or_null(),
        ),
    ])
}

fn purged() -> Schema {
    object([
        ("events", count().says("Events that were deleted.")),
        (
            "deliveries",
            count().says("Deliveries that were deleted with them."),
        ),
        ("done", flag().says("Whether all events were looked at.")),
        (
            "next_cursor",
            next_cursor().says("From where to go on; null when it is done, or has to start again."),
        ),
    ])
}
