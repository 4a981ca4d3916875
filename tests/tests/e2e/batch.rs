//! Several events in one request: accepted together, or refused together.

use std::collections::BTreeSet;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use e2e::{Account, Receiver, Reply, Service, id};
use http::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

const URL: &str = "http://127.0.0.1:9/";

fn account() -> Account {
    Service::shared().account()
}

fn sent(n: usize) -> Value {
    json!({ "type": "message.sent", "data": { "n": n } })
}

fn sent_as(id: &str, n: usize) -> Value {
    json!({ "type": "message.sent", "data": { "n": n }, "id": id })
}

async fn post(account: &Account, events: &[Value]) -> Result<Reply> {
    account.post("/events", &json!(events)).await
}

/// The answers' members of this name.
fn each<'a>(answers: &'a Value, name: &str) -> Vec<&'a Value> {
    let answers = answers.as_array().into_iter().flatten();
    answers.map(|answer| &answer[name]).collect()
}

#[tokio::test]
async fn an_array_is_answered_with_an_array_in_the_same_order_and_all_of_it_is_delivered()
-> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    let hook = account.hook("message.sent", &receiver.url("/")).await?;
    let umbrella = account
        .hook("participant.reminder_state_changed", &receiver.url("/any"))
        .await?;
    let events = [
        sent(0),
        json!({ "type": "participant.confirmed", "data": {}, "id": "own",
                "occurred_at": "2026-01-02T03:04:05Z" }),
        json!({ "type": "booking_page.viewed", "data": {} }),
        sent(3),
    ];
    let answers = post(&account, &events).await?.json(202)?;
    let [a, b, c, d] = answers.as_array().context("an array")?.as_slice() else {
        anyhow::bail!("four answers: {answers}")
    };
    for (answer, event, hook) in [
        (a, "message.sent", Some(&hook)),
        (b, "participant.confirmed", Some(&umbrella)),
        (c, "booking_page.viewed", None),
        (d, "message.sent", Some(&hook)),
    ] {
        let owed = hook.map(|hook| {
            json!({ "id": id(&answer["deliveries"][0]), "trigger_id": hook.trigger,
                    "action_id": hook.action })
        });
        let expected = json!({ "id": id(answer), "type": event, "duplicate": false,
                               "deliveries": Vec::from_iter(owed) });
        assert_eq!(answer, &expected);
        let shown = account.get(&format!("/events/{}", id(answer))).await?;
        assert_eq!(shown.json(200)?["type"], event);
    }
    let shown = account
        .get(&format!("/events/{}", id(b)))
        .await?
        .json(200)?;
    assert_eq!(shown["producer_id"], "own");
    assert_eq!(shown["occurred_at"], "2026-01-02T03:04:05.000Z");

    let came = receiver.received(3).await?;
    let came: BTreeSet<_> = came.iter().map(|hook| hook.header("webhook-id")).collect();
    let owed = [a, b, d].map(|answer| id(&answer["deliveries"][0]));
    assert_eq!(came, BTreeSet::from(owed));
    Ok(())
}

#[tokio::test]
async fn what_is_wrong_in_any_item_is_named_with_its_place_and_nothing_is_accepted() -> Result<()> {
    let account = account();
    let events = [
        sent(0),
        json!({ "type": "message.snt", "data": {} }),
        sent(2),
        json!({ "type": "message.sent", "data": [], "id": "a b" }),
        json!({ "type": "message.sent", "data": {}, "payload": 1 }),
        json!(["message.sent", {}]),
    ];
    let problem = post(&account, &events).await?.problem(422)?;
    assert_eq!(problem.code, "invalid");
    let pointers = ["/1/type", "/3/data", "/3/id", "/4/payload", "/5"];
    assert_eq!(problem.pointers(), pointers);
    ensure!(
        problem.errors[0].1.contains("did you mean message.sent"),
        "{}",
        problem.body
    );

    for (body, status, said) in [
        (json!([]).to_string(), 422, "1 to 500"),
        (
            json!(Vec::from_iter((0..501).map(sent))).to_string(),
            422,
            "501 events",
        ),
        (format!("[{}", sent(0)), 400, "line 1"),
    ] {
        let json = [("content-type", "application/json")];
        let path = account.path("/events");
        let reply = account.api.send(Method::POST, &path, &json, body).await?;
        reply.problem(status)?.says(&[said])?;
    }
    let large = json!({ "type": "message.sent", "data": { "text": "x".repeat(600_000) } });
    post(&account, &[large.clone(), large])
        .await?
        .problem(413)?;
    account.is_empty().await
}

#[tokio::test]
async fn an_event_that_was_there_is_a_duplicate_and_the_others_are_new() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    account.hook("message.sent", &receiver.url("/")).await?;
    let first = account.post("/events", &sent_as("b", 1)).await?.json(202)?;
    let events = [
        sent_as("a", 0),
        sent_as("b", 1),
        sent_as("c", 2),
        sent_as("a", 0),
    ];
    let answers = post(&account, &events).await?.json(202)?;
    assert_eq!(each(&answers, "duplicate"), [false, true, false, true]);
    let ids = each(&answers, "id");
    assert_eq!((ids[1], ids[3]), (&first["id"], ids[0]));
    let owed = each(&answers, "deliveries");
    assert_eq!((owed[1], owed[3]), (&first["deliveries"], owed[0]));

    // All of it again, and one of it alone.
    let again = post(&account, &events).await?.json(200)?;
    assert_eq!(each(&again, "duplicate"), [true; 4]);
    assert_eq!(
        (each(&again, "id"), each(&again, "deliveries")),
        (ids, owed)
    );
    let alone = account.post("/events", &sent_as("c", 2)).await?.json(200)?;
    assert_eq!(alone["id"], answers[2]["id"]);

    receiver.received(3).await?;
    assert_eq!(account.ids("/events").await?.len(), 3);
    assert_eq!(account.ids("/deliveries").await?.len(), 3);
    Ok(())
}

#[tokio::test]
async fn an_id_that_stands_for_another_event_has_the_whole_array_refused() -> Result<()> {
    let account = account();
    account.post("/events", &sent_as("b", 1)).await?.json(202)?;
    let events = [sent_as("a", 0), sent_as("b", 2), sent(3), sent_as("b", 2)];
    let problem = post(&account, &events).await?.problem(422)?;
    assert_eq!(problem.code, "idempotency_key_reused");
    problem.names("/1", &["id"])?;

    // And so has one that stands for two events of the array itself.
    let events = [sent(0), sent_as("c", 1), sent(2), sent_as("c", 3)];
    let problem = post(&account, &events).await?.problem(422)?;
    assert_eq!(problem.pointers(), ["/1/id", "/3/id"]);
    assert_eq!(account.ids("/events").await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn an_idempotency_key_stands_for_the_array_as_a_whole() -> Result<()> {
    let account = account();
    let (array, events) = (json!([sent(0), sent(1)]), "/events");
    let first = account.event_once("key", &array).await?.json(202)?;
    let again = account.event_once("key", &array).await?.json(200)?;
    assert_eq!(each(&again, "id"), each(&first, "id"));
    assert_eq!(each(&again, "duplicate"), [true, true]);
    for other in [
        json!([sent(0)]),
        json!([sent(1), sent(0)]),
        json!([sent(0), sent(1), sent(2)]),
        sent(0),
    ] {
        let problem = account.event_once("key", &other).await?.problem(422)?;
        assert_eq!(problem.code, "idempotency_key_reused", "{other}");
        assert_eq!(problem.pointers().is_empty(), !other.is_array());
    }
    assert_eq!(account.ids(events).await?.len(), 2);

    // The other way round: what came alone is no array.
    account.event_once("alone", &sent(7)).await?.json(202)?;
    let array = json!([sent(7), sent(8)]);
    let problem = account.event_once("alone", &array).await?.problem(422)?;
    problem.names("/0", &["key"])?;
    account.event_once("another", &array).await?.json(202)?;
    assert_eq!(account.ids(events).await?.len(), 5);
    Ok(())
}

#[tokio::test]
async fn one_array_posted_by_many_at_once_is_accepted_once() -> Result<()> {
    const CLIENTS: usize = 8;
    const EVENTS: usize = 40;
    let account = account();
    let receiver = Receiver::start().await?;
    account.hook("message.sent", &receiver.url("/")).await?;
    let events: Vec<_> = (0..EVENTS)
        .map(|n| sent_as(&format!("id-{n}"), n))
        .collect();
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let (account, events) = (account.clone(), events.clone());
        clients.spawn(async move { post(&account, &events).await });
    }
    let replies: Vec<_> = clients
        .join_all()
        .await
        .into_iter()
        .collect::<Result<_>>()?;
    let new = replies.iter().filter(|reply| reply.status == 202);
    assert_eq!(new.count(), 1);
    let answers = replies
        .iter()
        .map(|reply| reply.json(reply.status.as_u16()));
    let answers: Vec<_> = answers.collect::<Result<_>>()?;
    for answer in &answers {
        assert_eq!(each(answer, "id"), each(&answers[0], "id"));
        assert_eq!(each(answer, "deliveries"), each(&answers[0], "deliveries"));
    }
    receiver.received(EVENTS).await?;
    assert_eq!(account.ids("/events").await?.len(), EVENTS);
    assert_eq!(account.ids("/deliveries").await?.len(), EVENTS);
    Ok(())
}

#[tokio::test]
async fn events_owed_to_too_much_together_are_refused() -> Result<()> {
    let account = account();
    let action = json!({ "name": "A", "url": URL, "enabled": false });
    let actions = vec![action; 100];
    account
        .trigger(&json!({ "type": "message.sent", "name": "T", "actions": actions }))
        .await?;
    let events: Vec<_> = (0..201).map(sent).collect();
    let problem = post(&account, &events).await?.problem(422)?;
    problem.says(&["20000", "fewer"])?;
    assert_eq!(account.ids("/events").await?, Vec::<String>::new());
    post(&account, &events[..5]).await?.json(202)?;
    Ok(())
}

#[tokio::test]
async fn five_hundred_events_together_take_far_less_time_than_alone() -> Result<()> {
    let account = account();
    account
        .hook_with(
            "message.sent",
            json!({ "name": "A", "url": URL, "enabled": false }),
        )
        .await?;
    // The first of each is the service's first, too.
    account.post("/events", &sent(0)).await?.json(202)?;
    post(&account, &[sent(0), sent(1)]).await?.json(202)?;

    let start = Instant::now();
    for n in 0..50 {
        account.post("/events", &sent(n)).await?.json(202)?;
    }
    let fifty_alone = start.elapsed();
    let events: Vec<_> = (0..500).map(sent).collect();
    let start = Instant::now();
    let answers = post(&account, &events).await?.json(202)?;
    let together = start.elapsed();
    assert_eq!(each(&answers, "id").len(), 500);
    println!("{fifty_alone:?} for 50 alone, {together:?} for 500 together");
    // Ten times as many, and yet no longer: each may cost a tenth of what it does alone.
    ensure!(
        together < fifty_alone,
        "{together:?} for 500, {fifty_alone:?} for 50 alone"
    );
    Ok(())
}
