//! What operators see of the service: its health, its metrics, what it uses, and its log.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result};
use e2e::{Answer, Api, DEADLINE, Receiver, Service, Settings, eventually, has, id};
use http::Method;
use serde_json::json;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const JSON: (&str, &str) = ("content-type", "application/json");

/// The samples of the metrics: name and labels, and value.
async fn metrics(api: &Api, path: &str) -> Result<BTreeMap<String, f64>> {
    let reply = api.get(path).await?;
    assert_eq!(reply.status, 200);
    let media_type = reply.header("content-type");
    assert_eq!(media_type, Some("text/plain; version=0.0.4; charset=utf-8"));
    let text = std::str::from_utf8(&reply.body)?;
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    let read = |line: &str| {
        let (name, value) = line.rsplit_once(' ').context("a sample")?;
        Ok((name.to_owned(), value.parse()?))
    };
    samples.map(read).collect()
}

/// A service of its own, because what is counted is counted for all accounts together.
fn service() -> Result<Service> {
    Service::with(Settings::default())
}

#[tokio::test]
async fn health_needs_no_key_and_says_that_all_is_well() -> Result<()> {
    let service = Service::shared();
    let reply = service.api_with_key(None).get("/v1/health").await?;
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let well = json!({
        "status": "ok", "reasons": [], "key_value_store": "ok", "ledger": "ok",
    });
    has(&reply.json(200)?, &well)
}

#[tokio::test]
async fn health_is_failing_while_what_is_due_waits_for_too_long() -> Result<()> {
    let settings = Settings::default().with("health_backlog_seconds", "600");
    let service = Service::with(settings)?;
    let (api, account) = (service.api(), service.account());
    let receiver = Receiver::start().await?;
    let later = Answer::status(503).header("retry-after", "3600");
    receiver.answer_in_turn("/", vec![later, Answer::status(200)]);
    account.hook("message.sent", &receiver.url("/")).await?;
    let accepted = account.event("message.sent", &json!({})).await?;
    let delivery = id(&accepted["deliveries"][0]).to_owned();
    account.attempted(&delivery, 1).await?;
    service.ledger().no_runner().await?;
    api.get("/v1/health").await?.json(200)?;

    // Nobody calls the run route for two hours.
    service
        .ledger()
        .forward(&account, Duration::from_secs(7_200))?;
    let health = api.get("/v1/health").await?.json(503)?;
    assert_eq!(health["status"], "failing");
    let reason = health["reasons"][0].as_str().context("a reason")?;
    assert!(reason.contains("more than 600 s"), "{reason}");
    assert!(
        health["backlog_age_seconds"].as_u64() > Some(3_000),
        "{health}"
    );
    let owed = metrics(&api, "/v1/metrics").await?;
    assert_eq!(owed["webhook_deliveries_due{lane=\"retry\"}"], 1.0);
    assert!(owed["webhook_oldest_due_seconds"] > 3_000.0);

    api.run().await?;
    account.delivery_with(&delivery, "succeeded").await?;
    api.get("/v1/health").await?.json(200)?;
    assert_eq!(
        metrics(&api, "/v1/metrics").await?["webhook_oldest_due_seconds"],
        0.0
    );
    Ok(())
}

#[tokio::test]
async fn metrics_count_what_happened_once_each() -> Result<()> {
    let service = service()?;
    let (api, account) = (service.api(), service.account());
    let receiver = Receiver::start().await?;
    receiver.answer("/down", Answer::status(500));
    account.hook("message.sent", &receiver.url("/up")).await?;
    let down = json!({ "name": "D", "url": receiver.url("/down"), "retry_schedule": [] });
    let hook = account.hook_with("message.failed", down).await?;

    for key in ["a", "b", "a"] {
        let event = json!({ "type": "message.sent", "data": {} });
        account.event_once(key, &event).await?;
    }
    let failed = account.event("message.failed", &json!({})).await?;
    account
        .delivery_with(id(&failed["deliveries"][0]), "failed")
        .await?;
    receiver.received(3).await?;
    // What it tells of failed deliveries are events of the service's own, to nobody here.
    eventually("all is counted", DEADLINE, async || {
        api.run().await?;
        let metrics = metrics(&api, "/v1/metrics").await?;
        let told = metrics.get("webhook_deliveries_settled_total{status=\"succeeded\"}");
        let counted =
            told == Some(&2.0) && metrics.get("webhook_events_duplicate_total") == Some(&1.0);
        Ok(counted.then_some(()).ok_or_else(|| format!("{metrics:?}")))
    })
    .await?;

    for _ in 0..2 {
        let metrics = metrics(&api, "/v1/metrics").await?;
        for (sample, value) in [
            ("webhook_events_accepted_total{type=\"message.sent\"}", 2.0),
            (
                "webhook_events_accepted_total{type=\"message.failed\"}",
                1.0,
            ),
            ("webhook_deliveries_total{status=\"owed\"}", 3.0),
            ("webhook_deliveries_settled_total{status=\"failed\"}", 1.0),
            (
                "webhook_attempts_total{outcome=\"success\",cause=\"\"}",
                2.0,
            ),
            (
                "webhook_attempts_total{outcome=\"failure\",cause=\"status 500\"}",
                1.0,
            ),
            ("webhook_attempt_duration_seconds_bucket{le=\"+Inf\"}", 3.0),
            ("webhook_attempt_duration_seconds_count", 3.0),
            ("webhook_deliveries_due{lane=\"first\"}", 0.0),
        ] {
            assert_eq!(metrics.get(sample), Some(&value), "{sample}: {metrics:?}");
        }
        assert!(metrics["webhook_runs_total"] > 0.0);
        assert!(metrics["webhook_last_run_timestamp_seconds"] > 1.7e9);
    }

    let of_account = metrics(&api, &format!("/v1/metrics?account={}", account.id)).await?;
    let action = hook.action_path();
    let action = action.rsplit('/').next().context("an id")?;
    let labels = format!("{{account=\"{}\",action=\"{action}\"}}", account.id);
    let failures = format!("webhook_action_consecutive_failures{labels}");
    assert_eq!(of_account.get(&failures), Some(&1.0), "{of_account:?}");
    assert_eq!(
        of_account
            .keys()
            .filter(|name| name.contains(action))
            .count(),
        3
    );
    Ok(())
}

#[tokio::test]
async fn usage_tells_what_quotas_are_about() -> Result<()> {
    let service = service()?;
    let (api, account) = (service.api(), service.account());
    let receiver = Receiver::start().await?;
    let before = api.get("/v1/usage").await?.json(200)?;
    assert_eq!(before["events_accepted"], 0);
    account.hook("message.sent", &receiver.url("/")).await?;
    let accepted = account.event("message.sent", &json!({})).await?;
    account
        .delivery_with(id(&accepted["deliveries"][0]), "succeeded")
        .await?;
    let after = api.get("/v1/usage").await?.json(200)?;
    let used = json!({
        "ledger": { "version": 1, "events": 1, "deliveries": 1, "attempts": 1 },
        "events_accepted": 1,
    });
    has(&after, &used)?;
    has(&after["requests"], &json!({ "total": 1, "this_hour": 1 }))?;
    let encryption = json!({ "values_under_older_keys": 0 });
    has(&after["encryption"], &encryption)?;
    assert!(after["key_value_keys"].as_u64() > before["key_value_keys"].as_u64());
    Ok(())
}

#[tokio::test]
async fn a_key_for_metrics_sees_those_and_nothing_else() -> Result<()> {
    let service = Service::shared();
    let key = async |scopes: serde_json::Value, accounts: Option<&str>| {
        let mut input = json!({ "name": "Prometheus", "scopes": scopes });
        if let Some(account) = accounts {
            input["accounts"] = json!([account]);
        }
        let made = service
            .api()
            .post("/v1/api-keys", &input)
            .await?
            .json(201)?;
        anyhow::Ok(service.api_with_key(made["key"].as_str()))
    };
    let watching = key(json!(["metrics"]), None).await?;
    metrics(&watching, "/v1/metrics").await?;
    watching.get("/v1/usage").await?.json(200)?;
    watching.get("/v1/event-types").await?.problem(403)?;
    watching
        .get("/v1/accounts/acme/events")
        .await?
        .problem(403)?;
    let reading = key(json!(["read"]), None).await?;
    metrics(&reading, "/v1/metrics").await?;
    // The metrics are everybody's.
    let of_account = key(json!(["read"]), Some("acme")).await?;
    of_account.get("/v1/metrics").await?.problem(403)?;
    let other = "/v1/metrics?account=other";
    of_account.get(other).await?.problem(403)?;
    service
        .api_with_key(None)
        .get("/v1/metrics")
        .await?
        .problem(401)?;
    Ok(())
}

#[tokio::test]
async fn what_monitoring_does_not_take_is_named() -> Result<()> {
    let api = Service::shared().api();
    for path in ["/v1/health", "/v1/metrics", "/v1/usage"] {
        let problem = api.get(&format!("{path}?verbose=1")).await?.problem(400)?;
        problem.says(&["verbose"])?;
        let reply = api.post(path, &json!({})).await?;
        assert_eq!(reply.header("allow"), Some("GET"));
        reply.problem(405)?;
    }
    let problem = api.get("/v1/metrics?account=a.b").await?.problem(400)?;
    problem.says(&["account"])
}

#[tokio::test]
async fn a_producers_trace_goes_on_to_the_receiver_a_span_for_each_attempt() -> Result<()> {
    let service = Service::shared();
    let account = service.account();
    let receiver = Receiver::start().await?;
    receiver.answer_in_turn("/", vec![Answer::status(500), Answer::status(200)]);
    account.hook("message.sent", &receiver.url("/")).await?;
    let post = async |traceparent: &str| {
        let body = json!({ "type": "message.sent", "data": {} }).to_string();
        let headers = [JSON, ("traceparent", traceparent)];
        let path = account.path("/events");
        let reply = account
            .api
            .send(Method::POST, &path, &headers, body)
            .await?;
        reply.json(202)
    };
    let sent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let accepted = post(&sent).await?;
    let delivery = account
        .delivery_with(id(&accepted["deliveries"][0]), "succeeded")
        .await?;
    let webhooks = receiver.received(2).await?;
    let parents: Vec<_> = webhooks
        .iter()
        .map(|webhook| webhook.header("traceparent"))
        .collect();
    for (parent, attempt) in parents.iter().zip(0..) {
        assert!(parent.starts_with(&format!("00-{TRACE}-")), "{parent}");
        assert!(parent.ends_with("-01") && *parent != sent, "{parent}");
        let shown = &delivery["attempts"][attempt]["request_headers"]["traceparent"];
        assert_eq!(shown, parent);
    }
    assert_ne!(parents[0], parents[1]);

    // As the specification wants it, a trace that can't be understood is none, and no reason to refuse the event.
    receiver.forget();
    receiver.answer("/", Answer::status(200));
    post("00-not-a-trace-01").await?;
    assert_eq!(receiver.only().await?.header("traceparent"), "");
    Ok(())
}

#[tokio::test]
async fn requests_and_attempts_are_logged_in_a_line_each_with_their_ids() -> Result<()> {
    let service = service()?;
    let account = service.account();
    let receiver = Receiver::start().await?;
    receiver.answer("/", Answer::status(503));
    let action = json!({ "name": "A", "url": receiver.url("/"), "retry_schedule": [] });
    account.hook_with("message.sent", action).await?;
    let body = json!({ "type": "message.sent", "data": {} }).to_string();
    let headers = [
        JSON,
        ("traceparent", &format!("00-{TRACE}-00f067aa0ba902b7-01")),
    ];
    let path = account.path("/events");
    let reply = account
        .api
        .send(Method::POST, &path, &headers, body)
        .await?;
    let accepted = reply.json(202)?;
    let delivery = id(&accepted["deliveries"][0]).to_owned();
    account.delivery_with(&delivery, "failed").await?;
    account
        .get("/triggers/SOMETHING-STRANGE")
        .await?
        .problem(404)?;

    let line_with = async |parts: &[&str]| {
        eventually(&format!("a line with {parts:?}"), DEADLINE, async || {
            let logs = service.logs();
            let mut lines = logs.lines();
            let found = lines.any(|line| parts.iter().all(|part| line.contains(part)));
            Ok(found.then_some(()).ok_or(logs))
        })
        .await
    };
    let of_account = format!(" account={}", account.id);
    line_with(&[
        "info request method=POST route=/v1/accounts/{account}/events",
        &of_account,
        " status=202 ms=",
        TRACE,
    ])
    .await?;
    let of_delivery = format!(" delivery={delivery} event={}", id(&accepted));
    line_with(&[
        "info attempt",
        &of_account,
        &of_delivery,
        " made=failed status=503 cause=status ms=",
        TRACE,
    ])
    .await?;
    line_with(&[
        "route=/v1/accounts/{account}/triggers/{trigger}",
        " status=404",
    ])
    .await?;
    assert!(!service.logs().contains("STRANGE"));
    Ok(())
}

#[tokio::test]
async fn whoever_wants_no_such_lines_gets_none() -> Result<()> {
    let service = Service::with(Settings::default().with("log_requests", "false"))?;
    let account = service.account();
    let receiver = Receiver::start().await?;
    account.hook("message.sent", &receiver.url("/")).await?;
    let accepted = account.event("message.sent", &json!({})).await?;
    account
        .delivery_with(id(&accepted["deliveries"][0]), "succeeded")
        .await?;
    assert!(!service.logs().contains("info "), "{}", service.logs());
    Ok(())
}
