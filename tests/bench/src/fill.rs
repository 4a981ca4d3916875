//! Stores with something in them.

use std::{path::Path, time::SystemTime};

use anyhow::{Context as _, Result, ensure};
use domain::{
    account::AccountId,
    delivery::{Settled, Status},
    id::{ActionId, DeliveryId, EventId, TriggerId},
    matching::Omitted,
    origin::Origin,
    time::Timestamp,
};
use ledger::{
    Claim, ClaimLimits, FinishedAttempt, InFlightLimits, Inserted, Ledger, NewEventRow,
    PlannedDelivery,
};
use rusqlite::Connection;
use serde_json::{Map, Value, json, value::to_raw_value};

use crate::{
    database::File,
    service::{EVENT_TYPE, Service, State, UMBRELLA, event_data},
};

/// How many deliveries are claimed and settled at once while a ledger is filled.
const BLOCK: usize = 250;

/// Over how long a time the rows of a filled ledger are spread: less than the retention.
const AGE_MILLIS: i64 = 20 * 24 * 60 * 60 * 1_000;

/// Over how many accounts.
const ACCOUNTS: usize = 100;

/// How often filling says how far it is.
const STEPS: usize = 4;

/// The name of an account that is filled.
pub(crate) fn account(number: usize) -> String {
    format!("account-{number}")
}

/// Makes so many triggers of one account, each with an action. They are spread over all types;
/// exactly one matches the events that are posted, the others of its type and of the umbrella have
/// filters that do not. Returns them as the API shows them.
pub(crate) async fn triggers(service: &Service, count: usize) -> Result<Vec<Value>> {
    let mut client = service.connect().await?;
    let types = client.get("/v1/event-types").await?;
    let types = types.as_array().context("the catalogue is a list")?;
    let others = types.iter().filter_map(|listed| listed["key"].as_str());
    let types = [EVENT_TYPE].into_iter();
    let mut types = types.chain(others.filter(|key| *key != EVENT_TYPE)).cycle();
    let path = format!("/v1/accounts/{}/triggers", account(0));
    let mut created = Vec::new();
    for number in 0..count {
        let event_type = types.next().context("there are types")?;
        let trigger = trigger(number, event_type, &service.receiver.url());
        created.push(client.create(&path, &trigger).await?);
    }
    Ok(created)
}

fn trigger(number: usize, event_type: &str, url: &str) -> Value {
    let mut trigger = json!({
        "type": event_type,
        "name": format!("Trigger {number}"),
        "actions": [{ "name": "Tell them", "url": url }],
    });
    if number > 0 && [EVENT_TYPE, UMBRELLA].contains(&event_type) {
        trigger["filter"] = json!({ "data.appointment.calendar_id": format!("none-{number}") });
    }
    trigger
}

/// Copies the triggers of the one account that is there, so that there are so many accounts.
pub(crate) fn copy_account(state: &State, accounts: usize) -> Result<()> {
    let store = Connection::open(state.trigger_store())?;
    store.execute_batch("BEGIN")?;
    for number in 1..accounts {
        // The account follows the first colon of every key.
        store.execute(
            "INSERT INTO spin_key_value (store, key, value)
             SELECT store, replace(key, ':' || ?1, ':' || ?2), value FROM spin_key_value
             WHERE instr(key, ':' || ?1) > 0",
            [account(0), account(number)],
        )?;
    }
    store.execute_batch("COMMIT")?;
    Ok(())
}

/// What an event is owed to: an account's trigger and its action.
pub(crate) type Target = (String, TriggerId, ActionId);

/// A target of one of many accounts, that no trigger store knows of.
pub(crate) fn anybody(number: usize) -> Result<Target> {
    let (trigger, action) = (
        TriggerId::new(now(), bits()?),
        ActionId::new(now(), bits()?),
    );
    Ok((account(number % ACCOUNTS), trigger, action))
}

/// Writes so many rows to a ledger: events, each with a delivery and its attempt, as the service
/// would have written them. `target` says what each of them is owed to.
pub(crate) fn ledger(
    path: &Path,
    rows: usize,
    target: impl Fn(usize) -> Result<Target>,
) -> Result<()> {
    let file = File::open(path)?.careless()?;
    let events = rows.div_ceil(3);
    let start = now().as_millis() - AGE_MILLIS;
    let blocks: Vec<_> = (0..events).step_by(BLOCK).collect();
    for (done, step) in blocks.chunks(blocks.len().div_ceil(STEPS)).enumerate() {
        file.at_once(|ledger| {
            step.iter().try_for_each(|first| {
                let count = BLOCK.min(events - first);
                let age = AGE_MILLIS * i64::try_from(*first)? / i64::try_from(events)?;
                let targets = (*first..first + count).map(&target);
                let targets: Vec<_> = targets.collect::<Result<_>>()?;
                settled(ledger, &targets, Timestamp::from_millis(start + age))
            })
        })?;
        if rows > 100_000 {
            eprintln!(
                "bench:   {} of {rows} rows written",
                rows * (done + 1) / STEPS
            );
        }
    }
    Ok(())
}

/// Events that came at `now`, with deliveries that succeeded at once.
fn settled(ledger: &Ledger<&File>, targets: &[Target], now: Timestamp) -> Result<()> {
    let count = targets.len();
    for target in targets {
        owe(ledger, target, now)?;
    }
    let claim = Claim {
        token: bits()?.to_string(),
        lease_until: Timestamp::from_millis(i64::MAX),
    };
    let limits = ClaimLimits {
        total: count,
        per_queue: count,
        in_flight: &[],
        failing_after: 1,
        first_attempts_only: false,
        most: InFlightLimits::NONE,
        start: 0,
    };
    let claimed = ledger.claim(&claim, &limits, now)?;
    let attempts: Vec<_> = claimed
        .into_iter()
        .map(|claimed| FinishedAttempt {
            account: claimed.account,
            delivery: claimed.id,
            started_at: now,
            duration_ms: 40,
            status_code: Some(200),
            error: None,
            hidden_cause: None,
            hold_until: None,
            request_headers: headers(&[
                ("content-type", "application/json"),
                ("user-agent", "webhook-triggers/1.0.0"),
                ("webhook-id", &claimed.id.to_string()),
                ("webhook-timestamp", &now.as_seconds().to_string()),
                (
                    "webhook-signature",
                    "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
                ),
            ]),
            response_headers: headers(&[("content-length", "0"), ("server", "example")]),
            response_body: Some(String::new()),
            settled: Settled {
                status: Status::Succeeded,
                due_at: None,
                reason: None,
            },
        })
        .collect();
    let recorded = ledger.record(&claim, &attempts.iter().collect::<Vec<_>>())?;
    ensure!(
        recorded == count,
        "{recorded} of {count} deliveries were settled"
    );
    Ok(())
}

/// Writes events to the ledger of a service, each owed to one of the `targets` in turn, which are
/// the accounts' triggers with their actions. Returns the deliveries' ids.
pub(crate) fn backlog(service: &Service, targets: &[Target], count: usize) -> Result<Vec<String>> {
    File::open(&service.ledger())?.at_once(|ledger| {
        let targets = targets.iter().cycle().take(count);
        targets.map(|target| owe(ledger, target, now())).collect()
    })
}

fn owe(
    ledger: &Ledger<&File>,
    (account, trigger, action): &Target,
    now: Timestamp,
) -> Result<String> {
    let delivery = PlannedDelivery {
        id: DeliveryId::new(now, bits()?),
        trigger: *trigger,
        action: *action,
        skip: None,
    };
    let inserted = ledger.accept(&NewEventRow {
        account: &AccountId::parse(account)?,
        id: EventId::new(now, bits()?),
        event_type: EVENT_TYPE,
        occurred_at: now,
        received_at: now,
        data: &to_raw_value(&event_data())?,
        idempotency_key: None,
        batch: None,
        producer_id: None,
        source: None,
        fingerprint: "",
        origin: Origin::default(),
        deliveries: std::slice::from_ref(&delivery),
        omitted: &Omitted::NOTHING,
    })?;
    ensure!(
        matches!(inserted, Inserted::New { .. }),
        "the ledger takes no event"
    );
    Ok(delivery.id.to_string())
}

fn headers(pairs: &[(&str, &str)]) -> Map<String, Value> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).into()))
        .collect()
}

fn bits() -> Result<u128> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).context("the system gives no random numbers")?;
    Ok(u128::from_le_bytes(bytes))
}

fn now() -> Timestamp {
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
