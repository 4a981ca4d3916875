//! Webhooks that come back as events.

use anyhow::{Context as _, Result, ensure};
use e2e::{Receiver, Service};
use http::Method;
use serde_json::json;

#[tokio::test]
async fn a_webhook_that_comes_back_as_an_event_is_stopped_after_a_few_rounds() -> Result<()> {
    let account = Service::shared().account();
    let receiver = Receiver::start().await?;
    account.hook("message.sent", &receiver.url("/")).await?;
    let event = json!({ "type": "message.sent", "data": {} });
    account.event("message.sent", &json!({})).await?;
    let mut rounds = 0;
    loop {
        // The receiver's part: it passes the header on with the event that it posts.
        let hops = receiver.only().await?.header("webhook-hops").to_owned();
        receiver.forget();
        rounds += 1;
        assert_eq!(hops, rounds.to_string());
        let headers = [
            ("content-type", "application/json"),
            ("webhook-hops", &hops),
        ];
        let path = account.path("/events");
        let reply = account
            .api
            .send(Method::POST, &path, &headers, event.to_string())
            .await?;
        if reply.status != 202 {
            let problem = reply.problem(422)?;
            assert_eq!(problem.code, "loop_detected");
            problem.says(&["6 webhooks", "most is 5"])?;
            break;
        }
        ensure!(rounds < 10, "nothing stops it");
    }
    assert_eq!(rounds, 6);
    let events = account.get("/events").await?.json(200)?;
    assert_eq!(events["data"].as_array().map(Vec::len), Some(6));
    Ok(())
}

#[tokio::test]
async fn events_of_an_array_carry_on_what_led_to_them() -> Result<()> {
    let account = Service::shared().account();
    let receiver = Receiver::start().await?;
    account.hook("message.sent", &receiver.url("/")).await?;
    let event = json!({ "type": "message.sent", "data": {} });
    let headers = [("content-type", "application/json"), ("webhook-hops", "2")];
    let events = json!([event, event]).to_string();
    let path = account.path("/events");
    let reply = account
        .api
        .send(Method::POST, &path, &headers, events)
        .await?;
    reply.json(202)?;
    for webhook in receiver.received(2).await? {
        assert_eq!(webhook.header("webhook-hops"), "3");
    }
    Ok(())
}

#[tokio::test]
async fn hops_that_are_no_number_are_refused_and_an_action_cannot_set_them() -> Result<()> {
    let account = Service::shared().account();
    let event = json!({ "type": "message.sent", "data": {} }).to_string();
    for (hops, status) in [("two", 400), ("-1", 400), ("99999999999999999999", 422)] {
        let headers = [("content-type", "application/json"), ("webhook-hops", hops)];
        let path = account.path("/events");
        let reply = account
            .api
            .send(Method::POST, &path, &headers, event.clone())
            .await?;
        reply.problem(status)?.says(&["webhook"]).context(hops)?;
    }
    let action = json!({
        "name": "A", "url": "http://127.0.0.1:9/", "headers": { "Webhook-Hops": "0" },
    });
    let trigger = json!({ "type": "message.sent", "name": "T", "actions": [action] });
    account.post("/triggers", &trigger).await?.problem(422)?;
    account.is_empty().await
}
