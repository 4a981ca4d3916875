//! The receiver for integrators (`cargo xtask receiver`): what the service makes of what it does.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use conformance_receiver::{Keys, Occurrence, Received, Server, Settings, Signer, Verdict};
use e2e::{Account, DEADLINE, Hook, Service, eventually, id, millis};
use serde_json::{Value, json};

/// A receiver that checks signatures with the secret of the action that sends to this path of it. The
/// action retries after an hour.
async fn receiver(account: &Account, path: &str) -> Result<(Server, Hook)> {
    // The secret is made with the action, so the action is there first.
    let action = json!({ "name": "A", "url": "http://127.0.0.1:9/", "retry_schedule": [3_600] });
    let hook = account.hook_with("message.sent", action).await?;
    let settings = Settings {
        keys: Keys::parse(&[&*hook.secret], &[])?,
        ..Settings::default()
    };
    let server = Server::start("127.0.0.1:0", settings).await?;
    let patch = json!({ "url": server.url(path) });
    account
        .patch(&hook.action_path(), &patch)
        .await?
        .json(200)?;
    Ok((server, hook))
}

/// Posts an event that is owed to one action; answers the delivery's id.
async fn post(account: &Account) -> Result<String> {
    let accepted = account.event("message.sent", &json!({ "n": 1 })).await?;
    let deliveries = accepted["deliveries"].as_array().context("deliveries")?;
    ensure!(deliveries.len() == 1, "{accepted}");
    Ok(id(&deliveries[0]).to_owned())
}

/// What the receiver has of this many webhooks, each of which has to verify.
async fn verified(server: &Server, count: usize) -> Result<Vec<Received>> {
    let received = tokio::time::timeout(DEADLINE, server.received(count as u64)).await?;
    ensure!(received.len() == count, "{received:?}");
    for webhook in &received {
        let verdict = &webhook.verdict;
        ensure!(
            *verdict == Verdict::Verified(vec![Signer::Secret(1)]),
            "{verdict}"
        );
    }
    Ok(received)
}

/// How long after its last attempt the next one is due.
fn delay(delivery: &Value) -> Result<Duration> {
    let attempts = delivery["attempts"].as_array().context("attempts")?;
    let attempt = attempts.last().context("an attempt")?;
    let duration = attempt["duration_ms"].as_i64().context("a duration")?;
    let ended = millis(&attempt["started_at"])? + duration;
    let delay = u64::try_from(millis(&delivery["next_attempt_at"])? - ended)?;
    Ok(Duration::from_millis(delay))
}

#[tokio::test]
async fn what_the_service_signs_verifies_and_what_another_secret_signs_does_not() -> Result<()> {
    let account = Service::shared().account();
    let (server, hook) = receiver(&account, "/hooks").await?;
    let delivery = post(&account).await?;
    account.delivery_with(&delivery, "succeeded").await?;
    let received = verified(&server, 1).await?;
    assert_eq!(received[0].id.as_deref(), Some(&*delivery));
    assert_eq!(received[0].event_type.as_deref(), Some("message.sent"));

    let rotate = format!("{}/secret/rotate", hook.action_path());
    let at_once = json!({ "overlap_seconds": 0 });
    account.post(&rotate, &at_once).await?.json(200)?;
    let delivery = account.attempted(&post(&account).await?, 1).await?;
    let attempt = &delivery["attempts"][0];
    assert_eq!(attempt["status_code"], 401);
    // Whoever looks into the history finds the reason there.
    let said = attempt["response_body"].as_str().unwrap_or_default();
    ensure!(said.contains("made with another secret"), "{attempt}");
    Ok(())
}

#[tokio::test]
async fn a_flaky_receiver_gets_the_webhook_with_the_second_attempt() -> Result<()> {
    let service = Service::shared();
    let account = service.account();
    let (server, _) = receiver(&account, "/flaky/1").await?;
    let delivery = account.attempted(&post(&account).await?, 1).await?;
    assert_eq!(delivery["status"], "pending");
    service.ledger().forward(&account, delay(&delivery)?)?;
    account.api.run().await?;
    let delivery = account.delivery_with(id(&delivery), "succeeded").await?;

    let attempts = delivery["attempts"].as_array().context("attempts")?.iter();
    let statuses: Vec<_> = attempts.map(|attempt| &attempt["status_code"]).collect();
    assert_eq!(statuses, [503, 200]);
    let received = verified(&server, 2).await?;
    let told: Vec<_> = received
        .iter()
        .map(|one| (one.id.as_deref(), one.attempt, one.occurrence))
        .collect();
    let id = Some(id(&delivery));
    assert_eq!(
        told,
        [(id, 1, Occurrence::First), (id, 2, Occurrence::Retry)]
    );
    Ok(())
}

#[tokio::test]
async fn a_receiver_that_says_gone_has_the_action_disabled() -> Result<()> {
    let account = Service::shared().account();
    let (server, hook) = receiver(&account, "/status/410").await?;
    account
        .delivery_with(&post(&account).await?, "failed")
        .await?;
    let disabled = eventually("a disabled action", DEADLINE, || async {
        let action = account.get(&hook.action_path()).await?.json(200)?;
        Ok(if action["enabled"] == false {
            Ok(action)
        } else {
            Err(action.to_string())
        })
    });
    let disabled = disabled.await?;
    let reason = disabled["disabled"]["reason"].as_str().unwrap_or_default();
    ensure!(reason.contains("410"), "{disabled}");
    verified(&server, 1).await?;
    Ok(())
}

#[tokio::test]
async fn a_receiver_that_asks_for_time_gets_it() -> Result<()> {
    let account = Service::shared().account();
    // The schedule's hour, give or take a fifth, would be over long before.
    let (server, _) = receiver(&account, "/status/429?retry-after=36000").await?;
    let delivery = account.attempted(&post(&account).await?, 1).await?;
    assert_eq!(delivery["attempts"][0]["status_code"], 429);
    let delay = delay(&delivery)?.as_secs();
    ensure!((35_999..=36_002).contains(&delay), "{delay} s");
    verified(&server, 1).await?;
    Ok(())
}
