//! What takes days, walked in seconds: the ledger's times are moved into the past, and a run is
//! called.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::{
    Account, Answer, DEADLINE, Hook, LedgerClock, Receiver, Service, Settings, eventually, id,
    millis,
};
use serde_json::{Value, json};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const WEEK_IN_SECONDS: u32 = 7 * 24 * 60 * 60;

/// The longest that a claim is held without a result.
const LEASE: Duration = Duration::from_secs(41);

/// An account of the shared service, and the account's clock.
fn account() -> (Account, LedgerClock) {
    (Service::shared().account(), Service::shared().ledger())
}

/// A trigger whose only action has this URL and retries after these seconds.
async fn hook(account: &Account, url: &str, retry_schedule: &[u32]) -> Result<Hook> {
    let action = json!({ "name": "A", "url": url, "retry_schedule": retry_schedule });
    account.hook_with("message.sent", action).await
}

async fn post(account: &Account) -> Result<String> {
    let accepted = account.event("message.sent", &json!({ "n": 1 })).await?;
    ensure!(
        accepted["deliveries"].as_array().map(Vec::len) == Some(1),
        "{accepted}"
    );
    Ok(id(&accepted["deliveries"][0]).to_owned())
}

/// When the last attempt ended, in milliseconds.
fn ended(delivery: &Value) -> Result<i64> {
    let attempt = delivery["attempts"]
        .as_array()
        .and_then(|attempts| attempts.last());
    let attempt = attempt.context("an attempt")?;
    Ok(millis(&attempt["started_at"])? + attempt["duration_ms"].as_i64().context("a duration")?)
}

/// How long after its last attempt the next one is due.
fn delay(delivery: &Value) -> Result<Duration> {
    let delay = millis(&delivery["next_attempt_at"])? - ended(delivery)?;
    Ok(Duration::from_millis(
        u64::try_from(delay).context("before the last attempt")?,
    ))
}

/// Lets time go by until the next attempt is due, and makes it.
async fn next_attempt(account: &Account, clock: &LedgerClock, delivery: &Value) -> Result<Value> {
    let number = delivery["attempt_count"].as_u64().context("a count")?;
    clock.forward(account, delay(delivery)?)?;
    account.api.run().await?;
    account.attempted(id(delivery), number + 1).await
}

/// Waits until no runner is at work.
async fn no_runners(clock: &LedgerClock) -> Result<()> {
    eventually("the end of all runners", DEADLINE, || async {
        let runners = clock.runners()?;
        Ok(if runners.is_empty() {
            Ok(())
        } else {
            Err(format!("{runners:?}"))
        })
    })
    .await
}

async fn action(account: &Account, hook: &Hook) -> Result<Value> {
    account.get(&hook.action_path()).await?.json(200)
}

#[tokio::test]
async fn the_default_schedule_is_walked_to_its_end_under_one_id() -> Result<()> {
    let (account, clock) = account();
    let receiver = Receiver::start().await?;
    receiver.answer("/", Answer::status(500));
    let hook = account.hook("message.sent", &receiver.url("/")).await?;
    let mut delivery = account.attempted(&post(&account).await?, 1).await?;
    for (tries, scheduled) in [
        5 * SECOND,
        5 * MINUTE,
        30 * MINUTE,
        2 * HOUR,
        5 * HOUR,
        10 * HOUR,
        14 * HOUR,
        20 * HOUR,
        24 * HOUR,
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(delivery["attempt_count"], tries + 1);
        assert_eq!(delivery["status"], "pending");
        assert_eq!(delivery["reason"], "status 500");
        // A fifth either way, and what it takes to write the attempt down.
        let range = scheduled.mul_f64(0.8)..=scheduled.mul_f64(1.2) + SECOND;
        let delay = delay(&delivery)?;
        ensure!(
            range.contains(&delay),
            "{delay:?} after attempt {}",
            tries + 1
        );
        // The 5-second retry may be made by a runner that waits for it.
        delivery = next_attempt(&account, &clock, &delivery).await?;
    }

    assert_eq!(delivery["attempt_count"], 10);
    assert_eq!(delivery["status"], "failed");
    assert_eq!(delivery["reason"], "gave up after 10 attempts: status 500");
    ensure!(delivery.get("next_attempt_at").is_none(), "{delivery}");
    let numbers = delivery["attempts"].as_array().context("attempts")?.iter();
    let numbers: Vec<_> = numbers.map(|attempt| attempt["number"].as_u64()).collect();
    assert_eq!(numbers, (1..=10).map(Some).collect::<Vec<_>>());
    let came = receiver.received(10).await?;
    for webhook in &came {
        assert_eq!(webhook.header("webhook-id"), id(&delivery));
        webhook.verify(&hook.secret)?;
        assert_eq!(webhook.body, came[0].body);
    }
    // Given up is given up: no time that goes by makes it due again.
    clock.forward(&account, 30 * DAY)?;
    account.api.run().await?;
    assert_eq!(receiver.so_far().len(), 10);
    Ok(())
}

#[tokio::test]
async fn nothing_is_sent_before_it_is_due() -> Result<()> {
    let (account, clock) = account();
    let receiver = Receiver::start().await?;
    receiver.answer("/", Answer::status(500));
    hook(&account, &receiver.url("/"), &[3_600]).await?;
    let delivery = account.attempted(&post(&account).await?, 1).await?;
    clock.forward(&account, delay(&delivery)? - 30 * SECOND)?;
    account.api.run().await?;
    assert_eq!(account.delivery(id(&delivery)).await?["attempt_count"], 1);
    clock.forward(&account, 30 * SECOND)?;
    account.api.run().await?;
    account.attempted(id(&delivery), 2).await?;
    Ok(())
}

#[tokio::test]
async fn an_action_that_fails_for_five_days_is_disabled_and_says_why() -> Result<()> {
    let (account, clock) = account();
    let receiver = Receiver::start().await?;
    receiver.answer("/", Answer::status(500));
    // Retried after 5.6 to 8.4 days.
    let hook = hook(
        &account,
        &receiver.url("/"),
        &[WEEK_IN_SECONDS, WEEK_IN_SECONDS],
    )
    .await?;
    let first = account.attempted(&post(&account).await?, 1).await?;
    let after_one = action(&account, &hook).await?;
    assert_eq!(after_one["enabled"], true);
    assert_eq!(after_one["health"]["consecutive_failures"], 1);
    assert_eq!(after_one["health"]["last_success_at"], Value::Null);
    assert_eq!(
        after_one["health"]["failing_since"],
        first["attempts"][0]["started_at"]
    );

    let second = next_attempt(&account, &clock, &first).await?;
    let disabled = eventually("a disabled action", DEADLINE, || async {
        let action = action(&account, &hook).await?;
        Ok(if action["enabled"] == false {
            Ok(action)
        } else {
            Err(action.to_string())
        })
    })
    .await?;
    assert_eq!(disabled["health"]["consecutive_failures"], 2);
    let since = millis(&disabled["health"]["failing_since"])?;
    let last = millis(&disabled["health"]["last_failure_at"])?;
    ensure!(
        last - since >= i64::try_from((5 * DAY).as_millis())?,
        "{disabled}"
    );
    let said = disabled["disabled"]["reason"]
        .as_str()
        .context("a reason")?;
    ensure!(said.contains("failed since"), "{said}");
    let at = millis(&disabled["disabled"]["at"])?;
    ensure!(at >= ended(&second)?, "{disabled}");

    // What is still owed to it is canceled when it is due, and says why.
    clock.forward(&account, delay(&second)?)?;
    account.api.run().await?;
    let canceled = account.delivery_with(id(&second), "canceled").await?;
    assert_eq!(canceled["reason"], "action was disabled");
    assert_eq!(receiver.so_far().len(), 2);
    Ok(())
}

#[tokio::test]
async fn an_action_that_succeeds_now_and_then_is_not_disabled() -> Result<()> {
    let (account, clock) = account();
    let receiver = Receiver::start().await?;
    receiver.answer("/", Answer::status(500));
    let hook = hook(&account, &receiver.url("/"), &[WEEK_IN_SECONDS]).await?;
    let failing = account.attempted(&post(&account).await?, 1).await?;
    clock.forward(&account, 4 * DAY)?;
    receiver.answer("/", Answer::status(200));
    account
        .delivery_with(&post(&account).await?, "succeeded")
        .await?;
    let well = action(&account, &hook).await?;
    assert_eq!(well["health"]["failing_since"], Value::Null);
    assert_eq!(well["health"]["consecutive_failures"], 0);
    ensure!(well["health"]["last_success_at"].is_string(), "{well}");
    ensure!(well["health"]["last_failure_at"].is_string(), "{well}");

    receiver.answer("/", Answer::status(500));
    clock.forward(&account, 6 * DAY)?;
    account.api.run().await?;
    account.delivery_with(id(&failing), "failed").await?;
    // A run judges an action before it answers, but which run made the attempt is not known.
    account.attempted(&post(&account).await?, 1).await?;
    let failing = action(&account, &hook).await?;
    assert_eq!(failing["enabled"], true);
    assert_eq!(failing["health"]["consecutive_failures"], 2);
    Ok(())
}

#[tokio::test]
async fn runs_prune_what_is_old_and_never_what_is_owed() -> Result<()> {
    let service = Service::with(Settings::default().with("retention_days", "30"))?;
    let (account, clock) = (service.account(), service.ledger());
    let receiver = Receiver::start().await?;
    receiver.answer("/fails", Answer::status(500));
    let succeeding = hook(&account, &receiver.url("/succeeds"), &[]).await?;
    let succeeded = account
        .delivery_with(&post(&account).await?, "succeeded")
        .await?;
    account
        .delete(&succeeding.trigger_path())
        .await?
        .empty(204)?;
    let failing = hook(&account, &receiver.url("/fails"), &[]).await?;
    let failed = account
        .delivery_with(&post(&account).await?, "failed")
        .await?;
    account.delete(&failing.trigger_path()).await?.empty(204)?;
    // A run tells that it was given up, which is an event, too.
    account.api.run().await?;
    // What nobody wanted is an event all the same.
    account.event("message.failed", &json!({ "n": 1 })).await?;
    hook(
        &account,
        &receiver.url("/fails"),
        &[WEEK_IN_SECONDS, WEEK_IN_SECONDS],
    )
    .await?;
    let owed = account.attempted(&post(&account).await?, 1).await?;

    // One day before the end of their time they are all there, and one is still owed.
    clock.forward(&account, 29 * DAY)?;
    account.api.run().await?;
    let owed = account.attempted(id(&owed), 2).await?;
    assert_eq!(owed["status"], "pending");
    assert_eq!(account.ids("/deliveries").await?.len(), 3);
    // Its action has failed for more than five days, and whichever runner saw that disables it.
    let disabled = eventually("an event of the disabling", DEADLINE, || async {
        account.api.run().await?;
        let events = account.pages("/events", 200).await?;
        Ok(match &events[..] {
            [newest, ..] if events.len() == 6 => Ok(newest.clone()),
            _ => Err(format!("{events:?}")),
        })
    })
    .await?;
    assert_eq!(disabled["type"], "webhook.action_disabled");

    // A new one, and then the old ones' time is over.
    let young = account.event("message.failed", &json!({ "n": 2 })).await?;
    clock.forward(&account, DAY + HOUR)?;
    account.api.run().await?;
    assert_eq!(account.ids("/deliveries").await?, [id(&owed)]);
    let owed_event = owed["event_id"].as_str().context("an event")?;
    assert_eq!(
        account.ids("/events").await?,
        [id(&young), id(&disabled), owed_event]
    );
    for gone in [&succeeded, &failed] {
        account
            .get(&format!("/deliveries/{}", id(gone)))
            .await?
            .problem(404)?;
    }
    let kept = account.delivery(id(&owed)).await?;
    assert_eq!(kept["attempts"].as_array().map(Vec::len), Some(2), "{kept}");
    // Attempts go with their deliveries.
    assert_eq!(clock.count("attempt")?, 2);

    // Once it is owed no more, it goes, too.
    account
        .post(&format!("/deliveries/{}/cancel", id(&owed)), &Value::Null)
        .await?
        .json(202)?;
    account.api.run().await?;
    assert_eq!(account.ids("/deliveries").await?.len(), 0);
    assert_eq!(account.ids("/events").await?, [id(&young), id(&disabled)]);
    assert_eq!(clock.count("attempt")?, 0);
    Ok(())
}

#[tokio::test]
async fn what_a_dead_runner_had_is_claimed_again_when_its_lease_is_over() -> Result<()> {
    let mut service = Service::start()?;
    let account = service.account();
    let receiver = Receiver::start().await?;
    receiver.answer("/", Answer::status(200).after(MINUTE));
    hook(&account, &receiver.url("/"), &[]).await?;
    let delivery = post(&account).await?;
    receiver.received(1).await?;
    service.kill()?;
    service.restart()?;
    receiver.answer("/", Answer::status(200));

    let account = Account {
        api: service.api(),
        ..account
    };
    assert_eq!(account.delivery(&delivery).await?["status"], "delivering");
    assert_eq!(account.api.run().await?["claimed"], 0, "its lease is alive");
    let retry = format!("/deliveries/{delivery}/retry");
    account.post(&retry, &Value::Null).await?.problem(409)?;
    service.ledger().forward(&account, LEASE)?;
    account.api.run().await?;

    let delivery = account.delivery_with(&delivery, "succeeded").await?;
    assert_eq!(
        delivery["attempt_count"], 1,
        "what a dead runner sent is not recorded"
    );
    let came = receiver.received(2).await?;
    assert_eq!(came[0].header("webhook-id"), came[1].header("webhook-id"));
    Ok(())
}

#[tokio::test]
async fn a_result_that_comes_after_its_lease_is_over_is_not_recorded() -> Result<()> {
    let service = Service::start()?;
    let account = service.account();
    let receiver = Receiver::start().await?;
    let late = Answer::status(500).after(2 * SECOND);
    receiver.answer_in_turn("/", vec![late, Answer::status(200)]);
    hook(&account, &receiver.url("/"), &[1]).await?;
    let delivery = post(&account).await?;
    receiver.received(1).await?;
    service.ledger().forward(&account, LEASE)?;
    account.api.run().await?;
    let settled = account.delivery_with(&delivery, "succeeded").await?;
    assert_eq!(settled["attempt_count"], 1);

    // The first runner leaves once it has its answer.
    no_runners(&service.ledger()).await?;
    let after = account.delivery(&delivery).await?;
    assert_eq!(after["status"], "succeeded");
    assert_eq!(after["attempts"], settled["attempts"]);
    assert_eq!(receiver.so_far().len(), 2);
    Ok(())
}

#[tokio::test]
async fn after_a_month_without_a_run_what_is_owed_goes_out_in_order_of_due_time() -> Result<()> {
    const OWED: usize = 96;
    /// Two batches of one action: within a batch requests go out side by side.
    const BATCHES: usize = 32;
    // No other test's runs have a part in it.
    let service = Service::start()?;
    let account = service.account();
    let receiver = Receiver::start().await?;
    receiver.answer("/", Answer::status(500));
    hook(&account, &receiver.url("/"), &[3_600]).await?;
    let mut owed = Vec::new();
    for _ in 0..OWED {
        owed.push(post(&account).await?);
    }
    let mut due = Vec::new();
    for id in owed {
        let delivery = account.attempted(&id, 1).await?;
        due.push((millis(&delivery["next_attempt_at"])?, id));
    }
    // The jitter has put them in an order of its own.
    due.sort();

    receiver.forget();
    receiver.answer("/", Answer::status(200).after(Duration::from_millis(5)));
    // Two runs would each go in that order, but not in step. A day later what is settled is pruned.
    no_runners(&service.ledger()).await?;
    service.ledger().forward(&account, 29 * DAY)?;
    account.api.run().await?;
    let mut started = Vec::new();
    for (_, id) in &due {
        let delivery = account.delivery_with(id, "succeeded").await?;
        started.push(millis(&delivery["attempts"][1]["started_at"])?);
    }
    for (earlier, later) in started.iter().zip(&started[BATCHES..]) {
        ensure!(earlier <= later, "not in order of due time: {started:?}");
    }
    assert_eq!(receiver.so_far().len(), OWED);
    Ok(())
}
