use std::{fmt, time::Duration};

use serde::Deserialize;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL of the service, or the API key, can't be used.
    #[error("{0}")]
    Setup(String),
    /// The service refused, and says why.
    #[error("{0}")]
    Refused(Box<Problem>),
    /// The service could not be reached: nothing was sent.
    #[error("the service could not be reached")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The request was sent, and no answer came.
    #[error("no answer came")]
    Unanswered(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Something answered that is not the service, or another version of it.
    #[error("the answer, with status {status}, can't be understood: {detail}")]
    Unexpected {
        /// The status of the answer.
        status: u16,
        /// What is wrong with it.
        detail: String,
    },
}

/// What the service answers when it refuses: a problem as in RFC 9457.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Problem {
    /// The status of the answer.
    pub status: u16,
    /// A stable name for programs, e.g. `invalid`, `not_found` or `idempotency_key_reused`.
    pub code: String,
    /// What is wrong, in words.
    pub detail: String,
    /// What is wrong with each member of what was sent.
    #[serde(default)]
    pub errors: Vec<FieldError>,
    /// What the service's log names the cause by, where it is not the caller's.
    #[serde(default)]
    pub request_id: Option<String>,
    /// How long the service asks callers to stay away (`Retry-After`).
    #[serde(skip)]
    pub retry_after: Option<Duration>,
}

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FieldError {
    /// JSON pointer to the member; empty for the whole body.
    pub pointer: String,
    /// What is wrong with it.
    pub detail: String,
}

impl Error {
    /// The service's problem, where it told one.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Refused(problem) => Some(problem),
            _ => None,
        }
    }

    /// Whether it is certain that nothing was done. Else look before you do it again.
    pub fn outcome_is_known(&self) -> bool {
        match self {
            Self::Setup(_) | Self::Unreachable(_) => true,
            Self::Refused(problem) => problem.status < 500,
            Self::Unanswered(_) | Self::Unexpected { .. } => false,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status, self.code, self.detail)?;
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
