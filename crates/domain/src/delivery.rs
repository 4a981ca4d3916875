//! Deliveries: the states they go through, and what an attempt's outcome makes of them.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{schedule, schedule::RetrySchedule, time::Timestamp};

/// Where a delivery stands.
///
/// ```text
/// pending ──claim──▶ delivering ──2xx──▶ succeeded
///    ▲                   │ └──last attempt failed──▶ failed
///    └──── failed, retry ┘ └──action gone or off───▶ canceled
/// skipped: the trigger or action was disabled when the event came, or the event has as many
///          deliveries as one event may have
/// ```
///
/// A test is `delivering` from the start and then `succeeded` or `failed`, for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(
    feature = "document",
    derive(schemars::JsonSchema),
    schemars(rename = "DeliveryStatus", description = "Where a delivery stands.")
)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Waits for its first attempt, or for the next.
    Pending,
    /// A runner has claimed it.
    Delivering,
    /// A receiver answered 2xx.
    Succeeded,
    /// The last attempt of its schedule failed.
    Failed,
    /// The action or trigger was deleted or disabled before it could be sent.
    Canceled,
    /// Never to be sent: the trigger or action was disabled when the event came, or the event has
    /// as many deliveries as one event may have.
    Skipped,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 6] = [
        Self::Pending,
        Self::Delivering,
        Self::Succeeded,
        Self::Failed,
        Self::Canceled,
        Self::Skipped,
    ];

    /// Its name, as the API and the ledger write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivering => "delivering",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Skipped => "skipped",
        }
    }

    /// The status of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The receiver answered with a status that is no success.
    #[error("status {0}")]
    Status(u16),
    /// The receiver answered with a redirect, which is never followed.
    #[error("redirect (status {0}); redirects are not followed")]
    Redirect(u16),
    /// The attempt took longer than the action allows.
    #[error("timeout after {0} s")]
    Timeout(u32),
    /// The host's name has no address.
    #[error("dns: the host's name does not resolve to a public address")]
    Dns,
    /// The host's name resolves to addresses of which none is public. The text is that of
    /// [`Failure::Dns`]: an account's users could otherwise ask for the names of the network that the
    /// service runs in. The log and the metrics have the cause.
    #[error("{}", Self::Dns)]
    PrivateName,
    /// Nobody listens there.
    #[error("connection refused")]
    ConnectionRefused,
    /// The connection broke off.
    #[error("connection closed before the response was complete")]
    ConnectionClosed,
    /// No secure connection could be made.
    #[error("tls: {0}")]
    Tls(&'static str),
    /// The runtime, or this service's policy, does not let requests go to that URL.
    #[error("blocked address: {0}")]
    Blocked(String),
    /// What came back is no HTTP response.
    #[error("invalid response: {0}")]
    Protocol(&'static str),
    /// The action's body template failed on this event.
    #[error("template: {0}")]
    Template(String),
    /// The action's body template does too much work on this event.
    #[error("template_too_expensive: {0}")]
    TemplateTooExpensive(String),
    /// The request could not be made on our side.
    #[error("internal: {0}")]
    Internal(String),
}

impl Failure {
    /// The codes of causes. The text of a failure begins with its cause, but for
    /// [`Failure::PrivateName`], and the ledger counts the first of these with which it does.
    pub const CAUSES: [&str; 12] = [
        "status",
        "redirect",
        "timeout",
        "dns",
        "connection refused",
        "connection closed",
        "tls",
        "blocked address",
        "invalid response",
        "template_too_expensive",
        "template",
        "internal",
    ];

    /// Its cause, for the log and the metrics. It is not for an account's users.
    pub fn cause(&self) -> &'static str {
        match self {
            Self::Status(_) => "status",
            Self::Redirect(_) => "redirect",
            Self::Timeout(_) => "timeout",
            Self::Dns => "dns",
            Self::ConnectionRefused => "connection refused",
            Self::ConnectionClosed => "connection closed",
            Self::Tls(_) => "tls",
            Self::Blocked(_) | Self::PrivateName => "blocked address",
            Self::Protocol(_) => "invalid response",
            Self::Template(_) => "template",
            Self::TemplateTooExpensive(_) => "template_too_expensive",
            Self::Internal(_) => "internal",
        }
    }

    /// Its cause, where the text does not begin with it.
    pub fn hidden_cause(&self) -> Option<&'static str> {
        (*self == Self::PrivateName).then_some("blocked address")
    }
}

/// What came of an attempt.
pub type Outcome = Result<u16, Failure>;

/// The outcome of a response with this status: RFC 9110's 2xx is success.
///
/// # Errors
///
/// Everything else is a failure, a redirect too.
pub fn judge(status: u16) -> Outcome {
    match status {
        200..=299 => Ok(status),
        300..=399 => Err(Failure::Redirect(status)),
        _ => Err(Failure::Status(status)),
    }
}

/// The answer of a receiver that wants no more webhooks (Standard Webhooks, "Disabling endpoints"):
/// the action is disabled.
pub const GONE: Failure = Failure::Status(410);

/// From how many failed attempts in a row on an action counts as down: it gets one request at a
/// time, and its next success is told as a recovery.
pub const FAILING_AFTER: usize = 5;

/// How long an action may fail without a single success before it is disabled.
pub const FAILING_LIMIT: Duration = Duration::from_secs(5 * 24 * 60 * 60);

/// How long a receiver's `Retry-After` holds all deliveries of its action, at most.
pub const LONGEST_HOLD: Duration = Duration::from_secs(60 * 60);

/// How long a run of deliveries may take: under the 30 seconds that Fermyon Cloud gives a request.
pub const RUN_BUDGET: Duration = Duration::from_secs(25);

/// What an attempt makes of its delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// The status from now on: succeeded, pending or failed.
    pub status: Status,
    /// When the next attempt is due, if there is one.
    pub due_at: Option<Timestamp>,
    /// Why it stands so, where there is something to say.
    pub reason: Option<String>,
}

/// What decides about the next attempt.
pub struct Retry<'a> {
    /// The action's schedule.
    pub schedule: &'a RetrySchedule,
    /// The attempts of this round, the one just made included.
    pub tries: u32,
    /// The receiver's `Retry-After`.
    pub retry_after: Option<&'a str>,
    /// Any random number.
    pub jitter: u64,
}

/// Decides what an attempt that ended at `now` makes of its delivery.
///
/// `Retry-After` is honoured on 429 and 503; it can put the next attempt off, never bring it
/// forward.
pub fn settle(outcome: &Outcome, retry: &Retry<'_>, now: Timestamp) -> Settled {
    let Err(failure) = outcome else {
        return Settled {
            status: Status::Succeeded,
            due_at: None,
            reason: None,
        };
    };
    if *failure == GONE {
        let reason = format!("{failure}: the receiver is gone, so the action was disabled");
        return Settled {
            status: Status::Failed,
            due_at: None,
            reason: Some(reason),
        };
    }
    if let Failure::TemplateTooExpensive(_) = failure {
        // The same event costs the same again.
        let reason = format!("{failure}; then retry this delivery");
        return Settled {
            status: Status::Failed,
            due_at: None,
            reason: Some(reason),
        };
    }
    let Some(scheduled) = retry.schedule.next(retry.tries, now, retry.jitter) else {
        let reason = format!("gave up after {}: {failure}", attempts(retry.tries));
        return Settled {
            status: Status::Failed,
            due_at: None,
            reason: Some(reason),
        };
    };
    let asked = asked(outcome, retry.retry_after, now);
    let due_at = asked.map_or(scheduled, |asked| asked.max(scheduled));
    Settled {
        status: Status::Pending,
        due_at: Some(due_at),
        reason: Some(failure.to_string()),
    }
}

/// The time that a receiver asked for with `Retry-After`, on a status that it has a meaning on.
fn asked(outcome: &Outcome, retry_after: Option<&str>, now: Timestamp) -> Option<Timestamp> {
    match outcome {
        Err(Failure::Status(429 | 503)) => schedule::retry_after(retry_after?, now),
        _ => None,
    }
}

/// Until when nothing of its action is sent after an attempt that ended at `now`, because the
/// receiver asked for a pause: a 429 is about the sender, not about one request (RFC 6585, section
/// 4). An hour at most, so that one answer can't silence an action for long.
pub fn hold_until(
    outcome: &Outcome,
    retry_after: Option<&str>,
    now: Timestamp,
) -> Option<Timestamp> {
    Some(asked(outcome, retry_after, now)?.min(now + LONGEST_HOLD))
}

/// Why a delivery waits whose action is held.
pub fn held_reason(until: Timestamp) -> String {
    format!("held until {until} because the receiver asked for it")
}

/// Decides what the one attempt of a test makes of its delivery: whatever came of it, it is not
/// repeated, and the action stays as it is.
pub fn settle_test(outcome: &Outcome) -> Settled {
    let reason = outcome.as_ref().err().map(ToString::to_string);
    Settled {
        status: match reason {
            None => Status::Succeeded,
            Some(_) => Status::Failed,
        },
        due_at: None,
        reason,
    }
}

fn attempts(tries: u32) -> String {
    if tries == 1 {
        "1 attempt".into()
    } else {
        format!("{tries} attempts")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(outcome: &Outcome, tries: u32, retry_after: Option<&str>) -> Settled {
        let schedule = RetrySchedule::try_from(vec![10, 60]).unwrap();
        // This jitter leaves a delay of 10 s as it is.
        let retry = Retry {
            schedule: &schedule,
            tries,
            retry_after,
            jitter: 2_000,
        };
        settle(outcome, &retry, Timestamp::from_millis(0))
    }

    #[test]
    fn every_status_has_a_name_that_leads_back_to_it() {
        for status in Status::ALL {
            assert_eq!(Status::parse(status.as_str()), Some(status));
        }
        assert_eq!(Status::parse("lost"), None);
    }

    #[test]
    fn the_text_of_a_failure_begins_with_its_cause() {
        for failure in [
            Failure::Status(503),
            Failure::Redirect(301),
            Failure::Timeout(15),
            Failure::Dns,
            Failure::ConnectionRefused,
            Failure::ConnectionClosed,
            Failure::Tls("handshake"),
            Failure::Blocked("private".into()),
            Failure::Protocol("no status"),
            Failure::Template("undefined".into()),
            Failure::TemplateTooExpensive("too much work".into()),
            Failure::Internal("sealed".into()),
        ] {
            let text = failure.to_string();
            let mut causes = Failure::CAUSES.into_iter();
            let first = causes.find(|cause| text.starts_with(cause));
            assert_eq!(first, Some(failure.cause()), "{text}");
        }
    }

    #[test]
    fn a_private_name_reads_as_one_that_does_not_resolve_and_has_its_cause() {
        let (private, unknown) = (Failure::PrivateName, Failure::Dns);
        assert_eq!(private.to_string(), unknown.to_string());
        assert_eq!(
            (private.cause(), unknown.cause()),
            ("blocked address", "dns")
        );
        assert!(Failure::CAUSES.contains(&private.cause()));
        let of = |failure| settled(&Err(failure), 3, None);
        assert_eq!(of(private.clone()), of(unknown.clone()));
        assert_eq!(settle_test(&Err(private)), settle_test(&Err(unknown)));
    }

    #[test]
    fn a_template_that_is_too_expensive_is_not_rendered_again() {
        let failure = Failure::TemplateTooExpensive("line 2: too much work".into());
        let settled = settled(&Err(failure), 1, None);
        assert_eq!((settled.status, settled.due_at), (Status::Failed, None));
        assert_eq!(
            settled.reason.as_deref(),
            Some("template_too_expensive: line 2: too much work; then retry this delivery")
        );
    }

    #[test]
    fn only_2xx_is_success() {
        assert_eq!(judge(200), Ok(200));
        assert_eq!(judge(299), Ok(299));
        assert_eq!(judge(302), Err(Failure::Redirect(302)));
        for status in [100, 199, 400, 410, 500, 599] {
            assert_eq!(judge(status), Err(Failure::Status(status)));
        }
    }

    #[test]
    fn a_failure_is_tried_again_until_the_schedule_ends() {
        let failure = Err(Failure::ConnectionRefused);
        let first = settled(&failure, 1, None);
        assert_eq!(first.status, Status::Pending);
        assert_eq!(first.due_at.unwrap().as_millis(), 10_000);
        assert_eq!(first.reason.as_deref(), Some("connection refused"));
        let last = settled(&failure, 3, None);
        assert_eq!(last.status, Status::Failed);
        assert_eq!(last.due_at, None);
        assert_eq!(
            last.reason.as_deref(),
            Some("gave up after 3 attempts: connection refused")
        );
    }

    #[test]
    fn a_receiver_that_is_gone_is_not_asked_again() {
        let settled = settled(&judge(410), 1, None);
        assert_eq!((settled.status, settled.due_at), (Status::Failed, None));
        assert!(
            settled
                .reason
                .is_some_and(|reason| reason.contains("status 410"))
        );
    }

    #[test]
    fn a_test_is_over_after_its_one_attempt() {
        let succeeded = settle_test(&judge(204));
        let settled = |status, reason: Option<&str>| Settled {
            status,
            due_at: None,
            reason: reason.map(Into::into),
        };
        assert_eq!(succeeded, settled(Status::Succeeded, None));
        for status in [410, 503] {
            let failed = settle_test(&judge(status));
            let reason = format!("status {status}");
            assert_eq!(failed, settled(Status::Failed, Some(&reason)));
        }
    }

    #[test]
    fn retry_after_holds_the_action_for_an_hour_at_most() {
        let held = |outcome: Outcome, value| {
            hold_until(&outcome, value, Timestamp::from_millis(0)).map(Timestamp::as_millis)
        };
        assert_eq!(held(judge(429), Some("30")), Some(30_000));
        assert_eq!(held(judge(503), Some("7200")), Some(3_600_000));
        for outcome in [judge(200), judge(500), Err(Failure::Timeout(15))] {
            assert_eq!(held(outcome, Some("30")), None);
        }
        assert_eq!(held(judge(429), None), None);
        assert_eq!(held(judge(429), Some("soon")), None);
    }

    #[test]
    fn retry_after_puts_off_and_never_hurries() {
        let due = |status, value| {
            settled(&judge(status), 1, Some(value))
                .due_at
                .unwrap()
                .as_millis()
        };
        assert_eq!(due(503, "30"), 30_000);
        assert_eq!(due(429, "30"), 30_000);
        assert_eq!(due(503, "3"), 10_000);
        assert_eq!(due(500, "30"), 10_000);
        assert_eq!(due(503, "tomorrow"), 10_000);
    }
}
