//! Where requests are counted, and cost: how many are made in an hour, and at once.

use std::time::Duration;

use anyhow::{Context as _, Result};
use e2e::{Account, Answer, Receiver, Service, Settings, has, id, millis};
use serde_json::{Value, json};

fn service(name: &str, value: &str) -> Result<Service> {
    Service::with(Settings::default().with(name, value))
}

/// Posts so many events at once.
async fn post(account: &Account, count: usize) -> Result<Vec<Value>> {
    let events = vec![json!({ "type": "message.sent", "data": {} }); count];
    let accepted = account.post("/events", &json!(events)).await?.json(202)?;
    Ok(accepted.as_array().context("an array")?.clone())
}

async fn count(account: &Account, status: &str) -> Result<usize> {
    let path = format!("/deliveries?status={status}");
    Ok(account.pages(&path, 100).await?.len())
}

#[tokio::test]
async fn no_more_is_sent_in_an_hour_than_may_be_and_the_rest_is_put_off() -> Result<()> {
    let service = service("max_requests_per_hour", "10")?;
    let (api, account) = (service.api(), service.account());
    let receiver = Receiver::start().await?;
    account.hook("message.sent", &receiver.url("/")).await?;
    post(&account, 15).await?;
    receiver.received(10).await?;
    // However often somebody asks.
    for _ in 0..3 {
        let run = api.run().await?;
        has(&run, &json!({ "claimed": 0, "put_off": true }))?;
        assert!(run["next_due_at"].is_string(), "{run}");
    }
    assert_eq!(receiver.so_far().len(), 10);
    assert_eq!(count(&account, "pending").await?, 5);
    assert_eq!(count(&account, "failed").await?, 0);
    let usage = api.get("/v1/usage").await?.json(200)?;
    has(
        &usage["requests"],
        &json!({ "max_per_hour": 10, "reserved_this_hour": 10 }),
    )?;

    service.ledger().forward_budget()?;
    let run = api.run().await?;
    has(&run, &json!({ "succeeded": 5, "put_off": false }))?;
    assert_eq!(receiver.so_far().len(), 15);
    let usage = api.get("/v1/usage").await?.json(200)?;
    has(&usage["requests"], &json!({ "reserved_this_hour": 5 }))
}

#[tokio::test]
async fn what_is_left_at_last_is_for_first_attempts() -> Result<()> {
    let service = service("max_requests_per_hour", "20")?;
    let (api, account) = (service.api(), service.account());
    let receiver = Receiver::start().await?;
    receiver.answer_in_turn("/", vec![Answer::status(503), Answer::status(200)]);
    let action = json!({ "name": "A", "url": receiver.url("/"), "retry_schedule": [3_600] });
    account.hook_with("message.sent", action).await?;
    let first = post(&account, 1).await?;
    let retried = id(&first[0]["deliveries"][0]).to_owned();
    account.attempted(&retried, 1).await?;
    post(&account, 17).await?;
    receiver.received(18).await?;
    service.ledger().no_runner().await?;
    service
        .ledger()
        .forward(&account, Duration::from_secs(7_200))?;

    // Two are left. The retry that is due now leaves them to what is new.
    has(&api.run().await?, &json!({ "claimed": 0, "put_off": true }))?;
    let new = post(&account, 1).await?;
    account
        .delivery_with(id(&new[0]["deliveries"][0]), "succeeded")
        .await?;
    assert_eq!(account.delivery(&retried).await?["attempt_count"], 1);
    service.ledger().forward_budget()?;
    api.run().await?;
    account.delivery_with(&retried, "succeeded").await?;
    Ok(())
}

#[tokio::test]
async fn a_test_of_an_action_is_a_request_like_others() -> Result<()> {
    let service = service("max_requests_per_hour", "1")?;
    let account = service.account();
    let receiver = Receiver::start().await?;
    let hook = account.hook("message.sent", &receiver.url("/")).await?;
    let test = format!("{}/test", hook.action_path());
    account.post(&test, &json!({})).await?.json(200)?;
    let reply = account.post(&test, &json!({})).await?;
    let seconds: u64 = reply
        .header("retry-after")
        .context("retry-after")?
        .parse()?;
    assert!((1..=3_600).contains(&seconds));
    reply.problem(429)?.says(&["1 requests", "this hour"])?;
    assert_eq!(receiver.so_far().len(), 1);
    Ok(())
}

#[tokio::test]
async fn no_more_is_in_flight_than_may_be_whoever_runs() -> Result<()> {
    let service = service("max_in_flight", "2")?;
    let (api, account) = (service.api(), service.account());
    let receiver = Receiver::start().await?;
    let takes = Duration::from_millis(300);
    receiver.answer("/", Answer::status(200).after(takes));
    account.hook("message.sent", &receiver.url("/")).await?;
    let posted = post(&account, 8).await?;
    // Runs that somebody asks for, beside those that events wake.
    let (a, b) = tokio::join!(api.run(), api.run());
    a?;
    b?;
    receiver.received(8).await?;
    assert!(peak(&account, &posted).await? <= 2);
    Ok(())
}

/// The most attempts that these events' first deliveries had in flight at once, once all have succeeded.
async fn peak(account: &Account, events: &[Value]) -> Result<i64> {
    let mut ends = Vec::new();
    for event in events {
        let delivery = id(&event["deliveries"][0]);
        let shown = account.delivery_with(delivery, "succeeded").await?;
        let attempt = &shown["attempts"][0];
        let began = millis(&attempt["started_at"])?;
        let took = attempt["duration_ms"].as_i64().context("a duration")?;
        ends.extend([(began, 1), (began + took, -1)]);
    }
    ends.sort_unstable();
    let mut in_flight = 0;
    let counts = ends.iter().map(|(_, change)| {
        in_flight += change;
        in_flight
    });
    Ok(counts.max().unwrap_or_default())
}

#[tokio::test]
async fn an_account_that_floods_has_only_so_many_in_flight_and_holds_up_no_other() -> Result<()> {
    let service = service("max_in_flight_per_account", "3")?;
    let (loud, quiet) = (service.account(), service.account());
    let receiver = Receiver::start().await?;
    let takes = Duration::from_millis(400);
    receiver.answer("/loud", Answer::status(200).after(takes));
    loud.hook("message.sent", &receiver.url("/loud")).await?;
    quiet.hook("message.sent", &receiver.url("/quiet")).await?;
    let posted = post(&loud, 24).await?;
    let mut mine = Vec::new();
    for _ in 0..5 {
        mine.extend(post(&quiet, 1).await?);
        quiet
            .delivery_with(id(&mine[mine.len() - 1]["deliveries"][0]), "succeeded")
            .await?;
    }
    // They are through long before the flood is.
    assert!(count(&loud, "succeeded").await? < 20);
    assert!(peak(&loud, &posted).await? <= 3);
    assert_eq!(receiver.so_far().len(), 24 + 5);
    Ok(())
}

#[tokio::test]
async fn one_host_of_an_account_has_only_so_many_in_flight_whoever_runs() -> Result<()> {
    let service = service("max_in_flight_per_host", "2")?;
    let (api, account, other) = (service.api(), service.account(), service.account());
    let receiver = Receiver::start().await?;
    let takes = Duration::from_millis(300);
    receiver.answer("/", Answer::status(200).after(takes));
    // Two actions that go to one host, and another account that sends there, too.
    for event_type in ["message.sent", "message.failed"] {
        account.hook(event_type, &receiver.url("/")).await?;
    }
    other.hook("message.sent", &receiver.url("/")).await?;
    let events: Vec<_> = (0..10)
        .map(|number| match number % 2 {
            0 => json!({ "type": "message.sent", "data": {} }),
            _ => json!({ "type": "message.failed", "data": {} }),
        })
        .collect();
    let posted = account.post("/events", &json!(events)).await?.json(202)?;
    let posted = posted.as_array().context("an array")?.clone();
    let others = post(&other, 2).await?;
    let (a, b, c) = tokio::join!(api.run(), api.run(), api.run());
    a?;
    b?;
    c?;
    assert!(peak(&account, &posted).await? <= 2);
    peak(&other, &others).await?;
    Ok(())
}

#[tokio::test]
async fn a_test_send_is_one_of_those_in_flight() -> Result<()> {
    let service = service("max_in_flight", "1")?;
    let account = service.account();
    let receiver = Receiver::start().await?;
    let slow = Answer::status(200).after(Duration::from_secs(6));
    receiver.answer_in_turn("/", vec![slow, Answer::status(200)]);
    let hook = account.hook("message.sent", &receiver.url("/")).await?;
    let posted = post(&account, 1).await?;
    let delivery = id(&posted[0]["deliveries"][0]);
    receiver.received(1).await?;
    let test = format!("{}/test", hook.action_path());
    let reply = account.post(&test, &json!({})).await?;
    assert_eq!(reply.header("retry-after"), Some("1"));
    reply.problem(429)?.says(&["in flight"])?;
    account.delivery_with(delivery, "succeeded").await?;
    account.post(&test, &json!({})).await?.json(200)?;
    assert_eq!(receiver.so_far().len(), 2);
    Ok(())
}

#[tokio::test]
async fn an_account_makes_no_more_requests_in_an_hour_than_it_may() -> Result<()> {
    let service = service("max_requests_per_hour_per_account", "5")?;
    let (api, account, other) = (service.api(), service.account(), service.account());
    let receiver = Receiver::start().await?;
    let hook = account.hook("message.sent", &receiver.url("/")).await?;
    other.hook("message.sent", &receiver.url("/other")).await?;
    let posted = post(&account, 8).await?;
    receiver.received(5).await?;
    let is_deferred = |delivery: &Value| {
        let reason = delivery["reason"].as_str().unwrap_or_default();
        reason.contains("5 requests of this hour") && delivery["next_attempt_at"].is_string()
    };
    let mut deferred = 0;
    for event in &posted {
        let of = id(&event["deliveries"][0]);
        let settled = |delivery: &Value| delivery["status"] == "succeeded" || is_deferred(delivery);
        deferred += usize::from(is_deferred(&account.delivery_once(of, settled).await?));
    }
    assert_eq!(deferred, 3);
    // Test sends count, and nobody else's do.
    let test = format!("{}/test", hook.action_path());
    let refused = account.post(&test, &json!({})).await?.problem(429)?;
    refused.says(&["5 requests of this account", "this hour"])?;
    let others = post(&other, 2).await?;
    peak(&other, &others).await?;
    let usage = api.get("/v1/usage").await?.json(200)?;
    has(
        &usage["requests"],
        &json!({ "max_per_hour_per_account": 5 }),
    )?;

    service.ledger().forward_budget()?;
    service
        .ledger()
        .forward(&account, Duration::from_secs(3_600))?;
    api.run().await?;
    peak(&account, &posted).await?;
    assert_eq!(receiver.so_far().len(), 8 + 2);
    Ok(())
}

#[tokio::test]
async fn no_account_takes_more_than_half_of_the_hour_while_others_have_deliveries() -> Result<()> {
    let service = service("max_requests_per_hour", "40")?;
    let (loud, quiet) = (service.account(), service.account());
    let receiver = Receiver::start().await?;
    // It is tried again every second, so that something of it is always pending.
    receiver.answer("/quiet", Answer::status(500));
    let retried =
        json!({ "name": "A", "url": receiver.url("/quiet"), "retry_schedule": vec![1; 20] });
    quiet.hook_with("message.sent", retried).await?;
    loud.hook("message.sent", &receiver.url("/loud")).await?;
    let waits = post(&quiet, 1).await?;
    quiet.attempted(id(&waits[0]["deliveries"][0]), 1).await?;
    let posted = post(&loud, 30).await?;
    let mut deferred = 0;
    for event in &posted {
        let settled =
            |delivery: &Value| delivery["status"] == "succeeded" || delivery["reason"].is_string();
        let of = id(&event["deliveries"][0]);
        let shown = loud.delivery_once(of, settled).await?;
        let reason = shown["reason"].as_str().unwrap_or_default();
        deferred += usize::from(reason.contains("half of the 40 requests"));
    }
    assert_eq!((deferred, count(&loud, "succeeded").await?), (10, 20));
    Ok(())
}

#[tokio::test]
async fn a_limit_that_is_none_is_told_with_its_name() -> Result<()> {
    for (name, value) in [
        ("max_requests_per_hour", "0"),
        ("max_requests_per_hour_per_account", "none"),
        ("max_in_flight", "0"),
        ("max_in_flight_per_account", "0"),
        ("max_in_flight_per_host", "1001"),
    ] {
        let service = service(name, value)?;
        let reply = service.api().post("/v1/deliveries/run", &json!({})).await?;
        reply.problem(500)?.says(&[name])?;
    }
    Ok(())
}
