//! Export and import: an account's triggers as a document, there and back again.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::{Account, Answer, DEADLINE, Receiver, Reply, Service, Settings, eventually, id};
use http::Method;
use serde_json::{Value, json};

const URL: &str = "http://127.0.0.1:9/";
const PASSPHRASE: &str = "correct horse battery staple";
/// Another service has another key for what it encrypts.
const OTHER_KEY: &str = "b3RoZXIsIG90aGVyLCBvdGhlciwgMzIgYnl0ZXMhISE=";

fn account() -> Account {
    Service::shared().account()
}

fn elsewhere() -> Result<Service> {
    Service::with(Settings::default().with("encryption_key", OTHER_KEY))
}

/// The account of the same name in another service.
fn namesake(account: &Account, service: &Service) -> Account {
    Account {
        api: service.api(),
        id: account.id.clone(),
    }
}

async fn export(account: &Account) -> Result<Value> {
    account.get("/export").await?.json(200)
}

async fn sealed_export(account: &Account) -> Result<Value> {
    let body = json!({ "passphrase": PASSPHRASE });
    account.post("/export", &body).await?.json(200)
}

async fn import(account: &Account, body: &Value) -> Result<Value> {
    account.post("/import", body).await?.json(200)
}

/// How many triggers an import created, updated and left alone.
fn counts(summary: &Value) -> [u64; 3] {
    ["created", "updated", "unchanged"].map(|name| summary[name].as_u64().unwrap_or(u64::MAX))
}

/// As [`triggers`], without the ids, which are others elsewhere.
async fn copied(account: &Account) -> Result<Vec<Value>> {
    let mut triggers = triggers(account).await?;
    for trigger in &mut triggers {
        trigger["id"].take();
        let actions = trigger["actions"].as_array_mut().context("actions")?;
        actions.iter_mut().for_each(|action| {
            action["id"].take();
        });
    }
    Ok(triggers)
}

/// The account's triggers as the API shows them, without when they were changed and how their
/// attempts went: both begin anew elsewhere.
async fn triggers(account: &Account) -> Result<Vec<Value>> {
    let mut triggers = account.pages("/triggers", 200).await?;
    for trigger in &mut triggers {
        let trigger = trigger.as_object_mut().context("an object")?;
        trigger.remove("updated_at");
        let actions = trigger.get_mut("actions").and_then(Value::as_array_mut);
        for action in actions.context("actions")? {
            let action = action.as_object_mut().context("an object")?;
            action.remove("updated_at");
            action.remove("health");
        }
    }
    Ok(triggers)
}

/// The secrets of every action, in order.
async fn secrets(account: &Account) -> Result<Vec<Value>> {
    let mut secrets = Vec::new();
    for trigger in account.pages("/triggers", 200).await? {
        for action in trigger["actions"].as_array().into_iter().flatten() {
            let path = format!("/triggers/{}/actions/{}/secret", id(&trigger), id(action));
            secrets.push(account.get(&path).await?.json(200)?);
        }
    }
    Ok(secrets)
}

/// Triggers with everything that they can have: one with credentials and a rotated secret, one
/// with a filter and a template, one whose action the service disabled.
async fn furnish(account: &Account, receiver: &Receiver) -> Result<()> {
    let action = json!({
        "name": "Desk", "url": receiver.url("/desk"), "method": "PUT",
        "headers": { "Authorization": "Bearer s3cr3t", "x-team": "desk" },
        "timeout_seconds": 7, "retry_schedule": [3, 60],
    });
    let hook = account.hook_with("message.sent", action).await?;
    let rotate = format!("{}/secret/rotate", hook.action_path());
    account.post(&rotate, &json!({})).await?.json(200)?;

    let trigger = json!({
        "type": "participant.reminder_state_changed", "name": "„Zoë“ \\ \"quotes\"",
        "description": "Two\nlines", "enabled": false,
        "filter": { "data.appointment.calendar": "Main", "$or": [{ "data.n": { "$gt": 1 } }] },
        "actions": [
            { "name": "A", "url": URL, "enabled": false },
            { "name": "B", "url": URL, "content_type": "text/plain", "body_template": "{{ type }}" },
        ],
    });
    account.trigger(&trigger).await?;

    receiver.answer("/gone", Answer::status(410));
    let hook = account
        .hook("message.failed", &receiver.url("/gone"))
        .await?;
    account.event("message.failed", &json!({})).await?;
    eventually("a disabled action", DEADLINE, || async {
        let action = account.get(&hook.action_path()).await?.json(200)?;
        Ok(if action["disabled"].is_object() {
            Ok(())
        } else {
            Err(action.to_string())
        })
    })
    .await
}

#[tokio::test]
async fn an_export_imported_into_an_empty_store_gives_the_same_resources_and_signatures()
-> Result<()> {
    let (here, service) = (account(), elsewhere()?);
    let there = namesake(&here, &service);
    let receiver = Receiver::start().await?;
    furnish(&here, &receiver).await?;
    let document = sealed_export(&here).await?;
    let body = json!({ "document": document, "passphrase": PASSPHRASE });

    // Told first, and nothing done.
    let told = there.post("/import?dry_run=true", &body).await?.json(200)?;
    assert_eq!(told["dry_run"], true);
    assert_eq!(counts(&told), [3, 0, 0]);
    there.is_empty().await?;

    let mut done = import(&there, &body).await?;
    assert_eq!(done["dry_run"], false);
    done["dry_run"] = json!(true);
    assert_eq!(done, told);
    assert_eq!(copied(&there).await?, copied(&here).await?);
    assert_eq!(secrets(&there).await?, secrets(&here).await?);

    // Once more changes nothing, not even an entity tag.
    let trigger = format!("/triggers/{}", id(&done["triggers"][0]));
    let before = there.get(&trigger).await?.etag()?;
    assert_eq!(counts(&import(&there, &body).await?), [0, 0, 3]);
    assert_eq!(there.get(&trigger).await?.etag()?, before);

    // What is sent is signed as it would have been, with the secret before, too.
    receiver.forget();
    there.event("message.sent", &json!({ "n": 1 })).await?;
    let webhook = receiver.only().await?;
    assert_eq!(webhook.method, "PUT");
    assert_eq!(webhook.header("authorization"), "Bearer s3cr3t");
    for signing in secrets(&here).await?.iter().take(1) {
        webhook.verify(signing["secret"].as_str().context("a secret")?)?;
        let previous = signing["previous"][0]["secret"].as_str();
        webhook.verify(previous.context("one before")?)?;
    }
    Ok(())
}

#[tokio::test]
async fn no_document_shows_a_secret_and_none_is_kept_by_caches() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    furnish(&account, &receiver).await?;
    let signing = secrets(&account).await?[0]["secret"].clone();
    let signing = signing.as_str().context("a secret")?;
    let body = json!({ "passphrase": PASSPHRASE });
    for reply in [
        account.get("/export").await?,
        account.post("/export", &body).await?,
    ] {
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        let text = reply.json(200)?.to_string();
        for secret in [signing, "whsec_", "s3cr3t", PASSPHRASE] {
            ensure!(!text.contains(secret), "{secret} is in {text}");
        }
    }
    ensure!(
        !Service::shared().logs().contains(PASSPHRASE),
        "it is logged"
    );
    Ok(())
}

#[tokio::test]
async fn without_secrets_an_import_says_what_has_to_be_filled_in() -> Result<()> {
    let (here, service) = (account(), elsewhere()?);
    let there = namesake(&here, &service);
    let receiver = Receiver::start().await?;
    furnish(&here, &receiver).await?;
    let body = json!({ "document": export(&here).await? });

    let told = there.post("/import?dry_run=true", &body).await?.json(200)?;
    let mut done = import(&there, &body).await?;
    done["dry_run"] = json!(true);
    assert_eq!(done, told);
    let action = &done["triggers"][0]["actions"][0];
    assert_eq!(action["result"], "created");
    assert_eq!(action["new_secret"], true);
    assert_eq!(
        action["headers_without_value"],
        json!(["authorization", "x-team"])
    );
    let path = format!(
        "/triggers/{}/actions/{}",
        id(&done["triggers"][0]),
        id(action)
    );
    let made = there.get(&path).await?.json(200)?;
    assert_eq!(made["headers"], json!({}));
    ensure!(
        secrets(&there).await?[0]["secret"] != secrets(&here).await?[0]["secret"],
        "the same"
    );

    // What was filled in stays, and nothing else is to do.
    let patch = json!({ "headers": { "authorization": "Bearer new", "x-team": "new" } });
    there.patch(&path, &patch).await?.json(200)?;
    let before = secrets(&there).await?;
    let again = import(&there, &body).await?;
    assert_eq!(counts(&again), [0, 0, 3]);
    let action = &again["triggers"][0]["actions"][0];
    assert_eq!(action["result"], "unchanged");
    assert_eq!(action.get("new_secret"), None);
    assert_eq!(action.get("headers_without_value"), None);
    assert_eq!(secrets(&there).await?, before);
    let shown = there.get(&path).await?.json(200)?;
    assert_eq!(shown["headers"], json!({ "x-team": "new" }));
    assert_eq!(shown["secret_headers"], json!(["authorization"]));
    Ok(())
}

#[tokio::test]
async fn an_import_brings_back_what_was_changed_and_leaves_the_rest_alone() -> Result<()> {
    let account = account();
    let hook = account.hook("message.sent", URL).await?;
    let body = json!({ "document": export(&account).await? });
    let before = triggers(&account).await?;

    let patch = json!({ "type": "message.received", "name": "Changed" });
    account
        .patch(&hook.trigger_path(), &patch)
        .await?
        .json(200)?;
    let patch = json!({ "url": "http://127.0.0.1:9/changed" });
    account
        .patch(&hook.action_path(), &patch)
        .await?
        .json(200)?;
    let more = format!("{}/actions", hook.trigger_path());
    let more = account
        .post(&more, &json!({ "name": "More", "url": URL }))
        .await?
        .json(201)?;
    let other = account.hook("message.sent", URL).await?;

    let summary = import(&account, &body).await?;
    assert_eq!(counts(&summary), [0, 1, 0]);
    let actions = &summary["triggers"][0]["actions"];
    assert_eq!(actions[0]["result"], "updated");
    assert_eq!(actions[1]["result"], "removed");
    assert_eq!(id(&actions[1]), id(&more));
    let now = triggers(&account).await?;
    assert_eq!(now[..1], before[..]);
    assert_eq!(id(&now[1]), other.trigger);
    assert_eq!(secrets(&account).await?[0]["secret"], hook.secret);

    // Events find it under the type that it has again, and no longer under the other.
    let accepted = account.event("message.received", &json!({})).await?;
    assert_eq!(accepted["deliveries"], json!([]));
    let accepted = account.event("message.sent", &json!({})).await?;
    let owed = accepted["deliveries"].as_array().context("a list")?;
    let to: BTreeSet<_> = owed.iter().map(|owed| owed["action_id"].as_str()).collect();
    assert_eq!(
        to,
        [&hook.action, &other.action]
            .map(|id| Some(id.as_str()))
            .into()
    );
    Ok(())
}

#[tokio::test]
async fn in_another_account_of_the_service_a_copy_lives_beside_the_original() -> Result<()> {
    let (original, copy) = (account(), account());
    let receiver = Receiver::start().await?;
    let hook = original.hook("message.sent", &receiver.url("/")).await?;
    let document = sealed_export(&original).await?;
    let body = json!({ "document": document, "passphrase": PASSPHRASE });

    let summary = import(&copy, &body).await?;
    assert_eq!(counts(&summary), [1, 0, 0]);
    let trigger = &summary["triggers"][0];
    assert_eq!(trigger["document_id"], hook.trigger);
    ensure!(id(trigger) != hook.trigger, "{trigger}");
    assert_eq!(trigger["actions"][0]["document_id"], hook.action);
    ensure!(id(&trigger["actions"][0]) != hook.action, "{trigger}");
    assert_eq!(counts(&import(&copy, &body).await?), [0, 0, 1]);
    assert_eq!(copy.ids("/triggers").await?, [id(trigger)]);
    original.get(&hook.trigger_path()).await?.json(200)?;

    copy.event("message.sent", &json!({})).await?;
    let webhook = receiver.only().await?;
    webhook.verify(&hook.secret)?;
    assert_eq!(webhook.json()?["account"], copy.id);
    assert_eq!(webhook.json()?["trigger"]["id"], id(trigger));
    Ok(())
}

#[tokio::test]
async fn an_import_cannot_take_another_accounts_ids() -> Result<()> {
    let (victim, thief) = (account(), account());
    let receiver = Receiver::start().await?;
    receiver.answer("/thief", Answer::status(500));
    let hook = victim.hook("message.sent", &receiver.url("/")).await?;
    // Ids are public, and what the document says of its account is the thief's word.
    let mut document = export(&victim).await?;
    document["account"] = json!(thief.id);
    let action = &mut document["triggers"][0]["actions"][0];
    action["url"] = json!(receiver.url("/thief"));
    action["retry_schedule"] = json!([]);
    let body = json!({ "document": document });

    let done = import(&thief, &body).await?;
    assert_eq!(counts(&done), [1, 0, 0]);
    let taken = &done["triggers"][0];
    assert_eq!(taken["document_id"], hook.trigger);
    ensure!(id(taken) != hook.trigger, "{taken}");
    ensure!(id(&taken["actions"][0]) != hook.action, "{taken}");
    assert_eq!(counts(&import(&thief, &body).await?), [0, 0, 1]);
    assert_eq!(thief.ids("/triggers").await?, [id(taken)]);

    // Its failures are its own.
    let failed = thief.event("message.sent", &json!({})).await?;
    let failed = id(&failed["deliveries"][0]).to_owned();
    thief.delivery_with(&failed, "failed").await?;
    let shown = victim.get(&hook.action_path()).await?.json(200)?;
    assert_eq!(shown["health"]["consecutive_failures"], 0);
    assert_eq!(shown["url"], receiver.url("/"));
    victim.event("message.sent", &json!({})).await?;
    receiver.received(2).await?;

    // In the account that has them, the same document updates.
    document["account"] = json!(victim.id);
    let done = import(&victim, &json!({ "document": document })).await?;
    assert_eq!(counts(&done), [0, 1, 0]);
    assert_eq!(id(&done["triggers"][0]), hook.trigger);
    assert_eq!(done["triggers"][0].get("document_id"), None);
    Ok(())
}

#[tokio::test]
async fn an_altered_document_moves_no_stored_secret_to_another_origin() -> Result<()> {
    let account = account();
    let (receiver, thief) = (Receiver::start().await?, Receiver::start().await?);
    let action = json!({
        "name": "A", "url": receiver.url("/"), "headers": { "authorization": "Bearer s3cr3t" },
    });
    let hook = account.hook_with("message.sent", action).await?;
    let document = export(&account).await?;
    let mut altered = document.clone();
    altered["triggers"][0]["actions"][0]["url"] = json!(thief.url("/"));
    let mut bare = altered.clone();
    bare.as_object_mut().context("an object")?.remove("seal");

    for (document, seal) in [(&altered, "broken"), (&bare, "missing")] {
        let body = json!({ "document": document });
        let told = account
            .post("/import?dry_run=true", &body)
            .await?
            .json(200)?;
        assert_eq!(told["seal"], seal);
        let action = &told["triggers"][0]["actions"][0];
        let change = json!({ "from": receiver.url("/"), "to": thief.url("/") });
        assert_eq!(action["url_change"], change);
        assert_eq!(action["new_secret"], true);
        assert_eq!(action["headers_without_value"], json!(["authorization"]));
    }
    import(&account, &json!({ "document": altered })).await?;
    account.event("message.sent", &json!({})).await?;
    let webhook = thief.only().await?;
    assert_eq!(webhook.header("authorization"), "");
    ensure!(
        webhook.verify(&hook.secret).is_err(),
        "signed with the stored secret"
    );

    // What an export made brings the URL back, and says so; what was lost stays lost.
    let done = import(&account, &json!({ "document": document })).await?;
    assert_eq!(done["seal"], "intact");
    let change = json!({ "from": thief.url("/"), "to": receiver.url("/") });
    assert_eq!(done["triggers"][0]["actions"][0]["url_change"], change);
    Ok(())
}

#[tokio::test]
async fn a_sealed_export_is_intact_elsewhere_and_a_plain_one_is_not() -> Result<()> {
    let (here, service) = (account(), elsewhere()?);
    let there = namesake(&here, &service);
    here.hook("message.sent", URL).await?;
    let body = json!({ "document": sealed_export(&here).await?, "passphrase": PASSPHRASE });
    assert_eq!(import(&there, &body).await?["seal"], "intact");
    let mut altered = body.clone();
    altered["document"]["triggers"][0]["name"] = json!("Other");
    assert_eq!(import(&there, &altered).await?["seal"], "broken");
    let body = json!({ "document": export(&here).await? });
    assert_eq!(import(&there, &body).await?["seal"], "broken");
    assert_eq!(import(&here, &body).await?["seal"], "intact");
    Ok(())
}

#[tokio::test]
async fn an_account_of_many_triggers_comes_in_pages_each_of_which_can_be_imported() -> Result<()> {
    let (here, service) = (account(), elsewhere()?);
    let there = namesake(&here, &service);
    // Filters of 15 KB each: fewer to a page than were asked for.
    let filter = json!({ "data.note": { "$in": [ "x".repeat(15_000) ] } });
    let types = ["message.sent", "message.received", "message.failed"];
    for n in 0..50 {
        let event_type = types[n % types.len()];
        let trigger = json!({ "type": event_type, "name": format!("T{n}"), "filter": filter });
        here.trigger(&trigger).await?;
    }
    for limit in [7, 200] {
        let (mut pages, mut seen, mut cursor) = (0, 0, String::new());
        loop {
            let page = here.get(&format!("/export?limit={limit}{cursor}")).await?;
            let document = page.json(200)?;
            let body = json!({ "document": document });
            ensure!(body.to_string().len() < 1024 * 1024, "too large to import");
            let imported = document["triggers"].as_array().context("triggers")?.len();
            ensure!(imported <= limit && imported > 0, "{imported} of {limit}");
            import(&there, &body).await?;
            (pages, seen) = (pages + 1, seen + imported);
            match document["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(seen, 50);
        ensure!(
            pages == if limit == 7 { 8 } else { 2 },
            "{pages} pages of {limit}"
        );
        assert_eq!(copied(&there).await?, copied(&here).await?);
    }
    Ok(())
}

async fn put(account: &Account, path: &str, body: &Value) -> Result<Reply> {
    let headers = [("content-type", "application/json")];
    let body = body.to_string();
    account.api.send(Method::PUT, path, &headers, body).await
}

#[tokio::test]
async fn triggers_of_custom_types_need_those_types_where_they_come_to() -> Result<()> {
    let (here, service) = (account(), elsewhere()?);
    let there = namesake(&here, &service);
    let event_type = json!({ "label": "Moved house", "sample": { "to": "Elm Street" } });
    let path = "/v1/event-types/transfer.moved_house";
    put(&here, path, &event_type).await?.json(201)?;
    here.hook("transfer.moved_house", URL).await?;
    let body = json!({ "document": export(&here).await? });

    let problem = there.post("/import", &body).await?.problem(422)?;
    problem.names("/document/triggers/0/type", &["transfer.moved_house"])?;
    there.is_empty().await?;
    put(&there, path, &event_type).await?.json(201)?;
    assert_eq!(counts(&import(&there, &body).await?), [1, 0, 0]);
    let accepted = there.event("transfer.moved_house", &json!({})).await?;
    assert_eq!(accepted["deliveries"].as_array().map(Vec::len), Some(1));

    // And keep them there.
    let problem = there.api.delete(path).await?.problem(409)?;
    problem.says(&[&there.ids("/triggers").await?[0]])?;
    here.delete("").await?.empty(204)?;
    here.api.delete(path).await?.empty(204)
}

async fn refused(account: &Account, body: &Value, pointer: &str, parts: &[&str]) -> Result<()> {
    for query in ["", "?dry_run=true"] {
        let reply: Reply = account.post(&format!("/import{query}"), body).await?;
        reply.problem(422)?.names(pointer, parts)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_document_with_one_bad_trigger_is_refused_whole() -> Result<()> {
    let (here, there) = (account(), account());
    here.hook("message.sent", URL).await?;
    here.hook("message.received", URL).await?;
    let document = sealed_export(&here).await?;
    let with = |pointer: &str, value: Value| {
        let mut document = document.clone();
        if let Some(place) = document.pointer_mut(pointer) {
            *place = value;
        }
        json!({ "document": document, "passphrase": PASSPHRASE })
    };
    let second = "/document/triggers/1";
    let body = with("/triggers/1/type", json!("invoice.paid"));
    refused(&there, &body, &format!("{second}/type"), &["invoice.paid"]).await?;
    let body = with(
        "/triggers/1/actions/0/url",
        json!("http://169.254.169.254/"),
    );
    let problem = there.post("/import", &body).await?.problem(422)?;
    ensure!(
        problem
            .pointers()
            .contains(&&*format!("{second}/actions/0/url")),
        "{problem:?}"
    );
    let body = with("/triggers/1/filter", json!({ "data.a": { "$like": 1 } }));
    refused(
        &there,
        &body,
        &format!("{second}/filter/data.a/$like"),
        &["$like"],
    )
    .await?;
    let mut costly = document["triggers"][1]["actions"][0].clone();
    costly["content_type"] = json!("text/plain");
    costly["body_template"] =
        json!("{% for c in data.message.body %}{{ data.message.body[-1] }}{% endfor %}");
    let body = with("/triggers/1/actions/0", costly);
    let pointer = format!("{second}/actions/0/body_template");
    refused(&there, &body, &pointer, &["too much work", "200 KB"]).await?;
    let body = with("/triggers/1/id", document["triggers"][0]["id"].clone());
    let problem = there.post("/import", &body).await?.problem(422)?;
    ensure!(
        problem.pointers().contains(&&*format!("{second}/id")),
        "{problem:?}"
    );
    // Larger than the store holds: known before the first one is written.
    let action = json!({
        "id": "act_01M84Z34MRDM1HTEVQZ2B81NSZ", "name": "A", "url": URL,
        "body_template": "x".repeat(60_000), "content_type": "text/plain",
    });
    let actions: Vec<_> = (0..9)
        .map(|n| {
            let mut action = action.clone();
            action["id"] = json!(format!("act_01M84Z34MRDM1HTEVQZ2B81NS{n}"));
            action
        })
        .collect();
    let body = with("/triggers/1/actions", json!(actions));
    refused(&there, &body, second, &["400000"]).await?;

    let mut body = with("", Value::Null);
    body["document"] = document.clone();
    body["passphrase"] = json!("correct horse battery stable");
    refused(&there, &body, "/passphrase", &["exported with"]).await?;
    body.as_object_mut()
        .context("an object")?
        .remove("passphrase");
    refused(&there, &body, "/passphrase", &["required"]).await?;
    there.is_empty().await
}

#[tokio::test]
async fn a_request_that_makes_no_sense_is_refused() -> Result<()> {
    let account = account();
    let short = json!({ "passphrase": "too short" });
    let problem = account.post("/export", &short).await?.problem(422)?;
    problem.names("/passphrase", &["12 characters"])?;
    let problem = account.post("/export", &json!({})).await?.problem(422)?;
    problem.names("/passphrase", &["required"])?;
    // A passphrase has no business in a URL.
    let problem = account.get("/export?passphrase=x").await?.problem(400)?;
    problem.says(&["passphrase", "limit"])?;
    account.get("/export?limit=201").await?.problem(400)?;
    account.get("/export?cursor=x").await?.problem(400)?;
    let problem = account.post("/import?dry_run=perhaps", &json!({})).await?;
    problem.problem(400)?.says(&["dry_run", "true or false"])?;
    let problem = account.post("/import", &json!({})).await?.problem(422)?;
    problem.names("/document", &["required"])?;
    let large = json!({ "document": { "x": "x".repeat(1024 * 1024) } });
    account.post("/import", &large).await?.problem(413)?;
    // An account without triggers has a document, too.
    let document = export(&account).await?;
    assert_eq!(document["triggers"], json!([]));
    let summary = import(&account, &json!({ "document": document })).await?;
    assert_eq!(counts(&summary), [0, 0, 0]);
    Ok(())
}

/// A document of triggers that nobody exported: writing one by hand is fine.
fn handwritten(account: &Account, count: usize) -> Value {
    let crockford = |n: usize| {
        let alphabet = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        let digit = |n: usize| char::from(alphabet[n % 32]);
        format!("01M84Z34MRDM1HTEVQZ2B81{}{}A", digit(n / 32), digit(n))
    };
    let triggers: Vec<_> = (0..count)
        .map(|n| {
            let ulid = crockford(n);
            json!({
                "id": format!("trg_{ulid}"), "type": "message.sent", "name": format!("T{n}"),
                "actions": [{ "id": format!("act_{ulid}"), "name": "A", "url": URL }],
            })
        })
        .collect();
    json!({ "document": {
        "format": "webhook-triggers/export", "version": 1, "account": account.id,
        "exported_at": "2026-11-24T12:00:00Z", "triggers": triggers,
    }})
}

#[tokio::test]
async fn two_imports_at_once_make_each_trigger_once() -> Result<()> {
    let account = account();
    let body = handwritten(&account, 50);
    let (first, second) = tokio::join!(import(&account, &body), import(&account, &body));
    let (first, second) = (counts(&first?), counts(&second?));
    assert_eq!(first[0] + second[0], 50, "{first:?} {second:?}");
    assert_eq!(first[2] + second[2], 50, "{first:?} {second:?}");
    assert_eq!(account.ids("/triggers").await?.len(), 50);
    let accepted = account.event("message.sent", &json!({})).await?;
    assert_eq!(accepted["deliveries"].as_array().map(Vec::len), Some(50));
    Ok(())
}

#[tokio::test]
async fn an_import_that_was_cut_short_by_a_crash_is_completed_by_another() -> Result<()> {
    let mut service = Service::start()?;
    let account = service.account();
    let body = handwritten(&account, 200);
    let mut cut_short = 0;
    for wait in [2, 5, 10, 20, 40] {
        let account = namesake(&account, &service);
        let importing = tokio::spawn({
            let (account, body) = (account.clone(), body.clone());
            async move { import(&account, &body).await }
        });
        tokio::time::sleep(Duration::from_millis(wait)).await;
        service.kill()?;
        cut_short += usize::from(importing.await?.is_err());
        service.restart()?;
        // Where it died with the account's lease, that runs out first.
        let _no_lease_yet = service.ledger().forward(&account, Duration::from_secs(15));
    }
    ensure!(cut_short > 0, "every import was too fast to be cut short");

    let account = namesake(&account, &service);
    let [created, updated, unchanged] = counts(&import(&account, &body).await?);
    assert_eq!((created + unchanged, updated), (200, 0));
    assert_eq!(counts(&import(&account, &body).await?), [0, 0, 200]);
    assert_eq!(account.ids("/triggers").await?.len(), 200);
    let accepted = account.event("message.sent", &json!({})).await?;
    assert_eq!(accepted["deliveries"].as_array().map(Vec::len), Some(200));
    Ok(())
}
