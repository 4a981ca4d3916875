//! Previews: what an event would do, by the same rules, and nothing of it done.

use anyhow::{Context as _, Result, ensure};
use e2e::{Account, Receiver, Service, Settings, has, id};
use serde_json::{Value, json};
use standardwebhooks::Webhook as Verifier;

const PREVIEW: &str = "/events/preview";
const URL: &str = "http://127.0.0.1:9/";

fn account() -> Account {
    Service::shared().account()
}

async fn preview(account: &Account, event: &Value) -> Result<Value> {
    account.post(PREVIEW, event).await?.json(200)
}

/// The previews of an answer's triggers, and that of this one.
fn of<'a>(preview: &'a Value, trigger: &Value) -> Result<&'a Value> {
    let triggers = preview["triggers"].as_array().context("triggers")?;
    let found = triggers.iter().find(|shown| shown["id"] == trigger["id"]);
    found.with_context(|| format!("{} is not in {preview}", id(trigger)))
}

/// Checks a request's signature as its receiver would.
fn verify(request: &Value, secret: &str) -> Result<()> {
    let mut headers = http::HeaderMap::new();
    for (name, value) in request["headers"].as_object().context("headers")? {
        let name: http::HeaderName = name.parse()?;
        headers.insert(name, value.as_str().context("a text")?.parse()?);
    }
    let body = request["body"].as_str().context("a body")?;
    Ok(Verifier::new(secret)?.verify(body.as_bytes(), &headers)?)
}

#[tokio::test]
async fn a_preview_shows_the_very_request_that_the_event_then_makes() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    let action = json!({
        "name": "Tell them", "url": receiver.url("/a?b=c"), "method": "PUT",
        "headers": { "x-desk": "d-1" }, "content_type": "text/plain",
        "body_template": "{{ data.participant.name }}: {{ type }} at {{ timestamp }}",
    });
    let hook = account
        .hook_with("participant.reminder_state_changed", action)
        .await?;
    let event = json!({
        "type": "participant.confirmed", "data": { "participant": { "name": "Zoë" } },
        "occurred_at": "2026-11-23T15:04:05Z",
    });
    let shown = preview(&account, &event).await?;
    has(
        &shown,
        &json!({ "type": "participant.confirmed", "next_cursor": null }),
    )?;
    let trigger = &shown["triggers"][0];
    has(
        trigger,
        &json!({ "id": hook.trigger, "matches": true, "enabled": true }),
    )?;
    let action = &trigger["actions"][0];
    has(action, &json!({ "id": hook.action, "would_send": true }))?;
    let request = &action["request"];
    verify(request, &hook.secret)?;
    assert_eq!(
        request["headers"]["webhook-id"],
        shown["made_up"]["delivery_id"]
    );

    // Nothing came of it. The event itself makes the same request.
    for list in ["/events", "/deliveries"] {
        assert_eq!(account.ids(list).await?, Vec::<String>::new());
    }
    account.post("/events", &event).await?.json(202)?;
    let webhook = receiver.only().await?;
    assert_eq!(request["method"], webhook.method.as_str());
    assert_eq!(request["url"], receiver.url(&webhook.path));
    assert_eq!(request["body"], *String::from_utf8(webhook.body.to_vec())?);
    let shown = request["headers"].as_object().context("headers")?;
    for (name, value) in shown {
        let signed = ["webhook-id", "webhook-timestamp", "webhook-signature"];
        let sent = webhook.header(name);
        ensure!(!sent.is_empty(), "{name} is not sent");
        ensure!(
            signed.contains(&name.as_str()) || value == sent,
            "{name}: {value} and {sent}"
        );
    }
    // What the client adds to any request is all that is sent beside it.
    let mut sent: Vec<_> = webhook
        .headers
        .keys()
        .map(http::HeaderName::as_str)
        .collect();
    sent.retain(|name| !["host", "content-length", "connection"].contains(name));
    sent.sort_unstable();
    assert_eq!(sent, shown.keys().collect::<Vec<_>>());
    Ok(())
}

#[tokio::test]
async fn each_trigger_of_the_type_and_its_umbrella_says_whether_it_matches_and_why_not()
-> Result<()> {
    let account = account();
    let made = async |event_type: &str, change: Value| {
        let mut trigger = json!({
            "type": event_type, "name": "T", "actions": [{ "name": "A", "url": URL }],
        });
        for (name, value) in change.as_object().into_iter().flatten() {
            trigger[name] = value.clone();
        }
        account.trigger(&trigger).await
    };
    let (member, umbrella) = (
        "participant.confirmed",
        "participant.reminder_state_changed",
    );
    let fires = made(member, json!({ "filter": { "data.n": { "$gt": 1 } } })).await?;
    let fires_too = made(umbrella, json!({ "filter": { "type": member } })).await?;
    let filtered = made(umbrella, json!({ "filter": { "data.n": { "$gt": 2 } } })).await?;
    let off = made(member, json!({ "enabled": false })).await?;
    let action = json!([{ "name": "A", "url": URL, "enabled": false }]);
    let action_off = made(member, json!({ "actions": action })).await?;
    made("message.sent", json!({})).await?;

    let event = json!({ "type": member, "data": { "n": 2 } });
    let shown = preview(&account, &event).await?;
    assert_eq!(shown["triggers"].as_array().map(Vec::len), Some(5));
    for trigger in [&fires, &fires_too] {
        let trigger = of(&shown, trigger)?;
        has(trigger, &json!({ "matches": true }))?;
        has(&trigger["actions"][0], &json!({ "would_send": true }))?;
        ensure!(trigger.get("reason").is_none(), "{trigger}");
    }
    let found = of(&shown, &filtered)?;
    let mismatch = json!({
        "path": "data.n", "operator": "$gt", "expected": "2", "found": "2",
    });
    has(
        found,
        &json!({ "matches": false, "mismatch": mismatch, "type": umbrella }),
    )?;
    has(&found["actions"][0], &json!({ "would_send": false }))?;
    ensure!(found["actions"][0].get("request").is_none(), "{found}");
    let found = of(&shown, &off)?;
    has(
        found,
        &json!({ "matches": false, "reason": "the trigger is disabled" }),
    )?;
    ensure!(found["actions"][0]["request"].is_object(), "{found}");
    let found = of(&shown, &action_off)?;
    let expected = json!({ "would_send": false, "reason": "the action is disabled" });
    has(&found["actions"][0], &expected)?;

    // What is posted is owed to just those.
    let accepted = account.post("/events", &event).await?.json(202)?;
    let owed = accepted["deliveries"].as_array().context("deliveries")?;
    let mut owed: Vec<_> = owed.iter().map(|owed| &owed["trigger_id"]).collect();
    owed.sort_by_key(ToString::to_string);
    assert_eq!(owed, [&fires["id"], &fires_too["id"]]);
    Ok(())
}

#[tokio::test]
async fn without_data_it_is_of_the_sample_and_errors_show_where_they_would_be() -> Result<()> {
    let account = account();
    let action = json!({
        "name": "A", "url": URL, "body_template": "{{ data.participant.name|tojson }}",
    });
    account.hook_with("participant.confirmed", action).await?;
    let shown = preview(&account, &json!({ "type": "participant.confirmed" })).await?;
    let action = &shown["triggers"][0]["actions"][0];
    ensure!(action["request"]["body"].is_string(), "{shown}");
    let event = json!({ "type": "participant.confirmed", "data": {} });
    let shown = preview(&account, &event).await?;
    let action = &shown["triggers"][0]["actions"][0];
    let error = "template: line 1: `data.participant` is undefined";
    has(action, &json!({ "would_send": false, "error": error }))?;
    ensure!(action.get("request").is_none(), "{action}");

    let umbrella = preview(&account, &json!({ "type": "message.sent" })).await?;
    assert_eq!(umbrella["triggers"], json!([]));
    Ok(())
}

#[tokio::test]
async fn a_url_that_is_not_allowed_any_more_is_told() -> Result<()> {
    let data = tempfile::tempdir()?;
    let event = json!({ "type": "message.sent" });
    let account = {
        let service = Service::at(data.path(), Settings::default())?;
        let account = service.account();
        account.hook("message.sent", URL).await?;
        let shown = preview(&account, &event).await?;
        has(
            &shown["triggers"][0]["actions"][0],
            &json!({ "would_send": true }),
        )?;
        account
    };
    let settings = Settings::default().with("allow_private_targets", "false");
    let service = Service::at(data.path(), settings)?;
    let account = Account {
        api: service.api(),
        ..account
    };
    let shown = preview(&account, &event).await?;
    let action = &shown["triggers"][0]["actions"][0];
    let error = action["error"].as_str().unwrap_or_default();
    ensure!(error.starts_with("blocked address: "), "{action}");
    Ok(())
}

#[tokio::test]
async fn what_is_too_much_for_one_answer_goes_on_on_the_next() -> Result<()> {
    let account = account();
    // A megabyte and a half of bodies to show, in two triggers.
    let actions = |count| (0..count).map(|n| json!({ "name": n.to_string(), "url": URL }));
    for count in [60, 40] {
        let actions: Vec<_> = actions(count).collect();
        let trigger = json!({ "type": "message.sent", "name": "T", "actions": actions });
        account.trigger(&trigger).await?;
    }
    account.hook("message.failed", URL).await?;
    let event = json!({ "type": "message.sent", "data": { "text": "x".repeat(15_000) } });

    let mut seen = Vec::new();
    let mut pages = 0;
    let mut cursor = String::new();
    loop {
        let path = format!("{PREVIEW}?limit=5{cursor}");
        let reply = account.post(&path, &event).await?;
        ensure!(reply.body.len() < 1_200_000, "{} bytes", reply.body.len());
        let page = reply.json(200)?;
        pages += 1;
        for trigger in page["triggers"].as_array().context("triggers")? {
            for action in trigger["actions"].as_array().context("actions")? {
                ensure!(action["request"]["body"].is_string(), "{action}");
                seen.push((trigger["id"].to_string(), action["id"].to_string()));
            }
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    ensure!(pages > 1, "one page");
    assert_eq!(seen.len(), 100);
    ensure!(seen.is_sorted(), "in the order of ids");
    seen.dedup();
    assert_eq!(seen.len(), 100);

    // A page of one trigger each.
    let (path, bare) = (
        format!("{PREVIEW}?limit=1"),
        json!({ "type": "message.sent" }),
    );
    let page = account.post(&path, &bare).await?.json(200)?;
    assert_eq!(page["triggers"].as_array().map(Vec::len), Some(1));
    ensure!(page["next_cursor"].is_string(), "{page}");
    // A body that is longer than is shown says so.
    let event = json!({ "type": "message.failed", "data": { "text": "x".repeat(200_000) } });
    let shown = preview(&account, &event).await?;
    let request = &shown["triggers"][0]["actions"][0]["request"];
    has(request, &json!({ "body_truncated": true }))?;
    ensure!(
        request["body_bytes"].as_u64() > Some(200_000),
        "the whole length"
    );
    Ok(())
}

#[tokio::test]
async fn what_is_wrong_with_a_preview_is_told() -> Result<()> {
    let (account, other) = (account(), account());
    let event = json!({ "type": "message.snt", "data": [] });
    let problem = account.post(PREVIEW, &event).await?.problem(422)?;
    problem.names("/type", &["message.sent"])?;
    let event = json!({ "type": "message.sent", "data": [] });
    account
        .post(PREVIEW, &event)
        .await?
        .problem(422)?
        .names("/data", &["object"])?;
    let event = json!({ "type": "message.sent", "date": {} });
    account
        .post(PREVIEW, &event)
        .await?
        .problem(422)?
        .says(&["date"])?;
    for query in ["?dry=1", "?cursor=x", "?limit=0"] {
        let path = format!("{PREVIEW}{query}");
        account.post(&path, &json!({})).await?.problem(400)?;
    }
    let problem = account.get(PREVIEW).await?.problem(405)?;
    assert_eq!(problem.headers["allow"], "POST");

    account.hook("message.sent", URL).await?;
    let shown = preview(&other, &json!({ "type": "message.sent" })).await?;
    assert_eq!(shown["triggers"], json!([]));
    Ok(())
}
