use std::fmt;

use domain::input::FieldError;
use serde::{Deserialize, Serialize};

use crate::problem::Code;

/// Why a request failed (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status, self.code.as_str(), self.detail)?;
        // With one error, the detail says it all.
        if self.errors.len() > 1 {
            for FieldError { pointer, detail } in &self.errors {
                write!(f, "; {pointer} {detail}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_says_everything_that_is_wrong() {
        let problem: Problem = serde_json::from_str(
            r#"{"type":"about:blank","title":"Unprocessable Entity","status":422,"code":"invalid",
                "detail":"2 things are wrong, see errors","errors":[
                  {"pointer":"/name","detail":"is required"},
                  {"pointer":"/type","detail":"is required"}]}"#,
        )
        .unwrap();
        assert_eq!(
            problem.to_string(),
            "422 invalid: 2 things are wrong, see errors; /name is required; /type is required"
        );
    }
}
