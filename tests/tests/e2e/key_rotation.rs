//! Rotation of `encryption_key`: what is stored moves under the newest key, and the old one can go.

use anyhow::{Context as _, Result, ensure};
use e2e::{Account, DEADLINE, Receiver, Service, Settings, eventually, has, kept, stores};
use http::Method;
use serde_json::{Value, json};

const OLD: &str = "b2xkLCBvbGQsIG9sZCwgb2xkLCBvbGQsIG9sZCwgISE=";
const NEW: &str = "bmV3LCBuZXcsIG5ldywgbmV3LCBuZXcsIG5ldywgISE=";
const VALUE: &str = "Bearer value-of-a-rotation";

fn with_keys(keys: &str) -> Settings {
    Settings::default().with("encryption_key", keys)
}

async fn encryption(service: &Service) -> Result<Value> {
    let usage = service.api().get("/v1/usage").await?.json(200)?;
    Ok(usage["encryption"].clone())
}

/// The account of before, in the service as it is now.
fn again(account: &Account, service: &Service) -> Account {
    Account {
        api: service.api(),
        id: account.id.clone(),
    }
}

/// Calls the run route until no value is left under an older key; the answer's member.
async fn moved(service: &Service) -> Result<Value> {
    eventually("the end of resealing", DEADLINE, || async {
        service.api().run().await?;
        let encryption = encryption(service).await?;
        let done = encryption["checked_at"].is_string();
        Ok(if done {
            Ok(encryption)
        } else {
            Err(encryption.to_string())
        })
    })
    .await
}

#[tokio::test]
async fn an_old_key_can_go_when_nothing_is_left_under_it() -> Result<()> {
    if !stores::are_files() {
        return Ok(());
    }
    kept::secret(VALUE)?;
    let folder = tempfile::tempdir()?;
    let receiver = Receiver::start().await?;
    let (account, hook, previous) = {
        let service = Service::at(folder.path(), with_keys(OLD))?;
        let account = service.account();
        let pair = account.post("/signing-keys", &json!({})).await?;
        pair.json(201)?;
        let action = json!({
            "name": "A", "url": receiver.url("/"), "headers": { "authorization": VALUE },
            "signature_schemes": ["v1", "v1a"],
        });
        let hook = account.hook_with("message.sent", action).await?;
        let rotate = format!("{}/secret/rotate", hook.action_path());
        let rotated = account.post(&rotate, &json!({})).await?.json(200)?;
        let current = rotated["secret"].as_str().context("a secret")?;
        // More than the one with headers, so that a run has several to move.
        for _ in 0..5 {
            account
                .hook("message.received", "http://127.0.0.1:9/")
                .await?;
        }
        let before = moved(&service).await?;
        has(&before, &json!({ "values_under_older_keys": 0 }))?;
        (account, hook, current.to_owned())
    };
    let (secret, previous) = (previous, hook.secret.clone());

    // The headers and two secrets of one action, the headers and secret of five, and a seed.
    let service = Service::at(folder.path(), with_keys(&format!("{NEW},{OLD}")))?;
    let account = again(&account, &service);
    let etag = account.get(&hook.action_path()).await?.etag()?;
    let before = encryption(&service).await?;
    let expected = json!({ "values_under_older_keys": 3 + 5 * 2 + 1, "checked_at": null });
    has(&before, &expected)?;
    let after = moved(&service).await?;
    has(
        &after,
        &json!({ "values_under_older_keys": 0, "key": before["key"] }),
    )?;
    // For callers nothing changed.
    assert_eq!(account.get(&hook.action_path()).await?.etag()?, etag);
    drop(service);

    let service = Service::at(folder.path(), with_keys(NEW))?;
    let account = again(&account, &service);
    has(
        &moved(&service).await?,
        &json!({ "values_under_older_keys": 0 }),
    )?;
    account.event("message.sent", &json!({})).await?;
    let webhook = receiver.only().await?;
    webhook.verify(&secret)?;
    webhook.verify(&previous)?;
    ensure!(
        webhook.header("webhook-signature").contains("v1a,"),
        "the key pair does not sign"
    );
    assert_eq!(webhook.header("authorization"), VALUE);
    Ok(())
}

#[tokio::test]
async fn a_key_that_went_too_early_is_missed_and_can_come_back() -> Result<()> {
    if !stores::are_files() {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let receiver = Receiver::start().await?;
    let (account, hook) = {
        let service = Service::at(folder.path(), with_keys(OLD))?;
        let account = service.account();
        let hook = account.hook("message.sent", &receiver.url("/")).await?;
        (account, hook)
    };
    let service = Service::at(folder.path(), with_keys(NEW))?;
    let left = moved(&service).await?;
    has(&left, &json!({ "values_under_older_keys": 2 }))?;
    drop(service);

    let service = Service::at(folder.path(), with_keys(&format!("{NEW},{OLD}")))?;
    let account = again(&account, &service);
    account.event("message.sent", &json!({})).await?;
    receiver.only().await?.verify(&hook.secret)?;
    has(
        &moved(&service).await?,
        &json!({ "values_under_older_keys": 0 }),
    )
}

#[tokio::test]
async fn an_api_key_is_answered_again_while_the_key_that_sealed_it_is_there() -> Result<()> {
    if !stores::are_files() {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let create = async |service: &Service| {
        let headers = [
            ("content-type", "application/json"),
            ("idempotency-key", "key"),
        ];
        let input = json!({ "name": "A", "scopes": ["read"] }).to_string();
        let api = service.api();
        api.send(Method::POST, "/v1/api-keys", &headers, input)
            .await
    };
    let at = |keys: &str| Service::at(folder.path(), with_keys(keys));
    let first = create(&at(OLD)?).await?.json(201)?;
    let token = first["key"].as_str().context("a token")?;
    kept::secret(token.split_once('.').context("a secret")?.1)?;
    let rotating = create(&at(&format!("{NEW},{OLD}"))?).await?;
    assert_eq!(rotating.json(201)?, first);
    let gone = create(&at(NEW)?).await?.problem(409)?;
    gone.says(&["encryption key", "not among those configured", "revoke"])?;
    Ok(())
}
