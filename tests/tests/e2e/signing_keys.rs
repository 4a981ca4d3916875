//! Webhooks that are signed with the account's key pair, and verified with what everybody can read.

use anyhow::{Context as _, Result, ensure};
use base64::{
    Engine as _, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD,
};
use e2e::{Account, Receiver, Service, Settings, Webhook, has, stores};
use ed25519_compact::{PublicKey, Signature};
use http::Method;
use serde_json::{Value, json};

/// The public keys of an account, as a receiver reads them: without a key.
async fn public_keys(service: &Service, account: &Account) -> Result<Vec<PublicKey>> {
    let path = format!("/webhook-keys/{}", account.id);
    let reply = service.api_with_key(None).get(&path).await?;
    assert_eq!(reply.header("cache-control"), Some("max-age=300"));
    let set = reply.json(200)?;
    let keys = set["keys"].as_array().context("keys")?.iter();
    let keys = keys.map(|key| {
        let x = URL_SAFE_NO_PAD.decode(key["x"].as_str().context("x")?)?;
        let whpk = key["whpk"].as_str().context("whpk")?;
        assert_eq!(STANDARD.decode(whpk.trim_start_matches("whpk_"))?, x);
        Ok(PublicKey::from_slice(&x)?)
    });
    keys.collect()
}

/// How many of a webhook's `v1a` signatures each of the keys verifies.
fn verified(webhook: &Webhook, keys: &[PublicKey]) -> Result<Vec<usize>> {
    let signed = format!(
        "{}.{}.",
        webhook.header("webhook-id"),
        webhook.header("webhook-timestamp")
    );
    let signed = [signed.as_bytes(), &webhook.body].concat();
    let signatures = webhook.header("webhook-signature").split(' ');
    let signatures = signatures.filter_map(|signature| signature.strip_prefix("v1a,"));
    let signatures: Vec<_> = signatures
        .map(|base64| Ok(Signature::from_slice(&STANDARD.decode(base64)?)?))
        .collect::<Result<_>>()?;
    let by = |key: &PublicKey| {
        signatures
            .iter()
            .filter(|one| key.verify(&signed, one).is_ok())
            .count()
    };
    Ok(keys.iter().map(by).collect())
}

fn action(receiver: &Receiver, schemes: &Value) -> Value {
    json!({ "name": "A", "url": receiver.url("/"), "signature_schemes": schemes })
}

#[tokio::test]
async fn a_webhook_signed_with_the_accounts_key_pair_verifies_under_its_public_key() -> Result<()> {
    let service = Service::shared();
    let account = service.account();
    let receiver = Receiver::start().await?;
    assert!(public_keys(service, &account).await?.is_empty());
    let trigger = json!({
        "type": "message.sent", "name": "T", "actions": [action(&receiver, &json!(["v1a"]))],
    });
    let problem = account.post("/triggers", &trigger).await?.problem(422)?;
    problem.names(
        "/actions/0/signature_schemes",
        &["no key pair yet", "signing-keys"],
    )?;

    let made = account.post("/signing-keys", &json!({})).await?.json(201)?;
    has(&made, &json!({ "expires_at": null }))?;
    let hook = account
        .hook_with("message.sent", action(&receiver, &json!(["v1a"])))
        .await?;
    account.event("message.sent", &json!({ "n": 1 })).await?;
    let webhook = receiver.only().await?;
    let keys = public_keys(service, &account).await?;
    assert_eq!(verified(&webhook, &keys)?, [1]);
    ensure!(
        !webhook.header("webhook-signature").contains("v1,"),
        "a secret signed, too"
    );
    // Another account's key is another.
    let other = service.account();
    other.post("/signing-keys", &json!({})).await?.json(201)?;
    assert_eq!(
        verified(&webhook, &public_keys(service, &other).await?)?,
        [0]
    );

    // Both, for receivers that are about to change over.
    let both = json!({ "signature_schemes": ["v1a", "v1"] });
    let shown = account.patch(&hook.action_path(), &both).await?.json(200)?;
    assert_eq!(shown["signature_schemes"], json!(["v1", "v1a"]));
    receiver.forget();
    account.event("message.sent", &json!({ "n": 2 })).await?;
    let webhook = receiver.only().await?;
    assert_eq!(verified(&webhook, &keys)?, [1]);
    webhook.verify(&hook.secret)?;
    let preview = account
        .post("/events/preview", &json!({ "type": "message.sent" }))
        .await?;
    let preview = preview.json(200)?;
    let webhook = previewed(&preview["triggers"][0]["actions"][0]["request"])?;
    assert_eq!(verified(&webhook, &keys)?, [1]);
    webhook.verify(&hook.secret)
}

/// The request of a preview, as a receiver would get it.
fn previewed(request: &Value) -> Result<Webhook> {
    let headers = request["headers"].as_object().context("headers")?;
    let header = |(name, value): (&String, &Value)| {
        Ok((name.parse()?, value.as_str().context("a value")?.parse()?))
    };
    Ok(Webhook {
        method: Method::POST,
        path: "/".into(),
        headers: headers.into_iter().map(header).collect::<Result<_>>()?,
        body: request["body"]
            .as_str()
            .context("a body")?
            .to_owned()
            .into(),
    })
}

#[tokio::test]
async fn while_key_pairs_overlap_both_verify() -> Result<()> {
    let service = Service::shared();
    let account = service.account();
    let receiver = Receiver::start().await?;
    account.post("/signing-keys", &json!({})).await?.json(201)?;
    account
        .hook_with("message.sent", action(&receiver, &json!(["v1a"])))
        .await?;
    account
        .post("/signing-keys", &json!({ "overlap_seconds": 600 }))
        .await?
        .json(201)?;
    account.event("message.sent", &json!({})).await?;
    let webhook = receiver.only().await?;
    let keys = public_keys(service, &account).await?;
    assert_eq!(verified(&webhook, &keys)?, [1, 1]);
    let listed = account.get("/signing-keys").await?.json(200)?;
    ensure!(listed["data"][1]["expires_at"].is_string(), "{listed}");

    account
        .post("/signing-keys", &json!({ "overlap_seconds": 0 }))
        .await?
        .json(201)?;
    let keys = public_keys(service, &account).await?;
    assert_eq!(verified(&webhook, &keys)?, [0], "those before sign no more");
    // One too many is refused; without an overlap there is always room.
    for _ in 0..4 {
        account.post("/signing-keys", &json!({})).await?.json(201)?;
    }
    let listed = account.get("/signing-keys").await?.json(200)?;
    let ends = listed["data"].as_array().into_iter().flatten();
    let first_end = ends.filter_map(|key| key["expires_at"].as_str()).min();
    let problem = account.post("/signing-keys", &json!({})).await?;
    problem
        .problem(409)?
        .says(&[first_end.context("an end")?])?;
    assert_eq!(account.get("/signing-keys").await?.json(200)?, listed);
    account
        .post("/signing-keys", &json!({ "overlap_seconds": 0 }))
        .await?
        .json(201)?;
    assert_eq!(public_keys(service, &account).await?.len(), 1);
    let long = json!({ "overlap_seconds": 604_801 });
    account
        .post("/signing-keys", &long)
        .await?
        .problem(422)?
        .names("/overlap_seconds", &[])?;
    Ok(())
}

#[tokio::test]
async fn a_purge_takes_the_key_pairs_and_no_store_tells_the_private_half() -> Result<()> {
    if !stores::are_files() {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let service = Service::at(folder.path(), Settings::default())?;
    let account = service.account();
    account.post("/signing-keys", &json!({})).await?.json(201)?;
    let stored = e2e::kept::stored(folder.path())?;
    let has = |text: &[u8]| stored.windows(text.len()).any(|bytes| bytes == text);
    ensure!(has(b"whpk_"), "the store was not read");
    ensure!(!has(b"whsk_"), "a private half is in a store");
    account.delete("").await?.empty(204)?;
    assert!(public_keys(&service, &account).await?.is_empty());
    Ok(())
}
