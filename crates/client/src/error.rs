use std::time::Duration;

use api::{problem::Code, wire::Problem};

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL of the service, or the API key, can't be used.
    #[error("{0}")]
    Setup(String),
    /// The service refused, and says why.
    #[error("{problem}")]
    Refused {
        /// The problem document (RFC 9457).
        problem: Box<Problem>,
        /// How long the service asks callers to wait (`Retry-After`).
        retry_after: Option<Duration>,
    },
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

impl Error {
    /// The service's problem, where it told one.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Refused { problem, .. } => Some(problem),
            _ => None,
        }
    }

    /// The code of the service's problem, where it told one.
    pub fn code(&self) -> Option<&Code> {
        self.problem().map(|problem| &problem.code)
    }

    /// Whether it is certain that nothing was done. Else look before you do it again.
    pub fn outcome_is_known(&self) -> bool {
        match self {
            Self::Setup(_) | Self::Unreachable(_) => true,
            Self::Refused { problem, .. } => problem.status < 500,
            Self::Unanswered(_) | Self::Unexpected { .. } => false,
        }
    }
}
