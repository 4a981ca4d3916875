//! Triggers and their actions: create, read, change, delete.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use e2e::{Account, Receiver, Service, eventually, has, id, millis};
use http::Method;
use serde_json::{Value, json};

const URL: &str = "http://127.0.0.1:9/hook";

fn account() -> Account {
    Service::shared().account()
}

fn now() -> i64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

/// A list's names, in its order.
async fn names(account: &Account, list: &str) -> Result<Vec<String>> {
    let items = account.pages(list, 200).await?;
    Ok(items
        .iter()
        .map(|item| item["name"].as_str().unwrap_or("?").to_owned())
        .collect())
}

#[tokio::test]
async fn a_trigger_is_created_with_defaults_and_can_be_read_back() -> Result<()> {
    let account = account();
    let reply = account
        .post(
            "/triggers",
            &json!({ "type": "message.sent", "name": "Sent" }),
        )
        .await?;
    let created = reply.json(201)?;

    let trigger = id(&created);
    ensure!(
        trigger.len() == 30 && trigger.starts_with("trg_"),
        "{trigger}"
    );
    assert_eq!(
        reply.header("location"),
        Some(&*account.path(&format!("/triggers/{trigger}")))
    );
    let made = millis(&created["created_at"])?;
    ensure!((now() - made).abs() < 60_000, "created at {made}");
    let defaults = json!({
        "id": trigger, "type": "message.sent", "name": "Sent", "description": "",
        "enabled": true, "filter": null, "actions": [], "updated_at": created["created_at"],
    });
    has(&created, &defaults)?;

    let shown = account.get(&format!("/triggers/{trigger}")).await?;
    assert_eq!(shown.json(200)?, created);
    assert_eq!(shown.etag()?, reply.etag()?);
    assert_eq!(account.pages("/triggers", 200).await?, [created]);
    Ok(())
}

#[tokio::test]
async fn a_trigger_is_created_with_every_field_and_its_actions() -> Result<()> {
    let account = account();
    let action = json!({
        "name": "Put it there", "url": "http://127.0.0.1:9/a?b=c", "enabled": false,
        "method": "PUT", "headers": { "X-Tenant": "acme", "authorization": "Bearer t" },
        "content_type": "application/vnd.acme+json", "timeout_seconds": 20,
        "retry_schedule": [1, 604_800],
    });
    let wanted = json!({
        "type": "participant.confirmed", "name": "Größe 🎉", "description": "Who\nand why",
        "enabled": false, "filter": { "data.calendar": "Main" },
        "actions": [action, { "name": "Second", "url": URL }],
    });
    let created = account.trigger(&wanted).await?;

    for field in ["type", "name", "description", "enabled", "filter"] {
        assert_eq!(created[field], wanted[field], "{field}");
    }
    let [first, second] = created["actions"].as_array().context("actions")?.as_slice() else {
        anyhow::bail!("two actions: {created}");
    };
    ensure!(
        id(first).len() == 30 && id(first).starts_with("act_"),
        "{first}"
    );
    for field in [
        "name",
        "url",
        "enabled",
        "method",
        "content_type",
        "retry_schedule",
    ] {
        assert_eq!(first[field], action[field], "{field}");
    }
    assert_eq!(first["timeout_seconds"], 20);
    // Names of headers are shown as they are sent, and no credential is.
    assert_eq!(first["headers"], json!({ "x-tenant": "acme" }));
    assert_eq!(first["secret_headers"], json!(["authorization"]));
    let defaults = json!({
        "name": "Second", "enabled": true, "url": URL, "method": "POST", "headers": {},
        "body_template": null, "content_type": "application/json", "timeout_seconds": 15,
        "retry_schedule": [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400],
        "created_at": created["created_at"], "updated_at": created["created_at"],
    });
    has(second, &defaults)?;
    assert_eq!(
        account
            .get(&format!("/triggers/{}", id(&created)))
            .await?
            .json(200)?,
        created
    );
    Ok(())
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_trigger_is_told_at_once() -> Result<()> {
    let account = account();
    let trigger = json!({
        "type": "participant.confirmd", "name": " ", "description": "x".repeat(2_001),
        "filter": { "data.a": { "$like": 1 } },
        "actions": [
            { "name": "Fine", "url": URL },
            {
                "url": "ftp://example.com/", "timeout_seconds": 0, "retry_schedule": [0],
                "headers": { "host": "a", "x~y/z": "\n" }, "content_type": "json",
            },
        ],
    });
    let problem = account.post("/triggers", &trigger).await?.problem(422)?;
    let mut pointers = problem.pointers();
    pointers.sort_unstable();
    assert_eq!(
        pointers,
        [
            "/actions/1/content_type",
            "/actions/1/headers/host",
            "/actions/1/headers/x~0y~1z",
            "/actions/1/name",
            "/actions/1/retry_schedule",
            "/actions/1/timeout_seconds",
            "/actions/1/url",
            "/description",
            "/filter/data.a/$like",
            "/name",
            "/type",
        ]
    );
    problem.says(&["11"])?;
    account.is_empty().await
}

#[tokio::test]
async fn each_wrong_field_of_a_trigger_is_named_by_its_pointer() -> Result<()> {
    let account = account();
    let long = "n".repeat(201);
    for (change, pointer, said) in [
        (json!({ "type": null }), "/type", "required"),
        (json!({ "type": 7 }), "/type", "must be a string, not 7"),
        (json!({ "name": null }), "/name", "required"),
        (json!({ "name": "" }), "/name", "empty"),
        (json!({ "name": long }), "/name", "201"),
        (json!({ "name": "a\u{7}b" }), "/name", "control"),
        (json!({ "enabled": "yes" }), "/enabled", "true or false"),
        (json!({ "filter": [] }), "/filter", "object"),
        (
            json!({ "filter": { "data.x": { "$regex": "." } } }),
            "/filter/data.x/$regex",
            "$regex",
        ),
        (json!({ "actions": {} }), "/actions", "must be a list"),
        (
            json!({ "actions": [{ "name": "No URL" }] }),
            "/actions/0/url",
            "required",
        ),
        (
            json!({ "actions": vec![json!({ "name": "A", "url": URL }); 101] }),
            "/actions",
            "100",
        ),
    ] {
        let mut trigger = json!({ "type": "message.sent", "name": "Sent" });
        for (name, value) in change.as_object().into_iter().flatten() {
            trigger[name] = value.clone();
        }
        let problem = account.post("/triggers", &trigger).await?.problem(422)?;
        problem
            .names(pointer, &[said])
            .with_context(|| change.to_string())?;
    }
    account.is_empty().await
}

#[tokio::test]
async fn each_wrong_field_of_an_action_is_named_by_its_pointer() -> Result<()> {
    let account = account();
    let trigger = account
        .trigger(&json!({ "type": "message.sent", "name": "Sent" }))
        .await?;
    let actions = format!("/triggers/{}/actions", id(&trigger));
    let many: Value = (0..21).map(|n| (format!("x-{n}"), json!("v"))).collect();
    for (change, pointer, said) in [
        (json!({ "name": null }), "/name", "required"),
        (json!({ "url": null }), "/url", "required"),
        (json!({ "url": "" }), "/url", "empty"),
        (
            json!({ "url": "http://user:pw@127.0.0.1/" }),
            "/url",
            "user name",
        ),
        (
            json!({ "url": "http://127.0.0.1/#top" }),
            "/url",
            "fragment",
        ),
        (json!({ "url": "http://127.0.0.1:70000/" }), "/url", "port"),
        (
            json!({ "url": "http://self.alt/v1/health" }),
            "/url",
            "this service",
        ),
        (
            json!({ "url": "http://events.spin.internal/" }),
            "/url",
            "this service",
        ),
        (
            json!({ "url": "http://169.254.169.254/" }),
            "/url",
            "169.254.169.254",
        ),
        (json!({ "method": "GET" }), "/method", "GET"),
        (
            json!({ "headers": { "webhook-id": "x" } }),
            "/headers/webhook-id",
            "service's own",
        ),
        (json!({ "headers": { "x-a": 1 } }), "/headers/x-a", "string"),
        (
            json!({ "headers": { "x-a": "é" } }),
            "/headers/x-a",
            "U+00E9",
        ),
        (json!({ "headers": many }), "/headers/x-9", "20"),
        (
            json!({ "content_type": "text" }),
            "/content_type",
            "media type",
        ),
        (json!({ "timeout_seconds": 21 }), "/timeout_seconds", "20"),
        (json!({ "timeout_seconds": -1 }), "/timeout_seconds", "-1"),
        (json!({ "timeout_seconds": 1.5 }), "/timeout_seconds", "1.5"),
        (
            json!({ "retry_schedule": vec![1; 21] }),
            "/retry_schedule",
            "21",
        ),
        (
            json!({ "retry_schedule": [604_801] }),
            "/retry_schedule",
            "604801",
        ),
        (
            json!({ "retry_schedule": ["5"] }),
            "/retry_schedule/0",
            "is a whole number from 1",
        ),
    ] {
        let mut action = json!({ "name": "Tell them", "url": URL });
        for (name, value) in change.as_object().into_iter().flatten() {
            action[name] = value.clone();
        }
        let problem = account.post(&actions, &action).await?.problem(422)?;
        problem
            .names(pointer, &[said])
            .with_context(|| change.to_string())?;
    }
    assert_eq!(account.pages(&actions, 200).await?, Vec::<Value>::new());
    Ok(())
}

#[tokio::test]
async fn an_unknown_field_is_named() -> Result<()> {
    let account = account();
    let trigger = json!({ "type": "message.sent", "name": "Sent", "enable": true });
    account
        .post("/triggers", &trigger)
        .await?
        .problem(422)?
        .says(&["enable", "unknown"])?;
    let action = json!({ "name": "A", "url": URL, "verb": "PUT" });
    let nested = json!({ "type": "message.sent", "name": "Sent", "actions": [action] });
    let problem = account.post("/triggers", &nested).await?.problem(422)?;
    problem.says(&["/actions/0", "verb", "unknown"])?;
    account.is_empty().await?;

    let hook = account.hook("message.sent", URL).await?;
    let actions = format!("{}/actions", hook.trigger_path());
    account
        .post(&actions, &action)
        .await?
        .problem(422)?
        .says(&["verb"])?;
    for path in [hook.trigger_path(), hook.action_path()] {
        account
            .patch(&path, &json!({ "colour": 1 }))
            .await?
            .problem(422)?
            .says(&["colour"])?;
        // What the service sets is no caller's to set.
        account
            .patch(&path, &json!({ "id": "x" }))
            .await?
            .problem(422)?
            .says(&["id"])?;
    }
    let rotate = format!("{}/secret/rotate", hook.action_path());
    account
        .post(&rotate, &json!({ "overlap": 1 }))
        .await?
        .problem(422)?
        .says(&["overlap"])
}

#[tokio::test]
async fn a_patch_changes_what_it_names_and_leaves_the_rest() -> Result<()> {
    let account = account();
    let filter = json!({ "data.a": 1, "data.b": { "$gt": 2 } });
    let before = account
        .trigger(&json!({
            "type": "message.sent", "name": "Sent", "description": "Old", "filter": filter,
            "actions": [{ "name": "A", "url": URL }],
        }))
        .await?;
    let path = format!("/triggers/{}", id(&before));
    let patch = json!({ "name": "Gone out", "enabled": false, "filter": { "data.a": 2 } });
    let after = account.patch(&path, &patch).await?.json(200)?;

    let mut expected = before.clone();
    expected["name"] = json!("Gone out");
    expected["enabled"] = json!(false);
    expected["filter"]["data.a"] = json!(2);
    expected["updated_at"] = after["updated_at"].clone();
    assert_eq!(after, expected);
    ensure!(
        millis(&after["updated_at"])? >= millis(&before["updated_at"])?,
        "{after}"
    );
    assert_eq!(account.get(&path).await?.json(200)?, after);

    // The same with the content type that people who do not know merge patches send.
    let headers = [("content-type", "application/json; charset=utf-8")];
    let patch = json!({ "type": "message.failed" }).to_string();
    let moved = account
        .api
        .send(Method::PATCH, &account.path(&path), &headers, patch)
        .await?;
    assert_eq!(moved.json(200)?["type"], "message.failed");
    Ok(())
}

#[tokio::test]
async fn null_in_a_patch_brings_back_the_default_and_refuses_where_there_is_none() -> Result<()> {
    let account = account();
    let before = account
        .trigger(&json!({
            "type": "message.sent", "name": "Sent", "description": "Old", "enabled": false,
            "filter": { "data.a": 1, "data.b": 2 },
            "actions": [{
                "name": "A", "url": URL, "method": "PUT", "enabled": false,
                "headers": { "x-a": "1", "x-b": "2" }, "content_type": "text/plain",
                "timeout_seconds": 3, "retry_schedule": [],
            }],
        }))
        .await?;
    let trigger = format!("/triggers/{}", id(&before));
    let part = account
        .patch(&trigger, &json!({ "filter": { "data.a": null } }))
        .await?
        .json(200)?;
    assert_eq!(part["filter"], json!({ "data.b": 2 }));
    let patch = json!({ "description": null, "enabled": null, "filter": null });
    let after = account.patch(&trigger, &patch).await?.json(200)?;
    assert_eq!(after["description"], "");
    assert_eq!(after["enabled"], true);
    assert_eq!(after["filter"], Value::Null);
    for required in ["name", "type"] {
        let problem = account
            .patch(&trigger, &json!({ required: null }))
            .await?
            .problem(422)?;
        problem.names(&format!("/{required}"), &["required"])?;
    }

    let action = format!("{trigger}/actions/{}", id(&before["actions"][0]));
    let part = account
        .patch(&action, &json!({ "headers": { "x-a": null } }))
        .await?
        .json(200)?;
    assert_eq!(part["headers"], json!({ "x-b": "2" }));
    let patch = json!({
        "method": null, "enabled": null, "headers": null, "content_type": null,
        "timeout_seconds": null, "retry_schedule": null, "body_template": null,
    });
    let after = account.patch(&action, &patch).await?.json(200)?;
    assert_eq!(after["method"], "POST");
    assert_eq!(after["enabled"], true);
    assert_eq!(after["headers"], json!({}));
    assert_eq!(after["content_type"], "application/json");
    assert_eq!(after["timeout_seconds"], 15);
    assert_eq!(after["retry_schedule"][0], 5);
    for required in ["name", "url"] {
        let problem = account
            .patch(&action, &json!({ required: null }))
            .await?
            .problem(422)?;
        problem.names(&format!("/{required}"), &["required"])?;
    }
    Ok(())
}

#[tokio::test]
async fn put_replaces_the_settings_of_a_trigger_and_leaves_its_actions() -> Result<()> {
    let account = account();
    let before = account
        .trigger(&json!({
            "type": "message.sent", "name": "Sent", "description": "Old", "enabled": false,
            "filter": { "data.city": "Bonn", "data.vip": true },
            "actions": [{ "name": "A", "url": URL }],
        }))
        .await?;
    let path = format!("/triggers/{}", id(&before));
    let settings =
        |filter: Value| json!({ "type": "message.failed", "name": "N", "filter": filter });
    for filter in [
        json!({ "data.city": "Bonn" }),
        json!({ "data.n": 5 }),
        json!({ "data.n": null }),
    ] {
        let reply = account.put(&path, &settings(filter.clone())).await?;
        let after = reply.json(200)?;
        let mut expected = before.clone();
        for (name, value) in [
            ("type", json!("message.failed")),
            ("name", json!("N")),
            ("description", json!("")),
            ("enabled", json!(true)),
            ("filter", filter),
            ("updated_at", after["updated_at"].clone()),
        ] {
            expected[name] = value;
        }
        assert_eq!(after, expected);
        let shown = account.get(&path).await?;
        assert_eq!(shown.etag()?, reply.etag()?);
        assert_eq!(shown.json(200)?, after);
    }
    // No event has "n": null, and one without "n" does not match either.
    account
        .event("message.failed", &json!({ "n": 5 }))
        .await
        .map(|event| assert_eq!(event["deliveries"], json!([])))?;

    let bad = json!({ "name": "N", "filter": { "data": 1 }, "description": 7 });
    account.put(&path, &bad).await?.problem(422)?;
    let with_actions = json!({ "type": "message.sent", "name": "N", "actions": [] });
    let problem = account.put(&path, &with_actions).await?.problem(422)?;
    problem.names("/actions", &["one by one"])?;
    assert_eq!(
        account.get(&path).await?.json(200)?["type"],
        "message.failed"
    );
    Ok(())
}

#[tokio::test]
async fn put_replaces_the_settings_of_an_action_but_not_what_it_cannot_know() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    let url = receiver.url("/hook");
    let action = json!({
        "name": "A", "url": url, "method": "PUT", "ordered": true, "timeout_seconds": 3,
        "headers": { "Authorization": "Bearer t", "x-key": "k", "x-team": "desk" },
        "secret_headers": ["authorization", "x-key"],
    });
    let hook = account.hook_with("message.sent", action).await?;
    let path = hook.action_path();
    // What a reader sends back has the secret headers' names alone.
    let settings = json!({
        "name": "B", "url": url, "headers": { "X-Desk": "1" }, "secret_headers": ["Authorization"],
    });
    let after = account.put(&path, &settings).await?.json(200)?;
    let expected = json!({
        "name": "B", "method": "POST", "ordered": false, "timeout_seconds": 15, "enabled": true,
        "headers": { "x-desk": "1" }, "secret_headers": ["authorization"],
    });
    has(&after, &expected)?;
    account.event("message.sent", &json!({})).await?;
    let webhook = receiver.only().await?;
    webhook.verify(&hook.secret)?;
    assert_eq!(webhook.method, "POST");
    assert_eq!(webhook.header("authorization"), "Bearer t");
    assert_eq!(webhook.header("x-desk"), "1");
    for gone in ["x-key", "x-team"] {
        ensure!(!webhook.headers.contains_key(gone), "{:?}", webhook.headers);
    }

    // A value that is gone cannot be kept, and one that never was secret is not.
    for name in ["x-key", "x-desk"] {
        let settings = json!({ "name": "C", "url": url, "secret_headers": [name] });
        let problem = account.put(&path, &settings).await?.problem(422)?;
        problem.names("/secret_headers/0", &["no header"])?;
    }
    let problem = account.put(&path, &json!({ "name": "C" })).await?;
    problem.problem(422)?.names("/url", &["required"])?;
    let shown = account.get(&path).await?.json(200)?;
    assert_eq!(shown["updated_at"], after["updated_at"]);
    has(&shown, &expected)?;
    Ok(())
}

#[tokio::test]
async fn put_creates_nothing() -> Result<()> {
    let account = account();
    let hook = account.hook("message.sent", URL).await?;
    let trigger = json!({ "type": "message.sent", "name": "N" });
    let action = json!({ "name": "N", "url": URL });
    account
        .put(
            &format!("{}/actions/{}", hook.trigger_path(), hook.trigger),
            &action,
        )
        .await?
        .problem(404)?;
    account.delete(&hook.action_path()).await?.empty(204)?;
    account
        .put(&hook.action_path(), &action)
        .await?
        .problem(404)?;
    account.delete(&hook.trigger_path()).await?.empty(204)?;
    account
        .put(&hook.trigger_path(), &trigger)
        .await?
        .problem(404)?;
    account.is_empty().await
}

#[tokio::test]
async fn the_name_of_a_header_knows_no_case_in_a_patch() -> Result<()> {
    let account = account();
    let headers = json!({ "X-Tenant": "acme", "X-Key": "1" });
    let action = json!({ "name": "A", "url": URL, "headers": headers });
    let hook = account.hook_with("message.sent", action).await?;
    // As whoever made it wrote it, not as it is shown.
    let patch = json!({ "headers": { "X-Tenant": "other", "X-KEY": null } });
    let patched = account
        .patch(&hook.action_path(), &patch)
        .await?
        .json(200)?;
    assert_eq!(patched["headers"], json!({ "x-tenant": "other" }));
    Ok(())
}

#[tokio::test]
async fn a_bad_patch_changes_nothing() -> Result<()> {
    let account = account();
    let hook = account.hook("message.sent", URL).await?;
    let before = account.get(&hook.trigger_path()).await?;
    let trigger_patches = [
        (json!({ "name": "New", "type": "message.snt" }), "/type"),
        (
            json!({ "name": "New", "filter": { "data": 1 } }),
            "/filter/data",
        ),
        (json!({ "name": "New", "actions": [] }), "/actions"),
        (json!({ "name": 7 }), "/name"),
        (json!([1]), ""),
        (json!("x"), ""),
    ];
    for (patch, pointer) in trigger_patches {
        let problem = account
            .patch(&hook.trigger_path(), &patch)
            .await?
            .problem(422)?;
        problem.names(pointer, &[])?;
    }
    for (patch, pointer) in [
        (json!({ "name": "New", "url": "/relative" }), "/url"),
        (
            json!({ "name": "New", "headers": { "content-length": "1" } }),
            "/headers/content-length",
        ),
        (json!({ "name": "New", "headers": "x" }), "/headers"),
        (json!(null), ""),
    ] {
        let problem = account
            .patch(&hook.action_path(), &patch)
            .await?
            .problem(422)?;
        problem.names(pointer, &[])?;
    }
    let after = account.get(&hook.trigger_path()).await?;
    assert_eq!(after.json(200)?, before.json(200)?);
    assert_eq!(after.etag()?, before.etag()?);
    Ok(())
}

#[tokio::test]
async fn if_match_lets_only_the_reader_of_the_latest_version_write() -> Result<()> {
    let account = account();
    let hook = account.hook("message.sent", URL).await?;
    for path in [hook.trigger_path(), hook.action_path()] {
        let full = account.path(&path);
        let change = |method: Method, etag: String, name: &'static str| {
            let (api, full) = (&account.api, &full);
            async move {
                let headers = [("content-type", "application/json"), ("if-match", &*etag)];
                let mut body = json!({ "name": name });
                if method == Method::PUT && full.contains("/actions/") {
                    body["url"] = json!(URL);
                } else if method == Method::PUT {
                    body["type"] = json!("message.sent");
                }
                api.send(method, full, &headers, body.to_string()).await
            }
        };
        let patch = |etag: String, name| change(Method::PATCH, etag, name);
        let first = account.get(&path).await?.etag()?;
        let changed = patch(first.clone(), "Mine").await?;
        assert_eq!(changed.json(200)?["name"], "Mine");
        let second = changed.etag()?;
        ensure!(first != second, "a change has to change the tag");
        assert_eq!(account.get(&path).await?.etag()?, second);

        // It tells the tag that it wanted, so that the caller knows what was missed.
        patch(first.clone(), "Theirs")
            .await?
            .problem(412)?
            .says(&[&second])?;
        assert_eq!(account.get(&path).await?.json(200)?["name"], "Mine");
        patch(format!("{first}, {second}"), "One of two")
            .await?
            .json(200)?;
        patch("*".into(), "Any").await?.json(200)?;
        change(Method::PUT, second.clone(), "Theirs")
            .await?
            .problem(412)?;
        assert_eq!(account.get(&path).await?.json(200)?["name"], "Any");
        let third = account.get(&path).await?.etag()?;
        change(Method::PUT, third, "Replaced").await?.json(200)?;

        let stale = [("if-match", &*second)];
        account
            .api
            .send(Method::DELETE, &full, &stale, "")
            .await?
            .problem(412)?;
        account.get(&path).await?.json(200)?;
    }

    let action = account.path(&hook.action_path());
    let latest = account.get(&hook.action_path()).await?.etag()?;
    account
        .api
        .send(Method::DELETE, &action, &[("if-match", &latest)], "")
        .await?
        .empty(204)
}

#[tokio::test]
async fn a_url_is_kept_percent_encoded() -> Result<()> {
    let account = account();
    for (given, kept) in [
        (
            "/{id}|[0]^`?q={}|[]^`",
            "/%7Bid%7D%7C%5B0%5D%5E%60?q=%7B%7D%7C%5B%5D%5E%60",
        ),
        ("/%7Bid%7D?q=%7b%7d", "/%7Bid%7D?q=%7b%7d"),
        ("/50%?off=50%", "/50%25?off=50%25"),
    ] {
        let url = format!("https://hooks.example.com{given}");
        let hook = account.hook("message.sent", &url).await?;
        let action = account.get(&hook.action_path()).await?.json(200)?;
        assert_eq!(action["url"], format!("https://hooks.example.com{kept}"));
    }
    Ok(())
}

#[tokio::test]
async fn all_lines_of_if_match_count_and_weak_tags_do_not() -> Result<()> {
    let account = account();
    let hook = account.hook("message.sent", URL).await?;
    for path in [hook.trigger_path(), hook.action_path()] {
        let patch = async |lines: &[&str]| {
            let mut headers = vec![("content-type", "application/json")];
            headers.extend(lines.iter().map(|line| ("if-match", *line)));
            let body = json!({ "name": "Renamed" }).to_string();
            let path = account.path(&path);
            account.api.send(Method::PATCH, &path, &headers, body).await
        };
        let tag = async || account.get(&path).await?.etag();
        patch(&["\"0\"", &tag().await?]).await?.json(200)?;
        patch(&[&tag().await?, "\"0\""]).await?.json(200)?;
        patch(&["\"0\"", "\"00\""]).await?.problem(412)?;
        let now = tag().await?;
        let weak = patch(&[&format!("W/{now}")]).await?.problem(412)?;
        weak.says(&["weak", &now])?;
        for malformed in ["1", "\"1", "\"1\" \"2\""] {
            let refused = patch(&[malformed]).await?.problem(400)?;
            refused.says(&["If-Match", "double quotes"])?;
        }
        assert_eq!(tag().await?, now);
    }
    Ok(())
}

#[tokio::test]
async fn a_reader_who_has_the_latest_version_is_told_so() -> Result<()> {
    let account = account();
    let hook = account.hook("message.sent", URL).await?;
    for path in [hook.trigger_path(), hook.action_path()] {
        let tag = account.get(&path).await?.etag()?;
        let read = async |method: Method, headers: &[(&str, &str)]| {
            account
                .api
                .send(method, &account.path(&path), headers, "")
                .await
        };
        for known in [&*tag, &format!("W/{tag}"), &format!("\"0\", {tag}"), "*"] {
            for method in [Method::GET, Method::HEAD] {
                let reply = read(method, &[("if-none-match", known)]).await?;
                reply.empty(304)?;
                assert_eq!(reply.etag()?, tag);
            }
        }
        let lines = [("if-none-match", "\"0\""), ("if-none-match", &*tag)];
        read(Method::GET, &lines).await?.empty(304)?;
        let other = [("if-none-match", "\"0\"")];
        read(Method::GET, &other).await?.json(200)?;
        let other = [("if-match", "\"0\"")];
        read(Method::GET, &other).await?.problem(412)?;
        // A change of a version that is named is refused.
        let named = [("if-none-match", &*tag)];
        read(Method::DELETE, &named).await?.problem(412)?;
        let renamed = json!({ "name": "Renamed" });
        account.patch(&path, &renamed).await?.json(200)?;
        read(Method::GET, &named).await?.json(200)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_change_to_an_action_is_a_change_to_its_trigger() -> Result<()> {
    let account = account();
    let hook = account.hook("message.sent", URL).await?;
    let mut tags = vec![account.get(&hook.trigger_path()).await?.etag()?];
    let mut changed = async || -> Result<()> {
        let tag = account.get(&hook.trigger_path()).await?.etag()?;
        ensure!(!tags.contains(&tag), "the tag {tag} was there before");
        tags.push(tag);
        Ok(())
    };
    account
        .patch(&hook.action_path(), &json!({ "enabled": false }))
        .await?
        .json(200)?;
    changed().await?;
    let actions = format!("{}/actions", hook.trigger_path());
    account
        .post(&actions, &json!({ "name": "B", "url": URL }))
        .await?
        .json(201)?;
    changed().await?;
    account
        .post(&format!("{}/secret/rotate", hook.action_path()), &json!({}))
        .await?
        .json(200)?;
    changed().await?;
    account.delete(&hook.action_path()).await?.empty(204)?;
    changed().await
}

#[tokio::test]
async fn paging_leads_through_every_trigger_once_in_the_order_of_creation() -> Result<()> {
    let account = account();
    let mut created = Vec::new();
    for number in 0..23 {
        let trigger = json!({ "type": "message.sent", "name": format!("Number {number}") });
        created.push(id(&account.trigger(&trigger).await?).to_owned());
    }
    created.sort();
    for limit in [1, 5, 22, 23, 24] {
        let pages = account.pages("/triggers", limit).await?;
        let listed: Vec<_> = pages.iter().map(id).collect();
        assert_eq!(listed, created, "{limit} a page");
    }
    Ok(())
}

#[tokio::test]
async fn a_page_is_where_it_was_although_triggers_come_and_go() -> Result<()> {
    let account = account();
    for name in ["a", "b", "c", "d"] {
        account
            .trigger(&json!({ "type": "message.sent", "name": name }))
            .await?;
    }
    let all = account.ids("/triggers").await?;
    let first = account.get("/triggers?limit=2").await?.json(200)?;
    let cursor = first["next_cursor"].as_str().context("there is more")?;
    account
        .delete(&format!("/triggers/{}", all[1]))
        .await?
        .empty(204)?;
    account
        .delete(&format!("/triggers/{}", all[2]))
        .await?
        .empty(204)?;
    account
        .trigger(&json!({ "type": "message.sent", "name": "e" }))
        .await?;
    let rest = account
        .get(&format!("/triggers?limit=2&cursor={cursor}"))
        .await?
        .json(200)?;
    let rest: Vec<_> = rest["data"]
        .as_array()
        .context("data")?
        .iter()
        .map(id)
        .collect();
    assert_eq!(rest.len(), 2);
    assert_eq!(rest[0], all[3]);
    Ok(())
}

#[tokio::test]
async fn the_list_of_triggers_is_filtered_by_type_state_and_name() -> Result<()> {
    let account = account();
    for (event_type, name, enabled) in [
        ("message.sent", "Tell Accounting", true),
        ("message.sent", "Tell nobody", false),
        ("message.failed", "Tell ÄRZTE & co", true),
    ] {
        let trigger = json!({ "type": event_type, "name": name, "enabled": enabled });
        account.trigger(&trigger).await?;
    }
    let all = ["Tell Accounting", "Tell nobody", "Tell ÄRZTE & co"];
    for (query, expected) in [
        ("", &all[..]),
        ("?type=message.sent", &all[..2]),
        ("?type=message.received", &[]),
        ("?enabled=true", &[all[0], all[2]]),
        ("?enabled=false", &all[1..2]),
        ("?q=ACCOUNT", &all[..1]),
        ("?q=%C3%A4rzte+%26", &all[2..]),
        ("?q=tell&type=message.sent&enabled=true", &all[..1]),
        ("?q=sms", &[]),
    ] {
        let mut found = names(&account, &format!("/triggers{query}")).await?;
        found.sort();
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(found, expected, "{query}");
    }
    for (query, said) in [
        ("type=message.snt", "message.sent"),
        ("enabled=yes", "true or false"),
        ("limit=0", "1 to 200"),
        ("limit=201", "1 to 200"),
        ("cursor=nonsense", "cursor"),
        ("colour=red", "colour"),
        ("limit=1&limit=2", "twice"),
    ] {
        let problem = account
            .get(&format!("/triggers?{query}"))
            .await?
            .problem(400)?;
        problem.says(&[said]).with_context(|| query.to_owned())?;
    }
    Ok(())
}

#[tokio::test]
async fn the_filters_of_the_list_follow_what_is_changed() -> Result<()> {
    let account = account();
    let hook = account.hook("message.sent", URL).await?;
    let patch = json!({ "type": "message.failed", "name": "Renamed", "enabled": false });
    account
        .patch(&hook.trigger_path(), &patch)
        .await?
        .json(200)?;
    for (query, expected) in [
        ("type=message.sent", 0),
        ("type=message.failed", 1),
        ("enabled=true", 0),
        ("enabled=false", 1),
        ("q=renamed", 1),
        ("q=on+message", 0),
    ] {
        let found = account.ids(&format!("/triggers?{query}")).await?;
        assert_eq!(found.len(), expected, "{query}");
    }
    Ok(())
}

#[tokio::test]
async fn an_action_is_created_read_changed_listed_and_deleted() -> Result<()> {
    let account = account();
    let trigger = account
        .trigger(&json!({ "type": "message.sent", "name": "Sent" }))
        .await?;
    let trigger_path = format!("/triggers/{}", id(&trigger));
    let actions = format!("{trigger_path}/actions");

    let reply = account
        .post(&actions, &json!({ "name": "First", "url": URL }))
        .await?;
    let created = reply.json(201)?;
    let path = format!("{actions}/{}", id(&created));
    assert_eq!(reply.header("location"), Some(&*account.path(&path)));
    let shown = account.get(&path).await?;
    assert_eq!(shown.json(200)?, created);
    assert_eq!(shown.etag()?, reply.etag()?);
    assert_eq!(
        account.get(&trigger_path).await?.json(200)?["actions"],
        json!([created])
    );

    let patch = json!({ "url": "http://127.0.0.1:9/other", "headers": { "X-New": "1" } });
    let changed = account.patch(&path, &patch).await?.json(200)?;
    let mut expected = created.clone();
    expected["url"] = patch["url"].clone();
    expected["headers"] = json!({ "x-new": "1" });
    expected["updated_at"] = changed["updated_at"].clone();
    assert_eq!(changed, expected);

    for name in ["Second", "Third", "Fourth"] {
        account
            .post(&actions, &json!({ "name": name, "url": URL }))
            .await?
            .json(201)?;
    }
    for limit in [1, 3, 4] {
        let mut listed: Vec<_> = account
            .pages(&actions, limit)
            .await?
            .iter()
            .map(|action| action["name"].as_str().unwrap_or("?").to_owned())
            .collect();
        listed.sort();
        assert_eq!(
            listed,
            ["First", "Fourth", "Second", "Third"],
            "{limit} a page"
        );
    }

    account.delete(&path).await?.empty(204)?;
    account
        .get(&path)
        .await?
        .problem(404)?
        .says(&[id(&created)])?;
    account.delete(&path).await?.problem(404)?;
    assert_eq!(account.pages(&actions, 200).await?.len(), 3);
    Ok(())
}

#[tokio::test]
async fn a_trigger_holds_a_hundred_actions_and_not_one_more() -> Result<()> {
    let account = account();
    let actions = vec![json!({ "name": "A", "url": URL }); 100];
    let trigger = json!({ "type": "message.sent", "name": "Many", "actions": actions });
    let trigger = account.trigger(&trigger).await?;
    let path = format!("/triggers/{}/actions", id(&trigger));
    let problem = account
        .post(&path, &json!({ "name": "B", "url": URL }))
        .await?
        .problem(422)?;
    problem.says(&["100"])?;
    let listed = account.ids(&path).await?;
    assert_eq!(listed.len(), 100);
    let distinct: std::collections::BTreeSet<_> = listed.iter().collect();
    assert_eq!(distinct.len(), 100);
    Ok(())
}

#[tokio::test]
async fn what_is_too_large_for_the_store_is_refused_and_changes_nothing() -> Result<()> {
    let account = account();
    let action = json!({ "name": "A", "url": URL, "headers": { "x-large": "v".repeat(4_000) } });
    let actions = vec![action.clone(); 50];
    let trigger = json!({ "type": "message.sent", "name": "Heavy", "actions": actions });
    let trigger = account.trigger(&trigger).await?;
    let path = format!("/triggers/{}/actions", id(&trigger));
    let mut count = 50;
    let refusal = loop {
        let reply = account.post(&path, &action).await?;
        match reply.status.as_u16() {
            201 => count += 1,
            _ => break reply.problem(422)?,
        }
    };
    refusal.says(&["trigger", "bytes", "400000"])?;
    assert_eq!(account.ids(&path).await?.len(), count);
    let accepted = account.event("message.sent", &json!({})).await?;
    assert_eq!(accepted["deliveries"].as_array().map(Vec::len), Some(count));
    Ok(())
}

#[tokio::test]
async fn what_is_deleted_is_gone_and_fires_no_more() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    let gone = account.hook("message.sent", &receiver.url("/gone")).await?;
    let kept = account.hook("message.sent", &receiver.url("/kept")).await?;
    account.delete(&gone.trigger_path()).await?.empty(204)?;

    account
        .get(&gone.trigger_path())
        .await?
        .problem(404)?
        .says(&[&gone.trigger])?;
    account.get(&gone.action_path()).await?.problem(404)?;
    account
        .patch(&gone.trigger_path(), &json!({ "name": "x" }))
        .await?
        .problem(404)?;
    account.delete(&gone.trigger_path()).await?.problem(404)?;
    let actions = format!("{}/actions", gone.trigger_path());
    account
        .post(&actions, &json!({ "name": "A", "url": URL }))
        .await?
        .problem(404)?;
    assert_eq!(account.ids("/triggers").await?, [&*kept.trigger]);

    let accepted = account.event("message.sent", &json!({})).await?;
    assert_eq!(accepted["deliveries"].as_array().map(Vec::len), Some(1));
    assert_eq!(receiver.only().await?.path, "/kept");

    account.delete(&kept.trigger_path()).await?.empty(204)?;
    let accepted = account.event("message.sent", &json!({})).await?;
    assert_eq!(accepted["deliveries"], json!([]));
    assert_eq!(account.ids("/triggers").await?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn a_trigger_moved_to_another_type_fires_for_that_type_only() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    let hook = account.hook("message.sent", &receiver.url("/")).await?;
    account
        .patch(&hook.trigger_path(), &json!({ "type": "message.failed" }))
        .await?
        .json(200)?;
    assert_eq!(
        account.event("message.sent", &json!({})).await?["deliveries"],
        json!([])
    );
    account.event("message.failed", &json!({})).await?;
    assert_eq!(receiver.only().await?.json()?["type"], "message.failed");
    Ok(())
}

#[tokio::test]
async fn an_account_sees_nothing_of_another() -> Result<()> {
    let (mine, theirs) = (account(), account());
    let hook = mine.hook("message.sent", URL).await?;
    theirs.get(&hook.trigger_path()).await?.problem(404)?;
    theirs.get(&hook.action_path()).await?.problem(404)?;
    theirs
        .get(&format!("{}/secret", hook.action_path()))
        .await?
        .problem(404)?;
    theirs
        .patch(&hook.trigger_path(), &json!({ "name": "Stolen" }))
        .await?
        .problem(404)?;
    theirs.delete(&hook.trigger_path()).await?.problem(404)?;
    assert_eq!(
        theirs.event("message.sent", &json!({})).await?["deliveries"],
        json!([])
    );
    assert_eq!(theirs.ids("/triggers").await?, Vec::<String>::new());
    mine.get(&hook.trigger_path()).await?.json(200)?;
    Ok(())
}

#[tokio::test]
async fn a_secret_is_shown_on_its_own_route_only() -> Result<()> {
    let account = account();
    let hook = account.hook("message.sent", URL).await?;
    let other = account.hook("message.sent", URL).await?;
    ensure!(
        hook.secret.starts_with("whsec_") && hook.secret.len() == 50,
        "a secret's form"
    );
    ensure!(hook.secret != other.secret, "one secret for two actions");

    let reply = account
        .get(&format!("{}/secret", hook.action_path()))
        .await?;
    assert_eq!(
        reply.json(200)?,
        json!({ "secret": hook.secret, "previous": [] })
    );
    assert_eq!(reply.header("cache-control"), Some("no-store"));

    let bare = &hook.secret["whsec_".len()..];
    let actions = format!("{}/actions", hook.trigger_path());
    for path in [
        "/triggers",
        &hook.trigger_path(),
        &actions,
        &hook.action_path(),
    ] {
        let text = String::from_utf8(account.get(path).await?.body.to_vec())?;
        ensure!(text.contains(&hook.action), "{path} shows the action");
        ensure!(
            !text.contains(bare) && !text.replace("secret_headers", "").contains("secret"),
            "{path} shows a secret"
        );
    }
    Ok(())
}

#[tokio::test]
async fn while_secrets_overlap_both_verify_and_afterwards_the_new_one_only() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    let hook = account.hook("message.sent", &receiver.url("/")).await?;
    let secret = format!("{}/secret", hook.action_path());
    let rotate = format!("{secret}/rotate");

    let rotated = account
        .post(&rotate, &json!({ "overlap_seconds": 3600 }))
        .await?;
    assert_eq!(rotated.header("cache-control"), Some("no-store"));
    let rotated = rotated.json(200)?;
    let new = rotated["secret"].as_str().context("a secret")?.to_owned();
    ensure!(new != hook.secret, "the same secret again");
    assert_eq!(rotated["previous"][0]["secret"], hook.secret);
    let expires = millis(&rotated["previous"][0]["expires_at"])? - now();
    ensure!((3_540_000..=3_600_000).contains(&expires), "{rotated}");
    assert_eq!(account.get(&secret).await?.json(200)?, rotated);

    account.event("message.sent", &json!({})).await?;
    let webhook = receiver.received(1).await?.remove(0);
    webhook.verify(&new)?;
    webhook.verify(&hook.secret)?;
    assert_eq!(webhook.header("webhook-signature").split(' ').count(), 2);

    // No overlap retires all older secrets at once, also those that still overlapped.
    let newest = account
        .post(&rotate, &json!({ "overlap_seconds": 0 }))
        .await?
        .json(200)?;
    assert_eq!(newest["previous"], json!([]));
    account.event("message.sent", &json!({})).await?;
    let webhook = receiver.received(2).await?.remove(1);
    webhook.verify(newest["secret"].as_str().context("a secret")?)?;
    for retired in [&new, &hook.secret] {
        ensure!(
            webhook.verify(retired).is_err(),
            "a retired secret still signs"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_fifth_rotation_is_refused_and_every_secret_signs_until_it_expires() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    let hook = account.hook("message.sent", &receiver.url("/")).await?;
    let rotate = format!("{}/secret/rotate", hook.action_path());
    let mut shown = Value::Null;
    for hours in [4, 3, 2, 1] {
        let body = json!({ "overlap_seconds": hours * 3600 });
        shown = account.post(&rotate, &body).await?.json(200)?;
    }
    let first_end = shown["previous"][0]["expires_at"].as_str();
    let first_end = first_end.context("an end")?;
    for body in [json!({}), json!({ "overlap_seconds": 1 })] {
        let problem = account.post(&rotate, &body).await?.problem(409)?;
        problem.says(&["4 older ones", first_end, "\"overlap_seconds\": 0"])?;
    }
    let path = format!("{}/secret", hook.action_path());
    assert_eq!(account.get(&path).await?.json(200)?, shown);

    account.event("message.sent", &json!({})).await?;
    let webhook = receiver.only().await?;
    webhook.verify(&hook.secret)?;
    assert_eq!(webhook.header("webhook-signature").split(' ').count(), 5);
    let newest = account
        .post(&rotate, &json!({ "overlap_seconds": 0 }))
        .await?;
    assert_eq!(newest.json(200)?["previous"], json!([]));
    Ok(())
}

#[tokio::test]
async fn an_overlap_comes_to_its_end() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    let hook = account.hook("message.sent", &receiver.url("/")).await?;
    let secret = format!("{}/secret", hook.action_path());
    account
        .post(
            &format!("{secret}/rotate"),
            &json!({ "overlap_seconds": 1 }),
        )
        .await?
        .json(200)?;
    eventually("the end of the overlap", e2e::DEADLINE, || async {
        let shown = account.get(&secret).await?.json(200)?;
        Ok(if shown["previous"] == json!([]) {
            Ok(())
        } else {
            Err("it goes on".to_owned())
        })
    })
    .await?;
    account.event("message.sent", &json!({})).await?;
    let webhook = receiver.only().await?;
    ensure!(
        webhook.verify(&hook.secret).is_err(),
        "a secret whose time is over still signs"
    );
    assert_eq!(webhook.header("webhook-signature").split(' ').count(), 1);
    Ok(())
}

#[tokio::test]
async fn a_rotation_needs_no_body_and_overlaps_for_a_day() -> Result<()> {
    let account = account();
    let hook = account.hook("message.sent", URL).await?;
    let rotate = account.path(&format!("{}/secret/rotate", hook.action_path()));
    let rotated = account
        .api
        .send(Method::POST, &rotate, &[], "")
        .await?
        .json(200)?;
    let expires = millis(&rotated["previous"][0]["expires_at"])? - now();
    ensure!((86_340_000..=86_400_000).contains(&expires), "{rotated}");
    for overlap in [json!(604_801), json!(-1), json!("1")] {
        let body = json!({ "overlap_seconds": overlap });
        let problem = account.api.post(&rotate, &body).await?.problem(422)?;
        problem.names("/overlap_seconds", &[])?;
    }
    Ok(())
}

#[tokio::test]
async fn custom_headers_and_methods_reach_the_receiver() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        let action = json!({
            "name": method, "url": receiver.url("/a%20b?q=%C3%A4&r=1"), "method": method,
            "headers": { "Authorization": "Bearer secret", "X-Empty": "", "user-agent": "acme" },
            "content_type": "application/cloudevents+json; charset=utf-8",
        });
        let hook = account.hook_with("message.sent", action).await?;
        account
            .event("message.sent", &json!({ "method": method }))
            .await?;
        let came = receiver.received(1).await?;
        let webhook = came.last().context("one came")?;
        webhook.verify(&hook.secret)?;
        assert_eq!(webhook.method, method);
        assert_eq!(webhook.path, "/a%20b?q=%C3%A4&r=1");
        assert_eq!(webhook.header("authorization"), "Bearer secret");
        ensure!(
            webhook.headers.contains_key("x-empty"),
            "{:?}",
            webhook.headers
        );
        assert_eq!(webhook.header("user-agent"), "acme");
        let content_type = webhook.header("content-type");
        assert_eq!(content_type, "application/cloudevents+json; charset=utf-8");
        account.delete(&hook.trigger_path()).await?.empty(204)?;
        receiver.forget();
    }
    Ok(())
}

#[tokio::test]
async fn a_member_that_is_there_twice_is_refused_wherever_it_is() -> Result<()> {
    let account = account();
    let trigger = account
        .trigger(&json!({ "type": "message.sent", "name": "T", "actions": [{ "name": "A", "url": URL }] }))
        .await?;
    let of_trigger = format!("/triggers/{}", id(&trigger));
    let of_action = format!("{of_trigger}/actions/{}", id(&trigger["actions"][0]));
    let action = |rest: &str| format!(r#"{{"name": "A", "url": "{URL}", {rest}}}"#);
    let new = |rest: &str| format!(r#"{{"type": "message.sent", "name": "T", {rest}}}"#);
    for (method, path, body, pointer) in [
        (
            Method::POST,
            "/triggers".to_owned(),
            new(r#""filter": {"data.n": 1, "data.n": 2}"#),
            "/filter/data.n",
        ),
        (
            Method::POST,
            "/triggers".to_owned(),
            new(r#""name": "U""#),
            "/name",
        ),
        (
            Method::POST,
            format!("{of_trigger}/actions"),
            action(r#""headers": {"x-a": "1", "x-a": "2"}"#),
            "/headers/x-a",
        ),
        (
            Method::PATCH,
            of_trigger.clone(),
            r#"{"name": "U", "name": "V"}"#.to_owned(),
            "/name",
        ),
        (
            Method::PATCH,
            of_trigger.clone(),
            r#"{"filter": {"$or": [{"data.n": {"$gt": 1, "$gt": 2}}]}}"#.to_owned(),
            "/filter/$or/0/data.n/$gt",
        ),
        (
            Method::PATCH,
            of_action.clone(),
            r#"{"headers": {"x-a": "1", "x-a": null}}"#.to_owned(),
            "/headers/x-a",
        ),
    ] {
        let headers = [("content-type", "application/json")];
        let api = Service::shared().api();
        let refused = api
            .send(method, &account.path(&path), &headers, body.clone())
            .await?;
        let problem = refused.problem(422)?;
        problem.names(pointer, &["twice"])?;
    }
    Ok(())
}

#[tokio::test]
async fn whole_numbers_are_taken_however_they_are_written_and_no_message_names_a_type() -> Result<()>
{
    let account = account();
    let trigger =
        |action: Value| json!({ "type": "message.sent", "name": "T", "actions": [action] });
    let api = Service::shared().api();
    let body = format!(
        r#"{{"type": "message.sent", "name": "T", "actions": [{{"name": "A", "url": "{URL}",
            "timeout_seconds": 15.0, "retry_schedule": [6e1, 120.0], "max_per_second": 5.0}}]}}"#
    );
    let headers = [("content-type", "application/json")];
    let made = api
        .send(Method::POST, &account.path("/triggers"), &headers, body)
        .await?
        .json(201)?;
    let action = &made["actions"][0];
    assert_eq!(action["timeout_seconds"], 15);
    assert_eq!(action["retry_schedule"], json!([60, 120]));
    assert_eq!(action["max_per_second"], 5);

    for (member, value, pointer, detail) in [
        (
            "timeout_seconds",
            json!("15"),
            "",
            "is a whole number from 1 to 20",
        ),
        (
            "timeout_seconds",
            json!(-1),
            "",
            "is a whole number from 1 to 20",
        ),
        (
            "timeout_seconds",
            json!(1.5),
            "",
            "is a whole number from 1 to 20",
        ),
        (
            "max_per_second",
            json!(true),
            "",
            "is a whole number from 1 to 50",
        ),
        (
            "retry_schedule",
            json!([5, "x"]),
            "/1",
            "is a whole number from 1 to 604800",
        ),
        ("retry_schedule", json!(5), "", "must be a list"),
        ("headers", json!([]), "", "must be an object"),
        ("headers", json!({"x-a": 1}), "/x-a", "must be a string"),
        ("enabled", json!("yes"), "", "must be true or false"),
        ("name", json!(5), "", "must be a string"),
        ("secret_headers", json!("x"), "", "must be a list"),
    ] {
        let mut action = json!({ "name": "A", "url": URL });
        action[member] = value.clone();
        let refused = account
            .post("/triggers", &trigger(action))
            .await?
            .problem(422)?;
        refused.names(&format!("/actions/0/{member}{pointer}"), &[detail])?;
        for name in [
            "u32",
            "u64",
            "i64",
            "f64",
            "struct",
            "sequence",
            "invalid type",
        ] {
            ensure!(refused.says(&[name]).is_err(), "{member} {value}: {name}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_numbers_of_a_filter_stay_as_they_are_written() -> Result<()> {
    const NUMBERS: &str = "1e20,1E5,1E+5,1e-7,-0,-0.0,1.0,1.50,100000000000000000001,0.10e01";
    let account = account();
    let api = Service::shared().api();
    let send = async |method: Method, path: &str, body: String| {
        let patch = method == Method::PATCH;
        let media_type = ["application/json", "application/merge-patch+json"][usize::from(patch)];
        let headers = [("content-type", media_type)];
        let reply = api.send(method, path, &headers, body).await?;
        ensure!(reply.status.is_success(), "{reply:?}");
        Ok(String::from_utf8(reply.body.to_vec())?)
    };
    let trigger =
        |filter: &str| format!(r#"{{"type": "message.sent", "name": "T", "filter": {filter}}}"#);
    let list = account.path("/triggers");
    let posted = format!(r#"{{ "data.n": {{"$in": [{NUMBERS}]}}, "data.a": 1E1 }}"#);
    let compact = format!(r#""filter":{{"data.n":{{"$in":[{NUMBERS}]}},"data.a":1E1}}"#);
    let made = send(Method::POST, &list, trigger(&posted)).await?;
    has_text(&made, &compact)?;
    let made: Value = serde_json::from_str(&made)?;
    let path = account.path(&format!("/triggers/{}", id(&made)));
    for read in [&path, &list, &account.path("/export")] {
        let shown = send(Method::GET, read, String::new()).await?;
        has_text(&shown, &compact)?;
    }

    // A patch changes what it names, and no other number.
    send(Method::PATCH, &path, r#"{"name": "U"}"#.to_owned()).await?;
    has_text(&send(Method::GET, &path, String::new()).await?, &compact)?;
    let patch = r#"{"filter": {"data.a": 2E1, "data.b": {"$gt": 1e3}}}"#;
    send(Method::PATCH, &path, patch.to_owned()).await?;
    let merged = compact.replace("1E1}", r#"2E1,"data.b":{"$gt":1e3}}"#);
    has_text(&send(Method::GET, &path, String::new()).await?, &merged)?;
    send(Method::PUT, &path, trigger(r#"{"data.n": 1E2}"#)).await?;
    let shown = send(Method::GET, &path, String::new()).await?;
    has_text(&shown, r#""filter":{"data.n":1E2}"#)?;

    // So does an import, which finds what is the same.
    let document = send(Method::GET, &account.path("/export"), String::new()).await?;
    let import = account.path("/import");
    let imported = send(
        Method::POST,
        &import,
        format!(r#"{{"document": {document}}}"#),
    )
    .await?;
    has_text(&imported, r#""seal":"intact""#)?;
    has_text(&imported, r#""unchanged":1"#)?;
    let changed = document.replace("1E2", "5e+2");
    let changed = format!(r#"{{"document": {changed}}}"#);
    send(Method::POST, &import, changed).await?;
    let shown = send(Method::GET, &path, String::new()).await?;
    has_text(&shown, r#""filter":{"data.n":5e+2}"#)?;

    // And it means what it says.
    send(Method::PUT, &path, trigger(r#"{"data.n": 1E2}"#)).await?;
    let action = json!({ "name": "A", "url": URL });
    let actions = format!("/triggers/{}/actions", id(&made));
    account.post(&actions, &action).await?.json(201)?;
    let matched = account.event("message.sent", &json!({ "n": 100 })).await?;
    assert_eq!(matched["deliveries"].as_array().map(Vec::len), Some(1));
    Ok(())
}

fn has_text(text: &str, part: &str) -> Result<()> {
    ensure!(text.contains(part), "{text} has no {part}");
    Ok(())
}
