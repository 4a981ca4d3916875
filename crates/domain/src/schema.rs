//! Schemas of values that Rust has as texts and numbers, or that check themselves: for the API's
//! document. Types whose shape says all derive theirs.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::Contract, json_schema};
use serde_json::Value;

use crate::{
    access::Scope,
    account::{self, AccountId},
    event::{self, cloud_event::MAX_IDENTIFIER},
    filter::{self, Filter},
    headers::{self, MAX_COUNT},
    id::{ActionId, ApiKeyId, DeliveryId, EventId, TriggerId},
    input::Whole,
    schedule::{MAX_DELAY, MAX_DELAYS, RetrySchedule},
    signing_keys::Scheme,
    time::Timestamp,
    transfer::{MAX_PASSPHRASE, MIN_PASSPHRASE},
    trigger::{MAX_DESCRIPTION, MAX_NAME, Method},
    url_policy,
};

/// Gives types a schema that stands where they are used.
macro_rules! inline {
    ($($name:ty => $schema:expr;)*) => {$(
        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    )*};
}

/// Makes types that stand for values of a form, and have its schema.
macro_rules! forms {
    ($($(#[$doc:meta])* $name:ident => $schema:expr;)*) => {
        $($(#[$doc])* #[derive(Debug)] pub struct $name;)*
        inline! { $($name => $schema;)* }
    };
}

inline! {
    TriggerId => id(Self::PREFIX);
    ActionId => id(Self::PREFIX);
    EventId => id(Self::PREFIX);
    DeliveryId => id(Self::PREFIX);
    ApiKeyId => id(Self::PREFIX);
    AccountId => json_schema!({
        "type": "string", "minLength": 1, "maxLength": account::MAX_LEN, "pattern": "^[A-Za-z0-9_-]+$",
    });
    Method => one_of(&Self::ALL.map(Self::as_str));
    Whole => json_schema!({ "type": "integer" });
    RetrySchedule => json_schema!({
        "type": "array", "maxItems": MAX_DELAYS,
        "items": { "type": "integer", "minimum": 1, "maximum": MAX_DELAY },
    });
}

forms! {
    /// A name that a person gives.
    Name => json_schema!({
        "type": "string", "minLength": 1, "maxLength": MAX_NAME,
        "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]*[^\\s\\u0000-\\u001f\\u007f-\\u009f][^\\u0000-\\u001f\\u007f-\\u009f]*$",
    });
    /// What people note about something.
    Description => json_schema!({ "type": "string", "maxLength": MAX_DESCRIPTION });
    /// The key of an event type, custom ones included.
    EventTypeKey => json_schema!({
        "type": "string", "minLength": 1,
        "description": "The key of an event type, as `GET /v1/event-types` lists them.",
    });
    /// An event's data.
    Data => json_schema!({
        "type": "object", "additionalProperties": true,
        "description": format!("What happened: any JSON object, nested at most {} levels deep.", event::MAX_DEPTH),
    });
    /// An http or https URL.
    Url => json_schema!({
        "type": "string", "maxLength": url_policy::MAX_LENGTH, "pattern": "^[Hh][Tt][Tt][Pp][Ss]?://.*$",
    });
    /// Headers of an action.
    Headers => header_map(json_schema!({ "type": "string" }));
    /// Headers of an action, of which some have no value.
    NullableHeaders => header_map(json_schema!({ "type": ["string", "null"] }));
    /// How webhooks are signed.
    Schemes => distinct(Scheme::ALL.map(Scheme::as_str));
    /// What an API key may do.
    Scopes => distinct(Scope::ALL.map(Scope::as_str));
    /// An idempotency key, or a producer's id.
    Key => json_schema!({
        "type": "string", "minLength": 1, "maxLength": event::MAX_KEY, "pattern": "^[!-~]+$",
    });
    /// Where a page starts.
    Cursor => json_schema!({ "type": "string", "pattern": "^[A-Za-z0-9_-]+$" });
    /// What an export is encrypted with.
    Passphrase => json_schema!({
        "type": "string", "minLength": MIN_PASSPHRASE, "maxLength": MAX_PASSPHRASE,
        "description": format!(
            "At least {MIN_PASSPHRASE} characters, and at most {MAX_PASSPHRASE} bytes. The document \
             cannot be opened without it."
        ),
    });
    /// A signing secret.
    Secret => json_schema!({ "type": "string", "pattern": "^whsec_[A-Za-z0-9+/]+=*$" });
    /// A signing key's id.
    SigningKeyId => json_schema!({ "type": "string", "pattern": "^[0-9a-f]{16}$" });
    /// A public key.
    PublicKey => json_schema!({ "type": "string", "pattern": "^whpk_[A-Za-z0-9+/]{43}=$" });
    /// The result of an import for a trigger.
    TriggerOutcome => one_of(&["created", "updated", "unchanged"]);
    /// True and never false.
    True => json_schema!({ "type": "boolean", "const": true });
    /// The type of every problem document.
    AboutBlank => constant("about:blank");
    /// A document's format.
    ExportFormat => constant("webhook-triggers/export");
    /// A document's version.
    ExportVersion => json_schema!({ "type": "integer", "const": 1 });
    /// What makes a key of a passphrase.
    Argon2id => constant("argon2id");
    /// What encrypts a document's secrets.
    XChaCha20Poly1305 => constant("xchacha20-poly1305");
    /// The `kty` of a public key.
    Okp => constant("OKP");
    /// The `crv` of a public key.
    Ed25519 => constant("Ed25519");
    /// The `alg` of a public key.
    EdDsa => constant("EdDSA");
    /// The `use` of a public key.
    Sig => constant("sig");
}

/// An id: this prefix and a ULID.
fn id(prefix: &str) -> Schema {
    json_schema!({ "type": "string", "pattern": format!("^{prefix}[0-7][0-9A-HJKMNP-TV-Z]{{25}}$") })
}

fn one_of(names: &[&str]) -> Schema {
    json_schema!({ "type": "string", "enum": names })
}

fn constant(text: &str) -> Schema {
    json_schema!({ "type": "string", "const": text })
}

/// At least one of these texts, and none twice.
fn distinct<const N: usize>(names: [&str; N]) -> Schema {
    json_schema!({
        "type": "array", "items": one_of(&names),
        "minItems": 1, "maxItems": N, "uniqueItems": true,
    })
}

fn header_map(value: Schema) -> Schema {
    json_schema!({
        "type": "object", "maxProperties": MAX_COUNT, "additionalProperties": value,
        "propertyNames": { "type": "string", "pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$" },
        "description": format!(
            "Headers of its own, in at most {} bytes of names and values. `host`, `content-length`, \
             `content-type`, `date`, those of the connection and those that start with `webhook-` \
             can't be set.",
            headers::MAX_BYTES
        ),
    })
}

impl JsonSchema for Timestamp {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Timestamp".into()
    }

    /// RFC 3339 with any offset where it is sent; in UTC with three fraction digits where it is
    /// answered, so that times sort as text.
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = json_schema!({ "type": "string", "format": "date-time" });
        if matches!(generator.contract(), Contract::Serialize) {
            let pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$";
            schema.insert("pattern".into(), pattern.into());
        }
        schema
    }
}

impl JsonSchema for Filter {
    fn schema_name() -> Cow<'static, str> {
        "Filter".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let filter = generator.subschema_for::<Self>();
        let operators = generator.subschema_for::<FilterOperators>();
        let combined = |description: &str| {
            json_schema!({
                "type": "array", "items": filter, "minItems": 1, "description": description,
            })
        };
        json_schema!({
            "type": "object",
            "description": format!(
                "Conditions, all of which have to hold. Each names a field by its path (`type`, \
                 `account`, or below `data.`) and takes a value that the field has to equal, or \
                 operators. At most {} bytes, {} levels and {} operators.",
                filter::MAX_BYTES, filter::MAX_DEPTH, filter::MAX_CONDITIONS
            ),
            "properties": {
                "$and": combined("All of these filters match."),
                "$or": combined("At least one of these filters matches."),
                "$not": described(&filter, "This filter does not match."),
            },
            "patternProperties": {
                r"^(type|account|data(\.([^.\\]|\\[.\\])+)+)$": {
                    "anyOf": [{ "type": ["string", "number", "boolean", "null"] }, operators],
                },
            },
            "propertyNames": { "type": "string", "maxLength": filter::MAX_PATH_BYTES },
            "additionalProperties": false,
        })
    }
}

/// The operators of a condition.
#[derive(Debug)]
pub struct FilterOperators;

impl JsonSchema for FilterOperators {
    fn schema_name() -> Cow<'static, str> {
        "FilterOperators".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let operators = generator.subschema_for::<Self>();
        let values = |description: &str| {
            json_schema!({
                "type": "array", "items": {}, "minItems": 1, "maxItems": filter::MAX_LIST,
                "description": description,
            })
        };
        let bound = |description: &str| {
            json_schema!({
                "anyOf": [{ "type": "number" }, { "type": "string" }], "description": description,
            })
        };
        let of = |kind: &str, description: &str| json_schema!({ "type": kind, "description": description });
        json_schema!({
            "type": "object",
            "description": "Conditions on a field, all of which have to hold.",
            "minProperties": 1,
            "properties": {
                "$eq": { "description": "A value equals it." },
                "$ne": { "description": "`$eq` does not hold." },
                "$in": values("A value equals one of these."),
                "$nin": values("`$in` does not hold."),
                "$gt": bound("A value of the same kind is greater."),
                "$gte": bound("A value of the same kind is greater or equal."),
                "$lt": bound("A value of the same kind is less."),
                "$lte": bound("A value of the same kind is less or equal."),
                "$startsWith": of("string", "A text starts with it."),
                "$endsWith": of("string", "A text ends with it."),
                "$contains": of("string", "A text contains it."),
                "$exists": of("boolean", "There is a value, or there is none."),
                "$not": described(&operators, "These operators do not all hold."),
            },
            "additionalProperties": false,
        })
    }
}

/// The same with a description.
fn described(schema: &Schema, description: &str) -> Schema {
    let mut schema = schema.clone();
    schema.insert("description".into(), description.into());
    schema
}

/// A CloudEvent 1.0 in the JSON format. What reads it is [`event::cloud_event`].
#[derive(Debug)]
pub struct CloudEvent;

impl JsonSchema for CloudEvent {
    fn schema_name() -> Cow<'static, str> {
        "CloudEvent".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let identifier = |description: &str| {
            json_schema!({
                "type": "string", "minLength": 1, "maxLength": MAX_IDENTIFIER,
                "description": description,
            })
        };
        let mut source = identifier("Where it comes from: a URI-reference (RFC 3986).");
        source.insert("format".into(), "uri-reference".into());
        let key = generator.subschema_for::<EventTypeKey>();
        let data = generator.subschema_for::<Data>();
        let text = |description: &str| json_schema!({ "type": ["string", "null"], "description": description });
        let extended = |mut schema: Schema, members: &[(&str, Value)]| {
            for (name, value) in members {
                schema.insert((*name).to_owned(), value.clone());
            }
            schema
        };
        json_schema!({
            "type": "object",
            "description": "A CloudEvent 1.0. Extensions may be there and are not kept.",
            "properties": {
                "specversion": constant("1.0"),
                "id": identifier("With `source`, what it is accepted once under."),
                "source": source,
                "type": key,
                "time": extended(text("When it happened."), &[("format", "date-time".into())]),
                "datacontenttype": extended(text("The media type of the data: JSON's."), &[
                    ("pattern", r"^[^/;]+/([^/;]+\+)?[Jj][Ss][Oo][Nn]\s*(;.*)?$".into()),
                ]),
                "data": data,
                "data_base64": text("The data as base64 of JSON, in the place of `data`."),
                "subject": extended(text("Not kept."), &[("minLength", 1.into())]),
                "dataschema": extended(text("An absolute URI. Not kept."), &[
                    ("minLength", 1.into()), ("format", "uri".into()),
                ]),
            },
            "required": ["specversion", "id", "source", "type"],
            // Attributes that are null are as good as missing.
            "additionalProperties": {
                "type": ["string", "integer", "boolean", "null"],
                "minimum": i32::MIN, "maximum": i32::MAX,
            },
            "propertyNames": { "type": "string", "pattern": "^([a-z0-9]+|data_base64)$" },
            // Not both, but null beside the other is as good as missing.
            "anyOf": [{ "required": ["data"] }, { "required": ["data_base64"] }],
        })
    }
}
