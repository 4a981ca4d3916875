//! Actions, their secrets and their tests.

use domain::{
    headers::{MAX_BYTES, MAX_CONTENT_TYPE, MAX_COUNT, NOT_SHOWN, SECRET_WORDS},
    pace::MAX_PER_SECOND,
    schedule::{MAX_DELAY, MAX_DELAYS, RetrySchedule},
    secret::{DEFAULT_OVERLAP, MAX_OVERLAP},
    signing_keys::Scheme,
    template::MAX_SOURCE_BYTES,
    trigger::{DEFAULT_CONTENT_TYPE, DEFAULT_TIMEOUT, MAX_TIMEOUT},
    url_policy::MAX_LENGTH,
};
use serde_json::json;

use super::{Named, action_id, event_type, method, name, page};
use crate::document::schema::{
    Schema, any_object, count, flag, integer, list, map, object, of, one_of, text, time,
};

pub(super) fn schemas() -> Vec<Named> {
    vec![
        ("Action", shown()),
        ("Actions", page("Action")),
        ("ActionInput", input()),
        ("ActionPatch", patch()),
        ("ActionHealth", health()),
        ("Disabled", disabled()),
        ("Secrets", secrets()),
        ("Rotation", rotation()),
        ("TestInput", test()),
    ]
}

fn shown() -> Schema {
    object([
        ("id", action_id()),
        ("name", name().says("What people call it.")),
        ("enabled", flag().says("Whether it runs.")),
        ("disabled?", of("Disabled")),
        ("url", url()),
        ("method", method()),
        (
            "headers",
            headers(text()).says(format!(
                "Headers of its own, without the secret ones. A key that may only read gets \
                 `{NOT_SHOWN}` in the place of each value."
            )),
        ),
        ("secret_headers", secret_headers()),
        ("public_headers", public_headers()),
        ("signature_schemes", signature_schemes()),
        ("body_template", template().or_null()),
        ("content_type", content_type()),
        ("timeout_seconds", timeout()),
        ("retry_schedule", schedule()),
        ("ordered", ordered()),
        ("max_per_second", per_second().or_null()),
        ("health", of("ActionHealth")),
        ("created_at", time().says("When it was made.")),
        ("updated_at", time().says("When it was changed last.")),
    ])
    .says("A webhook to send. It never shows its signing secret.")
}

fn input() -> Schema {
    let mut members = vec![
        ("name", name().says("What people call it.")),
        ("url", url()),
    ];
    members.extend(optional(headers(text())));
    object(members)
}

fn patch() -> Schema {
    let mut members = vec![
        ("name?", name().says("What people call it.")),
        ("url?", url()),
    ];
    // Null takes a header away.
    members.extend(optional(headers(text().or_null())));
    object(members)
}

/// What need not be said of an action.
fn optional(headers: Schema) -> [Named; 12] {
    [
        (
            "enabled?",
            flag().default(true).says("Whether it runs.").or_null(),
        ),
        ("method?", method().default("POST").or_null()),
        ("headers?", headers.default(json!({})).or_null()),
        (
            "secret_headers?",
            secret_headers().default(json!([])).or_null(),
        ),
        (
            "public_headers?",
            public_headers().default(json!([])).or_null(),
        ),
        (
            "signature_schemes?",
            signature_schemes().default(json!(["v1"])).or_null(),
        ),
        ("body_template?", template().or_null()),
        (
            "content_type?",
            content_type().default(DEFAULT_CONTENT_TYPE).or_null(),
        ),
        (
            "timeout_seconds?",
            timeout().default(DEFAULT_TIMEOUT).or_null(),
        ),
        (
            "retry_schedule?",
            schedule()
                .default(json!(RetrySchedule::default()))
                .or_null(),
        ),
        ("ordered?", ordered().default(false).or_null()),
        ("max_per_second?", per_second().or_null()),
    ]
}

pub(super) fn url() -> Schema {
    text()
        .at_most(MAX_LENGTH)
        .like("^[Hh][Tt][Tt][Pp][Ss]?://")
        .says(format!(
            "Where its webhooks go: http or https, to a public host, in at most {MAX_LENGTH} bytes."
        ))
}

pub(super) fn headers(value: Schema) -> Schema {
    map(value)
        .at_most(MAX_COUNT)
        .with(
            "propertyNames",
            json!({ "pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$" }),
        )
        .says(format!(
            "Headers of its own, in at most {MAX_BYTES} bytes of names and values. `host`, \
             `content-length`, `content-type`, `date`, those of the connection and those that \
             start with `webhook-` can't be set."
        ))
}

pub(super) fn secret_headers() -> Schema {
    list(text()).at_most(MAX_COUNT).says(format!(
        "The names of those headers whose values are never shown again. Headers whose names have {} \
         in them are among these by themselves, unless `public_headers` names them. To take a name \
         away, give its header another value.",
        SECRET_WORDS.map(|word| format!("`{word}`")).join(", ")
    ))
}

pub(super) fn public_headers() -> Schema {
    list(text()).at_most(MAX_COUNT).says(
        "The names of those headers whose values are shown although their names sound secret, such \
         as `x-key-id`.",
    )
}

pub(super) fn signature_schemes() -> Schema {
    list(one_of(Scheme::ALL.map(Scheme::as_str)))
        .not_empty()
        .at_most(Scheme::ALL.len())
        .with("uniqueItems", true)
        .says(
            "How its webhooks are signed: `v1` under the action's own secret, `v1a` under the \
             account's key pair, which has to be there, or both.",
        )
}

pub(super) fn template() -> Schema {
    text().at_most(MAX_SOURCE_BYTES).says(format!(
        "Makes the body of the event, in Jinja; at most {MAX_SOURCE_BYTES} bytes. Without one, the \
         event is sent as JSON."
    ))
}

pub(super) fn content_type() -> Schema {
    text()
        .not_empty()
        .at_most(MAX_CONTENT_TYPE)
        .says("The media type of the body.")
}

pub(super) fn timeout() -> Schema {
    integer(1..=MAX_TIMEOUT.into()).says("How long an attempt may take.")
}

pub(super) fn schedule() -> Schema {
    list(integer(1..=MAX_DELAY.into()))
        .at_most(MAX_DELAYS)
        .says("The delays before the retries, in seconds, each ±20 %. None: one attempt only.")
}

pub(super) fn ordered() -> Schema {
    flag().says(
        "Whether its webhooks go one at a time, the oldest first. One that fails is tried again until \
         it succeeds or is given up, and the others wait.",
    )
}

pub(super) fn per_second() -> Schema {
    integer(1..=MAX_PER_SECOND.into())
        .says("The most requests in a second; null where that is not limited.")
}

fn health() -> Schema {
    object([
        (
            "last_success_at",
            time().says("When an attempt last succeeded.").or_null(),
        ),
        (
            "last_failure_at",
            time().says("When an attempt last failed.").or_null(),
        ),
        (
            "failing_since",
            time()
                .says(
                    "When the first attempt failed since the last success; null while all is well.",
                )
                .or_null(),
        ),
        (
            "consecutive_failures",
            count().says("The attempts that failed since the last success."),
        ),
    ])
    .says("How its attempts have gone.")
}

fn disabled() -> Schema {
    object([
        ("reason", text().says("Why, in words.")),
        ("at", time().says("When.")),
    ])
    .says("That the service disabled it by itself. It goes when somebody enables it again.")
}

fn secrets() -> Schema {
    let secret = || text().like("^whsec_[A-Za-z0-9+/]+=*$");
    let previous = object([
        ("secret", secret().says("The secret.")),
        ("expires_at", time().says("Until when it signs, too.")),
    ]);
    object([
        (
            "secret",
            secret().says("The secret that signs, as Standard Webhooks writes it."),
        ),
        (
            "previous",
            list(previous).says("Those that were rotated out and sign, too, the newest first."),
        ),
    ])
}

fn rotation() -> Schema {
    object([(
        "overlap_seconds?",
        integer(0..=MAX_OVERLAP.as_secs())
            .default(DEFAULT_OVERLAP.as_secs())
            .says(
                "How long the secret that was there goes on signing; 0 retires all older ones at once.",
            )
            .or_null(),
    )])
}

fn test() -> Schema {
    object([
        (
            "type?",
            event_type()
                .says("The trigger's type, or one of its members; the trigger's unless set.")
                .or_null(),
        ),
        (
            "data?",
            any_object()
                .says("The event's data; the type's sample unless set.")
                .or_null(),
        ),
    ])
}
