//! Operator events: what becomes of webhooks is told in their account, once, and never of themselves.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::{
    Account, Answer, DEADLINE, Hook, Receiver, Service, Settings, contract::check_webhook,
    eventually, has, id, millis,
};
use http::Method;
use rusqlite::Connection;
use serde_json::{Value, json};

const FAILED: &str = "webhook.delivery_failed";
const DISABLED: &str = "webhook.action_disabled";
const RECOVERED: &str = "webhook.action_recovered";

/// An account with a trigger of each operator event, all to one path of the receiver.
async fn told_at(account: &Account, receiver: &Receiver, path: &str) -> Result<[Hook; 3]> {
    Ok([
        account.hook(FAILED, &receiver.url(path)).await?,
        account.hook(DISABLED, &receiver.url(path)).await?,
        account.hook(RECOVERED, &receiver.url(path)).await?,
    ])
}

/// An action that tries each delivery once, at this path.
fn once(receiver: &Receiver, path: &str) -> Value {
    json!({ "name": "Desk", "url": receiver.url(path), "retry_schedule": [] })
}

/// What came at `path`, by its type and data.
fn told(receiver: &Receiver, path: &str) -> Result<Vec<(String, Value)>> {
    let came = receiver.so_far();
    let at_path = came.iter().filter(|webhook| webhook.path == path);
    let read = at_path.map(|webhook| {
        check_webhook(&webhook.headers, &webhook.body, false)?;
        let body = webhook.json()?;
        let event_type = body["type"].as_str().context("a type")?.to_owned();
        Ok((event_type, body["data"].clone()))
    });
    read.collect()
}

/// Waits until `count` webhooks came at `path`, and returns them.
async fn told_once(receiver: &Receiver, path: &str, count: usize) -> Result<Vec<(String, Value)>> {
    eventually(&format!("{count} at {path}"), DEADLINE, || async {
        let told = told(receiver, path)?;
        Ok(if told.len() >= count {
            Ok(told)
        } else {
            Err(format!("{told:?}"))
        })
    })
    .await
}

/// Posts an event that is owed to one action, and waits until its delivery is settled so.
async fn settled(account: &Account, status: &str) -> Result<Value> {
    let accepted = account.event("message.sent", &json!({ "n": 1 })).await?;
    let delivery = id(&accepted["deliveries"][0]).to_owned();
    account.delivery_with(&delivery, status).await
}

/// How many events of each operator type the account's history has.
async fn history(account: &Account) -> Result<[usize; 3]> {
    let mut counts = [0; 3];
    for (count, event_type) in counts.iter_mut().zip([FAILED, DISABLED, RECOVERED]) {
        let events = account.ids(&format!("/events?type={event_type}")).await?;
        *count = events.len();
    }
    Ok(counts)
}

/// Works off everything, so that what has not been told by now never will be.
async fn all_done(account: &Account) -> Result<()> {
    for _ in 0..2 {
        account.api.run().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_delivery_that_is_given_up_is_told_with_what_there_is_to_know() -> Result<()> {
    let account = Service::shared().account();
    let receiver = Receiver::start().await?;
    receiver.answer("/desk", Answer::status(500));
    let ops = account.hook(FAILED, &receiver.url("/ops")).await?;
    let desk = once(&receiver, "/desk?token=hush");
    let desk = account.hook_with("message.sent", desk).await?;
    let delivery = settled(&account, "failed").await?;
    told_once(&receiver, "/ops", 1).await?;
    let came = receiver.so_far();
    let webhook = came.iter().find(|webhook| webhook.path == "/ops");
    let webhook = webhook.context("a webhook")?;
    webhook.verify(&ops.secret)?;
    ensure!(!String::from_utf8_lossy(&webhook.body).contains("hush"));
    let body = webhook.json()?;
    let data = json!({
        "trigger": { "id": desk.trigger, "name": "On message.sent" },
        "action": { "id": desk.action, "name": "Desk", "url": receiver.url("/desk") },
        "delivery": {
            "id": delivery["id"], "event_id": delivery["event_id"], "type": "message.sent",
        },
        "attempt_count": 1,
        "reason": "gave up after 1 attempt: status 500",
        "created_at": delivery["created_at"],
        "failed_at": body["data"]["failed_at"],
    });
    assert_eq!(body["data"], data);
    let trigger = json!({ "id": ops.trigger, "name": format!("On {FAILED}"), "type": FAILED });
    has(
        &body,
        &json!({ "type": FAILED, "account": account.id, "trigger": trigger }),
    )?;
    assert_eq!(body["timestamp"], body["data"]["failed_at"]);
    ensure!(millis(&body["timestamp"])? >= millis(&delivery["created_at"])?);

    // It is an event of the account's like any other.
    let event = account
        .get(&format!("/events/{}", id(&body)))
        .await?
        .json(200)?;
    has(
        &event,
        &json!({ "type": FAILED, "data": data, "occurred_at": body["timestamp"] }),
    )?;
    assert_eq!(event["deliveries"].as_array().map(Vec::len), Some(1));
    all_done(&account).await?;
    assert_eq!(history(&account).await?, [1, 0, 0]);
    let neighbour = Service::shared().account();
    neighbour.is_empty().await
}

#[tokio::test]
async fn an_action_that_is_gone_is_told_as_disabled_and_once_it_is_back_as_recovered() -> Result<()>
{
    let account = Service::shared().account();
    let receiver = Receiver::start().await?;
    receiver.answer("/desk", Answer::status(410));
    told_at(&account, &receiver, "/ops").await?;
    let desk = account
        .hook_with("message.sent", once(&receiver, "/desk"))
        .await?;
    settled(&account, "failed").await?;
    let mut news = told_once(&receiver, "/ops", 2).await?;
    news.sort_by(|(one, _), (other, _)| one.cmp(other));
    assert_eq!((&*news[0].0, &*news[1].0), (DISABLED, FAILED));
    let action = account.get(&desk.action_path()).await?.json(200)?;
    let data = json!({
        "trigger": { "id": desk.trigger, "name": "On message.sent" },
        "action": { "id": desk.action, "name": "Desk", "url": receiver.url("/desk") },
        "reason": action["disabled"]["reason"],
        "failed_attempts": 1,
        "failing_since": action["health"]["failing_since"],
        "disabled_at": action["disabled"]["at"],
    });
    assert_eq!(news[0].1, data);
    ensure!(
        data["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("410"))
    );

    // Enabled again, it is well with its first success.
    receiver.answer("/desk", Answer::status(200));
    let enabled = account
        .patch(&desk.action_path(), &json!({ "enabled": true }))
        .await?;
    enabled.json(200)?;
    let delivery = settled(&account, "succeeded").await?;
    let news = told_once(&receiver, "/ops", 3).await?;
    assert_eq!(news[2].0, RECOVERED);
    let expected = json!({
        "trigger": data["trigger"], "action": data["action"], "failed_attempts": 1,
        "failing_since": data["failing_since"],
        "delivery": {
            "id": delivery["id"], "event_id": delivery["event_id"], "type": "message.sent",
        },
    });
    has(&news[2].1, &expected)?;
    settled(&account, "succeeded").await?;
    all_done(&account).await?;
    assert_eq!(history(&account).await?, [1, 1, 1]);
    Ok(())
}

#[tokio::test]
async fn five_failures_in_a_row_are_an_outage_and_four_are_none() -> Result<()> {
    let account = Service::shared().account();
    let receiver = Receiver::start().await?;
    account
        .hook_with("message.sent", once(&receiver, "/desk"))
        .await?;
    for (failures, recoveries) in [(4, 0), (5, 1)] {
        receiver.answer("/desk", Answer::status(500));
        for _ in 0..failures {
            settled(&account, "failed").await?;
        }
        receiver.answer("/desk", Answer::status(200));
        settled(&account, "succeeded").await?;
        all_done(&account).await?;
        assert_eq!(history(&account).await?[2], recoveries, "{failures}");
    }
    Ok(())
}

#[tokio::test]
async fn an_operator_event_that_cant_be_delivered_causes_no_other() -> Result<()> {
    let account = Service::shared().account();
    let receiver = Receiver::start().await?;
    receiver.answer("/desk", Answer::status(500));
    receiver.answer("/ops", Answer::status(410));
    account
        .hook_with("message.sent", once(&receiver, "/desk"))
        .await?;
    let ops = [
        account.hook_with(FAILED, once(&receiver, "/ops")).await?,
        account
            .hook_with(DISABLED, once(&receiver, "/disabled"))
            .await?,
    ];
    settled(&account, "failed").await?;
    told_once(&receiver, "/ops", 1).await?;
    // The service does with the action what it does with any, and says nothing of it.
    eventually("an action that is disabled", DEADLINE, || async {
        let action = account.get(&ops[0].action_path()).await?.json(200)?;
        Ok(if action["enabled"] == false {
            Ok(())
        } else {
            Err(action.to_string())
        })
    })
    .await?;
    all_done(&account).await?;
    assert_eq!(history(&account).await?, [1, 0, 0]);
    assert_eq!(told(&receiver, "/disabled")?, []);
    Ok(())
}

#[tokio::test]
async fn filters_and_templates_take_operator_events_too() -> Result<()> {
    let account = Service::shared().account();
    let receiver = Receiver::start().await?;
    receiver.answer("/desk", Answer::status(500));
    receiver.answer("/bell", Answer::status(500));
    let desk = account
        .hook_with("message.sent", once(&receiver, "/desk"))
        .await?;
    account
        .hook_with("message.sent", once(&receiver, "/bell"))
        .await?;
    let template = "{{ data.action.name }} gave up: {{ data.reason }}";
    let action = json!({
        "name": "Ops", "url": receiver.url("/ops"), "content_type": "text/plain",
        "body_template": template,
    });
    let trigger = json!({
        "type": FAILED, "name": "Ops", "filter": { "data.action.id": desk.action },
        "actions": [action],
    });
    account.trigger(&trigger).await?;
    account.event("message.sent", &json!({})).await?;
    receiver.received(3).await?;
    all_done(&account).await?;
    assert_eq!(history(&account).await?, [2, 0, 0]);
    let came = receiver.so_far();
    let ops: Vec<_> = came
        .iter()
        .filter(|webhook| webhook.path == "/ops")
        .collect();
    assert_eq!(ops.len(), 1);
    assert_eq!(
        ops[0].body,
        "Desk gave up: gave up after 1 attempt: status 500"
    );
    Ok(())
}

#[tokio::test]
async fn nobody_can_post_them() -> Result<()> {
    let account = Service::shared().account();
    for event_type in [FAILED, DISABLED, RECOVERED] {
        let event = json!({ "type": event_type, "data": {} });
        let refused = account.post("/events", &event).await?.problem(422)?;
        refused.names("/type", &[event_type, "can't be posted"])?;
        let headers = [
            ("content-type", "application/json"),
            ("ce-specversion", "1.0"),
            ("ce-id", "1"),
            ("ce-source", "/app"),
            ("ce-type", event_type),
        ];
        let path = account.path("/events");
        let cloud_event = account
            .api
            .send(Method::POST, &path, &headers, "{}")
            .await?;
        cloud_event
            .problem(422)?
            .names("/type", &["can't be posted"])?;
    }
    account.is_empty().await
}

/// A service whose stores a test can look into.
struct Opened {
    service: Service,
    data: tempfile::TempDir,
}

impl Opened {
    fn start() -> Result<Self> {
        let data = tempfile::tempdir()?;
        let service = Service::at(data.path(), Settings::default())?;
        Ok(Self { service, data })
    }

    /// Changes the ledger behind the service's back.
    fn ledger(&self, sql: &str) -> Result<()> {
        let ledger = open(self.data.path())?;
        Ok(ledger.execute_batch(sql)?)
    }
}

fn open(data: &Path) -> Result<Connection> {
    let ledger = Connection::open(data.join("sqlite_db.db"))?;
    ledger.busy_timeout(DEADLINE)?;
    Ok(ledger)
}

#[tokio::test]
async fn what_was_not_told_before_a_crash_is_told_after_it_and_once() -> Result<()> {
    let mut opened = Opened::start()?;
    let account = opened.service.account();
    let receiver = Receiver::start().await?;
    receiver.answer("/desk", Answer::status(500));
    account.hook(FAILED, &receiver.url("/ops")).await?;
    account
        .hook_with("message.sent", once(&receiver, "/desk"))
        .await?;
    // The runner gets no further than to the attempt that is the last.
    opened.ledger(
        "CREATE TRIGGER crash BEFORE INSERT ON event WHEN NEW.type LIKE 'webhook.%'
            BEGIN SELECT RAISE(ABORT, 'crash'); END",
    )?;
    settled(&account, "failed").await?;
    all_done(&account).await?;
    assert_eq!(history(&account).await?, [0, 0, 0]);
    opened.service.kill()?;
    // From here on, it gets as far as to the event, and does not come to forget what it told.
    opened.ledger(
        "DROP TRIGGER crash;
         CREATE TRIGGER crash BEFORE DELETE ON announcement
            BEGIN SELECT RAISE(ABORT, 'crash'); END",
    )?;
    opened.service.restart()?;
    let account = Account {
        api: opened.service.api(),
        ..account
    };
    for _ in 0..3 {
        account
            .api
            .post("/v1/deliveries/run?budget_seconds=0", &Value::Null)
            .await?;
    }
    opened.ledger("DROP TRIGGER crash")?;
    all_done(&account).await?;
    assert_eq!(told_once(&receiver, "/ops", 1).await?.len(), 1);
    assert_eq!(history(&account).await?, [1, 0, 0]);
    assert_eq!(opened.service.ledger().count("announcement")?, 0);
    Ok(())
}

#[tokio::test]
async fn that_an_action_was_disabled_is_told_even_if_the_runner_dies_and_somebody_enables_it()
-> Result<()> {
    let opened = Opened::start()?;
    let account = opened.service.account();
    let receiver = Receiver::start().await?;
    receiver.answer("/desk", Answer::status(410));
    account.hook(DISABLED, &receiver.url("/ops")).await?;
    let desk = account
        .hook_with("message.sent", once(&receiver, "/desk"))
        .await?;
    // The runner dies when the action is disabled and before that is settled.
    opened.ledger(
        "CREATE TRIGGER crash BEFORE UPDATE OF certain ON announcement
            BEGIN SELECT RAISE(ABORT, 'crash'); END",
    )?;
    settled(&account, "failed").await?;
    eventually("a failure to settle", DEADLINE, || async {
        let logs = opened.service.logs();
        Ok(if logs.contains("could not be disabled") {
            Ok(())
        } else {
            Err(logs)
        })
    })
    .await?;
    let action = account.get(&desk.action_path()).await?.json(200)?;
    assert_eq!(action["enabled"], false);
    opened.ledger("DROP TRIGGER crash")?;
    all_done(&account).await?;
    assert_eq!(history(&account).await?, [1, 0, 0]);
    // Its lease runs out, and somebody is quicker than the next run.
    opened
        .service
        .ledger()
        .forward(&account, Duration::from_secs(16))?;
    let enabled = account
        .patch(&desk.action_path(), &json!({ "enabled": true }))
        .await?;
    assert_eq!(enabled.json(200)?["enabled"], true);
    all_done(&account).await?;
    assert_eq!(told_once(&receiver, "/ops", 1).await?.len(), 1);
    assert_eq!(history(&account).await?, [1, 1, 0]);
    Ok(())
}

#[tokio::test]
async fn that_an_action_was_to_be_disabled_is_not_told_if_the_runner_died_before_it_was()
-> Result<()> {
    let opened = Opened::start()?;
    let account = opened.service.account();
    let receiver = Receiver::start().await?;
    account.hook(DISABLED, &receiver.url("/ops")).await?;
    let desk = account
        .hook_with("message.sent", once(&receiver, "/desk"))
        .await?;
    opened.ledger(&format!(
        "INSERT INTO announcement
            (certain, account, trigger_id, action_id, at, type, attempts, reason)
         VALUES (0, '{account}', '{}', '{}', 1795446245000, '{DISABLED}', 1, 'gone');
         INSERT INTO lease (subject, token, inherited, expires_at)
         VALUES ('{account}', 'of a writer that died', 0, 0)",
        desk.trigger,
        desk.action,
        account = account.id
    ))?;
    all_done(&account).await?;
    assert_eq!(opened.service.ledger().count("announcement")?, 0);
    assert_eq!(opened.service.ledger().count("lease")?, 0);
    assert_eq!(history(&account).await?, [0, 0, 0]);
    assert_eq!(told(&receiver, "/ops")?, []);
    Ok(())
}
