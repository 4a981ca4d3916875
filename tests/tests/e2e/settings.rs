//! Settings: what each of them changes, and what is said when one is wrong.

use anyhow::{Result, ensure};
use e2e::{Account, ENCRYPTION_KEY, Receiver, Service, Settings};
use serde_json::json;

async fn refusal_of(account: &Account, url: &str) -> Result<String> {
    let action = json!({ "name": "A", "url": url });
    let trigger = json!({ "type": "message.sent", "name": "T", "actions": [action] });
    let problem = account.post("/triggers", &trigger).await?.problem(422)?;
    problem.names("/actions/0/url", &[])?;
    Ok(problem.errors[0].1.clone())
}

#[tokio::test]
async fn while_api_keys_rotate_each_of_them_opens() -> Result<()> {
    let service = Service::with(Settings::default().with("api_key", "the new one, the-old-one"))?;
    for (key, status) in [
        ("the new one", 200),
        ("the-old-one", 200),
        ("the new one, the-old-one", 401),
        ("the", 401),
    ] {
        let reply = service
            .api_with_key(Some(key))
            .get("/v1/event-types")
            .await?;
        assert_eq!(reply.status, status, "{key}");
    }
    // The service's own requests carry one that opens.
    let receiver = Receiver::start().await?;
    let api = service.api_with_key(Some("the-old-one"));
    let account = Account {
        api,
        ..service.account()
    };
    account.hook("message.sent", &receiver.url("/")).await?;
    account.event("message.sent", &json!({})).await?;
    receiver.only().await?;
    Ok(())
}

#[tokio::test]
async fn private_targets_are_refused_unless_they_are_allowed() -> Result<()> {
    let settings = Settings::default()
        .with("allow_private_targets", "false")
        .with("public_url", "https://hooks.example.com/base");
    let service = Service::with(settings)?;
    let account = service.account();
    for url in [
        "http://127.0.0.1:9/",
        "http://localhost/",
        "http://10.0.0.1/",
        "http://0x7f.1/",
        "http://[::1]/",
    ] {
        let refusal = refusal_of(&account, url).await?;
        ensure!(refusal.contains("public"), "{url}: {refusal}");
    }
    // Its own address is no target either, on whatever path.
    let refusal = refusal_of(&account, "https://hooks.example.com/v1/health").await?;
    ensure!(refusal.contains("itself"), "{refusal}");
    account.is_empty().await?;
    account
        .hook("message.sent", "https://receiver.example.com/")
        .await?;
    Ok(())
}

#[tokio::test]
async fn a_setting_that_is_wrong_is_named_and_its_value_is_not() -> Result<()> {
    for (name, value) in [
        ("encryption_key", "not-32-bytes"),
        ("allow_private_targets", "perhaps"),
        ("ledger_durability", "sometimes"),
    ] {
        let service = Service::with(Settings::default().with(name, value))?;
        let account = service.account();
        let trigger = json!({
            "type": "message.sent", "name": "T",
            "actions": [{ "name": "A", "url": "http://127.0.0.1:9/" }],
        });
        let problem = account.post("/triggers", &trigger).await?.problem(500)?;
        problem.says(&[name])?;
        assert_eq!(problem.code, "misconfigured");
        if name == "encryption_key" {
            ensure!(
                !problem.body.to_string().contains(value),
                "{}",
                problem.body
            );
            ensure!(!service.logs().contains(value), "the log has the key");
        }
    }
    Ok(())
}

#[tokio::test]
async fn any_of_several_encryption_keys_opens_and_a_missing_one_is_told() -> Result<()> {
    let new = "b3RoZXIsIG90aGVyLCBvdGhlciwgMzIgYnl0ZXMhISE=";
    let rotating = format!("{new}, {ENCRYPTION_KEY}");
    let data = tempfile::tempdir()?;
    let receiver = Receiver::start().await?;
    let start = |keys: &str| {
        Service::at(
            data.path(),
            Settings::default().with("encryption_key", keys),
        )
    };

    let service = start(ENCRYPTION_KEY)?;
    let account = service.account();
    let hook = account.hook("message.sent", &receiver.url("/")).await?;
    drop(service);

    let service = start(&rotating)?;
    let account = Account {
        api: service.api(),
        ..account
    };
    let secret = format!("{}/secret", hook.action_path());
    assert_eq!(
        account.get(&secret).await?.json(200)?["secret"],
        hook.secret
    );
    account.event("message.sent", &json!({})).await?;
    receiver.only().await?.verify(&hook.secret)?;
    drop(service);

    let service = start(new)?;
    let account = Account {
        api: service.api(),
        ..account
    };
    let problem = account.get(&secret).await?.problem(500)?;
    problem.says(&["encryption key"])?;
    assert_eq!(problem.code, "misconfigured");
    Ok(())
}

#[tokio::test]
async fn an_account_has_as_many_triggers_and_a_trigger_as_many_actions_as_are_set() -> Result<()> {
    let settings = Settings::default()
        .with("max_triggers", "2")
        .with("max_actions", "1");
    let service = Service::with(settings)?;
    let account = service.account();
    let action = json!({ "name": "A", "url": "http://127.0.0.1:9/" });
    let trigger = |actions: &[serde_json::Value]| json!({ "type": "message.sent", "name": "T", "actions": actions });
    let two = trigger(&[action.clone(), action.clone()]);
    let problem = account.post("/triggers", &two).await?.problem(422)?;
    problem.names("/actions", &["at most 1"])?;
    let made = account
        .trigger(&trigger(std::slice::from_ref(&action)))
        .await?;
    let actions = format!("/triggers/{}/actions", e2e::id(&made));
    let problem = account.post(&actions, &action).await?.problem(422)?;
    problem.names("/actions", &["at most 1"])?;
    account.trigger(&trigger(&[])).await?;
    let problem = account
        .post("/triggers", &trigger(&[]))
        .await?
        .problem(422)?;
    problem.says(&["at most 2 triggers"])?;
    // Neither comes in by an import.
    let other = service.account();
    let mut document = account.get("/export").await?.json(200)?;
    let copy = document["triggers"][1].clone();
    document["triggers"] = json!([copy, copy, copy]);
    for (number, trigger) in (0..).zip(document["triggers"].as_array_mut().into_iter().flatten()) {
        trigger["id"] = format!("trg_01M84Z34MRJWA9RQ9QBPKQ678{number}").into();
    }
    let import = json!({ "document": document });
    let problem = other.post("/import", &import).await?.problem(422)?;
    problem.names("/document/triggers", &["at most 2"])?;
    other.is_empty().await?;

    let service = Service::with(Settings::default().with("max_triggers", "1001"))?;
    let problem = service
        .account()
        .post("/triggers", &trigger(&[]))
        .await?
        .problem(500)?;
    problem.says(&["max_triggers", "1 to 1000"])
}
