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
        json!({ "secret_headers": [] }),
        json!({ "secret_headers": null }),
    ] {
        let problem = account.patch(&path, &reveal).await?.problem(422)?;
        problem.names("/secret_headers", &["authorization", "another value"])?;
    }
    let unknown = json!({ "secret_headers": ["authorization", "x-no"] });
    let problem = account.patch(&path, &unknown).await?.problem(422)?;
    problem.names("/secret_headers/1", &["no header"])?;

    // Another value may be shown, and one that is gone is no secret one.
    let other = json!({ "headers": { "authorization": "Basic open" }, "secret_headers": [] });
    let shown = account.patch(&path, &other).await?.json(200)?;
    assert_eq!(shown["headers"]["authorization"], "Basic open");
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
