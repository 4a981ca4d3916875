//! Runs that overlap, runners that wait, and what people do by hand meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use e2e::{Account, Answer, DEADLINE, Receiver, Runner, Service, eventually, id, millis};
use serde_json::{Value, json};
use tokio::task::JoinSet;

const DAY_IN_SECONDS: u32 = 24 * 60 * 60;
const TWO_DAYS: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// How many actions a large fan-out has.
const ACTIONS: usize = 25;

fn account() -> Account {
    Service::shared().account()
}

/// A trigger with `count` actions, each with a path of its own: `/0`, `/1` and so on.
async fn fan_out(account: &Account, receiver: &Receiver, count: usize) -> Result<Value> {
    let action = |n: usize| {
        let url = receiver.url(&format!("/{n}"));
        json!({ "name": format!("A{n}"), "url": url, "retry_schedule": [] })
    };
    let actions: Vec<_> = (0..count).map(action).collect();
    account
        .trigger(&json!({ "type": "message.sent", "name": "Many", "actions": actions }))
        .await
}

/// Posts an event; answers the ids of its deliveries.
async fn post(account: &Account, n: usize) -> Result<Vec<String>> {
    let accepted = account.event("message.sent", &json!({ "n": n })).await?;
    let deliveries = accepted["deliveries"].as_array().context("deliveries")?;
    Ok(deliveries
        .iter()
        .map(|delivery| id(delivery).to_owned())
        .collect())
}

/// Waits until so many of the account's deliveries have this status, and no other number.
async fn number_of(account: &Account, status: &str, wanted: usize) -> Result<()> {
    eventually(&format!("{wanted} {status}"), 2 * DEADLINE, || async {
        let found = account
            .ids(&format!("/deliveries?status={status}"))
            .await?
            .len();
        Ok(if found == wanted {
            Ok(())
        } else {
            Err(format!("{found}"))
        })
    })
    .await
}

async fn retry(account: &Account, delivery: &str) -> Result<e2e::Reply> {
    account
        .post(&format!("/deliveries/{delivery}/retry"), &Value::Null)
        .await
}

/// Makes `events` times [`ACTIONS`] deliveries that have failed for good.
async fn many_failed(account: &Account, receiver: &Receiver, events: usize) -> Result<Value> {
    for n in 0..ACTIONS {
        receiver.answer(&format!("/{n}"), Answer::status(500));
    }
    let trigger = fan_out(account, receiver, ACTIONS).await?;
    for n in 0..events {
        post(account, n).await?;
    }
    number_of(account, "failed", events * ACTIONS).await?;
    for n in 0..ACTIONS {
        receiver.answer(&format!("/{n}"), Answer::status(200));
    }
    receiver.forget();
    Ok(trigger)
}

/// How often each webhook came.
fn times(receiver: &Receiver) -> BTreeMap<String, usize> {
    let mut times = BTreeMap::new();
    for webhook in receiver.so_far() {
        *times
            .entry(webhook.header("webhook-id").to_owned())
            .or_default() += 1;
    }
    times
}

/// The longest ago that anything can have been created in a test.
fn since() -> String {
    (jiff::Timestamp::now() - jiff::SignedDuration::from_hours(1)).to_string()
}

#[tokio::test]
async fn ten_overlapping_runs_send_each_of_a_thousand_deliveries_once() -> Result<()> {
    const EVENTS: usize = 40;
    const OWED: usize = EVENTS * ACTIONS;
    let service = Service::start()?;
    let account = service.account();
    let receiver = Receiver::start().await?;
    many_failed(&account, &receiver, EVENTS).await?;

    // One statement makes them all due.
    let recovered = account
        .post("/deliveries/recover", &json!({ "since": since() }))
        .await?;
    assert_eq!(recovered.json(202)?, json!({ "recovered": OWED }));
    let mut runs = JoinSet::new();
    for _ in 0..10 {
        // Each its own connection, so that none waits for another.
        let api = service.api();
        runs.spawn(async move { api.run().await });
    }
    let mut claimed = 0;
    while let Some(run) = runs.join_next().await {
        claimed += run??["claimed"].as_u64().context("claimed")?;
    }
    number_of(&account, "succeeded", OWED).await?;

    ensure!(claimed <= OWED as u64, "{claimed} were claimed");
    let times = times(&receiver);
    assert_eq!(times.len(), OWED);
    let more: Vec<_> = times.iter().filter(|(_, times)| **times != 1).collect();
    ensure!(more.is_empty(), "sent more than once: {more:?}");
    for delivery in account.pages("/deliveries", 200).await? {
        assert_eq!(delivery["attempt_count"], 2, "{delivery}");
    }
    Ok(())
}

#[tokio::test]
async fn thousands_of_failed_deliveries_are_recovered_in_one_call_and_by_filter() -> Result<()> {
    const EVENTS: usize = 80;
    let service = Service::start()?;
    let account = service.account();
    let receiver = Receiver::start().await?;
    let trigger = many_failed(&account, &receiver, EVENTS).await?;
    let recover = async |filter: Value| -> Result<Value> {
        let recovered = account
            .post("/deliveries/recover", &filter)
            .await?
            .json(202)?;
        Ok(recovered["recovered"].clone())
    };

    let (since, now) = (since(), jiff::Timestamp::now().to_string());
    assert_eq!(recover(json!({ "since": now })).await?, 0);
    assert_eq!(recover(json!({ "since": since, "until": since })).await?, 0);
    let other = account
        .hook("message.failed", &receiver.url("/other"))
        .await?;
    assert_eq!(
        recover(json!({ "since": since, "trigger": other.trigger })).await?,
        0
    );
    let action = id(&trigger["actions"][0]);
    let of_action = json!({ "since": since, "until": now, "action": action });
    assert_eq!(recover(of_action).await?, EVENTS);
    number_of(&account, "succeeded", EVENTS).await?;
    ensure!(
        receiver.so_far().iter().all(|webhook| webhook.path == "/0"),
        "others were sent, too"
    );

    // What has not failed is left alone.
    let rest = EVENTS * (ACTIONS - 1);
    let of_trigger = json!({ "since": since, "trigger": id(&trigger) });
    let asked = Instant::now();
    assert_eq!(recover(of_trigger).await?, rest);
    let took = asked.elapsed();
    ensure!(
        took < Duration::from_secs(5),
        "recovering {rest} took {took:?}"
    );
    number_of(&account, "succeeded", EVENTS * ACTIONS).await?;
    assert_eq!(receiver.so_far().len(), EVENTS * ACTIONS);
    assert_eq!(recover(json!({ "since": since })).await?, 0);
    account
        .post("/deliveries/recover", &json!({}))
        .await?
        .problem(422)?
        .names("/since", &[])
}

#[tokio::test]
async fn new_deliveries_are_held_up_neither_by_a_backlog_of_retries_nor_by_anothers() -> Result<()>
{
    const EVENTS: usize = 40;
    let service = Service::start()?;
    let (account, other) = (service.account(), service.account());
    let receiver = Receiver::start().await?;
    many_failed(&account, &receiver, EVENTS).await?;
    for n in 0..ACTIONS {
        receiver.answer(
            &format!("/{n}"),
            Answer::status(200).after(Duration::from_secs(2)),
        );
    }
    other.hook("message.sent", &receiver.url("/other")).await?;
    let backlog = EVENTS * ACTIONS;
    let recovered = account
        .post("/deliveries/recover", &json!({ "since": since() }))
        .await?;
    assert_eq!(recovered.json(202)?, json!({ "recovered": backlog }));
    receiver.received(1).await?;

    let others = post(&other, 1).await?;
    let own = post(&account, 1).await?;
    let posted = Instant::now();
    let new: Vec<_> = others.iter().chain(&own).cloned().collect();
    // The receiver records a request before it answers.
    let came = eventually("the new deliveries", DEADLINE, || async {
        let came = times(&receiver);
        let missing = new.iter().filter(|id| !came.contains_key(*id)).count();
        Ok(if missing == 0 {
            Ok(came.len())
        } else {
            Err(format!("{missing} are missing"))
        })
    })
    .await?;
    let took = posted.elapsed();
    // They would come last if they had to wait for their turn.
    ensure!(
        came < backlog * 3 / 4,
        "{came} of the backlog came first, in {took:?}"
    );
    Ok(())
}

#[tokio::test]
async fn many_nudges_leave_one_runner_waiting() -> Result<()> {
    let service = Service::start()?;
    let (account, ledger) = (service.account(), service.ledger());
    let receiver = Receiver::start().await?;
    receiver.answer("/", Answer::status(500));
    // Due in 16 to 24 s: soon enough to wait for, and not within this test.
    let action = json!({ "name": "A", "url": receiver.url("/"), "retry_schedule": [20] });
    account.hook_with("message.sent", action).await?;
    let delivery = post(&account, 1).await?.remove(0);
    account.attempted(&delivery, 1).await?;
    let only_one_waits = async || {
        eventually("one runner that waits", DEADLINE, || async {
            let runners = ledger.runners()?;
            let waiting = [Runner {
                open: false,
                waiting: true,
            }];
            Ok(if runners == waiting {
                Ok(())
            } else {
                Err(format!("{runners:?}"))
            })
        })
        .await
    };
    only_one_waits().await?;

    let mut nudges = JoinSet::new();
    for _ in 0..20 {
        let api = service.api();
        nudges.spawn(async move {
            api.post("/v1/deliveries/run?wait=false", &Value::Null)
                .await?
                .empty(202)
        });
    }
    while let Some(nudge) = nudges.join_next().await {
        nudge??;
    }
    // Those that were nudged find nothing to do, and that one waits already.
    only_one_waits().await?;
    let end = Instant::now() + Duration::from_secs(1);
    while Instant::now() < end {
        let waiting = ledger
            .runners()?
            .iter()
            .filter(|runner| runner.waiting)
            .count();
        ensure!(waiting <= 1, "{waiting} wait");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // And it takes what comes in the meantime: nobody waits for it.
    receiver.answer("/", Answer::status(200));
    let posted = Instant::now();
    account
        .delivery_with(&post(&account, 2).await?.remove(0), "succeeded")
        .await?;
    ensure!(
        posted.elapsed() < Duration::from_secs(5),
        "it took {:?}",
        posted.elapsed()
    );
    Ok(())
}

#[tokio::test]
async fn a_retry_that_is_due_soon_is_made_with_nobody_calling() -> Result<()> {
    let service = Service::start()?;
    let account = service.account();
    let receiver = Receiver::start().await?;
    receiver.answer_in_turn("/", vec![Answer::status(500), Answer::status(200)]);
    // Longer than one runner's time for claiming: whoever waits has to hand over.
    let action = json!({ "name": "A", "url": receiver.url("/"), "retry_schedule": [8] });
    account.hook_with("message.sent", action).await?;
    let delivery = post(&account, 1).await?.remove(0);
    let waiting = account.attempted(&delivery, 1).await?;
    let due = millis(&waiting["next_attempt_at"])?;
    let delivery = account.delivery_with(&delivery, "succeeded").await?;
    let late = millis(&delivery["attempts"][1]["started_at"])? - due;
    ensure!((0..2_000).contains(&late), "{late} ms late");
    Ok(())
}

#[tokio::test]
async fn a_delivery_that_succeeded_is_sent_again_by_hand_under_the_same_id() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    let hook = account.hook("message.sent", &receiver.url("/")).await?;
    let delivery = post(&account, 1).await?.remove(0);
    account.delivery_with(&delivery, "succeeded").await?;
    let again = retry(&account, &delivery).await?.json(202)?;
    assert_eq!(
        (id(&again), &again["reason"]),
        (delivery.as_str(), &json!("retried by hand"))
    );
    let sent = account.attempted(&delivery, 2).await?;
    assert_eq!(sent["status"], "succeeded");
    let came = receiver.received(2).await?;
    for webhook in &came {
        assert_eq!(webhook.header("webhook-id"), delivery);
        webhook.verify(&hook.secret)?;
    }
    retry(&account, "dlv_00000000000000000000000000")
        .await?
        .problem(404)?;
    Ok(())
}

#[tokio::test]
async fn a_retry_by_hand_has_the_whole_schedule_before_it() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    receiver.answer("/", Answer::status(500));
    let action = json!({ "name": "A", "url": receiver.url("/"), "retry_schedule": [1] });
    account.hook_with("message.sent", action).await?;
    let delivery = post(&account, 1).await?.remove(0);
    account.delivery_with(&delivery, "failed").await?;
    retry(&account, &delivery).await?.json(202)?;
    let failed = account
        .delivery_once(&delivery, |delivery| {
            delivery["status"] == "failed" && delivery["attempt_count"] == 4
        })
        .await?;
    assert_eq!(failed["reason"], "gave up after 2 attempts: status 500");
    assert_eq!(receiver.so_far().len(), 4);
    Ok(())
}

#[tokio::test]
async fn retries_by_hand_that_race_make_one_attempt_at_a_time() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    receiver.answer("/", Answer::status(500).after(Duration::from_millis(150)));
    let action = json!({ "name": "A", "url": receiver.url("/"), "retry_schedule": vec![1; 20] });
    account.hook_with("message.sent", action).await?;
    let delivery = post(&account, 1).await?.remove(0);
    // Against the schedule, against runs, and against each other.
    let mut racing = JoinSet::new();
    for _ in 0..8 {
        let (account, delivery) = (account.clone(), delivery.clone());
        racing.spawn(async move {
            let (mut due, mut under_way) = (0, 0);
            for _ in 0..15 {
                let answer = retry(&account, &delivery).await?;
                match answer.status.as_u16() {
                    202 => due += 1,
                    _ => {
                        answer.problem(409)?;
                        under_way += 1;
                    }
                }
                account.api.run().await?;
            }
            anyhow::Ok((due, under_way))
        });
    }
    let (mut due, mut under_way) = (0, 0);
    while let Some(raced) = racing.join_next().await {
        let raced = raced??;
        due += raced.0;
        under_way += raced.1;
    }
    ensure!(
        due > 1 && under_way > 1,
        "no race: {due} made it due, {under_way} were refused"
    );
    receiver.answer("/", Answer::status(200));
    retry(&account, &delivery).await?;
    let done = account.delivery_with(&delivery, "succeeded").await?;

    let mut attempts = Vec::new();
    for attempt in done["attempts"].as_array().context("attempts")? {
        let started = millis(&attempt["started_at"])?;
        attempts.push((
            started,
            started + attempt["duration_ms"].as_i64().context("duration")?,
        ));
    }
    assert_eq!(
        attempts.len(),
        receiver.so_far().len(),
        "each that came is recorded"
    );
    for pair in attempts.windows(2) {
        // Times are rounded to milliseconds.
        ensure!(pair[0].1 <= pair[1].0 + 1, "two at a time: {attempts:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_delivery_that_is_canceled_by_hand_is_not_sent_until_it_is_retried() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    receiver.answer("/", Answer::status(500));
    let action =
        json!({ "name": "A", "url": receiver.url("/"), "retry_schedule": [DAY_IN_SECONDS] });
    account.hook_with("message.sent", action).await?;
    let delivery = post(&account, 1).await?.remove(0);
    account.attempted(&delivery, 1).await?;
    let cancel = format!("/deliveries/{delivery}/cancel");
    let canceled = account.post(&cancel, &Value::Null).await?.json(202)?;
    assert_eq!(canceled["status"], "canceled");
    assert_eq!(canceled["reason"], "canceled by hand");
    ensure!(canceled.get("next_attempt_at").is_none(), "{canceled}");
    account.post(&cancel, &Value::Null).await?.problem(409)?;

    Service::shared().ledger().forward(&account, TWO_DAYS)?;
    account.api.run().await?;
    assert_eq!(account.delivery(&delivery).await?["attempt_count"], 1);
    receiver.answer("/", Answer::status(200));
    retry(&account, &delivery).await?.json(202)?;
    account.delivery_with(&delivery, "succeeded").await?;
    assert_eq!(receiver.so_far().len(), 2);
    Ok(())
}

#[tokio::test]
async fn what_was_skipped_is_sent_by_hand_once_its_action_is_enabled() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    let hook = account.hook("message.sent", &receiver.url("/")).await?;
    for (path, what) in [
        (hook.action_path(), "action"),
        (hook.trigger_path(), "trigger"),
    ] {
        account
            .patch(&path, &json!({ "enabled": false }))
            .await?
            .json(200)?;
        assert_eq!(post(&account, 1).await?.len(), 0);
        let skipped = account.ids("/deliveries?status=skipped").await?;
        let [delivery] = skipped.as_slice() else {
            anyhow::bail!("one is skipped: {skipped:?}")
        };
        let refused = retry(&account, delivery).await?.problem(409)?;
        let detail = format!("the {what} was disabled; enable it, then retry");
        assert_eq!(refused.detail, detail);
        account.delivery_with(delivery, "skipped").await?;

        account
            .patch(&path, &json!({ "enabled": true }))
            .await?
            .json(200)?;
        retry(&account, delivery).await?.json(202)?;
        account.delivery_with(delivery, "succeeded").await?;
    }
    assert_eq!(receiver.so_far().len(), 2);
    Ok(())
}

#[tokio::test]
async fn an_event_that_is_replayed_is_owed_to_what_matches_now() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    let gone = account.hook("message.sent", &receiver.url("/gone")).await?;
    let off = account.hook("message.sent", &receiver.url("/off")).await?;
    account
        .patch(&off.action_path(), &json!({ "enabled": false }))
        .await?
        .json(200)?;
    let event = account.event("message.sent", &json!({ "n": 1 })).await?;
    let first = receiver.only().await?;
    account.delete(&gone.trigger_path()).await?.empty(204)?;
    account
        .patch(&off.action_path(), &json!({ "enabled": true }))
        .await?
        .json(200)?;
    let new = account.hook("message.sent", &receiver.url("/new")).await?;

    let path = format!("/events/{}/replay", id(&event));
    let replayed = account.post(&path, &Value::Null).await?.json(202)?;
    let owed = replayed["deliveries"].as_array().context("deliveries")?;
    let actions: BTreeSet<_> = owed
        .iter()
        .filter_map(|owed| owed["action_id"].as_str())
        .collect();
    assert_eq!(actions, [off.action.as_str(), new.action.as_str()].into());
    for delivery in owed {
        account.delivery_with(id(delivery), "succeeded").await?;
    }
    let came = receiver.received(3).await?;
    for webhook in &came[1..] {
        let (body, before) = (webhook.json()?, first.json()?);
        assert_eq!(
            (&body["id"], &body["data"]),
            (&before["id"], &before["data"])
        );
        ensure!(
            webhook.header("webhook-id") != first.header("webhook-id"),
            "{webhook:?}"
        );
        ensure!(
            ["/off", "/new"].contains(&webhook.path.as_str()),
            "{webhook:?}"
        );
    }
    let missing = "/events/evt_00000000000000000000000000/replay";
    account.post(missing, &Value::Null).await?.problem(404)?;
    Ok(())
}
