//! Event types that a deployment adds: they work as the built-in ones do, and can't be pulled from
//! under a trigger.
//!
//! They are the whole deployment's, so that these tests start services of their own.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use e2e::{Account, Answer, Api, Receiver, Reply, Service, Settings, has, id, stores};
use http::Method;
use rusqlite::Connection;
use serde_json::{Value, json};
use tokio::task::JoinSet;

const URL: &str = "http://127.0.0.1:9/";
const BUILT_IN: usize = 20;
const OPERATOR: usize = 4;
const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

fn path(key: &str) -> String {
    format!("/v1/event-types/{key}")
}

async fn put(api: &Api, key: &str, event_type: &Value) -> Result<Reply> {
    let body = event_type.to_string();
    api.send(Method::PUT, &path(key), &JSON, body).await
}

/// Puts a type, under the condition that `If-Match` says.
async fn put_if(api: &Api, key: &str, event_type: &Value, tag: &str) -> Result<Reply> {
    let headers = [JSON[0], ("if-match", tag)];
    let body = event_type.to_string();
    api.send(Method::PUT, &path(key), &headers, body).await
}

/// A type that says little of itself.
fn plain(label: &str) -> Value {
    json!({ "label": label, "sample": { "n": 1 } })
}

fn member(label: &str, of: &str) -> Value {
    json!({ "label": label, "sample": { "n": 1 }, "member_of": of })
}

async fn listed(api: &Api) -> Result<Vec<Value>> {
    let types = api.get("/v1/event-types").await?.json(200)?;
    types.as_array().cloned().context("the catalogue is a list")
}

fn trigger(event_type: &str) -> Value {
    let action = json!({ "name": "A", "url": URL, "retry_schedule": [] });
    json!({ "type": event_type, "name": "T", "actions": [action] })
}

/// The triggers that an event of this type fires, by their types.
async fn fired(account: &Account, event_type: &str) -> Result<BTreeSet<String>> {
    let accepted = account.event(event_type, &json!({})).await?;
    let mut types = BTreeSet::new();
    for owed in accepted["deliveries"].as_array().context("deliveries")? {
        let trigger = owed["trigger_id"].as_str().unwrap_or("?");
        let trigger = account.get(&format!("/triggers/{trigger}")).await?;
        let event_type = trigger.json(200)?["type"].as_str().map(Into::into);
        types.insert(event_type.context("a type")?);
    }
    Ok(types)
}

fn set(types: &[&str]) -> BTreeSet<String> {
    types.iter().map(|of| (*of).to_owned()).collect()
}

#[tokio::test]
async fn a_custom_type_is_like_the_others_from_its_first_put_until_it_is_deleted() -> Result<()> {
    let service = Service::start()?;
    let (api, account) = (service.api(), service.account());
    let receiver = Receiver::start().await?;
    let invoice = json!({
        "label": "Invoice paid", "group": "Invoices",
        "description": "An invoice was paid in full.",
        "sample": { "invoice": { "id": "inv_1", "total": 12.5 } },
    });
    // A sample is kept to the letter, like the data of events.
    let body = invoice.to_string().replace("12.5", "12.50");
    let made = api
        .send(Method::PUT, &path("invoice.paid"), &JSON, body)
        .await?;
    assert_eq!(made.header("location"), Some(&*path("invoice.paid")));
    let total: Value = serde_json::from_str("12.50")?;
    let shown = json!({
        "key": "invoice.paid", "label": "Invoice paid", "group": "Invoices",
        "description": "An invoice was paid in full.", "custom": true, "operator": false,
        "sample": { "invoice": { "id": "inv_1", "total": total } },
    });
    assert_eq!(made.json(201)?, shown);
    let got = api.get(&path("invoice.paid")).await?;
    assert_eq!((got.json(200)?, got.etag()?), (shown.clone(), made.etag()?));
    ensure!(String::from_utf8_lossy(&got.body).contains("12.50"));
    let types = listed(&api).await?;
    assert_eq!(types[BUILT_IN], shown);
    ensure!(types[..BUILT_IN].iter().all(|of| of["custom"] == false));

    // A template is tried on its sample; events are delivered under its name.
    let action = json!({
        "name": "A", "url": receiver.url("/"), "content_type": "text/plain",
        "body_template": "{{ type }}: {{ data.invoice.total }}",
    });
    let hook = account.hook_with("invoice.paid", action).await?;
    let wrong = json!({ "body_template": "{{ data.invoice.totl }}" });
    account
        .patch(&hook.action_path(), &wrong)
        .await?
        .problem(422)?
        .names("/body_template", &["the sample of invoice.paid"])?;
    let data = json!({ "invoice": { "total": 7 } });
    let accepted = account.event("invoice.paid", &data).await?;
    let webhook = receiver.only().await?;
    webhook.verify(&hook.secret)?;
    assert_eq!(webhook.body, "invoice.paid: 7");
    for list in ["/events", "/deliveries", "/triggers"] {
        let of_type = account.ids(&format!("{list}?type=invoice.paid")).await?;
        assert_eq!(of_type.len(), 1, "{list}");
    }

    // What triggers have can't be deleted, and who has it is told.
    api.delete(&path("invoice.paid"))
        .await?
        .problem(409)?
        .says(&["invoice.paid", "1 trigger;", &account.id, &hook.trigger])?;
    let renamed = json!({ "label": "Invoice settled", "sample": {} });
    let replaced = put(&api, "invoice.paid", &renamed).await?;
    let expected = json!({ "label": "Invoice settled", "group": "Custom", "description": "" });
    has(&replaced.json(200)?, &expected)?;
    assert_ne!(replaced.etag()?, made.etag()?);
    // Put as it is, it stays as it is.
    let again = put(&api, "invoice.paid", &renamed).await?;
    assert_eq!(again.json(200)?, replaced.json(200)?);
    assert_eq!(again.etag()?, replaced.etag()?);
    fired(&account, "invoice.paid").await?;

    account.delete(&hook.trigger_path()).await?.empty(204)?;
    api.delete(&path("invoice.paid")).await?.empty(204)?;
    for reply in [
        api.get(&path("invoice.paid")).await?,
        api.delete(&path("invoice.paid")).await?,
    ] {
        reply.problem(404)?.says(&["invoice.paid"])?;
    }
    assert_eq!(listed(&api).await?.len(), types.len() - 1);
    let event = json!({ "type": "invoice.paid", "data": {} });
    for refused in [
        account.post("/events", &event).await?,
        account.post("/triggers", &trigger("invoice.paid")).await?,
    ] {
        refused.problem(422)?.names("/type", &["invoice.paid"])?;
    }
    // Its past stays. What would need it says that it is gone.
    account
        .get(&format!("/events/{}", id(&accepted)))
        .await?
        .json(200)?;
    let gone = account.get("/events?type=invoice.paid").await?;
    gone.problem(400)?
        .says(&["invoice.paid", "not an event type"])?;
    let replay = format!("/events/{}/replay", id(&accepted));
    let replayed = account.post(&replay, &Value::Null).await?;
    replayed.problem(409)?.says(&["invoice.paid"])?;
    // A successor is another resource.
    let successor = put(&api, "invoice.paid", &invoice).await?;
    assert_ne!(successor.etag()?, made.etag()?);
    Ok(())
}

#[tokio::test]
async fn types_that_are_not_the_deployments_cant_be_changed() -> Result<()> {
    let service = Service::shared();
    let api = service.api();
    let before = listed(&api).await?;
    assert_eq!(before.len(), BUILT_IN + OPERATOR);
    for fixed in &before {
        let key = fixed["key"].as_str().context("a key")?;
        let put = put(&api, key, &plain("Mine")).await?;
        put.problem(409)?.says(&[key, "can't be changed"])?;
        let deleted = api.delete(&path(key)).await?;
        deleted.problem(409)?.says(&[key, "can't be changed"])?;
        assert_eq!(api.get(&path(key)).await?.json(200)?, *fixed);
    }
    for (key, said) in [
        ("invoice", "invoice.paid"),
        ("Invoice.paid", "a-z"),
        ("invoice.", "dots"),
        ("a.b%20c", "a-z"),
        ("webhook.mine", "webhook."),
        (&format!("a.{}", "b".repeat(63)), "64"),
    ] {
        let refused = put(&api, key, &plain("Mine")).await?;
        refused.problem(400)?.says(&[said])?;
        api.get(&path(key)).await?.problem(404)?;
        api.delete(&path(key)).await?.problem(404)?;
    }
    assert_eq!(listed(&api).await?, before);
    Ok(())
}

#[tokio::test]
async fn what_is_wrong_with_a_type_is_told_at_once_and_nothing_stored() -> Result<()> {
    let api = Service::shared().api();
    let wrong = json!({
        "label": "", "group": " ", "description": "x".repeat(2_001), "sample": 1,
        "member_of": "message.sent",
    });
    let refused = put(&api, "shipment.left", &wrong).await?.problem(422)?;
    assert_eq!(
        refused.pointers(),
        ["/label", "/group", "/description", "/sample", "/member_of"]
    );
    let unknown = json!({ "label": "L", "sample": {}, "key": "shipment.left" });
    let refused = put(&api, "shipment.left", &unknown).await?;
    refused.problem(422)?.names("/key", &["unknown field"])?;
    api.send(Method::PUT, &path("shipment.left"), &JSON, "{")
        .await?
        .problem(400)?;
    api.send(Method::PUT, &path("shipment.left"), &[], "{}")
        .await?
        .problem(415)?;
    api.get(&path("shipment.left")).await?.problem(404)?;
    let posted = api.post(&path("shipment.left"), &plain("L")).await?;
    let refused = posted.problem(405)?;
    assert_eq!(refused.headers["allow"], "GET, PUT, DELETE");
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let body = plain("L").to_string();
        let at = path("message.sent?x=1");
        let reply = api.send(method, &at, &JSON, body).await?;
        reply.problem(400)?.says(&["\"x\""])?;
    }
    Ok(())
}

#[tokio::test]
async fn an_event_of_a_member_fires_the_umbrellas_triggers_too() -> Result<()> {
    let service = Service::start()?;
    let (api, account) = (service.api(), service.account());
    const CHECK_IN: &str = "participant.check_in_state_changed";
    for (key, event_type) in [
        ("order.changed", plain("Order changed")),
        ("order.paid", member("Order paid", "order.changed")),
        ("participant.checked_in", member("Checked in", CHECK_IN)),
    ] {
        put(&api, key, &event_type).await?.json(201)?;
    }
    let shown = api.get(&path("order.changed")).await?.json(200)?;
    assert_eq!(shown["members"], json!(["order.paid"]));
    let shown = api.get(&path(CHECK_IN)).await?.json(200)?;
    assert_eq!(shown["members"], json!(["participant.checked_in"]));
    let shown = api.get(&path("order.paid")).await?.json(200)?;
    assert_eq!(shown["member_of"], "order.changed");
    for event_type in ["order.changed", "order.paid", CHECK_IN] {
        account.trigger(&trigger(event_type)).await?;
    }
    for (event, expected) in [
        ("order.paid", set(&["order.changed", "order.paid"])),
        ("order.changed", set(&["order.changed"])),
        ("participant.checked_in", set(&[CHECK_IN])),
        (CHECK_IN, set(&[CHECK_IN])),
    ] {
        assert_eq!(fired(&account, event).await?, expected, "{event}");
    }

    // An umbrella neither goes nor becomes a member while it has members.
    let deleted = api.delete(&path("order.changed")).await?;
    deleted.problem(409)?.says(&["members", "order.paid"])?;
    let nested = put(&api, "order.changed", &member("O", CHECK_IN)).await?;
    nested.problem(422)?.names("/member_of", &["order.paid"])?;
    let chained = put(&api, "order.refunded", &member("R", "order.paid")).await?;
    chained
        .problem(422)?
        .names("/member_of", &["order.changed"])?;

    // Membership counts from the next event on.
    put(&api, "order.paid", &plain("Order paid"))
        .await?
        .json(200)?;
    assert_eq!(fired(&account, "order.paid").await?, set(&["order.paid"]));
    let deleted = api.delete(&path("order.changed")).await?;
    deleted.problem(409)?.says(&["1 trigger;"])?;
    Ok(())
}

#[tokio::test]
async fn deliveries_of_a_type_that_was_deleted_are_still_sent() -> Result<()> {
    let service = Service::start()?;
    let (api, account) = (service.api(), service.account());
    let receiver = Receiver::start().await?;
    receiver.answer("/", Answer::status(503));
    put(&api, "order.changed", &plain("O")).await?.json(201)?;
    let paid = member("P", "order.changed");
    put(&api, "order.paid", &paid).await?.json(201)?;
    let action = json!({ "name": "A", "url": receiver.url("/"), "retry_schedule": [3600] });
    let hook = account.hook_with("order.changed", action).await?;
    let accepted = account.event("order.paid", &json!({ "n": 1 })).await?;
    let delivery = id(&accepted["deliveries"][0]);
    account.attempted(delivery, 1).await?;

    // The trigger's own type is its umbrella, so that nothing keeps it.
    api.delete(&path("order.paid")).await?.empty(204)?;
    receiver.answer("/", Answer::status(204));
    let retry = format!("/deliveries/{delivery}/retry");
    account.post(&retry, &Value::Null).await?.json(202)?;
    account.delivery_with(delivery, "succeeded").await?;
    let came = receiver.received(2).await?;
    came[1].verify(&hook.secret)?;
    assert_eq!(came[1].json()?["type"], "order.paid");
    let shown = account.delivery(delivery).await?;
    assert_eq!(shown["type"], "order.paid");
    Ok(())
}

#[tokio::test]
async fn a_tag_that_is_out_of_date_changes_nothing() -> Result<()> {
    let service = Service::start()?;
    let api = service.api();
    put_if(&api, "order.paid", &plain("1"), "*")
        .await?
        .problem(412)?;
    let first = put(&api, "order.paid", &plain("1")).await?.etag()?;
    let second = put_if(&api, "order.paid", &plain("2"), &first).await?;
    let second = (second.json(200)?, second.etag()?);
    let late = put_if(&api, "order.paid", &plain("3"), &first).await?;
    late.problem(412)?.says(&[&second.1])?;
    let headers = [("if-match", &*first)];
    let late = api
        .send(Method::DELETE, &path("order.paid"), &headers, "")
        .await?;
    late.problem(412)?;
    let shown = api.get(&path("order.paid")).await?;
    assert_eq!((shown.json(200)?, shown.etag()?), second);
    let headers = [("if-match", &*second.1)];
    let deleted = api
        .send(Method::DELETE, &path("order.paid"), &headers, "")
        .await?;
    deleted.empty(204)
}

#[tokio::test]
async fn if_none_match_adds_a_type_and_never_replaces_one() -> Result<()> {
    let service = Service::start()?;
    let api = service.api();
    let put_new = async |label: &str, tag: &str| {
        let headers = [JSON[0], ("if-none-match", tag)];
        let body = plain(label).to_string();
        api.send(Method::PUT, &path("order.paid"), &headers, body)
            .await
    };
    let added = put_new("1", "*").await?;
    added.json(201)?;
    let tag = added.etag()?;
    put_new("2", "*").await?.problem(412)?.says(&[&tag])?;
    put_new("2", &tag).await?.problem(412)?;
    let shown = api.get(&path("order.paid")).await?;
    assert_eq!(shown.json(200)?["label"], "1");
    let known = [("if-none-match", &*tag)];
    let shown = api
        .send(Method::GET, &path("order.paid"), &known, "")
        .await?;
    shown.empty(304)?;
    assert_eq!(shown.etag()?, tag);
    put_new("2", "\"0\"").await?.json(200)?;
    let shown = api
        .send(Method::GET, &path("order.paid"), &known, "")
        .await?;
    assert_eq!(shown.json(200)?["label"], "2");
    Ok(())
}

#[tokio::test]
async fn a_deployment_has_so_many_types_and_no_more_than_fit() -> Result<()> {
    let service = Service::start()?;
    let api = service.api();
    let large = json!({ "label": "L", "sample": { "text": "x".repeat(32_000) } });
    let mut made = 0;
    let refused = loop {
        let reply = put(&api, &format!("large.n{made}"), &large).await?;
        if reply.status != 201 {
            break reply.problem(422)?;
        }
        made += 1;
    };
    assert_eq!(made, 12);
    refused.says(&["event types", "400000"])?;
    // What was refused left all the others as they were.
    assert_eq!(
        listed(&api)
            .await?
            .iter()
            .filter(|of| of["custom"] == true)
            .count(),
        12
    );
    for n in 0..made {
        api.delete(&path(&format!("large.n{n}")))
            .await?
            .empty(204)?;
    }
    for n in 0..200 {
        put(&api, &format!("small.n{n}"), &plain("S"))
            .await?
            .json(201)?;
    }
    let one_more = put(&api, "small.n200", &plain("S")).await?;
    one_more.problem(422)?.says(&["at most 200"])?;
    // Changing one is no addition.
    put(&api, "small.n0", &plain("T")).await?.json(200)?;
    Ok(())
}

#[tokio::test]
async fn clients_that_put_types_at_once_lose_none_and_create_each_once() -> Result<()> {
    const CLIENTS: usize = 40;
    let service = Service::start()?;
    let api = service.api();
    let mut clients = JoinSet::new();
    for n in 0..CLIENTS {
        let api = api.clone();
        // Two for each key.
        clients.spawn(async move { put(&api, &format!("order.n{}", n / 2), &plain("O")).await });
    }
    let mut statuses = Vec::new();
    for reply in clients.join_all().await {
        statuses.push(reply?.status.as_u16());
    }
    statuses.sort_unstable();
    assert_eq!(
        statuses,
        [vec![200; CLIENTS / 2], vec![201; CLIENTS / 2]].concat()
    );
    let custom = listed(&api)
        .await?
        .into_iter()
        .filter(|of| of["custom"] == true);
    let keys: BTreeSet<_> = custom.map(|of| of["key"].to_string()).collect();
    assert_eq!(keys.len(), CLIENTS / 2);
    Ok(())
}

#[tokio::test]
async fn a_type_is_never_deleted_under_a_trigger_that_is_made_of_it() -> Result<()> {
    const ROUNDS: usize = 12;
    const CLIENTS: usize = 4;
    let service = Service::start()?;
    let (api, account) = (service.api(), service.account());
    let bystander = account.hook("message.sent", URL).await?;
    let mut deleted = 0;
    for round in 0..ROUNDS {
        put(&api, "order.paid", &plain("O")).await?;
        let mut clients = JoinSet::new();
        for n in 0..CLIENTS {
            // Each in an account of its own, so that only the type is contended; some by a change.
            let account = service.account();
            let changed = account.trigger(&trigger("message.sent")).await?;
            let changed = (n == 0).then(|| format!("/triggers/{}", id(&changed)));
            clients.spawn(async move {
                let reply = match changed {
                    Some(path) => account.patch(&path, &json!({ "type": "order.paid" })).await,
                    None => account.post("/triggers", &trigger("order.paid")).await,
                };
                reply.map(|reply| (account, reply))
            });
        }
        // Before, amid or after the others.
        tokio::time::sleep(std::time::Duration::from_millis(round as u64)).await;
        let answer = api.delete(&path("order.paid")).await?;
        let (mut made, mut refused) = (Vec::new(), 0);
        for reply in clients.join_all().await {
            let (account, reply) = reply?;
            if reply.status.is_success() {
                let trigger = reply.json(reply.status.as_u16())?;
                made.push((account, format!("/triggers/{}", id(&trigger))));
            } else {
                reply.problem(422)?.names("/type", &["order.paid"])?;
                refused += 1;
            }
        }
        if answer.status == 204 {
            deleted += 1;
            ensure!(
                made.is_empty(),
                "triggers of a type that was deleted: {made:?}"
            );
        } else {
            answer.problem(409)?.says(&["order.paid"])?;
            ensure!(
                !made.is_empty() && refused == 0,
                "{made:?}, {refused} refused"
            );
        }
        for (account, path) in made {
            account.delete(&path).await?.empty(204)?;
        }
    }
    println!("{deleted} of {ROUNDS} deletions came first");
    account.get(&bystander.trigger_path()).await?.json(200)?;
    Ok(())
}

#[tokio::test]
async fn built_in_types_work_without_a_look_at_the_custom_ones() -> Result<()> {
    if !stores::are_files() {
        return Ok(());
    }
    let data = tempfile::tempdir()?;
    let mut service = Service::at(data.path(), Settings::default())?;
    let (api, account) = (service.api(), service.account());
    put(&api, "order.paid", &plain("O")).await?.json(201)?;
    service.kill()?;
    // What can't be read shows who reads it.
    let store = Connection::open(data.path().join("sqlite_key_value.db"))?;
    let spoilt = store.execute(
        "UPDATE spin_key_value SET value = CAST('{' AS BLOB) WHERE key = 'event-types'",
        [],
    )?;
    assert_eq!(spoilt, 1);
    drop(store);
    service.restart()?;
    let account = Account {
        api: service.api(),
        ..account
    };

    account.hook("participant.confirmed", URL).await?;
    account
        .hook("participant.reminder_state_changed", URL)
        .await?;
    let accepted = account.event("participant.confirmed", &json!({})).await?;
    assert_eq!(accepted["deliveries"].as_array().map(Vec::len), Some(2));
    for list in ["/events", "/deliveries", "/triggers"] {
        account
            .ids(&format!("{list}?type=participant.confirmed"))
            .await?;
    }
    let event = json!({ "type": "order.paid", "data": {} });
    account.post("/events", &event).await?.problem(500)?;
    Ok(())
}
