//! The problems that the API answers with: each code once, with its status.

use http::StatusCode;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $status:ident $name:literal;)*) => {
        /// A problem's name for programs. It does not change.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[$doc])* $variant,)*
            /// One that this version does not have.
            Other(Box<str>),
        }

        impl Code {
            /// All codes.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The code as problem documents have it.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Other(name) => name,
                }
            }

            /// The status of an answer with this code.
            pub fn status(&self) -> StatusCode {
                match self {
                    $(Self::$variant => StatusCode::$status,)*
                    Self::Other(_) => StatusCode::INTERNAL_SERVER_ERROR,
                }
            }
        }
    };
}

codes! {
    /// The request is malformed.
    BadRequest = BAD_REQUEST "bad_request";
    /// The body is not JSON.
    InvalidJson = BAD_REQUEST "invalid_json";
    /// There is no key, or a wrong one.
    Unauthorized = UNAUTHORIZED "unauthorized";
    /// The key may not do this.
    Forbidden = FORBIDDEN "forbidden";
    /// There is no such resource or route.
    NotFound = NOT_FOUND "not_found";
    /// The path has no such method.
    MethodNotAllowed = METHOD_NOT_ALLOWED "method_not_allowed";
    /// The resource is in a state that does not allow this.
    Conflict = CONFLICT "conflict";
    /// Another version is there than the conditions of the request name.
    PreconditionFailed = PRECONDITION_FAILED "precondition_failed";
    /// The body is too large.
    BodyTooLarge = PAYLOAD_TOO_LARGE "body_too_large";
    /// The body has another media type, charset or encoding than is taken.
    UnsupportedMediaType = UNSUPPORTED_MEDIA_TYPE "unsupported_media_type";
    /// The body is JSON, and members of it are wrong.
    Invalid = UNPROCESSABLE_ENTITY "invalid";
    /// The idempotency key was used for another request.
    IdempotencyKeyReused = UNPROCESSABLE_ENTITY "idempotency_key_reused";
    /// The event comes from a webhook of the service too many times over.
    LoopDetected = UNPROCESSABLE_ENTITY "loop_detected";
    /// A rate limit is reached.
    TooManyRequests = TOO_MANY_REQUESTS "too_many_requests";
    /// The requests to receivers of this hour are used up.
    BudgetUsedUp = TOO_MANY_REQUESTS "budget_used_up";
    /// Too many requests to receivers are in flight.
    TooManyInFlight = TOO_MANY_REQUESTS "too_many_in_flight";
    /// The service failed.
    Internal = INTERNAL_SERVER_ERROR "internal";
    /// A setting of the service is missing or malformed.
    Misconfigured = INTERNAL_SERVER_ERROR "misconfigured";
    /// A store is busy or out of reach.
    Unavailable = SERVICE_UNAVAILABLE "unavailable";
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let known = Self::ALL.iter().find(|code| code.as_str() == name);
        Ok(known.cloned().unwrap_or_else(|| Self::Other(name.into())))
    }
}

#[cfg(feature = "document")]
impl schemars::JsonSchema for Code {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Code".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let names: Vec<_> = Self::ALL.iter().map(Self::as_str).collect();
        schemars::json_schema!({ "type": "string", "enum": names })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_it_is_written() {
        for code in Code::ALL.iter().chain([&Code::Other("of_tomorrow".into())]) {
            let json = serde_json::to_string(code).unwrap();
            assert_eq!(&serde_json::from_str::<Code>(&json).unwrap(), code);
        }
    }

    #[test]
    fn every_code_has_a_name_and_an_error_status_of_its_own() {
        for (place, code) in Code::ALL.iter().enumerate() {
            assert!(code.status().is_client_error() || code.status().is_server_error());
            assert!(!Code::ALL[place + 1..].contains(code));
            let names = Code::ALL.iter().map(Code::as_str);
            assert_eq!(names.filter(|name| *name == code.as_str()).count(), 1);
        }
    }
}
