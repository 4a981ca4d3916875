//! Body templates: what receivers get in place of the default body.

use anyhow::{Context as _, Result, ensure};
use e2e::{Account, Receiver, Service, has, id, millis};
use serde_json::{Value, json};

const URL: &str = "http://127.0.0.1:9/";

fn account() -> Account {
    Service::shared().account()
}

#[tokio::test]
async fn a_template_makes_the_body_and_the_signature_is_over_that() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    let template = "{% for guest in data.guests %}{{ guest.name }};{% endfor %}{{ type }} {{ account }} \
                    {{ trigger.name }} {{ action.name }} {{ delivery.id }} {{ data.note|default(\"-\") }}";
    let action = json!({
        "name": "A", "url": receiver.url("/"), "content_type": "text/plain",
        "body_template": template,
    });
    let trigger = json!({ "type": "participant.replied", "name": "T", "filter": null });
    let trigger = account.trigger(&trigger).await?;
    let path = format!("/triggers/{}/actions", id(&trigger));
    // It needs a field that the type's sample does not have, and says so.
    let problem = account.post(&path, &action).await?.problem(422)?;
    problem.names("/body_template", &["data.guests", "participant.replied"])?;

    let mut action = action;
    action["body_template"] =
        json!(template.replace("in data.guests", "in data.guests|default(\"\")"));
    let made = account.post(&path, &action).await?.json(201)?;
    assert_eq!(made["body_template"], action["body_template"]);
    let secret = account
        .get(&format!("{path}/{}/secret", id(&made)))
        .await?
        .json(200)?;

    let data = json!({ "guests": [{ "name": "Zoë" }, { "name": "\"Al\"" }] });
    let accepted = account.event("participant.replied", &data).await?;
    let delivery = id(&accepted["deliveries"][0]);
    let webhook = receiver.only().await?;
    let body = String::from_utf8(webhook.body.to_vec())?;
    let expected = format!(
        "Zoë;\"Al\";participant.replied {} T A {delivery} -",
        account.id
    );
    assert_eq!(body, expected);
    assert_eq!(webhook.header("content-type"), "text/plain");
    webhook.verify(secret["secret"].as_str().context("a secret")?)
}

#[tokio::test]
async fn a_template_that_is_broken_is_refused_with_its_line() -> Result<()> {
    let account = account();
    let hook = account.hook("message.sent", URL).await?;
    for (template, said) in [
        ("{\n\"a\": {{ data.", "line 2"),
        ("\n\n{% for x in %}{% endfor %}", "line 3"),
        ("{{ data|shout }}", "shout"),
    ] {
        let patch = json!({ "body_template": template });
        let problem = account
            .patch(&hook.action_path(), &patch)
            .await?
            .problem(422)?;
        problem.names("/body_template", &[said])?;
    }
    let action = account.get(&hook.action_path()).await?.json(200)?;
    assert_eq!(action["body_template"], Value::Null);
    Ok(())
}

#[tokio::test]
async fn an_event_that_a_template_cannot_render_is_not_sent_and_says_why() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    // Fine on the sample, which has a participant.
    let action = json!({
        "name": "A", "url": receiver.url("/"), "retry_schedule": [],
        "body_template": "{{ data.participant.name|tojson }}",
    });
    let hook = account.hook_with("participant.confirmed", action).await?;
    let accepted = account
        .event("participant.confirmed", &json!({ "n": 1 }))
        .await?;
    let delivery = account
        .delivery_with(id(&accepted["deliveries"][0]), "failed")
        .await?;
    let reason = delivery["reason"].as_str().unwrap_or_default();
    ensure!(
        reason.contains("template") && reason.contains("data.participant"),
        "{delivery}"
    );

    // Without it the next one is sent.
    let patch = json!({ "body_template": null });
    account
        .patch(&hook.action_path(), &patch)
        .await?
        .json(200)?;
    account
        .event("participant.confirmed", &json!({ "n": 2 }))
        .await?;
    assert_eq!(receiver.only().await?.json()?["data"]["n"], 2);
    Ok(())
}

#[tokio::test]
async fn an_attempt_that_the_template_fails_is_told_and_made_again_on_the_schedule() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    let action = json!({
        "name": "A", "url": receiver.url("/"), "retry_schedule": [600],
        "body_template": "{\n\"name\": {{ data.participant.name|tojson }}}",
    });
    let hook = account.hook_with("participant.confirmed", action).await?;
    let event = account.event("participant.confirmed", &json!({})).await?;
    let delivery = id(&event["deliveries"][0]);
    let failed = account.attempted(delivery, 1).await?;
    let error = "template: line 2: `data.participant` is undefined";
    has(&failed, &json!({ "status": "pending", "reason": error }))?;
    has(
        &failed["attempts"][0],
        &json!({ "number": 1, "error": error }),
    )?;
    let wait = millis(&failed["next_attempt_at"])? - millis(&failed["created_at"])?;
    ensure!((480_000..=730_000).contains(&wait), "again after {wait} ms");
    ensure!(receiver.so_far().is_empty(), "nothing is sent");

    // Once it is mended, the next attempt goes out.
    let name = "{{ data.participant.name|tojson if data.participant is defined else \"null\" }}";
    let patch = json!({ "body_template": format!("{{\"name\": {name}}}") });
    account
        .patch(&hook.action_path(), &patch)
        .await?
        .json(200)?;
    let retry = format!("/deliveries/{delivery}/retry");
    account.post(&retry, &Value::Null).await?.json(202)?;
    assert_eq!(receiver.only().await?.json()?, json!({ "name": null }));
    let delivery = account.delivery_with(delivery, "succeeded").await?;
    assert_eq!(delivery["attempt_count"], 2);
    Ok(())
}

#[tokio::test]
async fn a_template_that_does_too_much_work_is_refused_when_it_is_saved() -> Result<()> {
    let account = account();
    let hook = account.hook("participant.confirmed", URL).await?;
    let path = format!("{}/actions", hook.trigger_path());
    // One step for each character, and in each the whole text once more.
    let template =
        "{% for c in data.participant.name %}\n{{ data.participant.name[-1] }}{% endfor %}";
    let action = json!({
        "name": "A", "url": URL, "content_type": "text/plain", "body_template": template,
    });
    let said = ["line ", "too much work", "200 KB"];
    let problem = account.post(&path, &action).await?.problem(422)?;
    problem.names("/body_template", &said)?;
    let patch = json!({ "content_type": "text/plain", "body_template": template });
    let problem = account
        .patch(&hook.action_path(), &patch)
        .await?
        .problem(422)?;
    problem.names("/body_template", &said)?;
    let check = json!({ "template": template, "content_type": "text/plain" });
    let api = Service::shared().api();
    let problem = api
        .post("/v1/body-templates/render", &check)
        .await?
        .problem(422)?;
    problem.names("/template", &said)
}

#[tokio::test]
async fn a_delivery_whose_template_does_too_much_work_fails_for_good() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    // The type's sample has no such list.
    let template = "{% for a in data.list|default(\"\") %}\n{% for b in data.list %}{{ b }}{% endfor %}{% endfor %}";
    let action = json!({
        "name": "A", "url": receiver.url("/"), "retry_schedule": [1, 1],
        "content_type": "text/plain", "body_template": template,
    });
    account.hook_with("participant.confirmed", action).await?;
    let data = json!({ "list": vec![1; 2_000] });
    let event = account.event("participant.confirmed", &data).await?;
    let failed = account
        .delivery_with(id(&event["deliveries"][0]), "failed")
        .await?;
    has(&failed, &json!({ "attempt_count": 1 }))?;
    assert_eq!(failed.get("next_attempt_at"), None);
    let reason = failed["reason"].as_str().unwrap_or_default();
    ensure!(
        reason.starts_with("template_too_expensive: line 2: the template does too much work: ")
            && reason.ends_with("; then retry this delivery"),
        "{reason}"
    );
    ensure!(receiver.so_far().is_empty(), "nothing is sent");

    // One that it can render is sent.
    let data = json!({ "list": [1, 2] });
    account.event("participant.confirmed", &data).await?;
    assert_eq!(receiver.only().await?.body, "\n12\n12");
    Ok(())
}

#[tokio::test]
async fn an_action_that_sends_json_sends_nothing_else() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    let action = |content_type: &str, template: &str| {
        json!({
            "name": "A", "url": receiver.url("/"), "retry_schedule": [600],
            "content_type": content_type, "body_template": template,
        })
    };
    let hook = account.hook("participant.confirmed", URL).await?;
    let path = format!("{}/actions", hook.trigger_path());
    for content_type in ["application/json", "application/vnd.api+json; v=1"] {
        let unquoted = action(
            content_type,
            "{\n\"text\": \"{{ data.participant.name }}\"}",
        );
        let problem = account.post(&path, &unquoted).await?.problem(422)?;
        let said = ["line 2", "not JSON", "{{ data.participant.name|tojson }}"];
        problem.names("/body_template", &said)?;
    }
    // The sample has no note, so that nothing is wrong when it is saved.
    let template = "{\n\"text\": \"{{ data.note|default(\"-\") }}\"}";
    let action = action("application/json", template);
    account.hook_with("participant.replied", action).await?;
    let data = json!({ "note": "one\ntwo" });
    let event = account.event("participant.replied", &data).await?;
    let failed = account.attempted(id(&event["deliveries"][0]), 1).await?;
    assert_eq!(failed["status"], "pending");
    let error = failed["attempts"][0]["error"].as_str().unwrap_or_default();
    ensure!(
        error.starts_with(
            "template: line 2: `{{ data.note|default(\"-\") }}` makes a body that is not JSON"
        ),
        "{error}"
    );
    ensure!(receiver.so_far().is_empty(), "nothing is sent");

    let data = json!({ "note": "one, two" });
    account.event("participant.replied", &data).await?;
    assert_eq!(
        receiver.only().await?.json()?,
        json!({ "text": "one, two" })
    );
    Ok(())
}

#[tokio::test]
async fn numbers_and_the_order_of_members_arrive_as_they_were_posted() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    let template = "{{ data.big }} {{ data.zero }} {{ data.one }} {{ data|tojson }}\
                    {% for name, value in data|items %} {{ name }}{% endfor %}";
    let action = json!({
        "name": "A", "url": receiver.url("/"), "content_type": "text/plain",
        "body_template": format!("{{% if data.big is defined %}}{template}{{% endif %}}"),
    });
    account.hook_with("participant.confirmed", action).await?;
    let data = r#"{"zero":-0,"one":1.0,"big":123456789012345678901234567890}"#;
    let posted = format!(r#"{{"type":"participant.confirmed","data":{data}}}"#);
    let json = [("content-type", "application/json")];
    let path = account.path("/events");
    let accepted = account.api.send(http::Method::POST, &path, &json, posted);
    accepted.await?.json(202)?;
    let body = String::from_utf8(receiver.only().await?.body.to_vec())?;
    let expected = format!("123456789012345678901234567890 -0 1.0 {data} zero one big");
    assert_eq!(body, expected);
    Ok(())
}
