//! Headers whose values are never shown again.

use anyhow::{Context as _, Result, ensure};
use e2e::{Account, Receiver, Service, has, kept};
use serde_json::{Value, json};

const VALUE: &str = "Bearer s3cr3t-of-the-receiver";

fn account() -> Account {
    Service::shared().account()
}

/// An action with a secret header and one that is not, and its path.
async fn action(account: &Account, receiver: &Receiver) -> Result<String> {
    kept::secret(VALUE)?;
    let action = json!({
        "name": "Desk", "url": receiver.url("/"),
        "headers": { "Authorization": VALUE, "x-team": "desk" },
        "secret_headers": ["AUTHORIZATION"],
    });
    Ok(account
        .hook_with("message.sent", action)
        .await?
        .action_path())
}

/// The headers that the receiver gets with the next event.
async fn sent(account: &Account, receiver: &Receiver) -> Result<[String; 2]> {
    receiver.forget();
    account.event("message.sent", &json!({})).await?;
    let webhook = receiver.only().await?;
    Ok(["authorization", "x-team"].map(|name| webhook.header(name).to_owned()))
}

#[tokio::test]
async fn a_secret_header_is_sent_and_shown_nowhere() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    let path = action(&account, &receiver).await?;
    assert_eq!(sent(&account, &receiver).await?, [VALUE, "desk"]);

    let shown = account.get(&path).await?.json(200)?;
    has(&shown, &json!({ "secret_headers": ["authorization"] }))?;
    assert_eq!(shown["headers"], json!({ "x-team": "desk" }));
    let preview = json!({ "type": "message.sent" });
    let preview = account.post("/events/preview", &preview).await?.json(200)?;
    let request = &preview["triggers"][0]["actions"][0]["request"];
    assert_eq!(request["headers"]["authorization"], "(not shown)");
    assert_eq!(request["headers"]["x-team"], "desk");
    let tested = account
        .post(&format!("{path}/test"), &json!({}))
        .await?
        .json(200)?;
    let deliveries = account.get("/deliveries").await?.json(200)?;
    let delivery = deliveries["data"][1]["id"].as_str().context("a delivery")?;
    let delivery = account
        .get(&format!("/deliveries/{delivery}"))
        .await?
        .json(200)?;
    let triggers = account.get("/triggers").await?.json(200)?;
    let export = account.get("/export").await?.json(200)?;
    for answer in [shown, preview, tested, delivery, triggers, export] {
        ensure!(!answer.to_string().contains("s3cr3t-of"), "{answer}");
    }
    Ok(())
}

#[tokio::test]
async fn a_secret_header_stays_secret_through_changes_until_it_has_another_value() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    let path = action(&account, &receiver).await?;
    // What was read can be sent back.
    let shown = account.get(&path).await?.json(200)?;
    let back = json!({
        "name": "Desk 2", "headers": shown["headers"], "secret_headers": shown["secret_headers"],
    });
    account.patch(&path, &back).await?.json(200)?;
    assert_eq!(sent(&account, &receiver).await?, [VALUE, "desk"]);

    for reveal in [
        json!({ "public_headers": ["Authorization"] }),
        json!({ "secret_headers": [], "public_headers": ["authorization"] }),
    ] {
        let problem = account.patch(&path, &reveal).await?.problem(422)?;
        problem.names("/public_headers", &["authorization", "another value"])?;
    }
    // Its name keeps it secret; that of another has to be listed.
    for none in [json!([]), json!(null)] {
        let patch = json!({ "secret_headers": none });
        let shown = account.patch(&path, &patch).await?.json(200)?;
        assert_eq!(shown["secret_headers"], json!(["authorization"]));
    }
    let listed = json!({ "headers": { "x-desk": VALUE }, "secret_headers": ["x-desk"] });
    account.patch(&path, &listed).await?.json(200)?;
    let reveal = json!({ "secret_headers": [] });
    let problem = account.patch(&path, &reveal).await?.problem(422)?;
    problem.names("/secret_headers", &["x-desk", "another value"])?;
    let without = json!({ "headers": { "x-desk": null } });
    account.patch(&path, &without).await?.json(200)?;
    let unknown = json!({ "secret_headers": ["authorization", "x-no"] });
    let problem = account.patch(&path, &unknown).await?.problem(422)?;
    problem.names("/secret_headers/1", &["no header"])?;

    // Another value may be shown, and one that is gone is no secret one.
    let other = json!({
        "headers": { "authorization": "Basic open" }, "public_headers": ["authorization"],
    });
    let shown = account.patch(&path, &other).await?.json(200)?;
    assert_eq!(shown["headers"]["authorization"], "Basic open");
    assert_eq!(shown["secret_headers"], json!([]));
    let shown = account.patch(&path, &json!({ "name": "Desk 3" })).await?;
    assert_eq!(shown.json(200)?["public_headers"], json!(["authorization"]));
    let secret = json!({ "secret_headers": ["authorization", "x-team"] });
    account.patch(&path, &secret).await?.json(200)?;
    let gone = json!({ "headers": { "authorization": null } });
    let shown = account.patch(&path, &gone).await?.json(200)?;
    has(
        &shown,
        &json!({ "headers": {}, "secret_headers": ["x-team"] }),
    )?;
    assert_eq!(sent(&account, &receiver).await?, ["", "desk"]);
    Ok(())
}

#[tokio::test]
async fn a_header_whose_name_sounds_secret_is_secret_unless_it_is_said_to_be_public() -> Result<()>
{
    let account = account();
    let headers = json!({
        "Authorization": VALUE, "Cookie": VALUE, "X-Api-Key": VALUE, "X-Auth-Token": VALUE,
        "X-Client-Secret": VALUE, "X-Password": VALUE, "X-Signature": VALUE,
        "X-Key-Id": "k1", "X-Team": "desk",
    });
    kept::secret(VALUE)?;
    let action = json!({
        "name": "A", "url": "http://127.0.0.1:9/", "headers": headers,
        "public_headers": ["X-Key-Id"],
    });
    let hook = account.hook_with("message.sent", action).await?;
    let shown = account.get(&hook.action_path()).await?.json(200)?;
    let expected = json!({
        "headers": { "x-key-id": "k1", "x-team": "desk" },
        "public_headers": ["x-key-id"],
    });
    has(&shown, &expected)?;
    ensure!(!shown.to_string().contains(VALUE), "{shown}");
    assert_eq!(shown["secret_headers"].as_array().map(Vec::len), Some(7));
    // One that comes later is secret, too.
    let later = json!({ "headers": { "x-hub-signature": VALUE } });
    let shown = account
        .patch(&hook.action_path(), &later)
        .await?
        .json(200)?;
    ensure!(!shown.to_string().contains(VALUE), "{shown}");

    let both = json!({ "secret_headers": ["x-key-id"], "public_headers": ["x-key-id"] });
    let problem = account.patch(&hook.action_path(), &both).await?;
    problem
        .problem(422)?
        .names("/public_headers/0", &["secret_headers"])?;
    let none = json!({ "public_headers": ["x-none"] });
    let problem = account.patch(&hook.action_path(), &none).await?;
    problem
        .problem(422)?
        .names("/public_headers/0", &["no header"])?;
    Ok(())
}

#[tokio::test]
async fn who_may_only_look_sees_no_value_of_a_header() -> Result<()> {
    let account = account();
    let action = json!({
        "name": "A", "url": "http://127.0.0.1:9/", "headers": { "x-team": "front-desk-7" },
    });
    let hook = account.hook_with("message.sent", action).await?;
    let of_scopes = async |scopes: Value| -> Result<Account> {
        let key = json!({ "name": "K", "scopes": scopes });
        let made = account.api.post("/v1/api-keys", &key).await?.json(201)?;
        let key = made["key"].as_str().context("a key")?;
        let (_, secret) = key.split_once('.').context("an id and a secret")?;
        kept::secret(secret)?;
        Ok(Account {
            api: Service::shared().api_with_key(Some(key)),
            id: account.id.clone(),
        })
    };
    let reader = of_scopes(json!(["read"])).await?;
    let manager = of_scopes(json!(["read", "manage"])).await?;
    let (trigger, action) = (hook.trigger_path(), hook.action_path());
    for path in [
        "/triggers",
        &trigger,
        &format!("{trigger}/actions"),
        &action,
    ] {
        let seen = reader.get(path).await?.json(200)?.to_string();
        ensure!(!seen.contains("front-desk-7"), "{path} {seen}");
        ensure!(seen.contains(r#""x-team":"(not shown)""#), "{path} {seen}");
        let seen = manager.get(path).await?.json(200)?.to_string();
        ensure!(seen.contains("front-desk-7"), "{path} {seen}");
    }
    // What was read so is no value.
    let back = json!({ "headers": { "x-team": "(not shown)" } });
    let problem = manager.patch(&action, &back).await?.problem(422)?;
    problem.names("/headers/x-team", &["not shown"])?;
    Ok(())
}

#[tokio::test]
async fn an_import_does_not_show_what_was_secret() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    let path = action(&account, &receiver).await?;
    let mut document = account.get("/export").await?.json(200)?;
    let entry = &mut document["triggers"][0]["actions"][0];
    assert_eq!(entry["secret_headers"], json!(["authorization"]));
    // As somebody would alter it who wants to see the value.
    entry["secret_headers"] = json!([]);
    entry["name"] = "Desk 2".into();
    let import: Value = json!({ "document": document });
    account.post("/import", &import).await?.json(200)?;
    let shown = account.get(&path).await?.json(200)?;
    has(
        &shown,
        &json!({ "name": "Desk 2", "secret_headers": ["authorization"] }),
    )?;
    assert_eq!(shown["headers"], json!({ "x-team": "desk" }));
    assert_eq!(sent(&account, &receiver).await?, [VALUE, "desk"]);
    Ok(())
}
