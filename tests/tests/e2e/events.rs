//! Events: accepted, matched, kept.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use e2e::{Account, Receiver, Service, id, millis};
use http::Method;
use serde_json::{Value, json};

const URL: &str = "http://127.0.0.1:9/";

fn account() -> Account {
    Service::shared().account()
}

#[tokio::test]
async fn an_event_is_accepted_with_its_id_and_what_it_is_owed_to() -> Result<()> {
    let account = account();
    let hook = account
        .hook_with("message.sent", json!({ "name": "A", "url": URL }))
        .await?;
    let second = format!("{}/actions", hook.trigger_path());
    let second = account
        .post(&second, &json!({ "name": "B", "url": URL }))
        .await?
        .json(201)?;

    let accepted = account.event("message.sent", &json!({ "n": 1 })).await?;
    let event = id(&accepted);
    ensure!(event.len() == 30 && event.starts_with("evt_"), "{event}");
    let owed = accepted["deliveries"].as_array().context("deliveries")?;
    for delivery in owed {
        ensure!(
            id(delivery).len() == 30 && id(delivery).starts_with("dlv_"),
            "{delivery}"
        );
    }
    let [a, b] = owed.as_slice() else {
        anyhow::bail!("two are owed: {accepted}")
    };
    assert_eq!(
        accepted,
        json!({
            "id": event, "type": "message.sent", "duplicate": false,
            "deliveries": [
                { "id": id(a), "trigger_id": hook.trigger, "action_id": hook.action },
                { "id": id(b), "trigger_id": hook.trigger, "action_id": id(&second) },
            ],
        })
    );
    Ok(())
}

#[tokio::test]
async fn an_event_that_matches_nothing_is_kept_all_the_same() -> Result<()> {
    let account = account();
    let accepted = account.event("booking_page.viewed", &json!({})).await?;
    assert_eq!(accepted["deliveries"], json!([]));
    let shown = account
        .get(&format!("/events/{}", id(&accepted)))
        .await?
        .json(200)?;
    assert_eq!(shown["type"], "booking_page.viewed");
    assert_eq!(shown["deliveries"], json!([]));
    assert_eq!(account.ids("/events").await?, [id(&accepted)]);
    Ok(())
}

#[tokio::test]
async fn an_event_is_shown_with_its_data_and_its_deliveries() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    let hook = account.hook("message.sent", &receiver.url("/")).await?;
    let event = json!({
        "type": "message.sent", "data": { "to": "Zoë" }, "id": "msg-1/sent",
        "occurred_at": "2026-01-02T03:04:05+05:30",
    });
    let accepted = account.post("/events", &event).await?.json(202)?;
    let delivery = id(&accepted["deliveries"][0]).to_owned();
    account.delivery_with(&delivery, "succeeded").await?;

    let shown = account
        .get(&format!("/events/{}", id(&accepted)))
        .await?
        .json(200)?;
    assert_eq!(shown["id"], accepted["id"]);
    assert_eq!(shown["type"], "message.sent");
    assert_eq!(shown["data"], json!({ "to": "Zoë" }));
    assert_eq!(shown["producer_id"], "msg-1/sent");
    assert_eq!(shown["occurred_at"], "2026-01-01T21:34:05.000Z");
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let age = i64::try_from(now.as_millis())? - millis(&shown["received_at"])?;
    ensure!(age.abs() < 60_000, "{shown}");
    let [owed] = shown["deliveries"]
        .as_array()
        .context("deliveries")?
        .as_slice()
    else {
        anyhow::bail!("one delivery: {shown}");
    };
    assert_eq!(id(owed), delivery);
    assert_eq!(owed["status"], "succeeded");
    assert_eq!(owed["action_id"], hook.action);
    Ok(())
}

#[tokio::test]
async fn data_is_kept_and_sent_to_the_letter() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    let hook = account.hook("message.sent", &receiver.url("/")).await?;
    // What a JSON library would round, reorder, unescape, shorten or refuse to have twice.
    let data = "{ \"z\":1, \"a\" : 1.0, \"big\":123456789012345678901234567890,\t\"exp\":1e300,\n\
                \"esc\":\"\\u00e9\\/\\ud83c\\udf89\", \"é🎉\": null, \"twice\":1, \"twice\":2 }";
    let body = format!("{{\"data\":{data},\"type\":\"message.sent\"}}");
    let json_type = [("content-type", "application/json; charset=utf-8")];
    let path = account.path("/events");
    let accepted = account
        .api
        .send(Method::POST, &path, &json_type, body)
        .await?
        .json(202)?;

    let webhook = receiver.only().await?;
    webhook.verify(&hook.secret)?;
    let sent = String::from_utf8(webhook.body.to_vec())?;
    ensure!(sent.ends_with(&format!("\"data\":{data}}}")), "{sent}");
    let shown = account.get(&format!("/events/{}", id(&accepted))).await?;
    let shown = String::from_utf8(shown.body.to_vec())?;
    ensure!(shown.contains(data), "{shown}");
    Ok(())
}

#[tokio::test]
async fn a_body_of_just_under_one_mebibyte_is_accepted_and_delivered() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    let hook = account.hook("message.sent", &receiver.url("/")).await?;
    let data = json!({ "text": "x".repeat(1024 * 1024 - 100) });
    account.event("message.sent", &data).await?;
    let webhook = receiver.only().await?;
    webhook.verify(&hook.secret)?;
    ensure!(
        webhook.json()?["data"] == data,
        "it did not arrive as it was"
    );
    Ok(())
}

#[tokio::test]
async fn a_repeated_idempotency_key_answers_the_first_event() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    account.hook("message.sent", &receiver.url("/")).await?;
    let event = json!({ "type": "message.sent", "data": { "n": 1 } });
    let first = account.event_once("key-1", &event).await?.json(202)?;
    let mut expected = first.clone();
    expected["duplicate"] = json!(true);
    for _ in 0..3 {
        assert_eq!(
            account.event_once("key-1", &event).await?.json(200)?,
            expected
        );
    }
    // What is owed was decided when the event came first.
    account
        .hook("message.sent", &receiver.url("/later"))
        .await?;
    assert_eq!(
        account.event_once("key-1", &event).await?.json(200)?,
        expected
    );
    account
        .delivery_with(id(&first["deliveries"][0]), "succeeded")
        .await?;
    assert_eq!(
        account.event_once("key-1", &event).await?.json(200)?,
        expected
    );

    assert_eq!(account.ids("/events").await?, [id(&first)]);
    assert_eq!(receiver.so_far().len(), 1);
    // Another key is another event, and so is none.
    account.event_once("key-2", &event).await?.json(202)?;
    account.event("message.sent", &json!({ "n": 1 })).await?;
    account.event("message.sent", &json!({ "n": 1 })).await?;
    assert_eq!(account.ids("/events").await?.len(), 4);
    Ok(())
}

#[tokio::test]
async fn an_idempotency_key_with_another_event_is_refused() -> Result<()> {
    let account = account();
    let event = json!({ "type": "message.sent", "data": { "n": 1 } });
    let first = account.event_once("key", &event).await?.json(202)?;
    for other in [
        json!({ "type": "message.sent", "data": { "n": 2 } }),
        json!({ "type": "message.failed", "data": { "n": 1 } }),
        json!({ "type": "message.sent", "data": { "n": 1 }, "id": "x" }),
        json!({ "type": "message.sent", "data": { "n": 1 }, "occurred_at": "2026-01-01T00:00:00Z" }),
    ] {
        let problem = account.event_once("key", &other).await?.problem(422)?;
        problem.says(&["idempotency key"])?;
        assert_eq!(problem.code, "idempotency_key_reused");
    }
    assert_eq!(account.ids("/events").await?, [id(&first)]);
    Ok(())
}

#[tokio::test]
async fn two_different_idempotency_keys_are_refused() -> Result<()> {
    let account = account();
    let event = json!({ "type": "message.sent", "data": { "n": 1 } }).to_string();
    let post = async |keys: &[&str]| {
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(keys.iter().map(|key| ("idempotency-key", *key)));
        let path = account.path("/events");
        account
            .api
            .send(Method::POST, &path, &headers, event.clone())
            .await
    };
    for keys in [&["a", "b"] as &[_], &["a", "a", "b"], &["a", ""]] {
        let problem = post(keys).await?.problem(400)?;
        problem.says(&["Idempotency-Key", "two"])?;
    }
    account.is_empty().await?;
    post(&["a", "a"]).await?.json(202)?;
    Ok(())
}

#[tokio::test]
async fn an_idempotency_key_belongs_to_its_account() -> Result<()> {
    let (mine, theirs) = (account(), account());
    let event = json!({ "type": "message.sent", "data": { "n": 1 }, "id": "producer" });
    let first = mine.event_once("key", &event).await?.json(202)?;
    let second = theirs.event_once("key", &event).await?.json(202)?;
    ensure!(first["id"] != second["id"], "one event for two accounts");
    mine.get(&format!("/events/{}", id(&second)))
        .await?
        .problem(404)?;
    Ok(())
}

#[tokio::test]
async fn the_producers_own_id_is_accepted_once() -> Result<()> {
    let account = account();
    let event = json!({ "type": "message.sent", "data": { "n": 1 }, "id": "msg-7" });
    let first = account.post("/events", &event).await?.json(202)?;
    let again = account.post("/events", &event).await?.json(200)?;
    assert_eq!(again["duplicate"], true);
    assert_eq!(again["id"], first["id"]);
    // Also under an idempotency key that is new.
    let again = account.event_once("new-key", &event).await?.json(200)?;
    assert_eq!(again["id"], first["id"]);
    let other = json!({ "type": "message.sent", "data": { "n": 2 }, "id": "msg-7" });
    account
        .post("/events", &other)
        .await?
        .problem(422)?
        .says(&["id"])?;
    assert_eq!(account.ids("/events").await?, [id(&first)]);
    Ok(())
}

#[tokio::test]
async fn a_key_of_one_event_and_an_id_of_another_is_refused() -> Result<()> {
    let account = account();
    let by_key = json!({ "type": "message.sent", "data": { "n": 1 } });
    account.event_once("key", &by_key).await?.json(202)?;
    let by_id = json!({ "type": "message.sent", "data": { "n": 2 }, "id": "msg-8" });
    account.post("/events", &by_id).await?.json(202)?;
    account.event_once("key", &by_id).await?.problem(422)?;
    assert_eq!(account.ids("/events").await?.len(), 2);
    Ok(())
}

#[tokio::test]
async fn keys_that_are_none_are_refused() -> Result<()> {
    let account = account();
    let event = json!({ "type": "message.sent", "data": {} });
    let long = "k".repeat(256);
    for key in ["", "a b", &long] {
        let problem = account.event_once(key, &event).await?.problem(400)?;
        problem
            .says(&["Idempotency-Key", "255"])
            .with_context(|| format!("{key:?}"))?;
    }
    for producer_id in ["", "a b", "é", &long] {
        let event = json!({ "type": "message.sent", "data": {}, "id": producer_id });
        account
            .post("/events", &event)
            .await?
            .problem(422)?
            .names("/id", &["255"])?;
    }
    account.is_empty().await?;
    let longest = "k".repeat(255);
    account.event_once(&longest, &event).await?.json(202)?;
    Ok(())
}

#[tokio::test]
async fn the_history_lists_the_newest_first_and_pages_through_all() -> Result<()> {
    let account = account();
    let mut posted = Vec::new();
    for n in 0..17 {
        posted.push(id(&account.event("message.sent", &json!({ "n": n })).await?).to_owned());
    }
    // Ids that are made in the same millisecond sort by chance.
    posted.sort();
    posted.reverse();
    for limit in [1, 4, 16, 17, 18] {
        let pages = account.pages("/events", limit).await?;
        assert_eq!(
            pages.iter().map(id).collect::<Vec<_>>(),
            posted,
            "{limit} a page"
        );
    }
    Ok(())
}

#[tokio::test]
async fn the_history_is_filtered_by_type_and_time() -> Result<()> {
    let account = account();
    let mut events = Vec::new();
    for event_type in ["message.sent", "message.failed", "message.sent"] {
        let accepted = account.event(event_type, &json!({})).await?;
        let event = account
            .get(&format!("/events/{}", id(&accepted)))
            .await?
            .json(200)?;
        events.push(event);
        // So that each has a millisecond of its own.
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    let time = |n: usize| events[n]["received_at"].as_str().unwrap_or("?");
    for (query, expected) in [
        ("type=message.sent".to_owned(), &[2, 0][..]),
        ("type=message.received".to_owned(), &[]),
        (format!("since={}", time(1)), &[2, 1]),
        (format!("until={}", time(1)), &[0]),
        (format!("since={}&until={}", time(1), time(2)), &[1]),
        (format!("since={}&type=message.sent", time(1)), &[2]),
        ("since=2999-01-01T00:00:00Z".to_owned(), &[]),
        ("until=2000-01-01T00:00:00Z".to_owned(), &[]),
        ("since=2000-01-01T01:00:00%2B01:00".to_owned(), &[2, 1, 0]),
    ] {
        let expected: Vec<_> = expected.iter().map(|n| id(&events[*n])).collect();
        assert_eq!(
            account.ids(&format!("/events?{query}")).await?,
            expected,
            "{query}"
        );
    }
    for (query, said) in [
        ("type=message.snt", "message.sent"),
        ("since=yesterday", "RFC 3339"),
        ("until=2026-11-23", "RFC 3339"),
        ("limit=many", "1 to 200"),
        ("cursor=YWJj", "cursor"),
        ("status=failed", "status"),
    ] {
        let problem = account
            .get(&format!("/events?{query}"))
            .await?
            .problem(400)?;
        problem.says(&[said]).with_context(|| query.to_owned())?;
    }
    Ok(())
}

#[tokio::test]
async fn an_event_of_another_account_or_of_none_is_not_found() -> Result<()> {
    let (mine, theirs) = (account(), account());
    let accepted = mine.event("message.sent", &json!({})).await?;
    theirs
        .get(&format!("/events/{}", id(&accepted)))
        .await?
        .problem(404)?;
    for nonsense in ["evt_", "evt_01M84YEZVBW6JXWPY67HHVQ4GX", "x", "%20"] {
        mine.get(&format!("/events/{nonsense}"))
            .await?
            .problem(404)?;
    }
    assert_eq!(theirs.ids("/events").await?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn a_disabled_trigger_or_action_has_its_delivery_skipped_and_says_why() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    let live = account.hook("message.sent", &receiver.url("/live")).await?;
    let no_trigger = account
        .hook("message.sent", &receiver.url("/no-trigger"))
        .await?;
    let no_action = account
        .hook("message.sent", &receiver.url("/no-action"))
        .await?;
    let off = json!({ "enabled": false });
    account
        .patch(&no_trigger.trigger_path(), &off)
        .await?
        .json(200)?;
    account
        .patch(&no_action.action_path(), &off)
        .await?
        .json(200)?;

    let accepted = account.event("message.sent", &json!({})).await?;
    // What is not going to be sent is not owed.
    let owed = accepted["deliveries"].as_array().context("deliveries")?;
    assert_eq!(
        owed.iter()
            .map(|owed| &owed["action_id"])
            .collect::<Vec<_>>(),
        [&live.action]
    );

    for (hook, said) in [
        (&no_trigger, "trigger was disabled"),
        (&no_action, "action was disabled"),
    ] {
        let listed = account
            .pages(&format!("/deliveries?action={}", hook.action), 10)
            .await?;
        let [skipped] = listed.as_slice() else {
            anyhow::bail!("one delivery: {listed:?}")
        };
        assert_eq!(skipped["status"], "skipped");
        assert_eq!(skipped["attempt_count"], 0);
        ensure!(
            skipped["reason"]
                .as_str()
                .unwrap_or_default()
                .contains(said),
            "{skipped}"
        );
        ensure!(skipped.get("next_attempt_at").is_none(), "{skipped}");
    }
    account.delivery_with(id(&owed[0]), "succeeded").await?;
    assert_eq!(receiver.only().await?.path, "/live");

    // Enabled again, they fire for what comes from then on.
    let on = json!({ "enabled": true });
    account
        .patch(&no_trigger.trigger_path(), &on)
        .await?
        .json(200)?;
    account
        .patch(&no_action.action_path(), &on)
        .await?
        .json(200)?;
    let accepted = account.event("message.sent", &json!({})).await?;
    assert_eq!(accepted["deliveries"].as_array().map(Vec::len), Some(3));
    receiver.received(4).await?;
    Ok(())
}

#[tokio::test]
async fn a_filter_decides_on_the_data() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    let filter = json!({ "data.calendar": "Main", "data.guests": { "$gte": 2 } });
    let trigger = json!({
        "type": "appointment.created", "name": "Large", "filter": filter,
        "actions": [{ "name": "A", "url": receiver.url("/") }],
    });
    let trigger = account.trigger(&trigger).await?;
    let owed = async |data: Value| -> Result<_> {
        let accepted = account.event("appointment.created", &data).await?;
        Ok(accepted["deliveries"].as_array().map_or(0, Vec::len))
    };
    assert_eq!(owed(json!({ "calendar": "Main", "guests": 2 })).await?, 1);
    assert_eq!(owed(json!({ "calendar": "Main", "guests": 1 })).await?, 0);
    assert_eq!(owed(json!({ "calendar": "Other", "guests": 9 })).await?, 0);
    assert_eq!(owed(json!({})).await?, 0);
    // A filter that is changed or removed holds from then on.
    let path = format!("/triggers/{}", id(&trigger));
    account
        .patch(&path, &json!({ "filter": { "data.calendar": "Other" } }))
        .await?
        .json(200)?;
    assert_eq!(owed(json!({ "calendar": "Main", "guests": 9 })).await?, 0);
    assert_eq!(owed(json!({ "calendar": "Other", "guests": 9 })).await?, 1);
    account
        .patch(&path, &json!({ "filter": null }))
        .await?
        .json(200)?;
    assert_eq!(owed(json!({})).await?, 1);
    assert_eq!(receiver.received(3).await?.len(), 3);
    Ok(())
}

#[tokio::test]
async fn events_fire_only_the_triggers_of_their_account() -> Result<()> {
    let (mine, theirs) = (account(), account());
    let receiver = Receiver::start().await?;
    mine.hook("message.sent", &receiver.url("/mine")).await?;
    theirs
        .hook("message.sent", &receiver.url("/theirs"))
        .await?;
    let accepted = mine.event("message.sent", &json!({})).await?;
    assert_eq!(accepted["deliveries"].as_array().map(Vec::len), Some(1));
    mine.delivery_with(id(&accepted["deliveries"][0]), "succeeded")
        .await?;
    let webhook = receiver.only().await?;
    assert_eq!(webhook.path, "/mine");
    assert_eq!(webhook.json()?["account"], mine.id);
    Ok(())
}

#[tokio::test]
async fn an_account_needs_no_creation_and_has_any_allowed_name() -> Result<()> {
    let api = Service::shared().api();
    for name in ["a", "ACME_7-x", "-", "_", &"z".repeat(64)] {
        let path = format!("/v1/accounts/{name}/events");
        let event = json!({ "type": "message.sent", "data": {} });
        let accepted = api.post(&path, &event).await?.json(202)?;
        let listed = api.get(&path).await?.json(200)?;
        assert_eq!(listed["data"][0]["id"], accepted["id"], "{name}");
    }
    Ok(())
}

async fn post_text(account: &Account, media_type: &str, body: &str) -> Result<e2e::Reply> {
    let headers = [("content-type", media_type)];
    let api = Service::shared().api();
    api.send(
        Method::POST,
        &account.path("/events"),
        &headers,
        body.to_owned(),
    )
    .await
}

#[tokio::test]
async fn data_that_would_be_lost_on_the_way_is_refused_with_its_pointer() -> Result<()> {
    let account = account();
    for (data, pointer) in [
        (r#"{"a": ["\ud83d"]}"#, "/data/a/0"),
        (r#"{"\ud83d": 1}"#, r"/data/\ud83d"),
        (r#"{"a": {"b": 1e400}}"#, "/data/a/b"),
    ] {
        let body = format!(r#"{{"type": "message.sent", "data": {data}}}"#);
        let refused = post_text(&account, "application/json", &body).await?;
        assert_eq!(refused.problem(422)?.pointers(), [pointer], "{data}");
        let batch = format!(r#"[{{"type": "message.sent", "data": {{}}}}, {body}]"#);
        let refused = post_text(&account, "application/json", &batch).await?;
        assert_eq!(refused.problem(422)?.pointers(), [format!("/1{pointer}")]);
        let cloud_event = format!(
            r#"{{"specversion": "1.0", "id": "1", "source": "/s", "type": "message.sent", "data": {data}}}"#
        );
        let media_type = "application/cloudevents+json";
        let refused = post_text(&account, media_type, &cloud_event).await?;
        assert_eq!(refused.problem(422)?.pointers(), [pointer], "{data}");
    }
    assert_eq!(account.ids("/events").await?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn the_same_value_under_the_same_key_is_the_same_event() -> Result<()> {
    let account = account();
    let post = async |body: &str| {
        let headers = [
            ("content-type", "application/json"),
            ("idempotency-key", "booking-81"),
        ];
        let path = account.path("/events");
        let api = Service::shared().api();
        api.send(Method::POST, &path, &headers, body.to_owned())
            .await
    };
    let first = post(
        r#"{"type":"message.sent","data":{"a":[1,"é"],"b":{"c":10,"d":0}},"occurred_at":"2026-11-23T15:04:05Z"}"#,
    );
    let first = first.await?.json(202)?;
    for again in [
        r#"{"occurred_at":"2026-11-23T15:04:05.000Z","data":{"b":{"d":-0.0,"c":1e1},"a":[1.0,"\u00e9"]},"type":"message.sent"}"#,
        r#" {"type": "message.sent", "data": {"a": [1, "é"], "b": {"c": 10, "d": 0}}, "occurred_at": "2026-11-23T16:04:05+01:00"}"#,
    ] {
        let again = post(again).await?.json(200)?;
        assert_eq!(again["id"], first["id"]);
        assert_eq!(again["duplicate"], true);
    }
    let other = r#"{"type":"message.sent","data":{"a":["é",1],"b":{"c":10,"d":0}},"occurred_at":"2026-11-23T15:04:05Z"}"#;
    post(other).await?.problem(422)?;
    // What is kept is what was posted first, to the letter.
    let shown = account.get(&format!("/events/{}", id(&first))).await?;
    let shown = shown.json(200)?;
    assert_eq!(
        shown["data"].to_string(),
        r#"{"a":[1,"é"],"b":{"c":10,"d":0}}"#
    );
    Ok(())
}

#[tokio::test]
async fn an_event_is_accepted_whatever_its_filters_take_and_says_which_were_not_evaluated()
-> Result<()> {
    let account = account();
    let action = json!({ "name": "A", "url": URL });
    let cheap = account.hook_with("message.sent", action).await?;
    let mut expensive = Vec::new();
    for _ in 0..20 {
        expensive.push(account.trigger(&expensive_trigger()).await?);
    }
    let told = json!({
        "type": "webhook.filters_skipped", "name": "Operators",
        "actions": [{ "name": "A", "url": URL }],
    });
    account.trigger(&told).await?;

    let accepted = account.event("message.sent", &many_values()).await?;
    let unevaluated = &accepted["unevaluated_triggers"];
    assert_eq!(unevaluated["count"], 20, "{accepted}");
    let mut named: Vec<_> = unevaluated["triggers"]
        .as_array()
        .context("triggers")?
        .iter()
        .map(id)
        .collect();
    named.sort_unstable();
    let mut all: Vec<_> = expensive.iter().map(id).collect();
    all.sort_unstable();
    assert_eq!(named, all);
    let reason = unevaluated["triggers"][0]["reason"]
        .as_str()
        .context("a reason")?;
    ensure!(reason == "filter_too_expensive" || reason == "event_too_expensive");
    assert_eq!(
        accepted["deliveries"][0]["trigger_id"],
        cheap.trigger.as_str()
    );
    let path = format!("/events/{}", id(&accepted));
    let shown = account.get(&path).await?.json(200)?;
    assert_eq!(shown["unevaluated_triggers"], *unevaluated);
    let replayed = account
        .post(&format!("{path}/replay"), &json!({}))
        .await?
        .json(202)?;
    assert_eq!(replayed["unevaluated_triggers"]["count"], 20);
    e2e::eventually("an operator event", e2e::DEADLINE, async || {
        let told = account.ids("/events?type=webhook.filters_skipped").await?;
        Ok(told.first().map(|_| ()).ok_or_else(|| "none".to_owned()))
    })
    .await?;

    // Once they are evaluated, a replay leaves nothing open.
    for trigger in &expensive {
        account
            .delete(&format!("/triggers/{}", id(trigger)))
            .await?
            .empty(204)?;
    }
    account
        .post(&format!("{path}/replay"), &json!({}))
        .await?
        .json(202)?;
    let shown = account.get(&path).await?.json(200)?;
    assert_eq!(shown.get("unevaluated_triggers"), None);
    Ok(())
}

/// A trigger whose filter compares each of an event's `data.list` with 500 texts.
fn expensive_trigger() -> Value {
    let texts: Vec<_> = (0..500).map(|n| format!("v{n}")).collect();
    json!({
        "type": "message.sent", "name": "T", "filter": { "data.list": { "$in": texts } },
        "actions": [{ "name": "A", "url": URL, "enabled": false }],
    })
}

fn many_values() -> Value {
    json!({ "list": vec!["x"; 2_000] })
}

#[tokio::test]
async fn an_array_on_whose_events_filters_take_too_long_is_refused_with_an_index() -> Result<()> {
    let account = account();
    for _ in 0..20 {
        account.trigger(&expensive_trigger()).await?;
    }
    let event = json!({ "type": "message.sent", "data": many_values() });
    let start = std::time::Instant::now();
    let refused = account
        .post("/events", &json!(vec![event.clone(); 100]))
        .await?;
    let took = start.elapsed();
    println!("refused after {took:?}");
    let problem = refused.problem(422)?;
    let pointers = problem.pointers();
    let [pointer] = pointers.as_slice() else {
        anyhow::bail!("one pointer: {pointers:?}")
    };
    let index: usize = pointer
        .trim_start_matches('/')
        .parse()
        .context("an index")?;
    ensure!((1..100).contains(&index), "{index}");
    assert_eq!(account.ids("/events").await?, Vec::<String>::new());
    // Those before it are accepted by themselves.
    account
        .post("/events", &json!(vec![event; index]))
        .await?
        .json(202)?;
    Ok(())
}

#[tokio::test]
async fn an_event_creates_as_many_deliveries_as_it_may_and_counts_the_rest() -> Result<()> {
    let service = Service::with(e2e::Settings::default().with("max_deliveries_per_event", "3"))?;
    let account = service.account();
    let action = json!({ "name": "A", "url": URL });
    let trigger = json!({ "type": "message.sent", "name": "T", "actions": vec![action; 5] });
    account.trigger(&trigger).await?;
    let accepted = account.event("message.sent", &json!({})).await?;
    assert_eq!(accepted["deliveries"].as_array().map(Vec::len), Some(3));
    assert_eq!(
        accepted["omitted_deliveries"],
        json!({ "count": 2, "limit": 3 })
    );
    let skipped = account.get("/deliveries?status=skipped").await?.json(200)?;
    assert_eq!(skipped["data"].as_array().map(Vec::len), Some(2));
    ensure!(
        skipped["data"][0]["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("as many"))
    );
    let path = format!("/events/{}", id(&accepted));
    let shown = account.get(&path).await?.json(200)?;
    assert_eq!(shown["omitted_deliveries"]["count"], 2);
    let replayed = account
        .post(&format!("{path}/replay"), &json!({}))
        .await?
        .json(202)?;
    assert_eq!(replayed["deliveries"].as_array().map(Vec::len), Some(3));
    assert_eq!(replayed["omitted_deliveries"]["count"], 2);
    Ok(())
}
