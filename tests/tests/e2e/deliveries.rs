//! Deliveries: sent at once, recorded, tried again, and told in the history.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use e2e::{Account, Answer, Hook, Receiver, Service, has, id, millis};
use serde_json::{Value, json};

fn account() -> Account {
    Service::shared().account()
}

fn reason(delivery: &Value) -> &str {
    delivery["reason"].as_str().unwrap_or_default()
}

/// A port of the loopback interface where nobody listens.
fn dead_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Posts an event that is owed to one action; answers the delivery's id.
async fn post(account: &Account) -> Result<String> {
    let accepted = account.event("message.sent", &json!({ "n": 1 })).await?;
    let [delivery] = accepted["deliveries"]
        .as_array()
        .context("deliveries")?
        .as_slice()
    else {
        anyhow::bail!("one delivery: {accepted}");
    };
    Ok(id(delivery).to_owned())
}

/// A trigger whose only action has this URL and retries after these seconds.
async fn hook(account: &Account, url: &str, retry_schedule: &[u32]) -> Result<Hook> {
    let action = json!({ "name": "A", "url": url, "retry_schedule": retry_schedule });
    account.hook_with("message.sent", action).await
}

#[tokio::test]
async fn an_event_arrives_within_a_second_with_nobody_calling_run() -> Result<()> {
    // No other test's runner is around to find the delivery.
    let service = Service::start()?;
    let account = service.account();
    let receiver = Receiver::start().await?;
    hook(&account, &receiver.url("/"), &[]).await?;
    let mut fastest = Duration::MAX;
    for count in 1..=3 {
        let posted = Instant::now();
        let delivery = post(&account).await?;
        receiver.received(count).await?;
        fastest = fastest.min(posted.elapsed());
        account.delivery_with(&delivery, "succeeded").await?;
    }
    ensure!(
        fastest < Duration::from_secs(1),
        "the fastest of three took {fastest:?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_run_tells_what_it_did_and_when_the_next_is_due() -> Result<()> {
    let service = Service::start()?;
    let account = service.account();
    let idle = account.api.run().await?;
    let nothing = json!({
        "claimed": 0, "succeeded": 0, "retrying": 0, "failed": 0, "next_due_at": null,
        "put_off": false,
    });
    assert_eq!(idle, nothing);

    let receiver = Receiver::start().await?;
    receiver.answer("/", Answer::status(500));
    hook(&account, &receiver.url("/"), &[60]).await?;
    let delivery = post(&account).await?;
    let delivery = account.attempted(&delivery, 1).await?;
    let waiting = account.api.run().await?;
    let mut expected = nothing;
    expected["next_due_at"] = delivery["next_attempt_at"].clone();
    assert_eq!(waiting, expected);

    for (query, said) in [
        ("budget_seconds=26", "25"),
        ("budget_seconds=soon", "0 to"),
        ("wait=x", "wait"),
    ] {
        let path = format!("/v1/deliveries/run?{query}");
        account
            .api
            .post(&path, &Value::Null)
            .await?
            .problem(400)?
            .says(&[said])?;
    }
    account
        .api
        .post("/v1/deliveries/run?wait=false", &Value::Null)
        .await?
        .empty(202)
}

#[tokio::test]
async fn an_attempt_is_recorded_with_what_was_sent_and_what_came() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    let answer = Answer::status(201)
        .header("x-request-id", "r-1")
        .header("content-type", "text/plain; charset=utf-8")
        .body("thank you 🎉")
        .after(Duration::from_millis(30));
    receiver.answer("/", answer);
    let action = json!({
        "name": "A", "url": receiver.url("/"), "headers": { "authorization": "Bearer geheim" },
    });
    let hook = account.hook_with("message.sent", action).await?;
    let id = post(&account).await?;
    let delivery = account.delivery_with(&id, "succeeded").await?;
    let webhook = receiver.only().await?;

    let expected = json!({
        "id": id, "trigger_id": hook.trigger, "action_id": hook.action, "type": "message.sent",
        "status": "succeeded", "attempt_count": 1,
    });
    has(&delivery, &expected)?;
    ensure!(delivery.get("next_attempt_at").is_none(), "{delivery}");
    let [attempt] = delivery["attempts"]
        .as_array()
        .context("attempts")?
        .as_slice()
    else {
        anyhow::bail!("one attempt: {delivery}");
    };
    has(
        attempt,
        &json!({ "number": 1, "status_code": 201, "response_body": "thank you 🎉" }),
    )?;
    ensure!(attempt.get("error").is_none_or(Value::is_null), "{attempt}");
    let duration = attempt["duration_ms"].as_u64().context("a duration")?;
    ensure!((30..20_000).contains(&duration), "it took {duration} ms");
    let started = millis(&attempt["started_at"])?;
    ensure!(started >= millis(&delivery["created_at"])?, "{delivery}");
    assert_eq!(attempt["response_headers"]["x-request-id"], "r-1");
    assert_eq!(
        attempt["response_headers"]["content-type"],
        "text/plain; charset=utf-8"
    );
    for name in [
        "webhook-id",
        "webhook-timestamp",
        "webhook-signature",
        "content-type",
    ] {
        assert_eq!(
            attempt["request_headers"][name],
            webhook.header(name),
            "{name}"
        );
    }
    // The webhook carried it; the history does not tell it to everybody who may read that.
    assert_eq!(webhook.header("authorization"), "Bearer geheim");
    ensure!(!delivery.to_string().contains("geheim"), "{delivery}");
    Ok(())
}

#[tokio::test]
async fn a_long_answer_is_kept_up_to_its_cap() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    receiver.answer(
        "/",
        Answer::status(200).body("0123456789abcdef".repeat(64 * 1024)),
    );
    hook(&account, &receiver.url("/"), &[]).await?;
    let delivery = account
        .delivery_with(&post(&account).await?, "succeeded")
        .await?;
    let kept = delivery["attempts"][0]["response_body"]
        .as_str()
        .context("a body")?;
    assert_eq!(kept, "0123456789abcdef".repeat(1024), "16 KiB of 1 MiB");
    Ok(())
}

#[tokio::test]
async fn a_failed_attempt_is_put_off_by_five_seconds_give_or_take_a_fifth() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    receiver.answer("/", Answer::status(503).body("busy"));
    account.hook("message.sent", &receiver.url("/")).await?;
    let mut delays = Vec::new();
    for _ in 0..8 {
        let delivery = account.attempted(&post(&account).await?, 1).await?;
        assert_eq!(delivery["status"], "pending");
        assert_eq!(reason(&delivery), "status 503");
        let attempt = &delivery["attempts"][0];
        has(
            attempt,
            &json!({ "number": 1, "status_code": 503, "error": "status 503" }),
        )?;
        assert_eq!(attempt["response_body"], "busy");
        let duration = attempt["duration_ms"].as_i64().context("a duration")?;
        let ended = millis(&attempt["started_at"])? + duration;
        delays.push(millis(&delivery["next_attempt_at"])? - ended);
    }
    // The attempt's end is read a moment before the delay is counted from it.
    ensure!(
        delays.iter().all(|delay| (3_990..=7_000).contains(delay)),
        "{delays:?}"
    );
    // What failed together does not come back together.
    delays.sort_unstable();
    delays.dedup();
    ensure!(delays.len() > 4, "no jitter: {delays:?}");
    Ok(())
}

#[tokio::test]
async fn a_failed_delivery_is_tried_again_by_itself_under_the_same_id() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    receiver.answer_in_turn(
        "/",
        vec![
            Answer::status(500),
            Answer::status(429),
            Answer::status(204),
        ],
    );
    let hook = hook(&account, &receiver.url("/"), &[1, 1]).await?;
    let id = post(&account).await?;
    let delivery = account.delivery_with(&id, "succeeded").await?;

    let came = receiver.so_far();
    assert_eq!(came.len(), 3);
    for webhook in &came {
        webhook.verify(&hook.secret)?;
        assert_eq!(webhook.header("webhook-id"), id);
        assert_eq!(webhook.body, came[0].body);
    }
    let stamps: Vec<_> = came
        .iter()
        .map(|webhook| webhook.header("webhook-timestamp"))
        .collect();
    ensure!(
        stamps[0] < stamps[2],
        "each attempt has a time of its own: {stamps:?}"
    );

    assert_eq!(delivery["attempt_count"], 3);
    ensure!(
        delivery.get("reason").is_none_or(Value::is_null),
        "{delivery}"
    );
    let attempts = delivery["attempts"].as_array().context("attempts")?;
    let told: Vec<_> = attempts
        .iter()
        .map(|attempt| (&attempt["number"], &attempt["status_code"]))
        .collect();
    let expected = [json!([1, 500]), json!([2, 429]), json!([3, 204])];
    assert_eq!(told, expected.each_ref().map(|pair| (&pair[0], &pair[1])));
    Ok(())
}

#[tokio::test]
async fn a_delivery_whose_schedule_is_over_has_failed_and_says_after_how_many() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    receiver.answer("/", Answer::status(404));
    for (schedule, attempts, said) in [
        (&[][..], 1, "gave up after 1 attempt: status 404"),
        (&[1], 2, "gave up after 2 attempts: status 404"),
    ] {
        let hook = hook(&account, &receiver.url("/"), schedule).await?;
        let delivery = account
            .delivery_with(&post(&account).await?, "failed")
            .await?;
        assert_eq!(reason(&delivery), said);
        assert_eq!(delivery["attempt_count"], attempts);
        ensure!(delivery.get("next_attempt_at").is_none(), "{delivery}");
        account.delete(&hook.trigger_path()).await?.empty(204)?;
    }
    assert_eq!(receiver.so_far().len(), 3);
    Ok(())
}

#[tokio::test]
async fn every_status_but_2xx_is_a_failure() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    hook(&account, &receiver.url("/"), &[]).await?;
    for (status, outcome) in [
        (200, "succeeded"),
        (202, "succeeded"),
        (204, "succeeded"),
        (299, "succeeded"),
        (304, "failed"),
        (400, "failed"),
        (401, "failed"),
        (500, "failed"),
        (599, "failed"),
    ] {
        receiver.answer("/", Answer::status(status));
        let delivery = post(&account).await?;
        let settled = account.delivery_once(&delivery, |delivery| {
            !["pending", "delivering"].contains(&delivery["status"].as_str().unwrap_or("?"))
        });
        let settled = settled.await?;
        assert_eq!(settled["status"], outcome, "{status}");
        assert_eq!(settled["attempts"][0]["status_code"], status);
    }
    Ok(())
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_is_not_followed() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    for status in [301, 302, 307, 308] {
        let answer = Answer::status(status).header("location", receiver.url("/elsewhere"));
        receiver.answer("/", answer);
        let hook = hook(&account, &receiver.url("/"), &[]).await?;
        let delivery = account
            .delivery_with(&post(&account).await?, "failed")
            .await?;
        ensure!(reason(&delivery).contains("redirect"), "{delivery}");
        ensure!(
            reason(&delivery).contains(&status.to_string()),
            "{delivery}"
        );
        account.delete(&hook.trigger_path()).await?.empty(204)?;
    }
    assert!(receiver.so_far().iter().all(|webhook| webhook.path == "/"));
    Ok(())
}

#[tokio::test]
async fn why_nothing_could_be_sent_is_told_in_words() -> Result<()> {
    let account = account();
    let dead = dead_port()?;
    for (url, said) in [
        (format!("http://127.0.0.1:{dead}/"), "connection refused"),
        (format!("https://127.0.0.1:{dead}/"), "connection refused"),
        ("http://no-such-host.example/".to_owned(), "dns"),
    ] {
        let hook = hook(&account, &url, &[]).await?;
        let delivery = account
            .delivery_with(&post(&account).await?, "failed")
            .await?;
        ensure!(reason(&delivery).contains(said), "{url}: {delivery}");
        let attempt = &delivery["attempts"][0];
        ensure!(
            attempt["error"].as_str().unwrap_or_default().contains(said),
            "{attempt}"
        );
        ensure!(
            attempt.get("status_code").is_none_or(Value::is_null),
            "{attempt}"
        );
        account.delete(&hook.trigger_path()).await?.empty(204)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_receiver_that_speaks_no_tls_is_told_as_that() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    hook(&account, &receiver.url("/").replace("http:", "https:"), &[]).await?;
    let delivery = account
        .delivery_with(&post(&account).await?, "failed")
        .await?;
    ensure!(reason(&delivery).contains("tls"), "{delivery}");
    assert_eq!(receiver.so_far().len(), 0);
    Ok(())
}

#[tokio::test]
async fn a_receiver_that_hangs_is_given_up_after_the_actions_timeout() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    receiver.answer("/", Answer::status(200).after(Duration::from_secs(60)));
    let action = json!({
        "name": "A", "url": receiver.url("/"), "timeout_seconds": 1, "retry_schedule": [],
    });
    account.hook_with("message.sent", action).await?;
    let delivery = account
        .delivery_with(&post(&account).await?, "failed")
        .await?;
    ensure!(
        reason(&delivery).contains("timeout after 1 s"),
        "{delivery}"
    );
    let duration = delivery["attempts"][0]["duration_ms"]
        .as_u64()
        .context("a duration")?;
    ensure!((950..5_000).contains(&duration), "it took {duration} ms");
    Ok(())
}

#[tokio::test]
async fn a_receiver_that_hangs_does_not_hold_up_another() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    receiver.answer("/hangs", Answer::status(200).after(Duration::from_secs(60)));
    let hanging = hook(&account, &receiver.url("/hangs"), &[]).await?;
    post(&account).await?;
    receiver.received(1).await?;
    account
        .patch(&hanging.trigger_path(), &json!({ "enabled": false }))
        .await?
        .json(200)?;

    hook(&account, &receiver.url("/answers"), &[]).await?;
    let posted = Instant::now();
    account
        .delivery_with(&post(&account).await?, "succeeded")
        .await?;
    // The one that hangs takes 15 s.
    let took = posted.elapsed();
    ensure!(took < Duration::from_secs(5), "it took {took:?}");
    Ok(())
}

#[tokio::test]
async fn retry_after_puts_the_next_attempt_off() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    for (status, asked, range) in [
        (503, "120", 119_000..=122_000),
        (429, "120", 119_000..=122_000),
        // Only those two ask for it, and nobody brings an attempt forward.
        (500, "120", 1_500..=3_400),
        (503, "1", 1_500..=3_400),
        (503, "soon", 1_500..=3_400),
    ] {
        // An action for each: one whose receiver asked for a pause is held.
        let hook = hook(&account, &receiver.url("/"), &[2]).await?;
        receiver.answer("/", Answer::status(status).header("retry-after", asked));
        let delivery = account.attempted(&post(&account).await?, 1).await?;
        let attempt = &delivery["attempts"][0];
        let duration = attempt["duration_ms"].as_i64().context("a duration")?;
        let ended = millis(&attempt["started_at"])? + duration;
        let delay = millis(&delivery["next_attempt_at"])? - ended;
        ensure!(range.contains(&delay), "{status} and {asked}: {delay} ms");
        account.delete(&hook.trigger_path()).await?.empty(204)?;
    }
    Ok(())
}

/// Until when a delivery is held, in milliseconds from `since`; it has to say so.
fn held_for(delivery: &Value, since: i64) -> Result<i64> {
    has(delivery, &json!({ "status": "pending" }))?;
    let said = reason(delivery);
    let said_so = said.starts_with("held until") && said.contains("the receiver asked for it");
    ensure!(said_so, "{delivery}");
    Ok(millis(&delivery["next_attempt_at"])? - since)
}

#[tokio::test]
async fn a_receiver_that_asks_for_a_pause_gets_it_for_all_of_its_action() -> Result<()> {
    let (service, account) = (Service::shared(), account());
    let receiver = Receiver::start().await?;
    // After 9 KB of other headers, and for longer than a hold lasts.
    let mut later = Answer::status(429);
    for name in [
        "x-1", "x-2", "x-3", "x-4", "x-5", "x-6", "x-7", "x-8", "x-9",
    ] {
        later = later.header(name, "x".repeat(1_024));
    }
    let later = later.header("retry-after", "86400");
    receiver.answer_in_turn("/", vec![later, Answer::status(200)]);
    hook(&account, &receiver.url("/"), &[1]).await?;
    let first = post(&account).await?;
    let asked = account.attempted(&first, 1).await?;
    let ended = millis(&asked["attempts"][0]["started_at"])?;
    let delay = millis(&asked["next_attempt_at"])? - ended;
    ensure!((86_399_000..=86_410_000).contains(&delay), "{delay} ms");

    let is_held = |delivery: &Value| reason(delivery).starts_with("held");
    let mut waiting = Vec::new();
    for _ in 0..3 {
        let id = post(&account).await?;
        let held = account.delivery_once(&id, is_held).await?;
        let delay = held_for(&held, ended)?;
        ensure!((3_599_000..=3_610_000).contains(&delay), "{delay} ms");
        waiting.push(id);
    }
    // Neither does a retry by hand get around it, and says so.
    let retry = format!("/deliveries/{first}/retry");
    let retried = account.post(&retry, &json!({})).await?.json(202)?;
    ensure!(held_for(&retried, ended)? <= 3_610_000, "{retried}");
    service.api().run().await?;
    assert_eq!(receiver.so_far().len(), 1);

    service
        .ledger()
        .forward(&account, Duration::from_secs(3_700))?;
    service.api().run().await?;
    for id in waiting.iter().chain([&first]) {
        account.delivery_with(id, "succeeded").await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_pause_holds_no_other_action_and_a_success_meanwhile_does_not_end_it() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    let later = Answer::status(503).header("retry-after", "1800");
    let slow = Answer::status(200).after(Duration::from_millis(500));
    receiver.answer_in_turn("/", vec![slow, later]);
    let action = |path: &str| json!({ "name": path, "url": receiver.url(path) });
    let actions = [action("/"), action("/other")];
    let trigger = json!({ "type": "message.sent", "name": "T", "actions": actions });
    account.trigger(&trigger).await?;
    let post = async || -> Result<[String; 2]> {
        let event = account.event("message.sent", &json!({})).await?;
        let of = event["deliveries"].as_array().context("deliveries")?;
        Ok([id(&of[0]).to_owned(), id(&of[1]).to_owned()])
    };
    let first = post().await?;
    receiver.received(2).await?;
    let second = post().await?;
    account.attempted(&second[0], 1).await?;
    account.delivery_with(&first[0], "succeeded").await?;
    let third = post().await?;
    let is_held = |delivery: &Value| reason(delivery).starts_with("held");
    account.delivery_once(&third[0], is_held).await?;
    for [_, other] in [first, second, third] {
        account.delivery_with(&other, "succeeded").await?;
    }
    Ok(())
}

#[tokio::test]
async fn what_waits_for_a_retry_is_canceled_at_once_when_its_action_is_deleted() -> Result<()> {
    let receiver = Receiver::start().await?;
    receiver.answer("/", Answer::status(500));
    for said in ["trigger was deleted", "action was deleted"] {
        let account = account();
        let hook = hook(&account, &receiver.url("/"), &[86_400]).await?;
        let id = post(&account).await?;
        account.attempted(&id, 1).await?;
        let path = match said.starts_with("trigger") {
            true => hook.trigger_path(),
            false => hook.action_path(),
        };
        account.delete(&path).await?.empty(204)?;
        let delivery = account.delivery(&id).await?;
        has(&delivery, &json!({ "status": "canceled", "reason": said }))?;
        ensure!(delivery.get("next_attempt_at").is_none(), "{delivery}");
    }
    Ok(())
}

#[tokio::test]
async fn an_attempt_that_fails_after_its_action_was_deleted_is_not_repeated() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    let slow = Answer::status(500).after(Duration::from_millis(700));
    receiver.answer("/", slow);
    let hook = hook(&account, &receiver.url("/"), &[86_400]).await?;
    let id = post(&account).await?;
    receiver.received(1).await?;
    account.delete(&hook.action_path()).await?.empty(204)?;
    let delivery = account.delivery_with(&id, "canceled").await?;
    has(
        &delivery,
        &json!({ "attempt_count": 1, "reason": "action was deleted" }),
    )
}

#[tokio::test]
async fn what_is_deleted_or_disabled_is_not_retried_by_hand_and_the_answer_says_why() -> Result<()>
{
    let receiver = Receiver::start().await?;
    for (part, change) in [
        ("trigger", "deleted"),
        ("action", "deleted"),
        ("trigger", "disabled"),
        ("action", "disabled"),
    ] {
        let account = account();
        let hook = hook(&account, &receiver.url("/"), &[]).await?;
        let id = post(&account).await?;
        account.delivery_with(&id, "succeeded").await?;
        let path = match part {
            "trigger" => hook.trigger_path(),
            _ => hook.action_path(),
        };
        if change == "deleted" {
            account.delete(&path).await?.empty(204)?;
        } else {
            let off = json!({ "enabled": false });
            account.patch(&path, &off).await?.json(200)?;
        }
        let retry = format!("/deliveries/{id}/retry");
        let refused = account.post(&retry, &json!({})).await?.problem(409)?;
        refused.says(&[&format!("the {part} was {change}")])?;
        has(
            &account.delivery(&id).await?,
            &json!({ "status": "succeeded" }),
        )?;
    }
    Ok(())
}

#[tokio::test]
async fn a_recovery_that_ends_before_it_begins_is_refused() -> Result<()> {
    let range = json!({ "since": "2026-11-23T15:00:00Z", "until": "2026-11-23T14:00:00Z" });
    let refused = account()
        .post("/deliveries/recover", &range)
        .await?
        .problem(422)?;
    refused.names("/until", &["before since"])
}

#[tokio::test]
async fn a_recovery_leaves_out_what_is_deleted_or_disabled() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    receiver.answer("/", Answer::status(500));
    let mut hooks = Vec::new();
    for _ in 0..4 {
        hooks.push(hook(&account, &receiver.url("/"), &[]).await?);
    }
    let event = account.event("message.sent", &json!({})).await?;
    let deliveries = event["deliveries"].as_array().context("deliveries")?;
    for delivery in deliveries {
        account.delivery_with(id(delivery), "failed").await?;
    }
    let [deleted, without, disabled, left] = hooks.as_slice() else {
        anyhow::bail!("four triggers");
    };
    let paths = [deleted.trigger_path(), without.action_path()];
    for path in paths {
        account.delete(&path).await?.empty(204)?;
    }
    let patch = json!({ "enabled": false });
    let patched = account.patch(&disabled.action_path(), &patch).await?;
    patched.json(200)?;
    receiver.answer("/", Answer::status(200));
    let range = json!({ "since": "2020-01-01T00:00:00Z" });
    let recovered = account.post("/deliveries/recover", &range).await?;
    assert_eq!(recovered.json(202)?, json!({ "recovered": 1 }));
    for delivery in deliveries {
        let is_left = delivery["action_id"] == left.action.as_str();
        let status = if is_left { "succeeded" } else { "failed" };
        account.delivery_with(id(delivery), status).await?;
    }
    Ok(())
}

#[tokio::test]
async fn an_attempt_uses_the_action_as_it_is_then() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    receiver.answer("/old", Answer::status(500));
    let hook = hook(&account, &receiver.url("/old"), &[3]).await?;
    let id = post(&account).await?;
    account.attempted(&id, 1).await?;
    let patch = json!({ "url": receiver.url("/new"), "headers": { "x-new": "1" }, "name": "B" });
    account
        .patch(&hook.action_path(), &patch)
        .await?
        .json(200)?;
    let rotate = format!("{}/secret/rotate", hook.action_path());
    let rotated = account.post(&rotate, &json!({})).await?.json(200)?;

    account.delivery_with(&id, "succeeded").await?;
    let webhook = receiver.received(2).await?.remove(1);
    assert_eq!(webhook.path, "/new");
    assert_eq!(webhook.header("x-new"), "1");
    assert_eq!(webhook.header("webhook-id"), id);
    assert_eq!(webhook.json()?["action"]["name"], "B");
    webhook.verify(rotated["secret"].as_str().context("a secret")?)?;
    webhook.verify(&hook.secret)
}

#[tokio::test]
async fn what_is_deleted_or_disabled_before_a_retry_is_canceled_and_says_why() -> Result<()> {
    let receiver = Receiver::start().await?;
    receiver.answer("/", Answer::status(500));
    let mut waiting = Vec::new();
    for said in [
        "trigger was deleted",
        "action was deleted",
        "trigger was disabled",
        "action was disabled",
    ] {
        let account = account();
        let hook = hook(&account, &receiver.url("/"), &[3]).await?;
        let id = post(&account).await?;
        account.attempted(&id, 1).await?;
        let path = if said.starts_with("trigger") {
            hook.trigger_path()
        } else {
            hook.action_path()
        };
        if said.ends_with("deleted") {
            account.delete(&path).await?.empty(204)?;
        } else {
            account
                .patch(&path, &json!({ "enabled": false }))
                .await?
                .json(200)?;
        }
        waiting.push((account, id, said));
    }
    for (account, id, said) in waiting {
        let delivery = account.delivery_with(&id, "canceled").await?;
        ensure!(reason(&delivery).contains(said), "{said}: {delivery}");
        ensure!(delivery.get("next_attempt_at").is_none(), "{delivery}");
        // What was tried before stays in the history.
        assert_eq!(delivery["attempts"].as_array().map(Vec::len), Some(1));
    }
    assert_eq!(receiver.so_far().len(), 4);
    Ok(())
}

#[tokio::test]
async fn the_history_is_filtered_by_all_that_a_delivery_has() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    receiver.answer("/down", Answer::status(500));
    let up = hook(&account, &receiver.url("/up"), &[]).await?;
    let down = hook(&account, &receiver.url("/down"), &[]).await?;
    let umbrella = account
        .hook("participant.reminder_state_changed", &receiver.url("/up"))
        .await?;
    let first = account.event("message.sent", &json!({})).await?;
    // So that the two events have milliseconds of their own.
    tokio::time::sleep(Duration::from_millis(3)).await;
    let second = account.event("participant.confirmed", &json!({})).await?;
    let owed = |event: &Value, n: usize| id(&event["deliveries"][n]).to_owned();
    let (ok, failed, other) = (owed(&first, 0), owed(&first, 1), owed(&second, 0));
    for (delivery, status) in [
        (&ok, "succeeded"),
        (&failed, "failed"),
        (&other, "succeeded"),
    ] {
        account.delivery_with(delivery, status).await?;
    }
    let created = account.delivery(&other).await?["created_at"].clone();
    let created = created.as_str().context("a time")?;
    for (query, expected) in [
        (String::new(), vec![&ok, &failed, &other]),
        ("status=succeeded".into(), vec![&ok, &other]),
        ("status=failed".into(), vec![&failed]),
        ("status=canceled".into(), vec![]),
        (format!("trigger={}", down.trigger), vec![&failed]),
        (format!("action={}", umbrella.action), vec![&other]),
        (format!("event={}", id(&first)), vec![&ok, &failed]),
        ("type=participant.confirmed".into(), vec![&other]),
        ("type=participant.reminder_state_changed".into(), vec![]),
        (format!("since={created}"), vec![&other]),
        (format!("until={created}"), vec![&ok, &failed]),
        (
            format!(
                "event={}&status=succeeded&trigger={}",
                id(&first),
                up.trigger
            ),
            vec![&ok],
        ),
        (
            format!("event={}&trigger={}", id(&second), up.trigger),
            vec![],
        ),
    ] {
        let mut found = account.ids(&format!("/deliveries?{query}")).await?;
        let mut expected: Vec<_> = expected.into_iter().cloned().collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{query}");
    }
    for (query, said) in [
        ("status=lost", "pending"),
        ("trigger=act_01M84YEZVBW6JXWPY67HHVQ4GX", "trg_"),
        ("action=x", "act_"),
        ("event=x", "evt_"),
        ("type=message.snt", "message.sent"),
        ("since=today", "RFC 3339"),
        ("limit=-1", "1 to 200"),
        ("cursor=x", "cursor"),
        ("state=failed", "status"),
    ] {
        let problem = account
            .get(&format!("/deliveries?{query}"))
            .await?
            .problem(400)?;
        problem.says(&[said]).with_context(|| query.to_owned())?;
    }
    Ok(())
}

#[tokio::test]
async fn paging_leads_through_every_delivery_once_the_newest_first() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    let hook = hook(&account, &receiver.url("/"), &[]).await?;
    let actions = format!("{}/actions", hook.trigger_path());
    for name in ["B", "C"] {
        let action = json!({ "name": name, "url": receiver.url("/"), "retry_schedule": [] });
        account.post(&actions, &action).await?.json(201)?;
    }
    let mut owed = Vec::new();
    for _ in 0..5 {
        let accepted = account.event("message.sent", &json!({})).await?;
        let deliveries = accepted["deliveries"].as_array().context("deliveries")?;
        owed.extend(deliveries.iter().map(|delivery| id(delivery).to_owned()));
    }
    owed.sort();
    owed.reverse();
    for filter in ["", "?type=message.sent"] {
        for limit in [1, 4, 15, 16] {
            let listed = account
                .pages(&format!("/deliveries{filter}"), limit)
                .await?;
            assert_eq!(
                listed.iter().map(id).collect::<Vec<_>>(),
                owed,
                "{limit} a page"
            );
        }
    }
    let of_action = account
        .pages(&format!("/deliveries?action={}", hook.action), 2)
        .await?;
    assert_eq!(of_action.len(), 5);
    Ok(())
}

#[tokio::test]
async fn a_delivery_of_another_account_or_of_none_is_not_found() -> Result<()> {
    let (mine, theirs) = (account(), account());
    let receiver = Receiver::start().await?;
    let hook = hook(&mine, &receiver.url("/"), &[]).await?;
    let delivery = post(&mine).await?;
    theirs
        .get(&format!("/deliveries/{delivery}"))
        .await?
        .problem(404)?;
    for filter in [
        format!("trigger={}", hook.trigger),
        format!("action={}", hook.action),
    ] {
        assert_eq!(
            theirs.ids(&format!("/deliveries?{filter}")).await?,
            Vec::<String>::new()
        );
        assert_eq!(
            mine.ids(&format!("/deliveries?{filter}")).await?,
            [&*delivery]
        );
    }
    for nonsense in ["dlv_", "dlv_01M84YEZVBW6JXWPY67HHVQ4GX", "x"] {
        mine.get(&format!("/deliveries/{nonsense}"))
            .await?
            .problem(404)?
            .says(&[nonsense])?;
    }
    Ok(())
}
