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
    let later = Answer::status(503).header("retry-after", "3600");
    receiver.answer_in_turn("/", vec![later, Answer::status(200)]);
    account.hook("message.sent", &receiver.url("/")).await?;
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
    let mut ends = Vec::new();
    for event in &posted {
        let delivery = id(&event["deliveries"][0]);
        let shown = account.delivery_with(delivery, "succeeded").await?;
        let attempt = &shown["attempts"][0];
        let began = millis(&attempt["started_at"])?;
        let took = attempt["duration_ms"].as_i64().context("a duration")?;
        ends.extend([(began, 1), (began + took, -1)]);
    }
    ends.sort_unstable();
    let mut in_flight = 0;
    for (_, change) in &ends {
        in_flight += change;
        assert!(in_flight <= 2, "{ends:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_limit_that_is_none_is_told_with_its_name() -> Result<()> {
    for (name, value) in [("max_requests_per_hour", "0"), ("max_in_flight", "0")] {
        let service = service(name, value)?;
        let reply = service.api().post("/v1/deliveries/run", &json!({})).await?;
        reply.problem(500)?.says(&[name])?;
    }
    Ok(())
}
