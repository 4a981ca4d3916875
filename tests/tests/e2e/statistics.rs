//! Statistics of an account: what came, and what became of it.

use anyhow::{Context as _, Result, ensure};
use e2e::{Account, Answer, Receiver, Service, has, id};
use serde_json::{Value, json};

fn account() -> Account {
    Service::shared().account()
}

async fn statistics(account: &Account, query: &str) -> Result<Value> {
    let path = format!("/statistics{query}");
    account.get(&path).await?.json(200)
}

/// The sum of a member over the pieces of the series.
fn sum(statistics: &Value, member: &str) -> Result<u64> {
    let series = statistics["series"].as_array().context("a series")?;
    let numbers = series.iter().map(|piece| piece[member].as_u64());
    numbers.sum::<Option<u64>>().context(member.to_owned())
}

#[tokio::test]
async fn what_came_is_counted_by_what_became_of_it_and_tests_are_not() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    receiver.answer("/fails", Answer::status(503));
    let good = account.hook("message.sent", &receiver.url("/")).await?;
    let action = json!({ "name": "A", "url": receiver.url("/fails"), "retry_schedule": [600] });
    let bad = account.hook_with("message.sent", action).await?;
    let action = json!({ "name": "A", "url": receiver.url("/"), "enabled": false });
    let off = account.hook_with("message.sent", action).await?;
    for _ in 0..2 {
        let accepted = account.event("message.sent", &json!({})).await?;
        for owed in accepted["deliveries"].as_array().context("deliveries")? {
            let settled =
                |found: &Value| found["attempt_count"] == 1 || found["status"] == "skipped";
            account.delivery_once(id(owed), settled).await?;
        }
    }
    // Which count nowhere.
    for hook in [&good, &bad] {
        let path = format!("{}/test", hook.action_path());
        account.post(&path, &json!({})).await?.json(200)?;
    }

    // Until a time to come, so that what came a moment ago is in it, whatever the clocks say.
    let found = statistics(
        &account,
        "?since=2026-01-01T00:00:00Z&until=2026-01-02T00:00:00Z",
    );
    has(&found.await?, &json!({ "events": 0, "truncated": false }))?;
    let found = statistics(&account, "").await?;
    let expected = json!({
        "events": 2,
        "deliveries": {
            "pending": 2, "delivering": 0, "succeeded": 2, "failed": 0, "canceled": 0, "skipped": 2,
        },
        "backlog": { "due": 0, "oldest_due_at": null },
        "truncated": false,
    });
    has(&found, &expected)?;
    has(&found["attempts"], &json!({ "count": 4, "failed": 2 }))?;
    let [p50, p99] = ["p50_ms", "p99_ms"].map(|name| found["attempts"][name].as_u64());
    ensure!(p50.is_some() && p50 <= p99, "{found}");
    let sums = ["events", "succeeded", "failed"].map(|member| sum(&found, member).ok());
    assert_eq!(sums, [Some(2), Some(2), Some(0)]);

    assert_eq!(found["triggers"], json!([]));
    let asked = [(&off, 0), (&bad, 2), (&good, 0)];
    let ids = asked.map(|(hook, _)| hook.trigger.as_str()).join(",");
    let triggers = asked.map(
        |(hook, failed)| json!({ "trigger_id": hook.trigger, "deliveries": 2, "failed": failed }),
    );
    let of_them = statistics(&account, &format!("?trigger_ids={ids}")).await?;
    assert_eq!(of_them["triggers"], json!(triggers));
    let failing = found["failing_actions"].as_array().context("actions")?;
    assert_eq!(failing.len(), 1);
    let expected = json!({
        "trigger_id": bad.trigger, "action_id": bad.action, "consecutive_failures": 2,
    });
    has(&failing[0], &expected)?;
    ensure!(failing[0]["failing_since"].is_string(), "{found}");
    Ok(())
}

#[tokio::test]
async fn a_day_is_cut_into_hours_and_a_week_into_quarters_of_days() -> Result<()> {
    let account = account();
    let day = statistics(&account, "").await?;
    // It begins within an hour, unless it happens to begin with one.
    let count = day["series"].as_array().map_or(0, Vec::len);
    ensure!(count == 24 || count == 25, "{day}");
    for (query, count, first) in [
        (
            "?since=2026-11-24T10:00:00Z&until=2026-11-26T10:00:00Z",
            48,
            "2026-11-24T10:00:00.000Z",
        ),
        (
            "?since=2026-11-19T10:00:00Z&until=2026-11-26T10:00:00Z",
            29,
            "2026-11-19T06:00:00.000Z",
        ),
        (
            "?until=2026-11-26T10:00:00%2B02:00",
            24,
            "2026-11-25T08:00:00.000Z",
        ),
    ] {
        let found = statistics(&account, query).await?;
        assert_eq!(found["series"].as_array().map(Vec::len), Some(count));
        let piece = json!({ "at": first, "events": 0, "succeeded": 0, "failed": 0 });
        assert_eq!(found["series"][0], piece);
    }
    Ok(())
}

#[tokio::test]
async fn a_time_that_there_are_no_statistics_of_is_refused() -> Result<()> {
    let account = account();
    for (query, said) in [
        ("?since=yesterday", "since"),
        ("?until=2026-11-26", "until"),
        (
            "?since=2026-11-19T09:59:59Z&until=2026-11-26T10:00:00Z",
            "7 days",
        ),
        (
            "?since=2026-11-26T10:00:00Z&until=2026-11-26T10:00:00Z",
            "before until",
        ),
        ("?type=message.sent", "type"),
        ("?trigger_ids=all", "trigger_ids"),
    ] {
        let path = format!("/statistics{query}");
        account.get(&path).await?.problem(400)?.says(&[said])?;
    }
    let problem = account
        .post("/statistics", &json!({}))
        .await?
        .problem(405)?;
    assert_eq!(problem.headers["allow"], "GET");
    let api = Service::shared().api_with_key(None);
    api.get(&account.path("/statistics")).await?.problem(401)?;
    Ok(())
}
