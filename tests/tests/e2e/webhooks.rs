//! Webhooks as the document describes them. Those of real operator events are held against it where they are tested.

use anyhow::{Context as _, Result, ensure};
use e2e::{Account, Receiver, Service, Webhook, contract::check_webhook};
use http::{Method, header::HeaderValue};
use serde_json::{Value, json};

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// The catalogue, with what other tests have put into it.
async fn event_types(account: &Account) -> Result<Vec<Value>> {
    let types = account.api.get("/v1/event-types").await?.json(200)?;
    Ok(types.as_array().context("no types")?.clone())
}

/// Posts an event in a trace, and returns how many webhooks it makes.
async fn post(account: &Account, event: &Value) -> Result<usize> {
    let headers = [("content-type", "application/json"), ("traceparent", TRACE)];
    let reply = account
        .api
        .send(
            Method::POST,
            &account.path("/events"),
            &headers,
            event.to_string(),
        )
        .await?;
    let accepted = reply.json(202)?;
    Ok(accepted["deliveries"]
        .as_array()
        .context("no deliveries")?
        .len())
}

fn is_as_described(webhook: &Webhook) -> Result<()> {
    check_webhook(&webhook.headers, &webhook.body, false)?;
    assert_eq!(webhook.header("accept"), "*/*");
    assert_eq!(webhook.header("content-type"), "application/json");
    ensure!(
        webhook
            .header("user-agent")
            .starts_with("webhook-triggers/")
    );
    Ok(())
}

#[tokio::test]
async fn the_webhook_of_each_event_type_is_as_described() -> Result<()> {
    let account = Service::shared().account();
    let receiver = Receiver::start().await?;
    let types = event_types(&account).await?;
    let (operator, postable): (Vec<_>, Vec<_>) = types
        .iter()
        .filter(|event_type| event_type["custom"] == false)
        .partition(|event_type| event_type["operator"] == true);
    assert_eq!((postable.len(), operator.len()), (20, 4));
    let mut expected = 0;
    for event_type in &postable {
        let key = event_type["key"].as_str().context("no key")?;
        account.hook(key, &receiver.url("/")).await?;
    }
    for event_type in &postable {
        let event = json!({ "type": event_type["key"], "data": event_type["sample"] });
        expected += post(&account, &event).await?;
    }
    ensure!(expected >= 20, "{expected} webhooks");
    let webhooks = receiver.received(expected).await?;
    for webhook in &webhooks {
        is_as_described(webhook)?;
        ensure!(webhook.header("traceparent").starts_with(&TRACE[..36]));
    }
    for event_type in &postable {
        let key = &event_type["key"];
        ensure!(
            webhooks
                .iter()
                .any(|webhook| webhook.json().is_ok_and(|body| body["type"] == *key)),
            "no {key}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn test_sends_of_each_event_type_are_as_described() -> Result<()> {
    let account = Service::shared().account();
    let receiver = Receiver::start().await?;
    for event_type in event_types(&account).await? {
        let key = event_type["key"].as_str().context("no key")?;
        let hook = account.hook(key, &receiver.url("/")).await?;
        receiver.forget();
        let path = format!("{}/test", hook.action_path());
        account.post(&path, &json!({})).await?.json(200)?;
        let webhook = receiver.only().await?;
        is_as_described(&webhook)?;
        let body = webhook.json()?;
        assert_eq!((&body["type"], &body["test"]), (&json!(key), &json!(true)));
        assert_eq!(webhook.header("traceparent"), "", "{key}");
    }
    Ok(())
}

#[tokio::test]
async fn signatures_of_each_scheme_are_as_described() -> Result<()> {
    let account = Service::shared().account();
    let receiver = Receiver::start().await?;
    account.post("/signing-keys", &json!({})).await?.json(201)?;
    for (schemes, signatures) in [
        (json!(["v1"]), vec!["v1,"]),
        (json!(["v1a"]), vec!["v1a,"]),
        (json!(["v1", "v1a"]), vec!["v1,", "v1a,"]),
    ] {
        receiver.forget();
        let action = json!({ "name": "A", "url": receiver.url("/"), "signature_schemes": schemes });
        let hook = account.hook_with("message.sent", action).await?;
        let path = format!("{}/test", hook.action_path());
        account.post(&path, &json!({})).await?.json(200)?;
        let webhook = receiver.only().await?;
        is_as_described(&webhook)?;
        let sent = webhook.header("webhook-signature").split(' ');
        ensure!(
            sent.clone().count() == signatures.len()
                && sent
                    .zip(&signatures)
                    .all(|(sent, scheme)| sent.starts_with(scheme)),
            "{schemes}: {}",
            webhook.header("webhook-signature")
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_template_and_headers_of_an_action_leave_the_other_headers_as_described() -> Result<()> {
    let account = Service::shared().account();
    let receiver = Receiver::start().await?;
    let action = json!({
        "name": "A", "url": receiver.url("/"), "method": "PUT", "content_type": "text/plain",
        "body_template": "{{ type }} of {{ account }}",
        "headers": { "user-agent": "desk/1", "accept": "text/plain", "x-own": "1" },
    });
    account.hook_with("message.sent", action).await?;
    post(
        &account,
        &json!({ "type": "message.sent", "data": { "n": 1 } }),
    )
    .await?;
    let webhook = receiver.only().await?;
    check_webhook(&webhook.headers, &webhook.body, true)?;
    assert_eq!(webhook.method, Method::PUT);
    let body = format!("message.sent of {}", account.id);
    assert_eq!(webhook.body, body.as_bytes());
    Ok(())
}

#[tokio::test]
async fn a_webhook_that_is_not_as_described_is_found() -> Result<()> {
    let account = Service::shared().account();
    let receiver = Receiver::start().await?;
    account.hook("message.sent", &receiver.url("/")).await?;
    post(&account, &json!({ "type": "message.sent", "data": {} })).await?;
    let webhook = receiver.only().await?;
    for (name, value) in [
        ("webhook-signature", "v2,AAAA"),
        ("webhook-signature", "v1,AAAA"),
        ("webhook-hops", "0"),
        ("webhook-id", "evt_1"),
        ("webhook-timestamp", "now"),
        ("traceparent", "00-1-2-3"),
    ] {
        let mut headers = webhook.headers.clone();
        headers.insert(name, HeaderValue::from_static(value));
        ensure!(
            check_webhook(&headers, &webhook.body, false).is_err(),
            "{name}: {value}"
        );
        headers.remove(name);
        let missing = check_webhook(&headers, &webhook.body, false);
        assert_eq!(missing.is_ok(), name == "traceparent", "{name} is missing");
    }
    for change in [
        json!({ "more": 1 }),
        json!({ "test": false }),
        json!({ "data": null }),
    ] {
        let mut body = webhook.json()?;
        let members = body.as_object_mut().context("no object")?;
        members.extend(change.as_object().context("no object")?.clone());
        let body = body.to_string();
        ensure!(
            check_webhook(&webhook.headers, body.as_bytes(), false).is_err(),
            "{change}"
        );
    }
    Ok(())
}
