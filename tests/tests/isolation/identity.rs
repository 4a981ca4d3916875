//! An account that takes another's ids.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use e2e::{Account, Answer, Receiver, Service, id};
use serde_json::{Value, json};

use crate::{alone, victim::Victim};

/// The ids of all triggers and actions of an account.
async fn ids(account: &Account) -> Result<BTreeSet<String>> {
    let mut ids = BTreeSet::new();
    for trigger in account.pages("/triggers", 200).await? {
        ids.insert(id(&trigger).to_owned());
        let actions = trigger["actions"].as_array().into_iter().flatten();
        ids.extend(actions.map(|action| id(action).to_owned()));
    }
    Ok(ids)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_with_anothers_ids_changes_nothing_of_the_other() -> Result<()> {
    let _alone = alone().await;
    let service = Service::start()?;
    let victim = Victim::of(&service).await?;
    let attacker = service.account();
    let failing = Receiver::start().await?;
    failing.answer("/", Answer::status(500));

    // What the attacker can know: ids are in each webhook's body.
    let action = json!({
        "id": victim.hook.action, "name": "Mine", "url": failing.url("/"), "ordered": true,
        "retry_schedule": [1, 1, 1, 1, 1, 1],
    });
    let trigger = json!({
        "id": victim.hook.trigger, "type": "message.sent", "name": "Mine", "actions": [action],
    });
    for names in [&attacker.id, &victim.account.id] {
        let mut document = attacker.get("/export").await?.json(200)?;
        document["account"] = json!(names);
        document["triggers"] = json!([trigger]);
        attacker
            .post("/import", &json!({ "document": document }))
            .await?
            .json(200)?;
    }
    let (own, others) = (ids(&attacker).await?, ids(&victim.account).await?);
    ensure!(own.len() == 2, "the same document twice makes {own:?}");
    ensure!(own.is_disjoint(&others), "{own:?}");

    // An ordered queue whose head fails, and an action that is failing.
    let event = attacker.event("message.sent", &json!({})).await?;
    let delivery = id(&event["deliveries"][0]).to_owned();
    attacker.delivery_with(&delivery, "failed").await?;
    victim
        .notices_nothing_of(async {
            loop {
                attacker.event("message.sent", &json!({})).await?;
            }
        })
        .await?;
    let path = victim.hook.action_path();
    let action: Value = victim.account.get(&path).await?.json(200)?;
    let health = &action["health"];
    ensure!(
        health["consecutive_failures"] == 0 && health["last_failure_at"].is_null(),
        "{health}"
    );
    Ok(())
}
