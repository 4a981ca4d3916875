//! Many at once: nothing that was answered with success gets lost.

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::{Account, Receiver, Reply, Service};
use http::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

const URL: &str = "http://127.0.0.1:9/";

/// What `count` clients get, each with a connection of its own, that all do `work` at once. `work`
/// gets the client's number.
async fn at_once<F>(
    account: &Account,
    count: usize,
    work: impl Fn(Account, usize) -> F,
) -> Result<Vec<Reply>>
where
    F: Future<Output = Result<Reply>> + Send + 'static,
{
    let mut clients = JoinSet::new();
    for number in 0..count {
        clients.spawn(work(account.clone(), number));
    }
    clients.join_all().await.into_iter().collect()
}

fn text(value: &Value, pointer: &str) -> String {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or("?")
        .to_owned()
}

#[tokio::test]
async fn fifty_clients_that_add_actions_to_one_trigger_leave_fifty_actions() -> Result<()> {
    const CLIENTS: usize = 50;
    let account = Service::shared().account();
    let receiver = Receiver::start().await?;
    let trigger = account
        .trigger(&json!({ "type": "message.sent", "name": "Crowded" }))
        .await?;
    let id = text(&trigger, "/id");

    let replies = at_once(&account, CLIENTS, |account, number| {
        let path = format!("/triggers/{id}/actions");
        let url = receiver.url(&format!("/{number}"));
        async move {
            account
                .post(&path, &json!({ "name": format!("{number}"), "url": url }))
                .await
        }
    })
    .await?;
    let mut made = BTreeSet::new();
    for reply in replies {
        made.insert(text(&reply.json(201)?, "/id"));
    }
    assert_eq!(made.len(), CLIENTS);

    let shown = account.get(&format!("/triggers/{id}")).await?.json(200)?;
    let shown = shown["actions"].as_array().context("actions")?;
    assert_eq!(
        shown
            .iter()
            .map(|action| text(action, "/id"))
            .collect::<BTreeSet<_>>(),
        made
    );
    assert_eq!(shown.len(), CLIENTS);

    // And each of them runs.
    let accepted = account.event("message.sent", &json!({})).await?;
    assert_eq!(
        accepted["deliveries"].as_array().map(Vec::len),
        Some(CLIENTS)
    );
    let came = receiver.received(CLIENTS).await?;
    assert_eq!(
        came.iter()
            .map(|webhook| &webhook.path)
            .collect::<BTreeSet<_>>()
            .len(),
        CLIENTS
    );
    Ok(())
}

#[tokio::test]
async fn fifty_clients_that_create_triggers_leave_fifty_each_listed_and_matched() -> Result<()> {
    const CLIENTS: usize = 50;
    let account = Service::shared().account();
    let replies = at_once(&account, CLIENTS, |account, number| async move {
        let action = json!({ "name": "A", "url": URL, "retry_schedule": [] });
        let trigger =
            json!({ "type": "message.sent", "name": format!("{number}"), "actions": [action] });
        account.post("/triggers", &trigger).await
    })
    .await?;
    let mut made = BTreeSet::new();
    for reply in replies {
        made.insert(text(&reply.json(201)?, "/id"));
    }
    assert_eq!(made.len(), CLIENTS);

    let listed = account.ids("/triggers").await?;
    assert_eq!(listed.len(), CLIENTS);
    assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), made);

    let accepted = account.event("message.sent", &json!({})).await?;
    let owed = accepted["deliveries"].as_array().context("deliveries")?;
    assert_eq!(owed.len(), CLIENTS);
    let matched: BTreeSet<_> = owed.iter().map(|owed| text(owed, "/trigger_id")).collect();
    assert_eq!(matched, made);
    Ok(())
}

#[tokio::test]
async fn twenty_clients_that_each_set_a_header_of_one_action_leave_twenty_headers() -> Result<()> {
    let account = Service::shared().account();
    let hook = account.hook("message.sent", URL).await?;
    let replies = at_once(&account, 20, |account, number| {
        let path = hook.action_path();
        let header = format!("x-{number}");
        async move {
            account
                .patch(&path, &json!({ "headers": { header: "set" } }))
                .await
        }
    })
    .await?;
    for reply in replies {
        reply.json(200)?;
    }
    let action = account.get(&hook.action_path()).await?.json(200)?;
    assert_eq!(
        action["headers"].as_object().map(serde_json::Map::len),
        Some(20),
        "{action}"
    );
    Ok(())
}

#[tokio::test]
async fn of_twenty_clients_with_one_tag_one_writes() -> Result<()> {
    let account = Service::shared().account();
    let hook = account.hook("message.sent", URL).await?;
    let tag = account.get(&hook.trigger_path()).await?.etag()?;
    let replies = at_once(&account, 20, |account, number| {
        let path = account.path(&hook.trigger_path());
        let tag = tag.clone();
        let patch = json!({ "name": format!("{number}") }).to_string();
        async move {
            let headers = [("content-type", "application/json"), ("if-match", &*tag)];
            account
                .api
                .send(Method::PATCH, &path, &headers, patch)
                .await
        }
    })
    .await?;
    let (written, refused): (Vec<_>, Vec<_>) =
        replies.into_iter().partition(|reply| reply.status == 200);
    assert_eq!(written.len(), 1);
    for reply in refused {
        reply.problem(412)?;
    }
    let shown = account.get(&hook.trigger_path()).await?.json(200)?;
    assert_eq!(shown, written[0].json(200)?);
    Ok(())
}

#[tokio::test]
async fn one_key_sent_by_twenty_clients_makes_one_event_and_nineteen_duplicates() -> Result<()> {
    const CLIENTS: usize = 20;
    let account = Service::shared().account();
    let receiver = Receiver::start().await?;
    account.hook("message.sent", &receiver.url("/")).await?;

    let replies = at_once(&account, CLIENTS, |account, _| async move {
        let event = json!({ "type": "message.sent", "data": { "n": 1 } });
        account.event_once("the-one-key", &event).await
    })
    .await?;
    let (new, duplicates): (Vec<_>, Vec<_>) =
        replies.into_iter().partition(|reply| reply.status == 202);
    assert_eq!((new.len(), duplicates.len()), (1, CLIENTS - 1));
    let mut expected = new[0].json(202)?;
    assert_eq!(expected["duplicate"], false);
    expected["duplicate"] = json!(true);
    for duplicate in duplicates {
        assert_eq!(duplicate.json(200)?, expected);
    }

    let delivery = text(&expected, "/deliveries/0/id");
    account.delivery_with(&delivery, "succeeded").await?;
    assert_eq!(account.ids("/events").await?, [text(&expected, "/id")]);
    assert_eq!(account.ids("/deliveries").await?, [delivery]);
    assert_eq!(receiver.so_far().len(), 1);
    Ok(())
}

#[tokio::test]
async fn one_key_for_twenty_different_events_at_once_takes_one_and_refuses_the_rest() -> Result<()>
{
    let account = Service::shared().account();
    let replies = at_once(&account, 20, |account, number| async move {
        let event = json!({ "type": "message.sent", "data": { "n": number } });
        account.event_once("contended", &event).await
    })
    .await?;
    let (new, refused): (Vec<_>, Vec<_>) =
        replies.into_iter().partition(|reply| reply.status == 202);
    assert_eq!(new.len(), 1);
    for reply in refused {
        assert_eq!(reply.problem(422)?.code, "idempotency_key_reused");
    }
    assert_eq!(
        account.ids("/events").await?,
        [text(&new[0].json(202)?, "/id")]
    );
    Ok(())
}

#[tokio::test]
async fn two_hundred_events_posted_at_once_each_arrive_once() -> Result<()> {
    const EVENTS: usize = 200;
    let account = Service::shared().account();
    let receiver = Receiver::start().await?;
    let hook = account.hook("message.sent", &receiver.url("/")).await?;
    let replies = at_once(&account, EVENTS, |account, number| async move {
        account
            .post(
                "/events",
                &json!({ "type": "message.sent", "data": { "n": number } }),
            )
            .await
    })
    .await?;
    let mut owed = BTreeSet::new();
    for reply in replies {
        owed.insert(text(&reply.json(202)?, "/deliveries/0/id"));
    }
    let came = receiver
        .received_within(EVENTS, Duration::from_secs(30))
        .await?;
    for id in &owed {
        account.delivery_with(id, "succeeded").await?;
    }
    let ids: BTreeSet<_> = came
        .iter()
        .map(|hook| hook.header("webhook-id").to_owned())
        .collect();
    assert_eq!(ids, owed);
    assert_eq!(receiver.so_far().len(), EVENTS, "one came twice");
    for webhook in came {
        webhook.verify(&hook.secret)?;
    }
    Ok(())
}

#[tokio::test]
async fn triggers_created_changed_and_deleted_at_once_end_as_they_were_answered() -> Result<()> {
    let account = Service::shared().account();
    for number in 0..12 {
        let action = json!({ "name": "A", "url": URL, "retry_schedule": [] });
        let name = format!("{number}");
        account
            .trigger(&json!({ "type": "message.sent", "name": name, "actions": [action] }))
            .await?;
    }
    let replies = at_once(&account, 24, |account, number| async move {
        let triggers = account.pages("/triggers?type=message.sent", 200).await?;
        let own = triggers
            .iter()
            .find(|trigger| text(trigger, "/name") == number.to_string());
        match own.map(|trigger| format!("/triggers/{}", text(trigger, "/id"))) {
            Some(path) if number % 3 == 0 => account.delete(&path).await,
            Some(path) if number % 3 == 1 => {
                account
                    .patch(&path, &json!({ "type": "message.failed" }))
                    .await
            }
            Some(path) => account.patch(&path, &json!({ "enabled": false })).await,
            None => {
                let action = json!({ "name": "A", "url": URL, "retry_schedule": [] });
                let new = json!({ "type": "message.sent", "name": "new", "actions": [action] });
                account.post("/triggers", &new).await
            }
        }
    })
    .await?;
    for reply in &replies {
        ensure!(reply.status.is_success(), "{reply:?}");
    }
    for (query, count) in [("", 20), ("?type=message.failed", 4), ("?enabled=false", 4)] {
        assert_eq!(
            account.ids(&format!("/triggers{query}")).await?.len(),
            count,
            "{query}"
        );
    }
    let owed = async |event_type: &str| -> Result<_> {
        let accepted = account.event(event_type, &json!({})).await?;
        Ok(accepted["deliveries"].as_array().map(Vec::len))
    };
    assert_eq!(owed("message.sent").await?, Some(12));
    assert_eq!(owed("message.failed").await?, Some(4));
    assert_eq!(account.ids("/deliveries?status=skipped").await?.len(), 4);
    Ok(())
}
