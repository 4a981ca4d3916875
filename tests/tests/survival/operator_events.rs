//! Crashes amid operator events: of each delivery that was given up is told, once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::{Account, Answer, Receiver, Service, id};
use serde_json::json;

use crate::crash::{kill, post, work_off};

/// How often the process is killed.
const KILLS: u64 = 10;
/// The time between two events.
const PACE: Duration = Duration::from_millis(25);

/// Posts events until it is told to stop, each until it is answered. Answers how many.
async fn keep_posting(account: Account, stop: Arc<AtomicBool>) -> Result<usize> {
    let mut n = 0;
    while !stop.load(Ordering::Relaxed) {
        let event = json!({ "type": "message.sent", "data": { "n": n } });
        post(&account, &n.to_string(), &event).await?;
        n += 1;
        tokio::time::sleep(PACE).await;
    }
    Ok(n)
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_amid_failing_deliveries_leave_each_told_once() -> Result<()> {
    let mut service = Service::start()?;
    let account = service.account();
    let receiver = Receiver::start().await?;
    receiver.answer("/desk", Answer::status(500));
    let once = json!({ "name": "Desk", "url": receiver.url("/desk"), "retry_schedule": [] });
    account.hook_with("message.sent", once).await?;
    account
        .hook("webhook.delivery_failed", &receiver.url("/ops"))
        .await?;
    let stop = Arc::new(AtomicBool::new(false));
    let poster = tokio::spawn(keep_posting(account.clone(), Arc::clone(&stop)));
    kill(&mut service, KILLS).await?;
    stop.store(true, Ordering::Relaxed);
    let posted = poster.await??;
    ensure!(posted as u64 > KILLS, "hardly any load: {posted} events");

    let all_told = || Ok(service.ledger().count("announcement")? == 0);
    let account = work_off(&service, account, all_told).await?;

    let failed = account
        .ids("/deliveries?type=message.sent&status=failed")
        .await?;
    assert_eq!(failed.len(), posted);
    let mut told = BTreeSet::new();
    for event in account.ids("/events?type=webhook.delivery_failed").await? {
        let event = account.get(&format!("/events/{event}")).await?.json(200)?;
        let of = id(&event["data"]["delivery"]).to_owned();
        ensure!(told.insert(of), "told twice: {event}");
        let status = event["deliveries"][0]["status"].as_str();
        let status = status.context("its own delivery")?;
        ensure!(status == "succeeded", "{event}");
    }
    assert_eq!(told, failed.into_iter().collect());
    println!("{posted} deliveries, each told once");
    Ok(())
}
