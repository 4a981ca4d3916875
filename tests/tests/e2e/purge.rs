//! Purges: of an account, and of what is about somebody.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::{Account, Answer, DEADLINE, Receiver, Service, eventually, id};
use serde_json::{Value, json};

const URL: &str = "http://127.0.0.1:9/";

fn account() -> Account {
    Service::shared().account()
}

async fn has_no_events(account: &Account) -> Result<()> {
    for list in ["/events", "/deliveries"] {
        assert_eq!(account.ids(list).await?, Vec::<String>::new());
    }
    Ok(())
}

async fn purge(account: &Account, body: &Value) -> Result<Value> {
    account.post("/purge", body).await?.json(200)
}

/// A trigger whose deliveries are written and never sent: to so many actions, all off.
async fn silent(account: &Account, actions: usize) -> Result<()> {
    let action = json!({ "name": "A", "url": URL, "enabled": false });
    let trigger = json!({
        "type": "message.sent", "name": "T", "actions": vec![action; actions],
    });
    account.trigger(&trigger).await?;
    Ok(())
}

#[tokio::test]
async fn a_purged_account_has_nothing_left_and_others_have_all_of_theirs() -> Result<()> {
    let (purged, other) = (account(), account());
    let receiver = Receiver::start().await?;
    receiver.answer("/fails", Answer::status(503).body("no"));
    let mut gone = Vec::new();
    for account in [&purged, &other] {
        let hook = account.hook("message.sent", &receiver.url("/")).await?;
        account
            .hook("message.sent", &receiver.url("/fails"))
            .await?;
        let event = json!({ "type": "message.sent", "data": {}, "id": "order-7" });
        let accepted = account.event_once("key", &event).await?.json(202)?;
        for owed in accepted["deliveries"].as_array().context("deliveries")? {
            account.attempted(id(owed), 1).await?;
            gone.push(format!("/deliveries/{}", id(owed)));
        }
        gone.push(format!("/events/{}", id(&accepted)));
        gone.push(hook.action_path());
    }

    purged.delete("").await?.empty(204)?;
    purged.is_empty().await?;
    let (of_purged, of_other) = gone.split_at(gone.len() / 2);
    for path in of_purged {
        purged.get(path).await?.problem(404)?;
    }
    for path in of_other {
        other.get(path).await?.json(200)?;
    }
    assert_eq!(other.ids("/triggers").await?.len(), 2);

    // Again, and where nothing ever was, it comes to the same.
    purged.delete("").await?.empty(204)?;
    account().delete("").await?.empty(204)?;
    // The account can be used again: keys that were used are free, and nothing matches.
    let event = json!({ "type": "message.sent", "data": {}, "id": "order-7" });
    let accepted = purged.event_once("key", &event).await?.json(202)?;
    assert_eq!(accepted["deliveries"], json!([]));
    Ok(())
}

#[tokio::test]
async fn a_purge_that_takes_longer_than_it_may_says_what_remains_and_is_repeated() -> Result<()> {
    let account = account();
    silent(&account, 100).await?;
    for n in 0..7 {
        account.event("message.sent", &json!({ "n": n })).await?;
    }
    for n in 0..230 {
        let trigger = json!({ "type": "message.received", "name": format!("T{n}") });
        account.trigger(&trigger).await?;
    }
    let path = "?budget_seconds=0";
    let first = account.delete(path).await?.json(202)?;
    let expected = json!({
        "deleted": { "triggers": 200, "events": 0, "deliveries": 0 },
        "remaining": { "triggers": 31, "events": 7, "deliveries": 700 },
    });
    assert_eq!(first, expected);
    // What is left is whole: the lists and the matching of those triggers agree.
    assert_eq!(account.ids("/triggers").await?.len(), 31);

    let second = account.delete(path).await?.json(202)?;
    let expected = json!({
        "deleted": { "triggers": 31, "events": 0, "deliveries": 500 },
        "remaining": { "triggers": 0, "events": 7, "deliveries": 200 },
    });
    assert_eq!(second, expected);
    account.delete(path).await?.empty(204)?;
    account.is_empty().await
}

#[tokio::test]
async fn what_is_being_sent_while_its_account_is_purged_does_not_come_back() -> Result<()> {
    let service = Service::start()?;
    let receiver = Receiver::start().await?;
    for by_event in [false, true] {
        let account = service.account();
        receiver.forget();
        receiver.answer("/", Answer::status(503).after(Duration::from_secs(1)));
        account.hook("message.sent", &receiver.url("/")).await?;
        account
            .event("message.sent", &json!({ "who": "Ada" }))
            .await?;
        receiver.received(1).await?;
        // It has the webhook, and has not answered yet.
        if by_event {
            let body = json!({ "path": "data.who", "equals": "Ada" });
            let purged = purge(&account, &body).await?;
            assert_eq!(
                (&purged["events"], &purged["deliveries"]),
                (&json!(1), &json!(1))
            );
        } else {
            account.delete("").await?.empty(204)?;
        }
        eventually("the end of the run", DEADLINE, || async {
            let runners = service.ledger().runners()?;
            Ok(if runners.is_empty() {
                Ok(())
            } else {
                Err(format!("{runners:?}"))
            })
        })
        .await?;
        has_no_events(&account).await?;
        assert_eq!(receiver.so_far().len(), 1);
    }
    Ok(())
}

#[tokio::test]
async fn what_is_about_somebody_goes_wherever_the_path_finds_them() -> Result<()> {
    let account = account();
    silent(&account, 2).await?;
    let mut kept = Vec::new();
    for (data, goes) in [
        (
            json!({ "participant": { "id": "p-7", "name": "Ada" } }),
            true,
        ),
        (
            json!({ "participant": [{ "id": "p-1" }, { "id": "p-7" }] }),
            true,
        ),
        (json!({ "participant": { "id": ["p-1", ["p-7"]] } }), true),
        (json!({ "participant": { "id": "p-77" } }), false),
        (json!({ "participant": { "id": "P-7" } }), false),
        (json!({ "other": { "id": "p-7" } }), false),
        (json!({ "participant": { "id": 7 } }), false),
        (json!({}), false),
    ] {
        let event = account.event("message.sent", &data).await?;
        if !goes {
            kept.push(id(&event).to_owned());
        }
    }
    let body = json!({ "path": "data.participant.id", "equals": "p-7" });
    let expected = json!({ "events": 3, "deliveries": 6, "done": true, "next_cursor": null });
    assert_eq!(purge(&account, &body).await?, expected);
    kept.reverse();
    assert_eq!(account.ids("/events").await?, kept);
    assert_eq!(account.ids("/deliveries").await?.len(), 2 * kept.len());
    let nothing = json!({ "events": 0, "deliveries": 0, "done": true, "next_cursor": null });
    assert_eq!(purge(&account, &body).await?, nothing);
    Ok(())
}

#[tokio::test]
async fn names_with_quotes_numbers_and_what_is_written_twice_are_found() -> Result<()> {
    let account = account();
    let long = format!(r#"{{"ids":[{}"p-7"]}}"#, "0,".repeat(400_000));
    for (data, path, equals) in [
        (
            r#"{"it's \"here\"":{"a.b":"p-7"}}"#,
            r#"data.it's "here".a\.b"#,
            json!("p-7"),
        ),
        (r#"{"n":"Zo\u00eb"}"#, "data.n", json!("Zoë")),
        (r#"{"n":42.0}"#, "data.n", json!(42)),
        (r#"{"n":true}"#, "data.n", json!(true)),
        // Members that come twice.
        (r#"{"n":"p-7","n":"p-8"}"#, "data.n", json!("p-7")),
        // More than a filter looks at.
        (&long, "data.ids", json!("p-7")),
    ] {
        let body = format!(r#"{{"type":"message.sent","data":{data}}}"#);
        let headers = [("content-type", "application/json")];
        let events = account.path("/events");
        let posted = account
            .api
            .send(http::Method::POST, &events, &headers, body)
            .await?;
        posted.json(202)?;
        let purged = purge(&account, &json!({ "path": path, "equals": equals })).await?;
        assert_eq!(
            purged["events"],
            1,
            "{path} of {}",
            &data[..data.len().min(40)]
        );
        has_no_events(&account).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_purge_of_many_events_goes_on_from_its_cursor() -> Result<()> {
    let account = account();
    silent(&account, 1).await?;
    // Large ones: a look is at some of them only.
    let note = "x".repeat(300_000);
    for n in 0..12 {
        let who = if n % 3 == 0 { "Ada" } else { "Zoë" };
        account
            .event("message.sent", &json!({ "who": who, "note": note }))
            .await?;
    }
    let mut body = json!({ "path": "data.who", "equals": "Ada" });
    let (mut requests, mut events, mut deliveries) = (0, 0, 0);
    loop {
        let purged = account
            .post("/purge?budget_seconds=0", &body)
            .await?
            .json(200)?;
        requests += 1;
        events += purged["events"].as_u64().context("events")?;
        deliveries += purged["deliveries"].as_u64().context("deliveries")?;
        if purged["done"] == true {
            assert_eq!(purged["next_cursor"], Value::Null);
            break;
        }
        body["cursor"] = purged["next_cursor"].clone();
    }
    assert_eq!((events, deliveries), (4, 4));
    ensure!(requests == 4, "{requests} requests");
    assert_eq!(account.ids("/events").await?.len(), 8);
    Ok(())
}

#[tokio::test]
async fn what_was_still_owed_of_a_purged_event_is_not_sent() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    receiver.answer("/", Answer::status(503));
    let action = json!({ "name": "A", "url": receiver.url("/"), "retry_schedule": [1] });
    account.hook_with("message.sent", action).await?;
    let event = json!({ "type": "message.sent", "data": { "who": "Ada" } });
    let accepted = account.event_once("a-key", &event).await?.json(202)?;
    account.attempted(id(&accepted["deliveries"][0]), 1).await?;
    let body = json!({ "path": "data.who", "equals": "Ada" });
    assert_eq!(purge(&account, &body).await?["deliveries"], 1);
    has_no_events(&account).await?;
    account.api.run().await?;
    assert_eq!(receiver.so_far().len(), 1);
    // Its key went with it.
    account.event_once("a-key", &event).await?.json(202)?;
    Ok(())
}

#[tokio::test]
async fn a_purge_that_makes_no_sense_is_refused() -> Result<()> {
    let account = account();
    account
        .event("message.sent", &json!({ "who": null }))
        .await?;
    for (body, pointer, part) in [
        (json!({ "path": "data.who" }), "/equals", "required"),
        (
            json!({ "path": "data.who", "equals": ["Ada"] }),
            "/equals",
            "a text",
        ),
        (
            json!({ "path": "data.who", "equals": {} }),
            "/equals",
            "a text",
        ),
        (json!({ "equals": "Ada" }), "/path", "required"),
        (
            json!({ "path": "who", "equals": "Ada" }),
            "/path",
            "data.who",
        ),
        (
            json!({ "path": "type", "equals": "message.sent" }),
            "/path",
            "data.",
        ),
        (
            json!({ "path": "data.who", "equals": "A", "cursor": "x" }),
            "/cursor",
            "next_cursor",
        ),
        (
            json!({ "path": "data.who", "equals": "A", "all": true }),
            "/all",
            "unknown field",
        ),
    ] {
        account
            .post("/purge", &body)
            .await?
            .problem(422)?
            .names(pointer, &[part])?;
    }
    let problem = account.post("/purge", &json!({})).await?.problem(422)?;
    let mut pointers = problem.pointers();
    pointers.sort_unstable();
    assert_eq!(pointers, ["/equals", "/path"]);
    account.delete("?budget_seconds=21").await?.problem(400)?;
    account
        .delete("?confirm=true")
        .await?
        .problem(400)?
        .says(&["confirm"])?;
    assert_eq!(account.ids("/events").await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn numbers_are_purged_and_filtered_by_their_exact_value() -> Result<()> {
    let account = account();
    let api = Service::shared().api();
    let json = [("content-type", "application/json")];
    let filter = r#"{"data.n": 100000000000000000001}"#;
    let trigger = format!(
        r#"{{"type": "message.sent", "name": "T", "filter": {filter},
             "actions": [{{"name": "A", "url": "{URL}", "enabled": false}}]}}"#
    );
    let path = account.path("/triggers");
    let trigger = api
        .send(http::Method::POST, &path, &json, trigger)
        .await?
        .json(201)?;
    let stored = account
        .get(&format!("/triggers/{}", id(&trigger)))
        .await?
        .json(200)?;
    assert_eq!(
        stored["filter"]["data.n"].to_string(),
        "100000000000000000001"
    );

    let mut kept = Vec::new();
    for number in [
        "100000000000000000001",
        "100000000000000000002",
        "100000000000000000001.0",
        "1.00000000000000000001e20",
        "1e20",
    ] {
        let event = format!(r#"{{"type": "message.sent", "data": {{"n": {number}}}}}"#);
        let path = account.path("/events");
        let accepted = api
            .send(http::Method::POST, &path, &json, event)
            .await?
            .json(202)?;
        let path = format!("/deliveries?event={}", id(&accepted));
        let matches = !account.ids(&path).await?.is_empty();
        let is_same = !matches!(number, "100000000000000000002" | "1e20");
        assert_eq!(matches, is_same, "{number}");
        if !is_same {
            kept.push(id(&accepted).to_owned());
        }
    }
    let path = account.path("/purge");
    let body = r#"{"path": "data.n", "equals": 100000000000000000001}"#;
    let purged = api
        .send(http::Method::POST, &path, &json, body)
        .await?
        .json(200)?;
    assert_eq!(purged["events"], 3);
    kept.reverse();
    assert_eq!(account.ids("/events").await?, kept);
    Ok(())
}
