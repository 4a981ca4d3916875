//! Crashes: the process is killed again and again under load, and nothing that was answered is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use e2e::{Account, Answer, Receiver, Service};
use serde_json::{Value, json};

/// How often the process is killed.
const KILLS: u64 = 20;
/// The longest that it lives in between.
const LIFE: Duration = Duration::from_millis(800);
/// How many clients post events all the while.
const POSTERS: usize = 4;
/// The time between two events of a client: the load is to be worked off between the kills.
const PACE: Duration = Duration::from_millis(40);
/// Longer than the lease of a claim, and than that of a writer.
const LEASE: Duration = Duration::from_secs(41);
/// How long it may take to work off what is left.
const WORKING_OFF: Duration = Duration::from_secs(60);

/// What was accepted: the deliveries that each event is owed, and the action of each.
type Accepted = BTreeMap<String, BTreeMap<String, String>>;

/// Posts events until it is told to stop, each until it is answered.
async fn keep_posting(account: Account, poster: usize, stop: Arc<AtomicBool>) -> Result<Accepted> {
    let types = ["participant.confirmed", "message.sent"];
    let mut accepted = Accepted::new();
    let mut n = 0;
    while !stop.load(Ordering::Relaxed) {
        let data = json!({ "poster": poster, "n": n });
        let event = json!({ "type": types[n % types.len()], "data": data });
        let answer = post(&account, &format!("{poster}-{n}"), &event).await?;
        let mut owed = BTreeMap::new();
        for delivery in answer["deliveries"].as_array().context("deliveries")? {
            owed.insert(text(delivery, "id")?, text(delivery, "action_id")?);
        }
        accepted.insert(text(&answer, "id")?, owed);
        n += 1;
        tokio::time::sleep(PACE).await;
    }
    Ok(accepted)
}

/// Posts an event again and again until there is an answer.
pub(crate) async fn post(account: &Account, key: &str, event: &Value) -> Result<Value> {
    loop {
        match account.event_once(key, event).await {
            Ok(reply) if reply.status == 202 => return reply.json(202),
            // An earlier try was accepted, and its answer lost.
            Ok(reply) if reply.status == 200 => return reply.json(200),
            Ok(reply) if reply.status.is_client_error() => bail!("refused: {reply:?}"),
            Ok(_) | Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

fn text(value: &Value, member: &str) -> Result<String> {
    Ok(value[member]
        .as_str()
        .with_context(|| format!("no {member} in {value}"))?
        .to_owned())
}

/// Kills the process so many times, and starts it again each time.
pub(crate) async fn kill(service: &mut Service, times: u64) -> Result<()> {
    for _ in 0..times {
        tokio::time::sleep(some_time()).await;
        tokio::task::block_in_place(|| {
            service.kill()?;
            service.restart()
        })?;
    }
    Ok(())
}

/// Works off what the dead left in the account, until nothing is owed and `all_done` says so, too.
/// Answers the account, in the service as it was started last.
pub(crate) async fn work_off(
    service: &Service,
    account: Account,
    all_done: impl Fn() -> Result<bool>,
) -> Result<Account> {
    // Every lease of the dead runs out; then whatever is left is due.
    service.ledger().forward(&account, LEASE)?;
    service.ledger().forward_runners(LEASE)?;
    let account = Account {
        api: service.api(),
        ..account
    };
    let end = Instant::now() + WORKING_OFF;
    loop {
        account
            .api
            .post("/v1/deliveries/run?budget_seconds=2", &Value::Null)
            .await?
            .json(200)?;
        let unsettled = account.unsettled().await?;
        if unsettled.is_empty() && all_done()? {
            return Ok(account);
        }
        ensure!(
            Instant::now() < end,
            "{} deliveries are stuck: {:?}",
            unsettled.len(),
            unsettled.first()
        );
    }
}

/// A time from nothing to [`LIFE`]. Random, so that the kills come at every step of the work.
fn some_time() -> Duration {
    let random = RandomState::new().hash_one(());
    LIFE.mul_f64((random >> 11) as f64 / (1_u64 << 53) as f64)
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_kills_under_load_lose_nothing_and_the_history_stays_true() -> Result<()> {
    let mut service = Service::start()?;
    let account = service.account();
    let receiver = Receiver::start().await?;
    // Fast, slow, and one that refuses every other webhook.
    receiver.answer(
        "/slow",
        Answer::status(200).after(Duration::from_millis(60)),
    );
    let refusing = [503, 200]
        .into_iter()
        .cycle()
        .take(10_000)
        .map(Answer::status);
    receiver.answer_in_turn("/refusing", refusing.collect());
    let url = |path| receiver.url(path);
    let mut actions = BTreeMap::new();
    for (event_type, path) in [
        ("participant.confirmed", "/fast"),
        ("participant.reminder_state_changed", "/refusing"),
        ("message.sent", "/slow"),
    ] {
        let action = json!({ "name": "A", "url": url(path), "retry_schedule": vec![1; 20] });
        let hook = account.hook_with(event_type, action).await?;
        actions.insert(hook.action, (path, hook.secret));
    }

    let stop = Arc::new(AtomicBool::new(false));
    let posters = (0..POSTERS)
        .map(|poster| tokio::spawn(keep_posting(account.clone(), poster, Arc::clone(&stop))));
    let posters: Vec<_> = posters.collect();
    kill(&mut service, KILLS).await?;
    stop.store(true, Ordering::Relaxed);
    let mut accepted = Accepted::new();
    for poster in posters {
        accepted.extend(poster.await??);
    }
    ensure!(
        accepted.len() as u64 >= KILLS,
        "hardly any load: {} events",
        accepted.len()
    );

    let account = work_off(&service, account, || Ok(true)).await?;

    // What is owed is what was answered, no more and no less.
    let owed: BTreeMap<_, _> = accepted.values().flatten().collect();
    for (event, deliveries) in &accepted {
        let of_event: BTreeSet<_> = deliveries.values().collect();
        ensure!(
            of_event.len() == deliveries.len(),
            "{event} is owed twice to one action"
        );
        let paths: Vec<_> = deliveries
            .values()
            .map(|action| actions[action].0)
            .collect();
        ensure!(
            paths == ["/slow"] || paths.len() == 2,
            "{event} is owed to {paths:?}"
        );
    }
    let mut listed = BTreeSet::new();
    for event in account.pages("/events", 200).await? {
        let id = text(&event, "id")?;
        // Five refusals in a row can come, and then it tells of the first webhook that is taken.
        let is_own = event["type"] == "webhook.action_recovered";
        ensure!(
            is_own || accepted.contains_key(&id),
            "nobody posted {event}"
        );
        listed.insert(id);
    }
    for event in accepted.keys() {
        ensure!(listed.contains(event), "{event} is lost");
    }
    let history = account.pages("/deliveries", 200).await?;
    let listed: BTreeSet<_> = history
        .iter()
        .map(|delivery| text(delivery, "id"))
        .collect::<Result<_>>()?;
    assert_eq!(listed, owed.keys().map(|id| (*id).clone()).collect());

    // The receiver's record agrees: each came, to its own action, signed, under its own id.
    let mut came: BTreeMap<String, u64> = BTreeMap::new();
    for webhook in receiver.so_far() {
        let id = webhook.header("webhook-id").to_owned();
        let action = owed
            .get(&id)
            .with_context(|| format!("{id} was sent and not owed"))?;
        let (path, secret) = &actions[*action];
        ensure!(webhook.path == *path, "{id} came to {}", webhook.path);
        webhook.verify(secret)?;
        *came.entry(id).or_default() += 1;
    }
    for delivery in &history {
        let id = text(delivery, "id")?;
        let came = came.get(&id).copied().unwrap_or(0);
        let attempts = delivery["attempt_count"].as_u64().context("a count")?;
        ensure!(delivery["status"] == "succeeded", "{delivery}");
        // An attempt that a kill cut off came and was not recorded; the other way round, never.
        ensure!((1..=came).contains(&attempts), "{came} came of {delivery}");
    }
    // Only what was in flight at a kill is sent in vain.
    let sent: u64 = came.values().sum();
    let recorded: u64 = history
        .iter()
        .filter_map(|d| d["attempt_count"].as_u64())
        .sum();
    ensure!(
        sent - recorded <= KILLS * 4 * 64,
        "{recorded} of {sent} are recorded"
    );

    // The attempts of those that took several are all there, and the last one alone succeeded.
    for delivery in history.iter().filter(|d| d["attempt_count"] != 1).take(50) {
        let delivery = account.delivery(&text(delivery, "id")?).await?;
        let attempts = delivery["attempts"].as_array().context("attempts")?;
        let codes: Vec<_> = attempts
            .iter()
            .map(|attempt| &attempt["status_code"])
            .collect();
        let (last, before) = codes.split_last().context("an attempt")?;
        ensure!(delivery["attempt_count"] == codes.len(), "{delivery}");
        ensure!(
            **last == 200 && before.iter().all(|code| **code == 503),
            "{delivery}"
        );
    }
    println!(
        "{} events, {sent} webhooks of {} deliveries",
        accepted.len(),
        history.len()
    );
    Ok(())
}
