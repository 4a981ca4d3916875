//! API keys with scopes: what each may do, what it may not, and when it ends.

use anyhow::{Context as _, Result, ensure};
use e2e::{Account, Api, Receiver, Service, Settings, has, id, stores};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// Makes a key and returns it, with a client that has it.
async fn key(service: &Service, input: Value) -> Result<(Value, Api)> {
    let made = service.api().post("/v1/api-keys", &input).await?;
    let made = made.json(201)?;
    let key = made["key"].as_str().context("a key")?;
    let (_, secret) = key.split_once('.').context("an id and a secret")?;
    e2e::kept::secret(secret)?;
    Ok((made.clone(), service.api_with_key(Some(key))))
}

fn with(account: &Account, api: Api) -> Account {
    Account {
        api,
        id: account.id.clone(),
    }
}

#[tokio::test]
async fn a_key_that_ingests_posts_events_and_does_nothing_else() -> Result<()> {
    let service = Service::shared();
    let account = service.account();
    let receiver = Receiver::start().await?;
    let hook = account.hook("message.sent", &receiver.url("/")).await?;
    let input = json!({ "name": "Booking app", "scopes": ["ingest"] });
    let ingest = with(&account, key(service, input).await?.1);
    let event = ingest.event("message.sent", &json!({ "n": 1 })).await?;
    receiver.only().await?;

    let action = hook.action_path();
    for path in [
        "/events".to_owned(),
        format!("/events/{}", id(&event)),
        "/deliveries".to_owned(),
        "/triggers".to_owned(),
        hook.trigger_path(),
        action.clone(),
        format!("{action}/secret"),
        "/export".to_owned(),
        "/statistics".to_owned(),
    ] {
        let problem = ingest.get(&path).await?.problem(403)?;
        assert_eq!(problem.code, "forbidden", "{path}");
    }
    let trigger = json!({ "type": "message.sent", "name": "T" });
    for (path, body) in [
        ("/triggers".to_owned(), trigger),
        (format!("{action}/test"), json!({})),
        (format!("{action}/secret/rotate"), json!({})),
        (
            "/events/preview".to_owned(),
            json!({ "type": "message.sent" }),
        ),
        ("/portal-links".to_owned(), json!({})),
        (
            "/export".to_owned(),
            json!({ "passphrase": "a long passphrase" }),
        ),
    ] {
        let problem = ingest.post(&path, &body).await?.problem(403)?;
        problem.says(&["manage"])?;
    }
    ingest
        .patch(&hook.trigger_path(), &json!({ "name": "N" }))
        .await?
        .problem(403)?;
    ingest.delete("").await?.problem(403)?;
    ingest.api.get("/v1/event-types").await?.problem(403)?;
    ingest
        .api
        .post("/v1/deliveries/run", &json!({}))
        .await?
        .problem(403)?
        .says(&["run"])?;
    let shown = account.get(&hook.trigger_path()).await?.json(200)?;
    has(&shown, &json!({ "name": "On message.sent" }))
}

#[tokio::test]
async fn a_key_that_reads_sees_all_but_secrets_and_changes_nothing() -> Result<()> {
    let service = Service::shared();
    let account = service.account();
    let hook = account.hook("message.sent", "http://127.0.0.1:9/").await?;
    let input = json!({ "name": "Support", "scopes": ["read"] });
    let read = with(&account, key(service, input).await?.1);
    for path in [
        "/triggers",
        "/events",
        "/deliveries",
        "/statistics",
        "/export",
    ] {
        read.get(path).await?.json(200)?;
    }
    read.api.get("/v1/event-types").await?.json(200)?;
    let check = json!({ "filter": {}, "event": { "type": "message.sent", "data": {} } });
    read.api
        .post("/v1/filters/check", &check)
        .await?
        .json(200)?;
    read.get(&format!("{}/secret", hook.action_path()))
        .await?
        .problem(403)?;
    let event = json!({ "type": "message.sent", "data": {} });
    read.post("/events", &event)
        .await?
        .problem(403)?
        .says(&["ingest"])?;
    read.delete(&hook.trigger_path()).await?.problem(403)?;
    account.get(&hook.trigger_path()).await?.json(200)?;
    Ok(())
}

#[tokio::test]
async fn a_key_of_an_account_reaches_no_other() -> Result<()> {
    let service = Service::shared();
    let [mine, other] = [service.account(), service.account()];
    let hook = other.hook("message.sent", "http://127.0.0.1:9/").await?;
    let input = json!({
        "name": "Tenant", "scopes": ["ingest", "manage"], "accounts": [mine.id],
    });
    let (_, api) = key(service, input).await?;
    let own = with(&mine, api.clone());
    own.trigger(&json!({ "type": "message.sent", "name": "T" }))
        .await?;
    own.event("message.sent", &json!({})).await?;
    own.api.get("/v1/event-types").await?.json(200)?;
    let foreign = with(&other, api);
    foreign
        .get(&hook.trigger_path())
        .await?
        .problem(403)?
        .says(&[&other.id])?;
    foreign
        .get(&format!("{}/secret", hook.action_path()))
        .await?
        .problem(403)?;
    foreign.delete("").await?.problem(403)?;
    let event = json!({ "type": "message.sent", "data": {} });
    foreign.post("/events", &event).await?.problem(403)?;
    // Nor what is everybody's.
    let event_type = json!({ "label": "Mine", "sample": {} }).to_string();
    let json = [("content-type", "application/json")];
    let path = "/v1/event-types/my.own";
    let put = own.api.send(http::Method::PUT, path, &json, event_type);
    put.await?.problem(403)?;
    Ok(())
}

#[tokio::test]
async fn a_key_that_runs_works_off_what_is_due_and_sees_nothing() -> Result<()> {
    let service = Service::shared();
    let (_, run) = key(service, json!({ "name": "Cron", "scopes": ["run"] })).await?;
    run.run().await?;
    run.get("/v1/event-types").await?.problem(403)?;
    let of_account = json!({ "name": "Cron", "scopes": ["run"], "accounts": ["acme"] });
    let problem = service
        .api()
        .post("/v1/api-keys", &of_account)
        .await?
        .problem(422)?;
    problem.names("/accounts", &["run"])
}

#[tokio::test]
async fn keys_are_made_listed_and_revoked_by_a_key_of_the_setting_alone() -> Result<()> {
    let service = Service::start()?;
    let api = service.api();
    let input = json!({ "name": "All", "scopes": ["ingest", "read", "manage", "run"] });
    let (made, all) = key(&service, input.clone()).await?;
    all.get("/v1/api-keys")
        .await?
        .problem(403)?
        .says(&["api_key"])?;
    all.post("/v1/api-keys", &input).await?.problem(403)?;
    let path = format!("/v1/api-keys/{}", id(&made));
    all.delete(&path).await?.problem(403)?;

    let shown = api.get(&path).await?.json(200)?;
    ensure!(shown.get("key").is_none(), "{shown}");
    has(
        &shown,
        &json!({ "name": "All", "accounts": null, "expires_at": null }),
    )?;
    ensure!(
        shown["last_used_at"].is_null(),
        "a refused request is no use: {shown}"
    );
    all.get("/v1/event-types").await?.json(200)?;
    let listed = api.get("/v1/api-keys").await?.json(200)?;
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(1));
    ensure!(listed["data"][0]["last_used_at"].is_string(), "{listed}");

    api.delete(&path).await?.empty(204)?;
    all.get("/v1/event-types").await?.problem(401)?;
    api.delete(&path).await?.problem(404)?;
    api.get(&path).await?.problem(404)?;
    assert_eq!(api.get("/v1/api-keys").await?.json(200)?["data"], json!([]));
    Ok(())
}

#[tokio::test]
async fn a_key_ends_with_its_time_and_a_guess_is_none() -> Result<()> {
    let service = Service::shared();
    let (made, short) = key(
        service,
        json!({ "name": "A", "scopes": ["read"], "expires_in": 1 }),
    )
    .await?;
    ensure!(made["expires_at"].is_string(), "{made}");
    let ended = || async {
        let status = short.get("/v1/event-types").await?.status;
        Ok(if status == 401 {
            Ok(())
        } else {
            Err(status.to_string())
        })
    };
    e2e::eventually("the key's end", e2e::DEADLINE, ended).await?;

    let (made, _) = key(service, json!({ "name": "B", "scopes": ["read"] })).await?;
    let real = made["key"].as_str().context("a key")?;
    let (id, secret) = real.split_once('.').context("an id and a secret")?;
    for guess in [
        id.to_owned(),
        format!("{id}."),
        format!("{id}.{}", &secret[1..]),
        format!("{id}.{secret}x"),
        format!("{id}.{}", "A".repeat(secret.len())),
        format!("key_01ARZ3NDEKTSV4RRFFQ69G5FAV.{secret}"),
        format!("../{real}"),
    ] {
        let api = service.api_with_key(Some(&guess));
        api.get("/v1/event-types").await?.problem(401)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_key_that_is_used_too_often_is_told_when_to_come_back() -> Result<()> {
    let service = Service::shared();
    let input = json!({ "name": "A", "scopes": ["read"], "requests_per_minute": 3 });
    let (_, limited) = key(service, input).await?;
    for _ in 0..3 {
        limited.get("/v1/event-types").await?.json(200)?;
    }
    let refused = limited.get("/v1/event-types").await?.problem(429)?;
    refused.says(&["limited to 3 requests a minute", "try again in"])?;
    let wait: u64 = refused.headers["retry-after"].to_str()?.parse()?;
    ensure!((1..=60).contains(&wait), "{wait}");
    Ok(())
}

#[tokio::test]
async fn a_limit_holds_however_many_requests_come_at_once() -> Result<()> {
    let service = Service::shared();
    let input = json!({ "name": "A", "scopes": ["read"], "requests_per_minute": 60 });
    let (_, limited) = key(service, input).await?;
    let mut clients = JoinSet::new();
    for _ in 0..164 {
        let limited = limited.clone();
        clients.spawn(async move { limited.get("/v1/event-types").await });
    }
    let (mut allowed, mut refused) = (0, 0);
    for reply in clients.join_all().await {
        match reply?.status.as_u16() {
            200 => allowed += 1,
            429 => refused += 1,
            other => anyhow::bail!("{other}"),
        }
    }
    assert_eq!((allowed, refused), (60, 104));
    Ok(())
}

#[tokio::test]
async fn a_key_is_in_no_store() -> Result<()> {
    if !stores::are_files() {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let service = Service::at(folder.path(), Settings::default())?;
    let (made, api) = key(&service, json!({ "name": "A", "scopes": ["read"] })).await?;
    api.get("/v1/event-types").await?.json(200)?;
    drop(service);
    let key = made["key"].as_str().context("a key")?;
    let (id, secret) = key.split_once('.').context("an id and a secret")?;
    let stored = e2e::kept::stored(folder.path())?;
    let has = |text: &str| {
        stored
            .windows(text.len())
            .any(|bytes| bytes == text.as_bytes())
    };
    ensure!(has(id), "the store was not read");
    ensure!(!has(secret), "the key is in a store");
    Ok(())
}
