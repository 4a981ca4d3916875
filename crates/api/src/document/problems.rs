//! Everything that goes wrong: RFC 9457's `application/problem+json`.

use serde_json::{Map, Value, json};

use crate::{document::schema::of, problem::Code};

/// A kind of answer that tells a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Problem {
    BadRequest,
    Unauthorized,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    Conflict,
    PreconditionFailed,
    TooLarge,
    UnsupportedMediaType,
    Invalid,
    InvalidOrReused,
    InvalidEvents,
    TooManyRequests,
    Internal,
    Unavailable,
}

/// What there is to tell of one.
struct Told {
    /// The codes that it has, all of one status.
    codes: &'static [Code],
    description: &'static str,
    /// The detail of an example, and the pointer of what is wrong where there is one.
    example: (&'static str, Option<&'static str>),
    header: Option<(&'static str, &'static str)>,
}

impl Problem {
    const ALL: [Self; 15] = [
        Self::BadRequest,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Conflict,
        Self::PreconditionFailed,
        Self::TooLarge,
        Self::UnsupportedMediaType,
        Self::Invalid,
        Self::InvalidOrReused,
        Self::InvalidEvents,
        Self::TooManyRequests,
        Self::Internal,
        Self::Unavailable,
    ];

    /// The status of the answer.
    pub(crate) fn status(self) -> u16 {
        self.told().codes[0].status().as_u16()
    }

    /// The answer, as an operation names it.
    pub(crate) fn reference(self) -> Value {
        json!({ "$ref": format!("#/components/responses/{self:?}") })
    }

    fn told(self) -> Told {
        let told = |codes, description, detail| Told {
            codes,
            description,
            example: (detail, None),
            header: None,
        };
        match self {
            Self::BadRequest => told(
                &[Code::BadRequest, Code::InvalidJson],
                "The request is malformed: the account's id, a parameter, a header, or a body that \
                 is not JSON (`invalid_json`, with line and column).",
                "the query parameter \"typ\" is unknown; there are type, enabled, q, limit, cursor",
            ),
            Self::Unauthorized => Told {
                header: Some(("WWW-Authenticate", "www-authenticate")),
                ..told(
                    &[Code::Unauthorized],
                    "There is no key, or a wrong one; the two are not told apart.",
                    "this needs the header `Authorization: Bearer <api key>` with a valid key",
                )
            },
            Self::Forbidden => told(
                &[Code::Forbidden],
                "The key is valid and may not do this: it lacks the scope, is for other accounts, or \
                 this takes a key of the setting `api_key`.",
                "this takes a key with the scope manage",
            ),
            Self::NotFound => told(
                &[Code::NotFound],
                "There is no such thing. A path that is no route's is answered so, too.",
                "acme has no trigger \"trg_01M84Z34MRJWA9RQ9QBPKQ6788\"",
            ),
            Self::MethodNotAllowed => Told {
                header: Some(("Allow", "allow")),
                ..told(
                    &[Code::MethodNotAllowed],
                    "The path has no such method. Any path of this document answers so to the \
                     methods that it does not have here.",
                    "this route takes GET, POST",
                )
            },
            Self::Conflict => told(
                &[Code::Conflict],
                "What is there is in a state that does not allow this now.",
                "an attempt is under way; try again after it",
            ),
            Self::PreconditionFailed => told(
                &[Code::PreconditionFailed],
                "`If-Match` names other versions than the current one, or `If-None-Match` names the \
                 current one. Nothing changed.",
                "the resource was changed meanwhile; its ETag is \"2\", read it again",
            ),
            Self::TooLarge => told(
                &[Code::BodyTooLarge],
                "The body is larger than 1 MiB.",
                "the body is larger than 1048576 bytes",
            ),
            Self::UnsupportedMediaType => Told {
                header: Some(("Accept-Encoding", "accept-encoding")),
                ..told(
                    &[Code::UnsupportedMediaType],
                    "The body has another `Content-Type` than is taken here, or none; another \
                     charset than UTF-8; or a `Content-Encoding`.",
                    "the body has to be sent with `Content-Type: application/json`",
                )
            },
            Self::Invalid => Told {
                example: ("/name is required", Some("/name")),
                ..told(
                    &[Code::Invalid],
                    "The body is JSON and not in order. `errors` names everything that is wrong, \
                     each with a JSON pointer. Nothing changed.",
                    "",
                )
            },
            Self::InvalidOrReused => Told {
                example: ("/name is required", Some("/name")),
                ..told(
                    &[Code::Invalid, Code::IdempotencyKeyReused],
                    "The body is JSON and not in order, or another request to this path had the \
                     idempotency key before (`idempotency_key_reused`). Nothing changed.",
                    "",
                )
            },
            Self::InvalidEvents => Told {
                example: ("/3/data is required", Some("/3/data")),
                ..told(
                    &[
                        Code::Invalid,
                        Code::IdempotencyKeyReused,
                        Code::LoopDetected,
                    ],
                    "An event is not in order, its id or the idempotency key was used for another \
                     one before (`idempotency_key_reused`), or too many webhooks led to it, one after \
                     the other (`loop_detected`). Nothing was accepted.",
                    "",
                )
            },
            Self::TooManyRequests => Told {
                header: Some(("Retry-After", "retry-after")),
                ..told(
                    &[
                        Code::TooManyRequests,
                        Code::BudgetUsedUp,
                        Code::TooManyInFlight,
                    ],
                    "The key has made as many requests in this minute as it may, all requests to \
                     receivers of this hour are made (`budget_used_up`), or as many as are allowed \
                     at once are in flight (`too_many_in_flight`).",
                    "this key is limited to 600 requests a minute; try again in 12 seconds",
                )
            },
            Self::Internal => told(
                &[Code::Internal, Code::Misconfigured],
                "Something went wrong on this side, or a setting is missing or malformed \
                 (`misconfigured`, with its name). The log has the cause under `request_id`.",
                "something went wrong on this side; the log has the cause",
            ),
            Self::Unavailable => Told {
                header: Some(("Retry-After", "retry-after")),
                ..told(
                    &[Code::Unavailable],
                    "A store is busy or out of reach. Try again.",
                    "a store is busy or out of reach; try again",
                )
            },
        }
    }

    fn response(self) -> Value {
        let Told {
            codes,
            description,
            example: (detail, pointer),
            header,
        } = self.told();
        let status = codes[0].status();
        let mut example = json!({
            "type": "about:blank", "title": status.canonical_reason(), "status": status.as_u16(),
            "detail": detail, "code": codes[0],
        });
        if let Some(pointer) = pointer {
            let wrong = detail.strip_prefix(pointer).unwrap_or(detail).trim_start();
            example["errors"] = json!([{ "pointer": pointer, "detail": wrong }]);
        }
        if status.is_server_error() {
            example["request_id"] = json!("req_5f0c8d1e2b3a49768c9d0e1f2a3b4c5d");
        }
        let codes: Vec<_> = codes
            .iter()
            .map(|code| format!("`{}`", code.as_str()))
            .collect();
        let codes = match codes.as_slice() {
            [code] => format!("Its `code` is {code}."),
            several => format!("Its `code` is one of {}.", several.join(", ")),
        };
        let schema = Value::from(of("Problem"));
        let mut response = json!({
            "description": format!("{description} {codes}"),
            "content": { "application/problem+json": { "schema": schema, "example": example } },
        });
        if let Some((name, component)) = header {
            let reference = json!({ "$ref": format!("#/components/headers/{component}") });
            response["headers"] = json!({ name: reference });
        }
        response
    }
}

/// The answers, by their names among the components.
pub(crate) fn responses() -> Map<String, Value> {
    Problem::ALL
        .map(|problem| (format!("{problem:?}"), problem.response()))
        .into_iter()
        .collect()
}
