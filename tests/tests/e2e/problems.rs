//! Bad input: each a problem with the right status that says what is wrong and where, and nothing
//! stored.

use anyhow::{Context as _, Result, ensure};
use api::{Access, Operation, Route as _};
use bytes::Bytes;
use e2e::{Account, Problem, Service};
use http::Method;
use serde_json::{Value, json};

const URL: &str = "http://127.0.0.1:9/";
const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

fn account() -> Account {
    Service::shared().account()
}

/// What a `POST` of these bytes to the account is refused with.
async fn refused(account: &Account, rest: &str, body: &str, status: u16) -> Result<Problem> {
    let body = body.to_owned();
    let reply = account
        .api
        .send(Method::POST, &account.path(rest), &JSON, body)
        .await?;
    reply.problem(status)
}

#[tokio::test]
async fn an_unknown_type_is_refused() -> Result<()> {
    let account = account();
    let event = json!({ "type": "invoice.paid", "data": {} }).to_string();
    let problem = refused(&account, "/events", &event, 422).await?;
    // Nothing is near it, so the way to the whole list is told.
    problem.names("/type", &["invoice.paid", "/v1/event-types"])?;
    let trigger = json!({ "type": "invoice.paid", "name": "Paid" }).to_string();
    refused(&account, "/triggers", &trigger, 422)
        .await?
        .names("/type", &["invoice.paid"])?;
    account.is_empty().await
}

#[tokio::test]
async fn a_misspelt_type_is_refused_with_the_nearest_keys() -> Result<()> {
    let account = account();
    for (written, meant) in [
        ("participant.confirmd", "participant.confirmed"),
        ("Participant.Confirmed", "participant.confirmed"),
        ("message_sent", "message.sent"),
        (
            "participant.booking_cancelled",
            "participant.booking_canceled",
        ),
        ("appointment.update", "appointment.created"),
    ] {
        let event = json!({ "type": written, "data": {} }).to_string();
        let problem = refused(&account, "/events", &event, 422).await?;
        if meant == "appointment.created" {
            problem.names("/type", &[written])?;
        } else {
            problem.names("/type", &[written, "did you mean", meant])?;
        }
        let trigger = json!({ "type": written, "name": "T" }).to_string();
        refused(&account, "/triggers", &trigger, 422)
            .await?
            .names("/type", &[written])?;
    }
    account.is_empty().await
}

#[tokio::test]
async fn what_is_missing_is_named_all_at_once() -> Result<()> {
    let account = account();
    let problem = refused(&account, "/triggers", r#"{"type":"message.sent"}"#, 422).await?;
    problem.names("/name", &["required"])?;
    let problem = refused(&account, "/triggers", "{}", 422).await?;
    assert_eq!(problem.pointers(), ["/type", "/name"]);
    let problem = refused(&account, "/events", "{}", 422).await?;
    assert_eq!(problem.pointers(), ["/type", "/data"]);
    account.is_empty().await
}

#[tokio::test]
async fn an_array_of_members_is_no_object() -> Result<()> {
    let account = account();
    let hook = account.hook("message.sent", URL).await?;
    for (rest, body) in [
        ("/triggers", r#"["message.sent","T"]"#),
        (&format!("{}/test", hook.action_path()), "[null, null]"),
        (&format!("{}/secret/rotate", hook.action_path()), "[60]"),
        ("/deliveries/recover", r#"["2026-11-23T15:04:05Z"]"#),
    ] {
        let problem = refused(&account, rest, body, 422).await?;
        problem.names("", &["a list", "object"])?;
    }
    let trigger = r#"{"type":"message.sent","name":"T","actions":[["A","https://a.example.com"]]}"#;
    let problem = refused(&account, "/triggers", trigger, 422).await?;
    problem.names("/actions/0", &["a list", "object"])
}

#[tokio::test]
async fn a_url_that_is_relative_or_not_http_is_refused() -> Result<()> {
    let account = account();
    for (url, said) in [
        ("/hooks/1", "absolute"),
        ("hooks.example.com/1", "absolute"),
        ("//hooks.example.com/1", "absolute"),
        ("localhost:8080/1", "absolute"),
        ("ftp://hooks.example.com/1", "scheme"),
        ("javascript:alert(1)", "scheme"),
        ("file:///etc/passwd", "scheme"),
        ("http://", "host"),
        ("http://hooks example.com/", "U+0020"),
    ] {
        let action = json!({ "name": "A", "url": url });
        let trigger = json!({ "type": "message.sent", "name": "T", "actions": [action] });
        let problem = refused(&account, "/triggers", &trigger.to_string(), 422).await?;
        problem
            .names("/actions/0/url", &[said])
            .with_context(|| url.to_owned())?;
    }
    account.is_empty().await
}

#[tokio::test]
async fn a_body_of_two_mebibytes_is_too_large_wherever_it_is_sent() -> Result<()> {
    let account = account();
    let hook = account.hook("message.sent", URL).await?;
    let large = "x".repeat(2 * 1024 * 1024);
    let event = json!({ "type": "message.sent", "data": { "text": large } }).to_string();
    refused(&account, "/events", &event, 413)
        .await?
        .says(&["1048576"])?;
    let trigger = json!({ "type": "message.sent", "name": large }).to_string();
    refused(&account, "/triggers", &trigger, 413).await?;
    let patch = json!({ "description": large });
    account
        .patch(&hook.trigger_path(), &patch)
        .await?
        .problem(413)?;
    account
        .patch(&hook.action_path(), &patch)
        .await?
        .problem(413)?;
    // A run has no body, so a large one is as wrong there.
    let run = "/v1/deliveries/run?budget_seconds=0";
    account
        .api
        .send(Method::POST, run, &JSON, large)
        .await?
        .problem(413)?;

    assert_eq!(account.ids("/triggers").await?, [hook.trigger]);
    assert_eq!(account.ids("/events").await?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn a_body_of_one_byte_too_many_is_too_large() -> Result<()> {
    let account = account();
    let body = |length: usize| {
        let event = json!({ "type": "message.sent", "data": { "text": "" } }).to_string();
        event.replace("\"\"", &format!("\"{}\"", "x".repeat(length - event.len())))
    };
    let most = 1024 * 1024;
    refused(&account, "/events", &body(most + 1), 413).await?;
    account.is_empty().await?;
    let largest = body(most);
    assert_eq!(largest.len(), most);
    let path = account.path("/events");
    account
        .api
        .send(Method::POST, &path, &JSON, largest)
        .await?
        .json(202)?;
    Ok(())
}

#[tokio::test]
async fn broken_json_is_told_with_its_line_and_column() -> Result<()> {
    let account = account();
    for (body, place) in [
        ("{\n  \"type\": oops}", "line 2, column 11"),
        ("{\"type\":\n\"message.sent\"", "line 2, column 14"),
        ("{\"type\":\"message.sent\"} x", "line 1, column 25"),
        ("{'type':'message.sent'}", "line 1, column 2"),
        ("", "line 1, column 0"),
        ("\u{feff}\u{feff}{}", "line 1, column 1"),
    ] {
        for list in ["/events", "/triggers"] {
            let problem = refused(&account, list, body, 400).await?;
            problem
                .says(&["JSON", place])
                .with_context(|| format!("{list} {body:?}"))?;
            assert_eq!(problem.code, "invalid_json");
        }
    }
    // Bytes that are no text at all.
    let bytes = Bytes::from_static(b"{\"type\":\"\xff\xfe\"}");
    for list in ["/events", "/triggers"] {
        let reply = account
            .api
            .send(Method::POST, &account.path(list), &JSON, bytes.clone())
            .await?;
        ensure!([400, 422].contains(&reply.status.as_u16()), "{reply:?}");
        reply.problem(reply.status.as_u16())?;
    }
    account.is_empty().await
}

#[tokio::test]
async fn a_byte_order_mark_is_skipped() -> Result<()> {
    let account = account();
    let event = r#"{"type":"message.sent","data":{"n":1}}"#;
    for (body, status) in [
        (format!("\u{feff}{event}"), 202),
        (format!("\u{feff}[{event}]"), 202),
    ] {
        let path = account.path("/events");
        let reply = account.api.send(Method::POST, &path, &JSON, body).await?;
        reply.json(status)?;
    }
    let body = format!("\u{feff}{}", json!({ "type": "message.sent", "name": "T" }));
    let path = account.path("/triggers");
    let reply = account.api.send(Method::POST, &path, &JSON, body).await?;
    reply.json(201)?;
    Ok(())
}

#[tokio::test]
async fn a_body_that_is_compressed_or_of_another_charset_is_refused() -> Result<()> {
    let account = account();
    let hook = account.hook("message.sent", URL).await?;
    let event = r#"{"type":"message.sent","data":{}}"#;
    let paths = [
        (Method::POST, account.path("/events")),
        (Method::POST, account.path("/triggers")),
        (Method::PATCH, account.path(&hook.action_path())),
    ];
    for (method, path) in &paths {
        for coding in ["gzip", "GZIP", "br", "identity, gzip"] {
            let headers = [JSON[0], ("content-encoding", coding)];
            let reply = account.api.send(method.clone(), path, &headers, event);
            let problem = reply.await?.problem(415)?;
            problem.says(&["Content-Encoding"])?;
            assert_eq!(problem.headers["accept-encoding"], "identity");
        }
        for charset in ["iso-8859-1", "\"UTF-16\"", "windows-1252"] {
            let content_type = format!("application/json; charset={charset}");
            let headers = [("content-type", &*content_type)];
            let reply = account.api.send(method.clone(), path, &headers, event);
            let charset = charset.trim_matches('"');
            reply.await?.problem(415)?.says(&["UTF-8", charset])?;
        }
    }
    for content_type in [
        "application/cloudevents+json",
        "application/cloudevents-batch+json",
    ] {
        let headers = [("content-type", content_type), ("content-encoding", "gzip")];
        let reply = account.api.send(Method::POST, &paths[0].1, &headers, event);
        reply.await?.problem(415)?;
    }
    assert_eq!(account.ids("/events").await?, Vec::<String>::new());
    for headers in [
        &[JSON[0], ("content-encoding", "identity")],
        &[
            ("content-type", "application/json; charset=\"utf-8\""),
            ("accept", "*/*"),
        ],
    ] {
        let reply = account.api.send(Method::POST, &paths[0].1, headers, event);
        reply.await?.json(202)?;
    }
    Ok(())
}

#[tokio::test]
async fn json_nested_a_hundred_thousand_deep_harms_nobody() -> Result<()> {
    let account = account();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let trigger = format!(r#"{{"type":"message.sent","name":"T","filter":{deep}}}"#);
    refused(&account, "/triggers", &trigger, 422)
        .await?
        .names("/filter", &["at most 16 levels"])?;
    let event = |data: &str| format!(r#"{{"type":"message.sent","data":{{"a":{data}}}}}"#);
    refused(&account, "/events", &event(&deep), 422)
        .await?
        .says(&["/data", "deeper than 100"])?;
    account.is_empty().await?;

    let deep = format!("{}{}", "[".repeat(99), "]".repeat(99));
    let path = account.path("/events");
    let accepted = account
        .api
        .send(Method::POST, &path, &JSON, event(&deep))
        .await?
        .json(202)?;
    let id = accepted["id"].as_str().context("an id")?;
    let shown = account.get(&format!("/events/{id}")).await?;
    assert_eq!(shown.status, 200);
    ensure!(
        String::from_utf8(shown.body.to_vec())?.contains(&deep),
        "it is kept to the letter"
    );
    Ok(())
}

#[tokio::test]
async fn data_that_is_no_object_is_refused() -> Result<()> {
    let account = account();
    for (data, said) in [
        (json!([]), "array"),
        (json!([{ "n": 1 }]), "array"),
        (json!("text"), "object"),
        (json!(7), "object"),
        (json!(true), "object"),
        (json!(null), ""),
    ] {
        let event = json!({ "type": "message.sent", "data": data }).to_string();
        let problem = refused(&account, "/events", &event, 422).await?;
        problem
            .names("/data", &[said])
            .with_context(|| data.to_string())?;
    }
    account.is_empty().await
}

#[tokio::test]
async fn fields_of_a_wrong_kind_are_named() -> Result<()> {
    let account = account();
    for (event, pointer) in [
        (json!({ "type": 1, "data": {} }), "/type"),
        (
            json!({ "type": "message.sent", "data": {}, "occurred_at": "noon" }),
            "/occurred_at",
        ),
        (
            json!({ "type": "message.sent", "data": {}, "occurred_at": 1_795_446_245 }),
            "/occurred_at",
        ),
        (
            json!({ "type": "message.sent", "data": {}, "occurred_at": "2026-11-23T15:04:05" }),
            "/occurred_at",
        ),
        (
            json!({ "type": "message.sent", "data": {}, "id": 7 }),
            "/id",
        ),
    ] {
        let problem = refused(&account, "/events", &event.to_string(), 422).await?;
        problem
            .names(pointer, &[])
            .with_context(|| event.to_string())?;
    }
    for time in [
        "20180405T183100Z",
        "2018-04-05T15Z",
        "2018-04-05T18:31:00+25:59",
        "2018-04-05T18:31:00Z[Europe/Paris]",
        "2018-04-05T18:31Z",
        "2018-04-05 18:31:00Z",
        "0000-01-01T00:00:00Z",
    ] {
        let event = json!({ "type": "message.sent", "data": {}, "occurred_at": time });
        let problem = refused(&account, "/events", &event.to_string(), 422).await?;
        problem.names("/occurred_at", &["RFC 3339"]).context(time)?;
    }
    for body in ["\"text\"", "7", "null"] {
        refused(&account, "/events", body, 422).await?;
        refused(&account, "/triggers", body, 422).await?;
    }
    account.is_empty().await
}

#[tokio::test]
async fn an_unknown_field_is_named() -> Result<()> {
    let account = account();
    let event = r#"{"type":"message.sent","data":{},"payload":{}}"#;
    refused(&account, "/events", event, 422)
        .await?
        .says(&["unknown field", "payload"])?;
    let event = r#"{"type":"message.sent","data":{},"Data":{}}"#;
    refused(&account, "/events", event, 422)
        .await?
        .says(&["unknown field", "Data"])?;
    let trigger = r#"{"type":"message.sent","name":"T","id":"trg_1"}"#;
    refused(&account, "/triggers", trigger, 422)
        .await?
        .says(&["unknown field", "id"])?;
    account.is_empty().await
}

#[tokio::test]
async fn a_field_that_is_there_twice_is_named() -> Result<()> {
    let account = account();
    let event = r#"{"type":"message.sent","type":"message.failed","data":{}}"#;
    refused(&account, "/events", event, 422)
        .await?
        .says(&["duplicate", "type"])?;
    let trigger = r#"{"type":"message.sent","name":"T","name":"U"}"#;
    refused(&account, "/triggers", trigger, 422)
        .await?
        .says(&["duplicate", "name"])?;
    account.is_empty().await
}

#[tokio::test]
async fn without_the_right_key_nothing_is_told_or_done() -> Result<()> {
    let service = Service::shared();
    let almost = &e2e::KEY[..e2e::KEY.len() - 1];
    let longer = format!("{}x", e2e::KEY);
    let mut details = Vec::new();
    for key in [None, Some("wrong"), Some(""), Some(almost), Some(&longer)] {
        let api = service.api_with_key(key);
        let closed = Operation::ALL.iter();
        for operation in closed.filter(|operation| operation.access() != Access::Open) {
            let path = &operation
                .path()
                .replace("{account}", "acme")
                .replace(['{', '}'], "");
            let body = r#"{"type":"message.sent","name":"T","data":{}}"#;
            let reply = api.send(operation.method(), path, &JSON, body).await?;
            let problem = reply.problem(401)?;
            let challenge = problem.headers.get("www-authenticate");
            assert_eq!(
                challenge.map(http::HeaderValue::as_bytes),
                Some(&b"Bearer"[..]),
                "{path}"
            );
            details.push(problem.detail);
        }
        // Neither which routes there are, nor which things.
        for path in [
            "/v1/nothing",
            "/v1/accounts/acme/triggers/trg_x",
            "/v1/accounts/a.b/events",
        ] {
            api.get(path).await?.problem(401)?;
        }
    }
    // A missing key and a wrong one are not told apart.
    details.dedup();
    assert_eq!(details.len(), 1, "{details:?}");
    let api = service.api();
    for list in ["triggers", "events", "deliveries"] {
        let listed = api
            .get(&format!("/v1/accounts/acme/{list}"))
            .await?
            .json(200)?;
        assert_eq!(listed["data"], json!([]));
    }
    Ok(())
}

#[tokio::test]
async fn only_the_bearer_scheme_counts_in_whatever_case() -> Result<()> {
    let api = Service::shared().api_with_key(None);
    let key = e2e::KEY;
    for (authorization, status) in [
        (format!("Bearer {key}"), 200),
        (format!("bearer {key}"), 200),
        (format!("BEARER {key}"), 200),
        (key.to_owned(), 401),
        (format!("Basic {key}"), 401),
        (format!("Bearer{key}"), 401),
        (format!("Bearer {key}, Bearer {key}"), 401),
        ("Bearer".to_owned(), 401),
    ] {
        let headers = [("authorization", &*authorization)];
        let reply = api
            .send(Method::GET, "/v1/event-types", &headers, "")
            .await?;
        assert_eq!(reply.status, status, "{authorization}");
    }
    Ok(())
}

#[tokio::test]
async fn health_needs_no_key() -> Result<()> {
    let api = Service::shared().api_with_key(None);
    assert_eq!(api.get("/v1/health").await?.json(200)?["status"], "ok");
    let problem = api.post("/v1/health", &json!({})).await?.problem(405)?;
    assert_eq!(problem.headers["allow"], "GET");
    Ok(())
}

#[tokio::test]
async fn an_account_id_with_other_characters_is_refused() -> Result<()> {
    let service = Service::shared();
    let api = service.api();
    let long = "a".repeat(65);
    let event = json!({ "type": "message.sent", "data": {} });
    for account in [
        "a.b", "a%20b", "a:b", "%C3%A9", "a%2Fb", "a+b", "..%2f", &long,
    ] {
        for list in ["triggers", "events", "deliveries"] {
            let path = format!("/v1/accounts/{account}/{list}");
            let problem = api.get(&path).await?.problem(400)?;
            problem
                .says(&["account", "64"])
                .with_context(|| path.clone())?;
            if list != "deliveries" {
                api.post(&path, &event)
                    .await?
                    .problem(400)?
                    .says(&["account"])?;
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_body_of_another_content_type_is_refused() -> Result<()> {
    let account = account();
    let hook = account.hook("message.sent", URL).await?;
    let event = r#"{"type":"message.sent","data":{}}"#;
    for headers in [
        &[][..],
        &[("content-type", "text/plain")],
        &[("content-type", "application/x-www-form-urlencoded")],
        &[("content-type", "application/jsonx")],
        &[("content-type", "")],
    ] {
        for list in ["/events", "/triggers"] {
            let reply = account
                .api
                .send(Method::POST, &account.path(list), headers, event)
                .await?;
            reply.problem(415)?.says(&["application/json"])?;
        }
        let path = account.path(&hook.action_path());
        let reply = account
            .api
            .send(Method::PATCH, &path, headers, "{}")
            .await?;
        reply
            .problem(415)?
            .says(&["application/merge-patch+json"])?;
    }
    assert_eq!(account.ids("/events").await?, Vec::<String>::new());
    assert_eq!(account.ids("/triggers").await?.len(), 1);

    for given in [
        "application/json",
        "APPLICATION/JSON",
        "application/json ; charset=UTF-8",
    ] {
        let headers = [("content-type", given)];
        let path = account.path("/events");
        account
            .api
            .send(Method::POST, &path, &headers, event)
            .await?
            .json(202)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_wrong_method_is_told_with_those_that_are_allowed() -> Result<()> {
    let account = account();
    let hook = account.hook("message.sent", URL).await?;
    let event = account.event("message.sent", &json!({})).await?;
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    let (event, delivery) = (text(&event["id"]), text(&event["deliveries"][0]["id"]));
    let action = account.path(&hook.action_path());
    for (path, allowed) in [
        ("/v1/event-types".to_owned(), "GET"),
        (account.path("/triggers"), "GET, POST"),
        (
            account.path(&hook.trigger_path()),
            "GET, PUT, PATCH, DELETE",
        ),
        (
            account.path(&format!("{}/actions", hook.trigger_path())),
            "GET, POST",
        ),
        (action.clone(), "GET, PUT, PATCH, DELETE"),
        (format!("{action}/secret"), "GET"),
        (format!("{action}/secret/rotate"), "POST"),
        (format!("{action}/test"), "POST"),
        (account.path("/events"), "GET, POST"),
        (account.path("/events/preview"), "POST"),
        (account.path(&format!("/events/{event}")), "GET"),
        (account.path(&format!("/events/{event}/replay")), "POST"),
        (account.path("/deliveries"), "GET"),
        (account.path(&format!("/deliveries/{delivery}")), "GET"),
        ("/v1/deliveries/run".to_owned(), "POST"),
        (account.path(""), "DELETE"),
        (account.path("/export"), "GET, POST"),
        (account.path("/import"), "POST"),
        (account.path("/purge"), "POST"),
    ] {
        for method in [Method::PUT, Method::OPTIONS] {
            if allowed.contains(method.as_str()) {
                continue;
            }
            let reply = account.api.send(method, &path, &[], "").await?;
            let problem = reply.problem(405)?;
            assert_eq!(problem.headers["allow"], allowed, "{path}");
            problem.says(&[allowed])?;
        }
        let other = if allowed.contains("GET") {
            Method::DELETE
        } else {
            Method::GET
        };
        if !allowed.contains(other.as_str()) {
            let reply = account.api.send(other, &path, &[], "").await?;
            reply.problem(405).with_context(|| path.clone())?;
        }
    }
    account.get(&hook.action_path()).await?.json(200)?;
    Ok(())
}

#[tokio::test]
async fn an_unknown_route_is_not_found() -> Result<()> {
    let account = account();
    for path in [
        "/v1".to_owned(),
        "/v1/".to_owned(),
        "/v1/nothing".to_owned(),
        "/v1/event-types/".to_owned(),
        "/v1/deliveries".to_owned(),
        "/v1/deliveries/run/again".to_owned(),
        "/v1/accounts".to_owned(),
        account.path("/nothing"),
        account.path("/triggers/trg_x/actions/act_x/secret/nothing"),
        account.path("/events/evt_x/nothing"),
        account.path("/deliveries/dlv_x/nothing"),
    ] {
        for method in [Method::GET, Method::POST] {
            let reply = account.api.send(method, &path, &JSON, "{}").await?;
            let problem = reply.problem(404).with_context(|| path.clone())?;
            assert_eq!(problem.code, "not_found");
        }
    }
    Ok(())
}

#[tokio::test]
async fn an_unknown_query_parameter_is_named() -> Result<()> {
    let account = account();
    for path in ["/triggers?typ=x", "/events?typ=x", "/deliveries?typ=x"] {
        account
            .get(path)
            .await?
            .problem(400)?
            .says(&["typ", "type"])?;
    }
    let hook = account.hook("message.sent", URL).await?;
    let event = json!({ "type": "message.sent", "data": {} });
    let accepted = account.event("message.sent", &json!({})).await?;
    let (shown, delivery) = (
        format!("/events/{}", accepted["id"].as_str().unwrap_or_default()),
        format!(
            "/deliveries/{}",
            accepted["deliveries"][0]["id"].as_str().unwrap_or_default()
        ),
    );
    let trigger = json!({ "type": "message.sent", "name": "T" });
    let action = json!({ "name": "A", "url": URL });
    for (method, path, body) in [
        (Method::POST, "/events".to_owned(), event),
        (Method::GET, shown, Value::Null),
        (Method::GET, delivery, Value::Null),
        (Method::POST, "/triggers".to_owned(), trigger),
        (Method::GET, hook.trigger_path(), Value::Null),
        (Method::PATCH, hook.trigger_path(), json!({})),
        (Method::POST, hook.trigger_path() + "/actions", action),
        (Method::GET, hook.action_path(), Value::Null),
        (Method::PATCH, hook.action_path(), json!({})),
        (Method::GET, hook.action_path() + "/secret", Value::Null),
        (
            Method::POST,
            hook.action_path() + "/secret/rotate",
            json!({}),
        ),
        (Method::DELETE, hook.action_path(), Value::Null),
        (Method::DELETE, hook.trigger_path(), Value::Null),
    ] {
        let path = account.path(&format!("{path}?dry_run=true"));
        let body = body.to_string();
        let reply = account.api.send(method, &path, &JSON, body);
        let problem = reply.await?.problem(400)?;
        problem.says(&["dry_run", "none"]).context(path)?;
    }
    assert_eq!(account.ids("/events").await?.len(), 1);
    assert_eq!(account.ids("/triggers").await?, [hook.trigger]);
    let problem = account
        .api
        .get("/v1/event-types?typ=x")
        .await?
        .problem(400)?;
    problem.says(&["typ"])?;
    account
        .api
        .post("/v1/deliveries/run?budget=1", &Value::Null)
        .await?
        .problem(400)?;
    Ok(())
}

#[tokio::test]
async fn a_time_with_a_raw_plus_in_a_query_is_told_with_its_remedy() -> Result<()> {
    let account = account();
    for list in ["/events", "/deliveries", "/statistics"] {
        let query = "since=2026-01-01T00:00:00+01:00";
        let problem = account
            .get(&format!("{list}?{query}"))
            .await?
            .problem(400)?;
        problem.says(&["since", "2026-01-01T00:00:00 01:00", "%2B"])?;
        let problem = account
            .get(&format!("{list}?until=noon"))
            .await?
            .problem(400)?;
        problem.says(&["until", "noon", "RFC 3339"])?;
        ensure!(!problem.detail.contains("%2B"), "{}", problem.detail);
    }
    let encoded = "/events?since=2026-01-01T00:00:00%2B01:00";
    account.get(encoded).await?.json(200)?;
    Ok(())
}

#[tokio::test]
async fn names_that_nobody_can_see_are_refused() -> Result<()> {
    let account = account();
    let trigger = |name: &str, description: &str| {
        let action = json!({ "name": name, "url": URL });
        json!({
            "type": "message.sent", "name": name, "description": description, "actions": [action],
        })
    };
    for name in [
        "",
        " ",
        "\u{200b}",
        "\u{a0}\u{2003}\u{200b}\u{2060}\u{feff}\u{3164}",
        "a\u{0}b",
        "a\nb",
    ] {
        let body = trigger(name, "").to_string();
        let problem = refused(&account, "/triggers", &body, 422).await?;
        assert_eq!(problem.pointers(), ["/name", "/actions/0/name"], "{name:?}");
    }
    for description in ["a\u{0}", "\u{1b}[31m", "\u{7f}", "\u{85}"] {
        let body = trigger("T", description).to_string();
        let problem = refused(&account, "/triggers", &body, 422).await?;
        problem.names("/description", &["control"])?;
    }
    let several_lines = "First line\r\n\tSecond line\n";
    let made = account
        .trigger(&trigger("\u{200b}é\u{200d}", several_lines))
        .await?;
    assert_eq!(made["description"], several_lines);
    Ok(())
}
