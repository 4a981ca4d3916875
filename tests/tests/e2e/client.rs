//! The client crate, against the service, and against one that misbehaves.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::{Answer, KEY, Receiver, Service, eventually};
use serde_json::{json, value::RawValue};
use webhook_triggers_client::{
    Account, ActionInput, Client, Code, DeliveryId, DeliveryQuery, DeliveryStatus, Error,
    EventQuery, ImportInput, NewEvent, PortalLinkInput, PreviewInput, Problem, PurgeInput,
    Recovery, RetryPolicy, Rotation, TestInput, TriggerId, TriggerInput, TriggerQuery,
};

#[path = "../../../crates/client/examples/tour.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "its main is for those who try it by hand"
)]
mod tour;

const EVENT: &str = "evt_01M84Z351ZZZWRBGRVHJRFSR5M";
const DELIVERY: &str = "dlv_01M84Z351ZTPPX3S4BKS7SY41X";
const TRIGGER: &str = "trg_01M84Z34MRJWA9RQ9QBPKQ6788";

fn client_of(service: &Service) -> Result<Client> {
    let url = format!("http://127.0.0.1:{}", service.port());
    Ok(Client::new(&url, KEY)?)
}

/// An account that only one test uses.
fn account() -> Result<Account> {
    let service = Service::shared();
    Ok(client_of(service)?.account(&service.account().id))
}

/// The account `acme` of a service that answers as this receiver is told.
fn acme_at(receiver: &Receiver) -> Result<Account> {
    let quick = RetryPolicy {
        first_pause: Duration::from_millis(10),
        ..RetryPolicy::default()
    };
    let client = Client::new(&receiver.url(""), KEY)?
        .with_retries(quick)
        .with_timeout(Duration::from_millis(500));
    Ok(client.account("acme"))
}

fn sent(n: u32) -> NewEvent {
    NewEvent::new("message.sent", json!({ "n": n }))
}

fn refusal(status: u16, code: &str) -> Answer {
    let problem = json!({
        "type": "about:blank", "title": "Not now", "status": status, "code": code,
        "detail": "not now",
    });
    Answer::status(status).body(problem.to_string())
}

fn problem<T: std::fmt::Debug>(result: Result<T, Error>) -> Result<Problem> {
    let error = result.err().context("it was not refused")?;
    let problem = error.problem().cloned();
    problem.with_context(|| format!("{error:?} is no refusal"))
}

/// Waits until the delivery stands so.
async fn stands(account: &Account, delivery: DeliveryId, status: DeliveryStatus) -> Result<()> {
    eventually(&format!("{status:?}"), e2e::DEADLINE, || async {
        let shown = account.delivery(delivery).await?;
        Ok(match shown.delivery.status {
            found if found == status => Ok(()),
            found => Err(format!("{found:?}")),
        })
    })
    .await
}

#[tokio::test]
async fn the_tour_of_the_example_does_what_it_says() -> Result<()> {
    let account = account()?;
    let receiver = Receiver::start().await?;
    tour::tour(&account, &receiver.url("/hooks")).await?;
    let names: BTreeSet<_> = receiver
        .received(2)
        .await?
        .iter()
        .map(|webhook| Ok(webhook.json()?["data"]["participant"]["name"].to_string()))
        .collect::<Result<_>>()?;
    assert_eq!(
        names,
        BTreeSet::from(["\"Ada\"", "\"Grace\""].map(Into::into))
    );
    assert_eq!(account.events(&EventQuery::default()).await?.data.len(), 3);
    Ok(())
}

#[tokio::test]
async fn triggers_and_actions_are_made_changed_and_deleted() -> Result<()> {
    let account = account()?;
    let trigger = TriggerInput::new("message.sent", "First").with_filter(json!({ "data.n": 1 }));
    let trigger = account.create_trigger(&trigger).await?;
    assert_eq!((trigger.name.as_str(), trigger.actions.len()), ("First", 0));
    let action = ActionInput {
        headers: Some([("x-team".to_owned(), "desk".into())].into_iter().collect()),
        retry_schedule: Some(vec![1.into(), 2.into()]),
        ..ActionInput::new("Desk", "http://127.0.0.1:9/")
    };
    let action = account.add_action(trigger.id, &action).await?;
    assert_eq!(
        (
            action.headers["x-team"].as_str(),
            action.retry_schedule.delays()
        ),
        ("desk", &[1, 2][..])
    );

    let patch = json!({ "enabled": false, "filter": null });
    let changed_trigger = account.change_trigger(trigger.id, &patch).await?;
    ensure!(
        !changed_trigger.enabled && changed_trigger.filter.is_none(),
        "{changed_trigger:?}"
    );
    let patch = json!({ "name": "Front desk" });
    let changed = account.change_action(trigger.id, action.id, &patch).await?;
    assert_eq!(changed.name, "Front desk");
    let shown = account.action(trigger.id, action.id).await?;
    assert_eq!((&shown.name, &shown.url), (&changed.name, &action.url));

    let settings = TriggerInput::from(changed_trigger.value).with_filter(json!({ "data.n": null }));
    let replaced = account.put_trigger(trigger.id, &settings).await?;
    let filter = replaced.filter.as_deref().map(RawValue::get);
    assert_eq!(
        (filter, replaced.enabled, replaced.actions.len()),
        (Some("{\"data.n\":null}"), false, 1)
    );
    let settings = ActionInput {
        headers: None,
        ..shown.value.clone().into()
    };
    let replaced = account.put_action(trigger.id, action.id, &settings).await?;
    assert!(replaced.headers.is_empty(), "{replaced:?}");
    assert_eq!(replaced.retry_schedule, shown.retry_schedule);

    let before = account.secret(trigger.id, action.id).await?;
    let rotation = Rotation {
        overlap_seconds: Some(60.into()),
    };
    let after = account
        .rotate_secret(trigger.id, action.id, &rotation)
        .await?;
    assert_eq!(after.previous[0].secret, before.secret);

    for name in ["Second", "Third"] {
        let more = TriggerInput::new("message.failed", name);
        account.create_trigger(&more).await?;
    }
    let list = |query| {
        let account = account.clone();
        async move { account.triggers(&query).await }
    };
    let all = TriggerQuery {
        limit: Some(2),
        ..TriggerQuery::default()
    };
    let page = list(all.clone()).await?;
    let rest = list(TriggerQuery {
        cursor: page.next_cursor,
        ..all
    })
    .await?;
    let names = page
        .data
        .iter()
        .chain(&rest.data)
        .map(|trigger| trigger.name.as_str());
    assert_eq!(
        names.collect::<BTreeSet<_>>(),
        BTreeSet::from(["First", "Second", "Third"])
    );
    assert_eq!(rest.next_cursor, None);
    let off = TriggerQuery {
        enabled: Some(false),
        ..TriggerQuery::default()
    };
    assert_eq!(list(off).await?.data[0].id, trigger.id);

    account.delete_action(trigger.id, action.id).await?;
    ensure!(
        account.trigger(trigger.id).await?.actions.is_empty(),
        "it is still there"
    );
    account.delete_trigger(trigger.id).await?;
    assert_eq!(
        problem(account.trigger(trigger.id).await)?.code,
        Code::NotFound
    );
    Ok(())
}

#[tokio::test]
async fn deliveries_are_looked_at_and_made_due_again() -> Result<()> {
    let (account, receiver) = (account()?, Receiver::start().await?);
    receiver.answer("/", Answer::status(500).body("broken"));
    let action = ActionInput {
        retry_schedule: Some(vec![]),
        ..ActionInput::new("A", receiver.url("/"))
    };
    let trigger = TriggerInput::new("message.sent", "T").with_action(action);
    let trigger = account.create_trigger(&trigger).await?;
    let accepted = account.post_event(&sent(1)).await?;
    let id = accepted.deliveries[0].id;
    stands(&account, id, DeliveryStatus::Failed).await?;

    let shown = account.delivery(id).await?;
    let [attempt] = shown.attempts.as_slice() else {
        anyhow::bail!("one attempt: {shown:?}")
    };
    assert_eq!(
        (attempt.status_code, attempt.response_body.as_deref()),
        (Some(500), Some("broken"))
    );
    assert_eq!(attempt.request_headers["webhook-id"], id.to_string());
    let failed = DeliveryQuery {
        status: Some(DeliveryStatus::Failed),
        action: Some(trigger.actions[0].id),
        since: Some(trigger.created_at),
        ..DeliveryQuery::default()
    };
    let listed = account.deliveries(&failed).await?;
    assert_eq!(listed.data[0].id, id);
    let event = account.event(accepted.id).await?;
    assert_eq!(
        (event.deliveries[0].id, event.data.get()),
        (id, "{\"n\":1}")
    );

    account.retry(id).await?;
    receiver.received(2).await?;
    stands(&account, id, DeliveryStatus::Failed).await?;
    receiver.answer("/", Answer::status(204));
    assert_eq!(
        account
            .recover(&Recovery {
                since: Some(trigger.created_at),
                ..Recovery::default()
            })
            .await?,
        1
    );
    stands(&account, id, DeliveryStatus::Succeeded).await?;
    assert_eq!(problem(account.cancel(id).await)?.status, 409);
    assert_eq!(account.replay(accepted.id).await?.deliveries.len(), 1);
    receiver.received(4).await?;
    ensure!(
        !client_of(Service::shared())?
            .event_types()
            .await?
            .is_empty(),
        "no event types"
    );
    Ok(())
}

#[tokio::test]
async fn a_change_under_a_version_that_is_gone_changes_nothing() -> Result<()> {
    let account = account()?;
    let trigger = TriggerInput::new("message.sent", "First")
        .with_action(ActionInput::new("A", "http://127.0.0.1:9/"));
    let first = account.create_trigger(&trigger).await?;
    let rename = |name: &str| json!({ "name": name });
    let second = account
        .if_match(&first.etag)
        .change_trigger(first.id, &rename("Second"))
        .await?;
    ensure!(first.etag != second.etag, "{second:?}");

    let outdated = account.if_match(&first.etag);
    let refused = outdated.change_trigger(first.id, &rename("Third")).await;
    assert_eq!(problem(refused)?.code, Code::PreconditionFailed);
    let refused = outdated.delete_trigger(first.id).await;
    assert_eq!(problem(refused)?.code, Code::PreconditionFailed);
    assert_eq!(account.trigger(first.id).await?.name, "Second");

    let action = account.action(first.id, first.actions[0].id).await?;
    account
        .if_match(&action.etag)
        .put_action(first.id, action.id, &ActionInput::new("B", &*action.url))
        .await?;
    let refused = account
        .if_match(&action.etag)
        .delete_action(first.id, action.id)
        .await;
    assert_eq!(problem(refused)?.code, Code::PreconditionFailed);
    Ok(())
}

#[tokio::test]
async fn events_are_previewed_and_actions_tested() -> Result<()> {
    let (account, receiver) = (account()?, Receiver::start().await?);
    let action = ActionInput::new("A", receiver.url("/"));
    let trigger = TriggerInput::new("message.sent", "T").with_action(action);
    let trigger = account.create_trigger(&trigger).await?;
    let action = trigger.actions[0].id;

    let event = PreviewInput {
        event_type: Some("message.sent".to_owned()),
        ..PreviewInput::default()
    };
    let preview = account.preview(&event, None).await?;
    let shown = &preview.triggers[0];
    assert_eq!((shown.id, shown.verdict.matches), (trigger.id, true));
    let request = shown.actions[0].request.as_ref().context("no request")?;
    ensure!(
        request.headers.contains_key("webhook-signature"),
        "{request:?}"
    );
    assert_eq!(receiver.so_far().len(), 0);

    let test = account
        .test_action(trigger.id, action, &TestInput::default())
        .await?;
    assert_eq!(
        (test.delivery.status, test.attempts.len()),
        (DeliveryStatus::Succeeded, 1)
    );
    assert_eq!(receiver.received(1).await?[0].json()?["test"], true);
    Ok(())
}

#[tokio::test]
async fn an_account_is_exported_imported_and_purged() -> Result<()> {
    let account = account()?;
    let action = ActionInput::new("A", "http://127.0.0.1:9/");
    let trigger = TriggerInput::new("message.sent", "T").with_action(action);
    let trigger = account.create_trigger(&trigger).await?;
    let secret = account.secret(trigger.id, trigger.actions[0].id).await?;

    let passphrase = "a long passphrase";
    let export = account.export(Some(passphrase), None).await?;
    assert_eq!(export.next_cursor, None);
    account.delete_trigger(trigger.id).await?;
    let import = ImportInput {
        document: Some(export.document),
        passphrase: Some(passphrase.to_owned()),
    };
    let dry = account.import(&import, true).await?;
    assert_eq!((dry.dry_run, dry.created), (true, 1));
    ensure!(
        account
            .triggers(&TriggerQuery::default())
            .await?
            .data
            .is_empty(),
        "it was written"
    );
    let imported = account.import(&import, false).await?;
    assert_eq!((imported.created, imported.unchanged), (1, 0));
    assert_eq!(account.import(&import, false).await?.unchanged, 1);
    let found = &imported.triggers[0];
    let restored = account.secret(found.id, found.actions[0].id).await?;
    assert_eq!(restored.secret, secret.secret);

    account.post_events(&[sent(1), sent(2)]).await?;
    let purge = PurgeInput {
        path: Some("data.n".to_owned()),
        equals: Some(json!(1)),
        cursor: None,
    };
    let purged = account.purge(&purge).await?;
    assert_eq!((purged.events, purged.done), (1, true));
    assert_eq!(account.events(&EventQuery::default()).await?.data.len(), 1);
    let left = account.delete_everything().await?;
    ensure!(left.is_none(), "{left:?}");
    ensure!(
        account
            .events(&EventQuery::default())
            .await?
            .data
            .is_empty(),
        "events are left"
    );
    Ok(())
}

#[tokio::test]
async fn portal_links_are_made() -> Result<()> {
    let account = account()?;
    let link = account.portal_link(&PortalLinkInput::default()).await?;
    ensure!(
        link.url.contains("/portal?token=") && !link.reusable,
        "{}",
        link.url
    );
    account.revoke_portal_sessions().await?;
    let wrong = PortalLinkInput {
        role: Some("owner".to_owned()),
        ..PortalLinkInput::default()
    };
    let refused = account.portal_link(&wrong).await.map(drop);
    let refused = problem(refused)?;
    assert_eq!(refused.errors[0].pointer, "/role");
    Ok(())
}

#[tokio::test]
async fn a_run_is_told_with_what_it_did() -> Result<()> {
    let service = Service::start()?;
    let run = client_of(&service)?.run().await?;
    assert_eq!((run.claimed, run.next_due_at), (0, None));
    Ok(())
}

#[tokio::test]
async fn a_refusal_is_told_with_everything_that_is_wrong() -> Result<()> {
    let account = account()?;
    let wrong = [sent(1), NewEvent::new("message.snt", json!([])), sent(2)];
    let refused = problem(account.post_events(&wrong).await)?;
    assert_eq!((refused.status, &refused.code), (422, &Code::Invalid));
    let pointers: Vec<_> = refused
        .errors
        .iter()
        .map(|error| error.pointer.as_str())
        .collect();
    assert_eq!(pointers, ["/1/type", "/1/data"]);
    ensure!(
        refused.to_string().contains("did you mean message.sent"),
        "{refused}"
    );

    account.post_event_under("key", &sent(1)).await?;
    let again = account.post_event_under("key", &sent(1)).await?;
    ensure!(again.duplicate, "{again:?}");
    let reused = problem(account.post_event_under("key", &sent(2)).await)?;
    assert_eq!(reused.code, Code::IdempotencyKeyReused);

    let url = format!("http://127.0.0.1:{}", Service::shared().port());
    let stranger = Client::new(&url, "another key")?.account(account.id());
    assert_eq!(problem(stranger.post_event(&sent(1)).await)?.status, 401);
    Ok(())
}

#[tokio::test]
async fn an_event_is_sent_again_under_one_key_until_it_is_accepted() -> Result<()> {
    let receiver = Receiver::start().await?;
    let accepted = json!({ "id": EVENT, "type": "message.sent", "deliveries": [],
                           "duplicate": true });
    let path = "/v1/accounts/acme/events";
    let answers = vec![
        refusal(503, "unavailable").header("retry-after", "0"),
        refusal(429, "too_many_of_tomorrow"),
        Answer::status(502).body("<html>a proxy's</html>"),
        // Longer than the client waits.
        Answer::status(202).after(Duration::from_secs(2)),
        Answer::status(200).body(accepted.to_string()),
    ];
    receiver.answer_in_turn(path, answers);
    let account = acme_at(&receiver)?;
    let told = account.post_event(&sent(1)).await?;
    assert_eq!(
        (told.id.to_string().as_str(), told.duplicate),
        (EVENT, true)
    );
    let came = receiver.so_far();
    assert_eq!(came.len(), 5);
    let keys: BTreeSet<_> = came
        .iter()
        .map(|request| request.header("idempotency-key"))
        .collect();
    let bodies: BTreeSet<_> = came.iter().map(|request| &request.body).collect();
    assert_eq!((keys.len(), bodies.len()), (1, 1));
    ensure!(keys.first().is_some_and(|key| key.len() >= 32), "{keys:?}");

    // The next has another key, and one with an id of its own needs none.
    account.post_event(&sent(1)).await?;
    account.post_event(&sent(1).with_id("mine")).await?;
    let came = receiver.so_far();
    ensure!(
        came[5].header("idempotency-key") != came[0].header("idempotency-key"),
        "one key"
    );
    assert_eq!(came[6].header("idempotency-key"), "");
    Ok(())
}

#[tokio::test]
async fn what_may_have_been_done_is_not_done_twice() -> Result<()> {
    let receiver = Receiver::start().await?;
    let account = acme_at(&receiver)?;
    let retry = format!("/v1/accounts/acme/deliveries/{DELIVERY}/retry");
    receiver.answer(&retry, refusal(503, "unavailable"));
    let error = account
        .retry(DeliveryId::parse(DELIVERY)?)
        .await
        .unwrap_err();
    ensure!(!error.outcome_is_known(), "{error:?}");
    assert_eq!(receiver.so_far().len(), 1);

    // A trigger is created under a key, so that it is created once however often it is sent.
    let path = "/v1/accounts/acme/triggers";
    let answers = vec![
        refusal(503, "unavailable"),
        refusal(429, "too_many_of_tomorrow"),
        refusal(422, "invalid"),
    ];
    receiver.answer_in_turn(path, answers);
    let trigger = TriggerInput::new("message.sent", "T");
    let error = account.create_trigger(&trigger).await.unwrap_err();
    ensure!(error.outcome_is_known(), "{error:?}");
    let came = receiver.so_far();
    assert_eq!(came.len(), 4);
    let keys: BTreeSet<_> = came[1..]
        .iter()
        .map(|request| request.header("idempotency-key"))
        .collect();
    ensure!(
        keys.len() == 1 && keys.first().is_some_and(|key| key.len() >= 32),
        "{keys:?}"
    );
    // Deleting twice deletes once.
    receiver.answer_in_turn(
        &format!("{path}/{TRIGGER}"),
        vec![refusal(503, "x"), Answer::status(204)],
    );
    account.delete_trigger(TriggerId::parse(TRIGGER)?).await?;
    assert_eq!(receiver.so_far().len(), 6);
    Ok(())
}

#[tokio::test]
async fn an_event_posted_while_the_service_is_down_is_accepted_when_it_is_back() -> Result<()> {
    let mut service = Service::start()?;
    let patient = RetryPolicy {
        attempts: 200,
        longest_pause: Duration::from_millis(250),
        ..RetryPolicy::default()
    };
    let account = client_of(&service)?.with_retries(patient).account("acme");
    account.post_event(&sent(0)).await?;
    service.kill()?;
    let once = client_of(&service)?.with_retries(RetryPolicy::never());
    let error = once.account("acme").post_event(&sent(1)).await.unwrap_err();
    ensure!(matches!(error, Error::Unreachable(_)), "{error:?}");

    let restarting = tokio::task::spawn_blocking(move || service.restart().map(|()| service));
    let accepted = account.post_event(&sent(2)).await?;
    let _service = restarting.await??;
    ensure!(!accepted.duplicate, "it came twice");
    let events = account.events(&EventQuery::default()).await?;
    assert_eq!(events.data.len(), 2);
    Ok(())
}
