//! Tests of an action: one webhook, now, and the answer tells what came of it.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::{Account, Answer, Receiver, Service, has, id};
use http::Method;
use serde_json::{Value, json};

fn account() -> Account {
    Service::shared().account()
}

/// What the type's sample is.
async fn sample(account: &Account, event_type: &str) -> Result<Value> {
    let types = account.api.get("/v1/event-types").await?.json(200)?;
    let types = types.as_array().context("types")?;
    let found = types.iter().find(|found| found["key"] == event_type);
    Ok(found.context("the type")?["sample"].clone())
}

/// Whether the history has this delivery, and its event, and both say that they are a test.
async fn is_told_as_a_test(account: &Account, delivery: &Value) -> Result<()> {
    let id = id(delivery);
    assert_eq!(account.delivery(id).await?, *delivery);
    assert_eq!(delivery["test"], true);
    let event = delivery["event_id"].as_str().context("an event")?;
    let event = account.get(&format!("/events/{event}")).await?.json(200)?;
    assert_eq!(event["test"], true);
    assert_eq!(event["deliveries"][0]["id"], id);
    ensure!(
        account
            .ids("/deliveries?test=true")
            .await?
            .contains(&id.to_owned())
    );
    ensure!(
        !account
            .ids("/deliveries?test=false")
            .await?
            .contains(&id.to_owned())
    );
    for (query, listed) in [("true", true), ("false", false)] {
        let events = account.ids(&format!("/events?test={query}")).await?;
        assert_eq!(events.iter().any(|found| event["id"] == **found), listed);
    }
    Ok(())
}

#[tokio::test]
async fn a_test_sends_the_sample_now_and_answers_with_the_attempt() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    receiver.answer("/", Answer::status(201).body("thanks"));
    let hook = account.hook("message.sent", &receiver.url("/")).await?;
    let path = format!("{}/test", hook.action_path());
    let delivery = account.post(&path, &json!({})).await?.json(200)?;

    let expected = json!({
        "trigger_id": hook.trigger, "action_id": hook.action, "type": "message.sent",
        "status": "succeeded", "attempt_count": 1, "test": true,
    });
    has(&delivery, &expected)?;
    let attempt = &delivery["attempts"][0];
    has(
        attempt,
        &json!({ "number": 1, "status_code": 201, "response_body": "thanks" }),
    )?;
    is_told_as_a_test(&account, &delivery).await?;

    let webhook = receiver.only().await?;
    webhook.verify(&hook.secret)?;
    assert_eq!(webhook.header("webhook-id"), id(&delivery));
    let payload = webhook.json()?;
    assert_eq!(payload["test"], true);
    assert_eq!(payload["delivery"]["id"], delivery["id"]);
    assert_eq!(payload["data"], sample(&account, "message.sent").await?);

    // What really happens is no test.
    let event = account.event("message.sent", &json!({ "n": 1 })).await?;
    let webhook = receiver.received(2).await?.remove(1);
    assert_eq!(webhook.json()?.get("test"), None);
    let usual = account.delivery(id(&event["deliveries"][0])).await?;
    assert_eq!(usual["test"], false);
    Ok(())
}

#[tokio::test]
async fn what_is_disabled_or_filtered_out_can_be_tested() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    let trigger = json!({
        "type": "participant.reminder_state_changed", "name": "T", "enabled": false,
        "filter": { "data.never": "so" },
        "actions": [{ "name": "A", "url": receiver.url("/"), "enabled": false }],
    });
    let trigger = account.trigger(&trigger).await?;
    let action = id(&trigger["actions"][0]);
    let path = format!("/triggers/{}/actions/{action}/test", id(&trigger));
    // Without a body, too.
    let reply = account
        .api
        .send(Method::POST, &account.path(&path), &[], "")
        .await?;
    assert_eq!(reply.json(200)?["status"], "succeeded");

    // An umbrella's members are its events, and any data will do.
    let body = json!({ "type": "participant.confirmed", "data": { "n": 7 } });
    let delivery = account.post(&path, &body).await?.json(200)?;
    assert_eq!(delivery["type"], "participant.confirmed");
    let payload = receiver.received(2).await?.remove(1).json()?;
    let expected = json!({ "type": "participant.confirmed", "data": { "n": 7 }, "test": true });
    has(&payload, &expected)
}

#[tokio::test]
async fn a_test_that_fails_is_told_and_changes_nothing() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    receiver.answer("/", Answer::status(410).body("gone"));
    let hook = account.hook("message.sent", &receiver.url("/")).await?;
    let before = account.get(&hook.action_path()).await?.json(200)?;
    let path = format!("{}/test", hook.action_path());

    let gone = account.post(&path, &json!({})).await?.json(200)?;
    has(
        &gone,
        &json!({ "status": "failed", "reason": "status 410", "attempt_count": 1 }),
    )?;
    has(
        &gone["attempts"][0],
        &json!({ "status_code": 410, "response_body": "gone" }),
    )?;
    ensure!(gone.get("next_attempt_at").is_none(), "{gone}");
    receiver.answer("/", Answer::status(503).header("retry-after", "1"));
    let busy = account.post(&path, &json!({})).await?.json(200)?;
    has(
        &busy,
        &json!({ "status": "failed", "reason": "status 503", "attempt_count": 1 }),
    )?;
    is_told_as_a_test(&account, &busy).await?;

    // Neither disabled nor counted in its health, nor tried again.
    account.api.run().await?;
    assert_eq!(account.get(&hook.action_path()).await?.json(200)?, before);
    assert_eq!(receiver.so_far().len(), 2);
    let retry = format!("/deliveries/{}/retry", id(&busy));
    let problem = account.post(&retry, &Value::Null).await?.problem(409)?;
    problem.says(&["a test is one attempt"])?;
    let since = json!({ "since": busy["created_at"] });
    let recovered = account.post("/deliveries/recover", &since).await?;
    assert_eq!(recovered.json(202)?["recovered"], 0);
    let replay = format!(
        "/events/{}/replay",
        gone["event_id"].as_str().context("id")?
    );
    let problem = account.post(&replay, &Value::Null).await?.problem(409)?;
    problem.says(&["test"])?;
    assert_eq!(account.delivery(id(&busy)).await?, busy);
    assert_eq!(receiver.so_far().len(), 2);
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_sent_is_told_in_the_attempt() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    receiver.answer("/slow", Answer::status(200).after(Duration::from_secs(5)));
    let action = json!({ "name": "A", "url": receiver.url("/slow"), "timeout_seconds": 1 });
    let slow = account.hook_with("message.sent", action).await?;
    let action = json!({
        "name": "A", "url": receiver.url("/"), "body_template": "{{ data.message.body|tojson }}",
    });
    let template = account.hook_with("message.sent", action).await?;
    let refused = account.hook("message.sent", "http://127.0.0.1:9/").await?;
    for (hook, said) in [
        (slow, "timeout after 1 s"),
        (template, "template: line 1: `data.message` is undefined"),
        (refused, "connection refused"),
    ] {
        let path = format!("{}/test", hook.action_path());
        let test = json!({ "data": { "n": 1 } });
        let delivery = account.post(&path, &test).await?.json(200)?;
        has(&delivery, &json!({ "status": "failed", "reason": said }))?;
        has(&delivery["attempts"][0], &json!({ "error": said }))?;
    }
    Ok(())
}

#[tokio::test]
async fn what_is_wrong_with_a_test_is_told_and_nothing_sent() -> Result<()> {
    let (account, other) = (account(), account());
    let receiver = Receiver::start().await?;
    let hook = account.hook("message.sent", &receiver.url("/")).await?;
    let path = format!("{}/test", hook.action_path());
    let body = json!({ "type": "message.failed" });
    let problem = account.post(&path, &body).await?.problem(422)?;
    problem.names("/type", &["message.failed", "message.sent"])?;
    let body = json!({ "data": [] });
    let problem = account.post(&path, &body).await?.problem(422)?;
    problem.names("/data", &["object"])?;
    let body = json!({ "urgent": true });
    account
        .post(&path, &body)
        .await?
        .problem(422)?
        .says(&["urgent"])?;
    let query = format!("{path}?now=1");
    account
        .post(&query, &json!({}))
        .await?
        .problem(400)?
        .says(&["now"])?;
    let problem = account.get(&path).await?.problem(405)?;
    assert_eq!(problem.headers["allow"], "POST");

    other.post(&path, &json!({})).await?.problem(404)?;
    let unknown = format!("/triggers/{}/actions/{}/test", hook.trigger, hook.trigger);
    account.post(&unknown, &json!({})).await?.problem(404)?;
    let keyless = Service::shared().api_with_key(None);
    let reply = keyless.post(&account.path(&path), &json!({})).await?;
    reply.problem(401)?;

    for list in ["/events", "/deliveries"] {
        assert_eq!(account.ids(list).await?, Vec::<String>::new());
    }
    ensure!(receiver.so_far().is_empty());
    Ok(())
}

#[tokio::test]
async fn a_test_that_a_crash_interrupts_is_told_so_and_not_sent_again() -> Result<()> {
    let mut service = Service::start()?;
    let account = service.account();
    let receiver = Receiver::start().await?;
    receiver.answer("/", Answer::status(200).after(Duration::from_secs(60)));
    let hook = account.hook("message.sent", &receiver.url("/")).await?;
    let path = format!("{}/test", hook.action_path());
    let asked = {
        let account = account.clone();
        tokio::spawn(async move { account.post(&path, &json!({})).await })
    };
    receiver.received(1).await?;
    service.kill()?;
    ensure!(asked.await?.is_err(), "no answer comes from what is dead");
    service.restart()?;

    let deliveries = account.ids("/deliveries").await?;
    let [delivery] = deliveries.as_slice() else {
        anyhow::bail!("one delivery: {deliveries:?}");
    };
    has(
        &account.delivery(delivery).await?,
        &json!({ "status": "delivering", "test": true }),
    )?;
    // Longer than the lease.
    service
        .ledger()
        .forward(&account, Duration::from_secs(41))?;
    account.api.run().await?;
    let told = account.delivery(delivery).await?;
    has(
        &told,
        &json!({ "status": "failed", "attempt_count": 0, "test": true }),
    )?;
    let reason = told["reason"].as_str().unwrap_or_default();
    ensure!(reason.contains("interrupted"), "{told}");
    assert_eq!(receiver.so_far().len(), 1);
    Ok(())
}
