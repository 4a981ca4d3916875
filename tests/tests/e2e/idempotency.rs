//! Idempotency keys on requests that create something: done once, answered the same each time.

use anyhow::{Context as _, Result, ensure};
use e2e::{Account, Api, Reply, Service, Settings, id, stores};
use http::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

const URL: &str = "http://127.0.0.1:9/";

fn account() -> Account {
    Service::shared().account()
}

/// A `POST` under an idempotency key.
async fn post(api: &Api, path: &str, key: &str, body: &str) -> Result<Reply> {
    let headers = [
        ("content-type", "application/json"),
        ("idempotency-key", key),
    ];
    api.send(Method::POST, path, &headers, body.to_owned())
        .await
}

/// As [`post`], in an account.
async fn create(account: &Account, rest: &str, key: &str, body: &Value) -> Result<Reply> {
    post(&account.api, &account.path(rest), key, &body.to_string()).await
}

fn trigger(name: &str) -> Value {
    let action = json!({ "name": "A", "url": URL });
    json!({ "type": "message.sent", "name": name, "actions": [action] })
}

async fn length(account: &Account, rest: &str) -> Result<usize> {
    let list = account.get(rest).await?.json(200)?;
    Ok(list["data"].as_array().context("a list")?.len())
}

#[tokio::test]
async fn a_trigger_is_created_once_under_a_key() -> Result<()> {
    let account = account();
    let first = create(&account, "/triggers", "key", &trigger("T")).await?;
    let again = create(&account, "/triggers", "key", &trigger("T")).await?;
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!(again.etag()?, first.etag()?);
    let first = first.json(201)?;
    assert_eq!(again.json(201)?, first);

    // The same value, written in another way.
    let body = format!(
        r#" {{ "actions": [{{"url":"{URL}","name":"\u0041"}}], "name":"T", "type":"message.sent" }}"#
    );
    let again = post(&account.api, &account.path("/triggers"), "key", &body).await?;
    assert_eq!(id(&again.json(201)?), id(&first));

    let other = create(&account, "/triggers", "key", &trigger("Other")).await?;
    let other = other.problem(422)?;
    assert_eq!(other.code, "idempotency_key_reused");
    assert_eq!(account.ids("/triggers").await?, [id(&first)]);

    // It is answered as it is by now, and stays gone when it is deleted.
    let path = format!("/triggers/{}", id(&first));
    account
        .patch(&path, &json!({ "name": "Renamed" }))
        .await?
        .json(200)?;
    let again = create(&account, "/triggers", "key", &trigger("T")).await?;
    assert_eq!(again.json(201)?["name"], "Renamed");
    account.delete(&path).await?.empty(204)?;
    let gone = create(&account, "/triggers", "key", &trigger("T")).await?;
    gone.problem(409)?.says(&["gone"])?;
    create(&account, "/triggers", "new-key", &trigger("T"))
        .await?
        .json(201)?;
    Ok(())
}

#[tokio::test]
async fn a_key_belongs_to_its_path_and_a_refused_request_does_not_take_it() -> Result<()> {
    let (mine, theirs) = (account(), account());
    let invalid = create(&mine, "/triggers", "key", &trigger(" ")).await?;
    invalid.problem(422)?.names("/name", &[])?;
    let first = create(&mine, "/triggers", "key", &trigger("T"))
        .await?
        .json(201)?;
    let second = create(&theirs, "/triggers", "key", &trigger("T"))
        .await?
        .json(201)?;
    ensure!(id(&first) != id(&second), "one trigger for two accounts");

    let actions = format!("/triggers/{}/actions", id(&first));
    let action = json!({ "name": "B", "url": URL });
    let added = create(&mine, &actions, "key", &action).await?.json(201)?;
    let again = create(&mine, &actions, "key", &action).await?.json(201)?;
    assert_eq!(again, added);
    let other = json!({ "name": "C", "url": URL });
    create(&mine, &actions, "key", &other).await?.problem(422)?;
    assert_eq!(mine.ids(&actions).await?.len(), 2);
    let event = json!({ "type": "message.sent", "data": {} });
    create(&mine, "/events", "key", &event).await?.json(202)?;
    for key in ["", "two words", "é"] {
        let refused = create(&mine, "/triggers", key, &trigger("T")).await;
        refused?.problem(400)?.says(&["Idempotency-Key"])?;
    }
    Ok(())
}

#[tokio::test]
async fn many_at_once_under_one_key_create_one_trigger() -> Result<()> {
    let account = account();
    let mut clients = JoinSet::new();
    for _ in 0..12 {
        let account = account.clone();
        clients.spawn(async move { create(&account, "/triggers", "key", &trigger("T")).await });
    }
    let mut ids = Vec::new();
    for reply in clients.join_all().await {
        ids.push(id(&reply?.json(201)?).to_owned());
    }
    ids.dedup();
    assert_eq!(ids, account.ids("/triggers").await?);
    Ok(())
}

#[tokio::test]
async fn a_repeated_rotation_answers_the_secret_of_the_first() -> Result<()> {
    let account = account();
    let hook = account.hook("message.sent", URL).await?;
    let rotate = hook.action_path() + "/secret/rotate";
    let body = json!({ "overlap_seconds": 3_600 });
    let first = create(&account, &rotate, "key", &body).await?.json(200)?;
    let again = create(&account, &rotate, "key", &body).await?.json(200)?;
    assert_eq!(again, first);
    assert_eq!(first["previous"].as_array().map(Vec::len), Some(1));
    assert_eq!(first["previous"][0]["secret"], hook.secret.as_str());
    create(&account, &rotate, "key", &json!({}))
        .await?
        .problem(422)?;
    Ok(())
}

#[tokio::test]
async fn a_signing_key_is_created_once_under_a_key() -> Result<()> {
    let account = account();
    let path = "/signing-keys";
    let first = create(&account, path, "key", &json!({})).await?.json(201)?;
    let again = create(&account, path, "key", &json!({})).await?.json(201)?;
    assert_eq!(again["id"], first["id"]);
    assert_eq!(length(&account, path).await?, 1);
    let body = json!({ "overlap_seconds": 1 });
    create(&account, path, "key", &body).await?.problem(422)?;
    create(&account, path, "other", &json!({}))
        .await?
        .json(201)?;
    assert_eq!(length(&account, path).await?, 2);
    Ok(())
}

#[tokio::test]
async fn an_api_key_is_created_once_and_answered_with_its_token_again() -> Result<()> {
    let service = Service::start()?;
    let api = service.api();
    let input = json!({ "name": "Reader", "scopes": ["read"] }).to_string();
    let first = post(&api, "/v1/api-keys", "key", &input).await?.json(201)?;
    let again = post(&api, "/v1/api-keys", "key", &input).await?.json(201)?;
    assert_eq!(again, first);
    let listed = api.get("/v1/api-keys").await?.json(200)?;
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(1));
    let token = again["key"].as_str().context("a token")?;
    e2e::kept::secret(token.split_once('.').context("a secret")?.1)?;
    let reader = service.api_with_key(Some(token));
    reader.get("/v1/accounts/acme/triggers").await?.json(200)?;

    let other = json!({ "name": "Other", "scopes": ["read"] }).to_string();
    post(&api, "/v1/api-keys", "key", &other)
        .await?
        .problem(422)?;
    api.delete(&format!("/v1/api-keys/{}", id(&first)))
        .await?
        .empty(204)?;
    post(&api, "/v1/api-keys", "key", &input)
        .await?
        .problem(409)?;
    Ok(())
}

#[tokio::test]
async fn a_portal_link_is_made_once_under_a_key_until_it_is_opened() -> Result<()> {
    let account = account();
    let (path, body) = ("/portal-links", json!({ "role": "view" }));
    let mut clients = JoinSet::new();
    for _ in 0..8 {
        let (account, body) = (account.clone(), body.clone());
        clients.spawn(async move { create(&account, path, "key", &body).await });
    }
    let mut links = Vec::new();
    for reply in clients.join_all().await {
        links.push(reply?.json(201)?);
    }
    let link = links.pop().context("a link")?;
    assert!(links.iter().all(|other| *other == link), "{links:?}");
    let other = create(&account, path, "another", &body).await?.json(201)?;
    assert_ne!(other["url"], link["url"]);
    let reused = create(&account, path, "key", &json!({})).await?;
    assert_eq!(reused.problem(422)?.code, "idempotency_key_reused");
    // The link of one API key is not for another.
    let input = json!({ "name": "App", "scopes": ["manage"] });
    let made = account.api.post("/v1/api-keys", &input).await?.json(201)?;
    let token = made["key"].as_str().context("a token")?;
    e2e::kept::secret(token.split_once('.').context("a secret")?.1)?;
    let app = Account {
        api: Service::shared().api_with_key(Some(token)),
        id: account.id.clone(),
    };
    create(&app, path, "key", &body).await?.problem(422)?;

    open(&account, &link).await?.json(201)?;
    create(&account, path, "key", &body)
        .await?
        .problem(409)?
        .says(&["was opened", "another key"])?;
    Ok(())
}

#[tokio::test]
async fn a_link_that_was_revoked_is_not_answered_again() -> Result<()> {
    let account = account();
    let (path, body) = ("/portal-links", json!({ "reusable": true }));
    let link = create(&account, path, "key", &body).await?.json(201)?;
    open(&account, &link).await?.json(201)?;
    let again = create(&account, path, "key", &body).await?.json(201)?;
    assert_eq!(again, link);
    let revoked = account.post("/portal-sessions/revoke", &json!({})).await?;
    revoked.empty(204)?;
    create(&account, path, "key", &body).await?.problem(409)?;
    Ok(())
}

#[tokio::test]
async fn no_store_has_a_link_that_opens_a_page() -> Result<()> {
    if !stores::are_files() {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let service = Service::at(folder.path(), Settings::default())?;
    let account = service.account();
    let made = create(&account, "/portal-links", "the-key", &json!({})).await?;
    let made = made.json(201)?;
    drop(service);
    let stored = e2e::kept::stored(folder.path())?;
    let has = |text: &str| {
        stored
            .windows(text.len())
            .any(|bytes| bytes == text.as_bytes())
    };
    let (_, bytes) = token(&made)?.split_once('.').context("a token")?;
    ensure!(has("the-key"), "the store was not read");
    ensure!(!has(bytes), "the link is in a store");
    Ok(())
}

fn token(link: &Value) -> Result<&str> {
    let url = link["url"].as_str().context("a url")?;
    Ok(url.split_once("token=").context("a token")?.1)
}

/// Opens a link as the dashboard does.
async fn open(account: &Account, link: &Value) -> Result<Reply> {
    let body = json!({ "token": token(link)? });
    account.post("/portal-sessions", &body).await
}

#[tokio::test]
async fn a_replay_under_a_key_sends_once() -> Result<()> {
    let account = account();
    account.hook("message.sent", URL).await?;
    let event = account.event("message.sent", &json!({})).await?;
    let replay = format!("/events/{}/replay", id(&event));
    let path = account.path(&replay);
    let first = post(&account.api, &path, "key", "").await?.json(202)?;
    account.hook("message.sent", URL).await?;
    let again = post(&account.api, &path, "key", "").await?.json(202)?;
    assert_eq!(again["deliveries"], first["deliveries"]);
    let deliveries = format!("/deliveries?event={}", id(&event));
    assert_eq!(account.ids(&deliveries).await?.len(), 2);
    let other = post(&account.api, &path, "other", "").await?.json(202)?;
    assert_eq!(other["deliveries"].as_array().map(Vec::len), Some(2));
    assert_eq!(account.ids(&deliveries).await?.len(), 4);
    Ok(())
}
