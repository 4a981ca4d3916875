//! Actions whose webhooks go one after the other, or only so fast.

use anyhow::{Context as _, Result, ensure};
use e2e::{Account, Answer, DEADLINE, Receiver, Service, Webhook, eventually, has, id, millis};
use serde_json::{Value, json};

/// Posts so many events at once, and returns the ids of their deliveries.
async fn post(account: &Account, count: usize) -> Result<Vec<String>> {
    let events = vec![json!({ "type": "message.sent", "data": {} }); count];
    let accepted = account.post("/events", &json!(events)).await?.json(202)?;
    let accepted = accepted.as_array().context("an array")?;
    let ids = accepted
        .iter()
        .map(|event| id(&event["deliveries"][0]).to_owned());
    let mut ids: Vec<_> = ids.collect();
    // Those of one moment have an order that nobody chose.
    ids.sort_unstable();
    Ok(ids)
}

fn ids(webhooks: &[Webhook]) -> Vec<&str> {
    webhooks
        .iter()
        .map(|webhook| webhook.header("webhook-id"))
        .collect()
}

fn action(receiver: &Receiver, more: &Value) -> Value {
    let mut action = json!({ "name": "A", "url": receiver.url("/"), "retry_schedule": [1] });
    for (name, value) in more.as_object().into_iter().flatten() {
        action[name] = value.clone();
    }
    action
}

/// When each attempt of these deliveries began and ended, in milliseconds, the first first.
async fn attempts(account: &Account, deliveries: &[String]) -> Result<Vec<(i64, i64)>> {
    let mut attempts = Vec::new();
    for delivery in deliveries {
        let shown = account.delivery(delivery).await?;
        for attempt in shown["attempts"].as_array().into_iter().flatten() {
            let began = millis(&attempt["started_at"])?;
            let took = attempt["duration_ms"].as_i64().context("a duration")?;
            attempts.push((began, began + took));
        }
    }
    attempts.sort_unstable();
    Ok(attempts)
}

#[tokio::test]
async fn ordered_webhooks_go_one_at_a_time_in_the_order_of_their_events() -> Result<()> {
    let service = Service::shared();
    let account = service.account();
    let receiver = Receiver::start().await?;
    let takes = std::time::Duration::from_millis(20);
    receiver.answer("/", Answer::status(200).after(takes));
    let ordered = action(&receiver, &json!({ "ordered": true }));
    account.hook_with("message.sent", ordered).await?;
    let mut posted = Vec::new();
    // Some at once, and some while those are being sent.
    for _ in 0..4 {
        posted.extend(post(&account, 5).await?);
    }
    let received = receiver.received(20).await?;
    assert_eq!(ids(&received), posted);
    account.delivery_with(&posted[19], "succeeded").await?;
    for two in attempts(&account, &posted).await?.windows(2) {
        ensure!(two[1].0 >= two[0].1, "two at a time: {two:?}");
    }
    Ok(())
}

#[tokio::test]
async fn one_that_fails_holds_up_the_others_until_it_is_through() -> Result<()> {
    let service = Service::shared();
    let account = service.account();
    let receiver = Receiver::start().await?;
    let [failed, fine] = [500, 200].map(Answer::status);
    // The first succeeds at its second attempt; the second is given up after two.
    let answers = vec![failed.clone(), fine.clone(), failed.clone(), failed, fine];
    receiver.answer_in_turn("/", answers);
    let ordered = action(&receiver, &json!({ "ordered": true }));
    account.hook_with("message.sent", ordered).await?;
    let posted = post(&account, 3).await?;
    let [first, second, third] = [0, 1, 2].map(|place| posted[place].as_str());
    let received = receiver.received(5).await?;
    assert_eq!(ids(&received), [first, first, second, second, third]);
    account.delivery_with(first, "succeeded").await?;
    account.delivery_with(second, "failed").await?;
    account.delivery_with(third, "succeeded").await?;
    Ok(())
}

#[tokio::test]
async fn while_one_is_tried_again_later_the_others_wait_and_say_so() -> Result<()> {
    let service = Service::shared();
    let account = service.account();
    let receiver = Receiver::start().await?;
    receiver.answer_in_turn("/", vec![Answer::status(503), Answer::status(200)]);
    let ordered = json!({ "ordered": true, "retry_schedule": [3_600] });
    let ordered = action(&receiver, &ordered);
    let hook = account.hook_with("message.sent", ordered).await?;
    let posted = post(&account, 3).await?;
    account.attempted(&posted[0], 1).await?;
    let waits = |delivery: &Value| delivery["reason"] == "waits for its turn";
    for waiting in &posted[1..] {
        let shown = account.delivery_once(waiting, waits).await?;
        assert_eq!(shown["status"], "pending");
        assert!(shown.get("next_attempt_at").is_none(), "{shown}");
    }
    // Somebody who does not want them to wait any more says so; the next run sees it.
    account
        .patch(&hook.action_path(), &json!({ "ordered": false }))
        .await?
        .json(200)?;
    account
        .post(&format!("/deliveries/{}/cancel", posted[0]), &json!({}))
        .await?
        .json(202)?;
    service.api().run().await?;
    for waiting in &posted[1..] {
        account.delivery_with(waiting, "succeeded").await?;
    }
    Ok(())
}

#[tokio::test]
async fn when_its_action_is_off_a_line_is_canceled() -> Result<()> {
    let service = Service::shared();
    let account = service.account();
    let receiver = Receiver::start().await?;
    receiver.answer("/", Answer::status(410));
    let ordered = action(&receiver, &json!({ "ordered": true }));
    account.hook_with("message.sent", ordered).await?;
    let posted = post(&account, 30).await?;
    account.delivery_with(&posted[0], "failed").await?;
    eventually("the end of all deliveries", DEADLINE, async || {
        service.api().run().await?;
        let left = account.unsettled().await?.len();
        Ok((left == 0).then_some(()).ok_or(format!("{left} left")))
    })
    .await?;
    // The next one may have been on its way when the first was refused.
    let sent = receiver.so_far().len();
    let canceled = account.pages("/deliveries?status=canceled", 100).await?;
    assert_eq!(canceled.len() + sent, 30);
    ensure!(sent <= 3, "{sent} were sent to a receiver that is gone");
    Ok(())
}

#[tokio::test]
async fn no_more_go_in_a_second_than_the_action_says() -> Result<()> {
    let service = Service::shared();
    let account = service.account();
    let receiver = Receiver::start().await?;
    let paced = action(&receiver, &json!({ "max_per_second": 10 }));
    account.hook_with("message.sent", paced).await?;
    // From several sides at once, so that several runners are woken.
    let (a, b, c, d) = tokio::join!(
        post(&account, 6),
        post(&account, 6),
        post(&account, 6),
        post(&account, 6)
    );
    let posted = [a?, b?, c?, d?].concat();
    receiver.received(24).await?;
    for delivery in &posted {
        account.delivery_with(delivery, "succeeded").await?;
    }
    let attempts = attempts(&account, &posted).await?;
    assert_eq!(attempts.len(), 24);
    for window in attempts.windows(11) {
        let span = window[10].0 - window[0].0;
        // Between a claim and its attempt a moment goes by, and not always the same.
        ensure!(span >= 900, "11 in {span} ms: {attempts:?}");
    }
    Ok(())
}

#[tokio::test]
async fn an_action_with_a_pace_holds_up_no_other() -> Result<()> {
    let service = Service::shared();
    let account = service.account();
    let receiver = Receiver::start().await?;
    let mut slow = action(&receiver, &json!({ "max_per_second": 1 }));
    slow["url"] = receiver.url("/slow").into();
    let fast = action(&receiver, &json!({}));
    let trigger = json!({ "type": "message.sent", "name": "T", "actions": [slow, fast] });
    account.trigger(&trigger).await?;
    let events = vec![json!({ "type": "message.sent", "data": {} }); 20];
    account.post("/events", &json!(events)).await?.json(202)?;
    eventually("that the fast one has all", DEADLINE, async || {
        let received = receiver.so_far();
        let fast = received
            .iter()
            .filter(|webhook| webhook.path == "/")
            .count();
        Ok((fast == 20).then_some(()).ok_or(format!("{fast}")))
    })
    .await?;
    let slow = receiver.so_far();
    let slow = slow
        .iter()
        .filter(|webhook| webhook.path == "/slow")
        .count();
    ensure!(slow < 20, "the slow one has all, too");
    Ok(())
}

#[tokio::test]
async fn pace_and_order_are_shown_changed_and_checked() -> Result<()> {
    let account = Service::shared().account();
    let receiver = Receiver::start().await?;
    let paced = json!({ "ordered": true, "max_per_second": 5 });
    let hook = account
        .hook_with("message.sent", action(&receiver, &paced))
        .await?;
    has(&account.get(&hook.action_path()).await?.json(200)?, &paced)?;
    let free = json!({ "ordered": null, "max_per_second": null });
    let shown = account.patch(&hook.action_path(), &free).await?.json(200)?;
    has(&shown, &json!({ "ordered": false, "max_per_second": null }))?;
    for wrong in [0, 51] {
        let patch = json!({ "max_per_second": wrong });
        let problem = account
            .patch(&hook.action_path(), &patch)
            .await?
            .problem(422)?;
        problem.names("/max_per_second", &["1 to 50"])?;
    }
    Ok(())
}
