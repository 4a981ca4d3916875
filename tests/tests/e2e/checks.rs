//! Filters and templates before they are saved: what they do, and what saving would say of them.

use anyhow::{Context as _, Result, ensure};
use e2e::{Service, has};
use serde_json::{Value, json};

const FILTER: &str = "/v1/filters/check";
const TEMPLATE: &str = "/v1/body-templates/render";

async fn asked(path: &str, body: &Value) -> Result<Value> {
    Service::shared().api().post(path, body).await?.json(200)
}

#[tokio::test]
async fn a_filter_says_of_an_event_whether_it_matches_and_why_not() -> Result<()> {
    let filter = json!({ "data.n": { "$gt": 2 }, "account": "acme" });
    let check = async |n: i64, account: &str| {
        let event = json!({ "type": "message.sent", "data": { "n": n }, "account": account });
        asked(FILTER, &json!({ "filter": filter, "event": event })).await
    };
    assert_eq!(
        check(3, "acme").await?,
        json!({ "matches": true, "reason": null })
    );
    let reason = "data.n: expected $gt 2, found 2";
    assert_eq!(
        check(2, "acme").await?,
        json!({ "matches": false, "reason": reason })
    );
    let found = check(3, "other").await?;
    ensure!(
        found["reason"]
            .as_str()
            .is_some_and(|said| said.starts_with("account: ")),
        "{found}"
    );
    Ok(())
}

#[tokio::test]
async fn what_is_wrong_with_a_check_is_told_as_when_saving() -> Result<()> {
    let account = Service::shared().account();
    let filter = json!({ "data.name": { "$startWith": "A" } });
    let trigger = json!({ "type": "message.sent", "name": "T", "filter": filter });
    let saving = account.post("/triggers", &trigger).await?.problem(422)?;
    let event = json!({ "type": "message.sent", "data": {} });
    let body = json!({ "filter": filter, "event": event });
    let problem = account.api.post(FILTER, &body).await?.problem(422)?;
    problem.names("/filter/data.name/$startWith", &["$startsWith"])?;
    assert_eq!(problem.body["errors"], saving.body["errors"]);

    for (body, pointer, said) in [
        (json!({ "event": event }), "/filter", "required"),
        (json!({ "filter": {} }), "/event", "required"),
        (
            json!({ "filter": {}, "event": { "type": "message.snt", "data": {} } }),
            "/event/type",
            "message.sent",
        ),
        (
            json!({ "filter": {}, "event": { "type": "message.sent", "data": 1 } }),
            "/event/data",
            "object",
        ),
        (
            json!({ "filter": {}, "event": { "type": "message.sent", "data": {}, "account": "" } }),
            "/event/account",
            "account",
        ),
    ] {
        let problem = account.api.post(FILTER, &body).await?.problem(422)?;
        problem.names(pointer, &[said])?;
    }
    for body in [
        json!({ "filter": {}, "evnt": {} }),
        json!({ "filter": {}, "event": { "type": "message.sent", "date": {} } }),
    ] {
        let problem = account.api.post(FILTER, &body).await?.problem(422)?;
        let named = problem.detail.contains("evnt") || problem.detail.contains("date");
        ensure!(named, "{}", problem.body);
    }
    account.is_empty().await
}

#[tokio::test]
async fn a_template_shows_what_it_makes_of_a_sample() -> Result<()> {
    let template = "{\"name\": {{ data.participant.name|tojson }}, \"type\": {{ type|tojson }}}";
    let rendered = asked(TEMPLATE, &json!({ "template": template })).await?;
    let body = rendered["body"].as_str().context("a body")?;
    let body: Value = serde_json::from_str(body)?;
    has(&body, &json!({ "type": "participant.confirmed" }))?;
    ensure!(body["name"].is_string(), "{body}");
    let of_type = json!({
        "template": "{{ type }} ü", "type": "message.sent", "content_type": "text/plain",
    });
    let rendered = asked(TEMPLATE, &of_type).await?;
    assert_eq!(rendered, json!({ "body": "message.sent ü" }));

    // A type of the deployment's own has its own sample.
    let api = Service::shared().api();
    let custom = json!({ "label": "Checked", "sample": { "check": { "n": 7 } } });
    let content = [("content-type", "application/json")];
    let put = api.send(
        http::Method::PUT,
        "/v1/event-types/check.rendered",
        &content,
        custom.to_string(),
    );
    put.await?.json(201)?;
    let body = json!({ "template": "{{ data.check.n }}", "type": "check.rendered" });
    assert_eq!(asked(TEMPLATE, &body).await?, json!({ "body": "7" }));
    let event = json!({ "type": "check.rendered", "data": { "n": 1 } });
    let check = json!({ "filter": { "data.n": 1 }, "event": event });
    has(&asked(FILTER, &check).await?, &json!({ "matches": true }))?;
    api.delete("/v1/event-types/check.rendered")
        .await?
        .empty(204)
}

#[tokio::test]
async fn a_template_that_saving_would_refuse_is_refused_in_the_same_words() -> Result<()> {
    let account = Service::shared().account();
    for (template, said) in [
        ("{\n\"a\": {{ data.", "line 2"),
        ("{{ data.nothing.there }}", "line 1"),
        ("Hello {{ data.participant.name }}", "not JSON"),
    ] {
        let body = json!({ "template": template, "type": "participant.confirmed" });
        let problem = account.api.post(TEMPLATE, &body).await?.problem(422)?;
        problem.names("/template", &[said])?;
        let action = json!({
            "name": "A", "url": "http://127.0.0.1:9/", "body_template": template,
        });
        let trigger = json!({
            "type": "participant.confirmed", "name": "T", "actions": [action],
        });
        let saving = account.post("/triggers", &trigger).await?.problem(422)?;
        let details = [&problem, &saving].map(|problem| &problem.errors[0].1);
        assert_eq!(details[0], details[1]);
    }
    let body = json!({ "template": "1", "type": "message.snt", "content_type": "\n" });
    let problem = account.api.post(TEMPLATE, &body).await?.problem(422)?;
    assert_eq!(problem.pointers(), ["/content_type", "/type"]);
    let problem = account.api.post(TEMPLATE, &json!({})).await?.problem(422)?;
    problem.names("/template", &["required"])?;
    let body = json!({ "template": "1", "data": {} });
    let problem = account.api.post(TEMPLATE, &body).await?.problem(422)?;
    problem.says(&["data"])?;
    account.is_empty().await
}

#[tokio::test]
async fn checks_are_posts_of_json_with_a_key() -> Result<()> {
    let api = Service::shared().api();
    for path in [FILTER, TEMPLATE] {
        let problem = api.get(path).await?.problem(405)?;
        assert_eq!(problem.headers["allow"], "POST");
        let query = format!("{path}?save=true");
        api.post(&query, &json!({}))
            .await?
            .problem(400)?
            .says(&["save"])?;
        let stranger = Service::shared().api_with_key(None);
        stranger.post(path, &json!({})).await?.problem(401)?;
    }
    Ok(())
}
