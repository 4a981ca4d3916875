//! Order, through crashes: what goes one after the other still does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::{Account, Receiver, Service, id};
use serde_json::json;

use crate::crash::{kill, post, work_off};

/// How often the process is killed.
const KILLS: u64 = 8;
/// The time between two events.
const PACE: Duration = Duration::from_millis(15);

/// Posts events until it is told to stop, and returns the ids of their deliveries.
async fn keep_posting(account: Account, stop: Arc<AtomicBool>) -> Result<Vec<String>> {
    let mut posted = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let n = posted.len();
        let event = json!({ "type": "message.sent", "data": { "n": n } });
        let answer = post(&account, &format!("{n}"), &event).await?;
        posted.push(id(&answer["deliveries"][0]).to_owned());
        tokio::time::sleep(PACE).await;
    }
    Ok(posted)
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_amid_an_ordered_line_leave_it_in_order_and_lose_nothing() -> Result<()> {
    let mut service = Service::start()?;
    let account = service.account();
    let receiver = Receiver::start().await?;
    let ordered = json!({ "name": "A", "url": receiver.url("/"), "ordered": true });
    account.hook_with("message.sent", ordered).await?;
    let stop = Arc::new(AtomicBool::new(false));
    let poster = tokio::spawn(keep_posting(account.clone(), Arc::clone(&stop)));
    kill(&mut service, KILLS).await?;
    stop.store(true, Ordering::Relaxed);
    let posted = poster.await??;
    ensure!(posted.len() as u64 > KILLS, "hardly any load: {posted:?}");
    work_off(&service, account, || Ok(true)).await?;

    let received = receiver.so_far();
    let mut received: Vec<_> = received
        .iter()
        .map(|webhook| webhook.header("webhook-id"))
        .collect();
    let all = received.len();
    // One whose runner died may have come twice, but then with no other in between.
    received.dedup();
    for (place, (received, posted)) in received.iter().zip(&posted).enumerate() {
        ensure!(
            received == posted,
            "number {place} is {received}, not {posted}"
        );
    }
    assert_eq!(received.len(), posted.len());
    let last = posted.last().context("some")?;
    println!(
        "{all} requests for {} deliveries, {last} the last",
        posted.len()
    );
    Ok(())
}
