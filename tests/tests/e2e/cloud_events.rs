//! CloudEvents 1.0, as the official SDK writes them, in HTTP's three content modes.

use anyhow::{Context as _, Result, ensure};
use cloudevents::{AttributesReader as _, Data, Event, EventBuilder as _, EventBuilderV10};
use e2e::{Account, Receiver, Reply, Service, id};
use http::{Method, Request};
use serde_json::{Value, json};

const STRUCTURED: [(&str, &str); 1] = [("content-type", "application/cloudevents+json")];
const BATCHED: [(&str, &str); 1] = [("content-type", "application/cloudevents-batch+json")];

fn account() -> Account {
    Service::shared().account()
}

fn event(id: &str) -> Result<Event> {
    Ok(EventBuilderV10::new()
        .id(id)
        .source("https://bookings.example.com/acme")
        .ty("participant.confirmed")
        .time("2026-01-02T03:04:05+05:30")
        .subject("participants/81")
        .data(
            "application/json",
            json!({ "participant": { "name": "Zoë" } }),
        )
        .extension(
            "traceparent",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        )
        .extension("attempt", 2)
        .extension("replayed", true)
        .build()?)
}

async fn send(
    account: &Account,
    headers: &[(&str, &str)],
    body: impl Into<bytes::Bytes>,
) -> Result<Reply> {
    let path = account.path("/events");
    account.api.send(Method::POST, &path, headers, body).await
}

async fn structured(account: &Account, event: &Event) -> Result<Reply> {
    send(account, &STRUCTURED, serde_json::to_vec(event)?).await
}

async fn batched(account: &Account, events: &[Event]) -> Result<Reply> {
    send(account, &BATCHED, serde_json::to_vec(events)?).await
}

async fn binary(account: &Account, event: Event) -> Result<Reply> {
    let request = Request::<Option<Vec<u8>>>::try_from(event)?;
    let headers = request.headers().iter();
    let headers = headers.map(|(name, value)| Ok((name.as_str(), value.to_str()?)));
    let headers: Vec<_> = headers.collect::<Result<_>>()?;
    let body = request.body().clone().unwrap_or_default();
    send(account, &headers, body).await
}

/// The event that an answer is about, as the history shows it.
async fn shown(account: &Account, answer: &Value) -> Result<Value> {
    account
        .get(&format!("/events/{}", id(answer)))
        .await?
        .json(200)
}

#[tokio::test]
async fn a_cloud_event_of_each_mode_is_accepted_and_delivered() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    let hook = account
        .hook("participant.confirmed", &receiver.url("/"))
        .await?;
    let mut answers = vec![
        structured(&account, &event("structured")?)
            .await?
            .json(202)?,
        binary(&account, event("binary")?).await?.json(202)?,
    ];
    let together = [event("batched-1")?, event("batched-2")?];
    let together = batched(&account, &together).await?.json(202)?;
    answers.extend(together.as_array().context("an array")?.iter().cloned());

    let ids = ["structured", "binary", "batched-1", "batched-2"];
    assert_eq!(answers.len(), ids.len());
    for (answer, id) in answers.iter().zip(ids) {
        assert_eq!(answer["type"], "participant.confirmed");
        assert_eq!(answer["duplicate"], false);
        let event = shown(&account, answer).await?;
        assert_eq!(event["producer_id"], id);
        assert_eq!(event["source"], "https://bookings.example.com/acme");
        assert_eq!(event["occurred_at"], "2026-01-01T21:34:05.000Z");
        assert_eq!(event["data"], json!({ "participant": { "name": "Zoë" } }));
    }
    for webhook in receiver.received(4).await? {
        webhook.verify(&hook.secret)?;
        let body = webhook.json()?;
        assert_eq!(body["data"], json!({ "participant": { "name": "Zoë" } }));
        assert_eq!(body["timestamp"], "2026-01-01T21:34:05.000Z");
    }
    Ok(())
}

#[tokio::test]
async fn source_and_id_together_are_accepted_once_in_whatever_mode() -> Result<()> {
    let account = account();
    let first = structured(&account, &event("7")?).await?.json(202)?;
    let replies = [
        structured(&account, &event("7")?).await?,
        binary(&account, event("7")?).await?,
    ];
    for reply in replies {
        let again = reply.json(200)?;
        assert_eq!(
            (&again["id"], &again["duplicate"]),
            (&first["id"], &json!(true))
        );
    }
    let together = [event("7")?, event("8")?, event("8")?];
    let together = batched(&account, &together).await?.json(202)?;
    let duplicates = together.as_array().into_iter().flatten();
    let duplicates: Vec<_> = duplicates.map(|answer| &answer["duplicate"]).collect();
    assert_eq!(duplicates, [true, false, true]);

    // The same id of another source, or of none, is another event.
    let elsewhere = EventBuilderV10::from(event("7")?)
        .source("/elsewhere")
        .build()?;
    structured(&account, &elsewhere).await?.json(202)?;
    let plain = json!({ "type": "participant.confirmed", "data": {}, "id": "7" });
    account.post("/events", &plain).await?.json(202)?;
    assert_eq!(account.ids("/events").await?.len(), 4);

    let other = EventBuilderV10::from(event("7")?);
    let other = other.data("application/json", json!({ "n": 1 })).build()?;
    let problem = binary(&account, other.clone()).await?.problem(422)?;
    assert_eq!(problem.code, "idempotency_key_reused");
    let problem = batched(&account, &[event("9")?, other])
        .await?
        .problem(422)?;
    problem.names("/1", &[])?;
    assert_eq!(account.ids("/events").await?.len(), 4);
    Ok(())
}

#[tokio::test]
async fn data_that_the_sdk_sends_as_bytes_is_read_where_it_is_said_to_be_json() -> Result<()> {
    let account = account();
    let bytes = Data::Binary(br#"{"n":1}"#.to_vec());
    let encoded = EventBuilderV10::from(event("7")?);
    let encoded = encoded.data("application/vnd.acme+json", bytes).build()?;
    ensure!(
        serde_json::to_string(&encoded)?.contains("data_base64"),
        "{encoded}"
    );
    let answer = structured(&account, &encoded).await?.json(202)?;
    assert_eq!(shown(&account, &answer).await?["data"], json!({ "n": 1 }));
    binary(&account, encoded).await?.json(200)?;

    let xml = EventBuilderV10::from(event("8")?);
    let xml = xml.data("application/xml", "<much wow=\"xml\"/>").build()?;
    let problem = structured(&account, &xml).await?.problem(422)?;
    problem.names("/datacontenttype", &["JSON"])?;
    binary(&account, xml).await?.problem(415)?;
    Ok(())
}

#[tokio::test]
async fn an_id_of_any_characters_is_the_same_in_a_body_and_in_a_header() -> Result<()> {
    let account = account();
    let id = "Euro € 😀 \"100%\"";
    let mut body = serde_json::to_value(event(id)?)?;
    body["data"] = json!({});
    let first = send(&account, &STRUCTURED, body.to_string())
        .await?
        .json(202)?;
    assert_eq!(shown(&account, &first).await?["producer_id"], id);
    // As the HTTP binding has it; this SDK leaves headers as they are.
    let headers = [
        ("content-type", "application/json"),
        ("ce-specversion", "1.0"),
        ("ce-id", "Euro%20%E2%82%AC%20%F0%9F%98%80%20%22100%25%22"),
        ("ce-source", "https://bookings.example.com/acme"),
        ("ce-type", "participant.confirmed"),
        ("ce-time", body["time"].as_str().context("a time")?),
    ];
    let again = send(&account, &headers, "{}").await?.json(200)?;
    assert_eq!(again["id"], first["id"]);
    Ok(())
}

#[tokio::test]
async fn what_is_wrong_with_a_cloud_event_is_named_by_its_attribute() -> Result<()> {
    let account = account();
    let good = serde_json::to_value(event("7")?)?;
    for (name, value, said) in [
        ("specversion", json!("0.3"), "1.0"),
        ("specversion", Value::Null, "required"),
        ("id", json!(""), "empty"),
        ("source", Value::Null, "required"),
        ("source", json!("not a uri"), "URI-reference"),
        ("source", json!("%zz"), "URI-reference"),
        ("subject", json!(""), "empty"),
        ("dataschema", json!(""), "empty"),
        ("dataschema", json!("schema.json"), "absolute URI"),
        ("extension", json!(1.5), "whole number"),
        ("extension", json!(3_000_000_000_u64), "whole number"),
        ("extension", json!([1]), "string"),
        ("time", json!("20180405T183100Z"), "RFC 3339"),
        ("time", json!("2018-04-05T15Z"), "RFC 3339"),
        ("time", json!("2018-04-05T18:31:00+25:59"), "RFC 3339"),
        (
            "time",
            json!("2018-04-05T18:31:00Z[Europe/Paris]"),
            "RFC 3339",
        ),
        ("time", json!("2018-04-05T18:31Z"), "RFC 3339"),
        ("type", json!("com.example.confirmed"), "not an event type"),
        ("time", json!("noon"), "RFC 3339"),
        ("data", json!([1]), "object"),
        ("Comment", json!("x"), "a-z"),
        ("nested", json!({ "a": 1 }), "string"),
    ] {
        let mut bad = good.clone();
        bad[name] = value;
        let problem = send(&account, &STRUCTURED, bad.to_string())
            .await?
            .problem(422)?;
        problem
            .names(&format!("/{name}"), &[said])
            .with_context(|| name.to_owned())?;
        let body = json!([good, bad]).to_string();
        let problem = send(&account, &BATCHED, body).await?.problem(422)?;
        problem
            .names(&format!("/1/{name}"), &[said])
            .with_context(|| name.to_owned())?;
    }
    let headers = [
        ("content-type", "application/json"),
        ("ce-id", "7"),
        ("ce-time", "%ff"),
    ];
    let problem = send(&account, &headers, "{}").await?.problem(422)?;
    assert_eq!(
        problem.pointers(),
        ["/time", "/specversion", "/source", "/type"]
    );
    ensure!(
        problem.errors[2].1.contains("ce-source"),
        "{}",
        problem.body
    );
    let headers = [
        ("content-type", "application/json"),
        ("ce-specversion", "1.0"),
        ("ce-id", "7"),
        ("ce-type", "participant.confirmed"),
        ("ce-source", "not a uri"),
        ("ce-subject", ""),
        ("ce-dataschema", "schema.json"),
        ("ce-my_extension", "1"),
    ];
    let problem = send(&account, &headers, "{}").await?.problem(422)?;
    for name in ["source", "subject", "dataschema", "my_extension"] {
        let pointer = format!("/{name}");
        let named = problem.errors.iter().find(|(at, _)| *at == pointer);
        let (_, detail) = named.with_context(|| problem.body.to_string())?;
        ensure!(detail.contains(&format!("(header ce-{name})")), "{detail}");
    }
    account.is_empty().await
}

#[tokio::test]
async fn each_mode_takes_its_own_shape_and_format() -> Result<()> {
    let account = account();
    let one = serde_json::to_string(&event("7")?)?;
    let problem = send(&account, &STRUCTURED, format!("[{one}]"))
        .await?
        .problem(422)?;
    problem.says(&["application/cloudevents-batch+json"])?;
    send(&account, &BATCHED, one.clone())
        .await?
        .problem(422)?
        .says(&["array"])?;
    let problem = send(&account, &STRUCTURED, "{").await?.problem(400)?;
    assert_eq!(problem.code, "invalid_json");
    for other in [
        "application/cloudevents+avro",
        "application/cloudevents-batch+xml",
    ] {
        send(&account, &[("content-type", other)], one.clone())
            .await?
            .problem(415)?;
    }
    account.is_empty().await?;
    // An empty batch is a batch, to the specification.
    assert_eq!(send(&account, &BATCHED, "[]").await?.json(200)?, json!([]));
    let with_charset = [(
        "content-type",
        "Application/CloudEvents+JSON; charset=UTF-8",
    )];
    send(&account, &with_charset, one).await?.json(202)?;
    assert_eq!(event("7")?.ty(), "participant.confirmed");
    Ok(())
}
