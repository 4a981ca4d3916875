//! Restarts: what was answered 202 is sent, whatever happens to the process.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::{Account, Answer, Receiver, Service, eventually, id, millis};
use serde_json::{Value, json};

/// Posts an event that is owed to one action; answers the delivery's id.
async fn post(account: &Account, n: usize) -> Result<String> {
    let accepted = account.event("message.sent", &json!({ "n": n })).await?;
    ensure!(
        accepted["deliveries"].as_array().map(Vec::len) == Some(1),
        "{accepted}"
    );
    Ok(id(&accepted["deliveries"][0]).to_owned())
}

#[tokio::test]
async fn a_restart_between_event_and_run_loses_nothing() -> Result<()> {
    let mut service = Service::start()?;
    let account = service.account();
    let receiver = Receiver::start().await?;
    receiver.answer("/", Answer::status(503));
    let action = json!({ "name": "A", "url": receiver.url("/"), "retry_schedule": [1, 60] });
    let hook = account.hook_with("message.sent", action).await?;
    let delivery = post(&account, 1).await?;
    let waiting = account.attempted(&delivery, 1).await?;
    // Before its runner tries again.
    service.kill()?;
    receiver.answer("/", Answer::status(200));
    let due = millis(&waiting["next_attempt_at"])?;
    let now = jiff::Timestamp::now().as_millisecond();
    let left = u64::try_from(due + 1 - now).unwrap_or(0);
    tokio::time::sleep(Duration::from_millis(left)).await;
    service.restart()?;

    // Nobody was told of it, so it waits for a run.
    let account = Account {
        api: service.api(),
        ..account
    };
    assert_eq!(account.delivery(&delivery).await?["status"], "pending");
    let run = account.api.run().await?;
    let expected = json!({
        "claimed": 1, "succeeded": 1, "retrying": 0, "failed": 0, "next_due_at": null,
        "put_off": false,
    });
    assert_eq!(run, expected);

    let came = receiver.received(2).await?;
    came[1].verify(&hook.secret)?;
    assert_eq!(came[1].header("webhook-id"), delivery);
    let delivery = account.delivery(&delivery).await?;
    assert_eq!(delivery["status"], "succeeded");
    let codes = delivery["attempts"].as_array().context("attempts")?.iter();
    assert_eq!(
        codes
            .map(|attempt| &attempt["status_code"])
            .collect::<Vec<_>>(),
        [503, 200]
    );
    Ok(())
}

#[tokio::test]
async fn a_kill_right_after_the_202_and_amid_sending_loses_nothing() -> Result<()> {
    const EVENTS: usize = 30;
    let mut service = Service::start()?;
    let account = service.account();
    let receiver = Receiver::start().await?;
    receiver.answer("/", Answer::status(200).after(Duration::from_millis(40)));
    let hook = account.hook("message.sent", &receiver.url("/")).await?;
    let mut owed = BTreeSet::new();
    for n in 0..EVENTS {
        owed.insert(post(&account, n).await?);
    }
    // Some were sent, some are being sent, the last may not even be claimed.
    service.kill()?;
    service.restart()?;

    let account = Account {
        api: service.api(),
        ..account
    };
    assert_eq!(account.ids("/events").await?.len(), EVENTS);
    assert_eq!(
        account
            .ids("/deliveries")
            .await?
            .into_iter()
            .collect::<BTreeSet<_>>(),
        owed
    );
    // What a dead runner had claimed is free again when its lease is over, after 40 s.
    eventually(
        "the end of all deliveries",
        Duration::from_secs(90),
        || async {
            account
                .api
                .post("/v1/deliveries/run?budget_seconds=5", &Value::Null)
                .await?
                .json(200)?;
            let sent = account.ids("/deliveries?status=succeeded").await?.len();
            Ok(if sent == EVENTS {
                Ok(())
            } else {
                Err(format!("{sent} were sent"))
            })
        },
    )
    .await?;

    let came = receiver.so_far();
    let ids: BTreeSet<_> = came
        .iter()
        .map(|hook| hook.header("webhook-id").to_owned())
        .collect();
    assert_eq!(ids, owed, "each arrives at least once, under its own id");
    for webhook in &came {
        webhook.verify(&hook.secret)?;
    }
    for delivery in owed {
        let delivery = account.delivery(&delivery).await?;
        assert_eq!(
            delivery["attempt_count"], 1,
            "an attempt that was not recorded is not counted"
        );
    }
    Ok(())
}

#[tokio::test]
async fn triggers_events_and_secrets_outlive_the_process() -> Result<()> {
    let mut service = Service::start()?;
    let account = service.account();
    let receiver = Receiver::start().await?;
    let hook = account.hook("message.sent", &receiver.url("/")).await?;
    let event = json!({ "type": "message.sent", "data": { "n": 1 } });
    let first = account.event_once("key", &event).await?.json(202)?;
    account
        .delivery_with(id(&first["deliveries"][0]), "succeeded")
        .await?;
    let before = account.get(&hook.trigger_path()).await?;
    service.kill()?;
    service.restart()?;

    let account = Account {
        api: service.api(),
        ..account
    };
    let after = account.get(&hook.trigger_path()).await?;
    assert_eq!(after.json(200)?, before.json(200)?);
    assert_eq!(after.etag()?, before.etag()?);
    let again = account.event_once("key", &event).await?.json(200)?;
    assert_eq!(
        (&again["id"], &again["duplicate"]),
        (&first["id"], &json!(true))
    );
    account.event("message.sent", &json!({ "n": 2 })).await?;
    // The runner of before counts as alive for a few seconds, so the event may have woken nobody.
    account.api.run().await?;
    receiver.received(2).await?[1].verify(&hook.secret)
}

#[tokio::test]
async fn a_writer_that_died_blocks_the_others_for_a_while_at_most() -> Result<()> {
    let mut service = Service::start()?;
    let account = service.account();
    // Killed among writes, so that one is likely to hold the account's lease.
    let writers: Vec<_> = (0..20)
        .map(|n| {
            let account = account.clone();
            let trigger = json!({ "type": "message.sent", "name": format!("{n}") });
            tokio::spawn(async move { account.post("/triggers", &trigger).await?.json(201) })
        })
        .collect();
    eventually("the first trigger", e2e::DEADLINE, || async {
        let some = !account.ids("/triggers").await?.is_empty();
        Ok(if some {
            Ok(())
        } else {
            Err("none yet".to_owned())
        })
    })
    .await?;
    service.kill()?;
    let mut made = Vec::new();
    for writer in writers {
        if let Ok(trigger) = writer.await? {
            made.push(id(&trigger).to_owned());
        }
    }
    service.restart()?;

    let account = Account {
        api: service.api(),
        ..account
    };
    let last = eventually("a turn to write", Duration::from_secs(90), || async {
        let action = json!({ "name": "A", "url": "http://127.0.0.1:9/", "retry_schedule": [] });
        let trigger = json!({ "type": "message.sent", "name": "last", "actions": [action] });
        let reply = account.post("/triggers", &trigger).await?;
        Ok(if reply.status == 503 {
            Err("busy".to_owned())
        } else {
            Ok(reply.json(201)?)
        })
    })
    .await?;
    // What was answered 201 is there, and all that is there is listed and matched.
    let listed = account.ids("/triggers").await?;
    for id in made.iter().map(String::as_str).chain([id(&last)]) {
        ensure!(listed.iter().any(|listed| listed == id), "{id} is lost");
    }
    for id in &listed {
        account.get(&format!("/triggers/{id}")).await?.json(200)?;
        let action = json!({ "name": "A", "url": "http://127.0.0.1:9/", "retry_schedule": [] });
        if *id != e2e::id(&last) {
            account
                .post(&format!("/triggers/{id}/actions"), &action)
                .await?
                .json(201)?;
        }
    }
    let accepted = account.event("message.sent", &json!({})).await?;
    assert_eq!(
        accepted["deliveries"].as_array().map(Vec::len),
        Some(listed.len())
    );
    Ok(())
}
