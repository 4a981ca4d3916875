//! One attempt: compose, send, and decide what it makes of the delivery.

use std::time::Duration;

use domain::{
    charset,
    delivery::{Failure, GONE, Retry, Settled, Status, hold_until, settle, settle_test},
    headers::NOT_SHOWN,
    id::{ActionId, TriggerId},
    signing_keys::Scheme,
    time::Timestamp,
    trigger::Action,
    url_policy::EndpointUrl,
    webhook::{Composer, Payload, WebhookRequest},
};
use platform::{
    clock::{self, Moment},
    entropy,
    ledger::FinishedAttempt,
    log::{self, Line},
    outbound::{self, Exchange},
};
use serde_json::{Map, Value};

use crate::{
    prepare::{Prepared, Settings},
    rendering::Rendering,
};

/// What an attempt came to.
pub(crate) struct Done {
    pub(crate) queue: String,
    pub(crate) of: (TriggerId, ActionId),
    /// Whether the receiver wants no more webhooks.
    pub(crate) gone: bool,
    pub(crate) finished: FinishedAttempt,
}

impl Done {
    pub(crate) fn status(&self) -> Status {
        self.finished.settled.status
    }
}

/// Makes one attempt, when it is its account's turn to render. It then takes no longer than the
/// action's timeout, whatever the receiver does.
pub(crate) async fn attempt(
    prepared: Prepared,
    settings: &Settings,
    rendering: &Rendering,
) -> Done {
    let begin = || {
        let now = clock::now();
        (now, Moment::now(), compose(&prepared, settings, now))
    };
    let (started_at, started, composed) = match prepared.action.body_template {
        Some(_) => rendering.render(&prepared.claimed.account, begin).await,
        None => begin(),
    };
    let (request, exchange) = match composed {
        Ok((url, request)) => {
            let exchange = outbound::send(&url, &request, prepared.action.timeout_seconds).await;
            (Some(request), exchange)
        }
        Err(failure) => {
            let response = outbound::Response::default();
            (
                None,
                Exchange {
                    outcome: Err(failure),
                    response,
                },
            )
        }
    };
    let duration = started.elapsed();
    let now = clock::now();
    let settled = decide(&prepared, &exchange, now);
    let hold_until = hold_until(
        &exchange.outcome,
        exchange.response.retry_after.as_deref(),
        now,
    );
    log_attempt(&prepared, &exchange, &settled, duration);
    let Exchange { outcome, response } = exchange;
    let content_type = response.header("content-type");
    let body = (response.status.is_some()).then(|| charset::decode(&response.body, content_type));
    Done {
        queue: prepared.claimed.queue,
        of: (prepared.trigger.id, prepared.action.id),
        gone: outcome.as_ref().is_err_and(|failure| *failure == GONE),
        finished: FinishedAttempt {
            account: prepared.claimed.account,
            delivery: prepared.claimed.id,
            started_at,
            duration_ms: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
            status_code: response.status,
            hidden_cause: outcome.as_ref().err().and_then(Failure::hidden_cause),
            error: outcome.err().map(|failure| failure.to_string()),
            request_headers: request
                .map(|request| shown_headers(request, &prepared.action))
                .unwrap_or_default(),
            response_headers: object(response.headers),
            response_body: body,
            settled,
            hold_until,
        },
    }
}

/// The request as the action wants it now, and where it goes if that is still allowed.
fn compose(
    prepared: &Prepared,
    settings: &Settings,
    now: Timestamp,
) -> Result<(EndpointUrl, WebhookRequest), Failure> {
    let Prepared {
        claimed,
        event,
        trigger,
        action,
        keys,
    } = prepared;
    let vault = settings.vault(&claimed.account);
    let keys = keys
        .open(&vault, now)
        .map_err(|error| Failure::Internal(format!("the account's key pairs: {error}")))?;
    if keys.is_empty() && !action.signs_with(Scheme::V1) {
        let detail = "the account has no key pair to sign with".to_owned();
        return Err(Failure::Internal(detail));
    }
    let composer = Composer {
        policy: &settings.policy,
        vault,
        key_pairs: &|signed| keys.iter().map(|key| key.sign(signed)).collect(),
    };
    let payload = Payload::new(&claimed.account, event, (trigger, action), claimed.id);
    composer.compose(action, &payload, now)
}

/// Logs what came of an attempt: ids, and the cause in few words.
fn log_attempt(prepared: &Prepared, exchange: &Exchange, settled: &Settled, took: Duration) {
    let Prepared { claimed, event, .. } = prepared;
    let cause = exchange.outcome.as_ref().err().map(Failure::cause);
    log::write(
        Line::info("attempt")
            .with("account", &claimed.account)
            .with("delivery", claimed.id)
            .with("event", claimed.event)
            .with("action", claimed.action)
            .with("made", settled.status)
            .with_any("status", exchange.response.status)
            .with_any("cause", cause)
            .with("ms", took.as_millis())
            .with_any("trace", event.origin.trace),
    );
}

fn decide(prepared: &Prepared, exchange: &Exchange, now: Timestamp) -> Settled {
    if prepared.claimed.test {
        return settle_test(&exchange.outcome);
    }
    let retry = Retry {
        schedule: &prepared.action.retry_schedule,
        tries: prepared.claimed.tries.saturating_add(1),
        retry_after: exchange.response.retry_after.as_deref(),
        jitter: entropy::word(),
    };
    settle(&exchange.outcome, &retry, now)
}

/// The headers as the history shows them. Custom ones may carry the receiver's credentials, so
/// their values are not repeated there.
fn shown_headers(request: WebhookRequest, action: &Action) -> Map<String, Value> {
    const OWN: [&str; 8] = [
        "accept",
        "content-type",
        "traceparent",
        "user-agent",
        "webhook-hops",
        "webhook-id",
        "webhook-timestamp",
        "webhook-signature",
    ];

    object(request.headers.into_iter().map(|(name, value)| {
        let own = OWN.contains(&name.as_str()) && !action.secret_headers.contains(&name);
        let shown = if own { value } else { NOT_SHOWN.to_owned() };
        (name, shown)
    }))
}

/// Headers as a JSON object. The values of one that is there several times are joined, but for
/// `set-cookie`, whose values may have commas: those are a list (RFC 9110, 5.3).
fn object(headers: impl IntoIterator<Item = (String, String)>) -> Map<String, Value> {
    let mut object = Map::new();
    for (name, value) in headers {
        match object.get_mut(&name) {
            Some(Value::Array(cookies)) => cookies.push(Value::String(value)),
            Some(cookie) if name == "set-cookie" => {
                *cookie = Value::Array(vec![cookie.take(), Value::String(value)]);
            }
            Some(Value::String(present)) => {
                present.push_str(", ");
                present.push_str(&value);
            }
            _ => {
                object.insert(name, Value::String(value));
            }
        }
    }
    object
}
