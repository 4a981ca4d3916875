use domain::input::FieldError;
use serde::{Deserialize, Serialize};

use crate::problem::Code;

/// Why a request failed (RFC 9457).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
pub struct Problem {
    /// `about:blank`: the title is the status's own phrase.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "document", schemars(with = "domain::schema::AboutBlank"))]
    pub problem_type: String,
    /// The status's phrase.
    #[cfg_attr(feature = "document", schemars(length(min = 1)))]
    pub title: String,
    /// The status.
    #[cfg_attr(feature = "document", schemars(range(min = 400, max = 599)))]
    pub status: u16,
    /// What went wrong, in words.
    #[cfg_attr(feature = "document", schemars(length(min = 1)))]
    pub detail: String,
    /// The problem's name for programs. It does not change.
    pub code: Code,
    /// Everything that is wrong with the body.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "document", schemars(length(min = 1)))]
    pub errors: Vec<FieldError>,
    /// The id under which the log has the cause.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schemars(regex(pattern = "^req_[0-9a-f]{32}$")))]
    pub request_id: Option<String>,
}
