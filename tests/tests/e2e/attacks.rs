//! Attacks over HTTP, with nothing got: other accounts' ids in every route, cursors and tokens that
//! were forged, what is smuggled into headers and paths, and bodies that never end.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use e2e::{Account, KEY, Receiver, Reply, Service, id};
use http::Method;
use serde_json::{Value, json};

const URL: &str = "http://127.0.0.1:9/";
/// What is in the account that is attacked, and in no answer to anybody else.
const MARK: &str = "the-neighbours-data";

/// The ids of everything in an account that has one of each.
struct Victim {
    account: Account,
    trigger: String,
    action: String,
    event: String,
    delivery: String,
}

impl Victim {
    async fn new() -> Result<Self> {
        let account = Service::shared().account();
        let action = json!({
            "name": MARK, "url": URL, "headers": { "x-mark": MARK }, "retry_schedule": [3600],
        });
        let hook = account.hook_with("message.sent", action).await?;
        let event = account
            .event("message.sent", &json!({ "text": MARK }))
            .await?;
        let delivery = id(&event["deliveries"][0]).to_owned();
        let tried = |delivery: &Value| delivery["attempt_count"] == 1;
        account.delivery_once(&delivery, tried).await?;
        Ok(Self {
            account,
            trigger: hook.trigger,
            action: hook.action,
            event: id(&event).to_owned(),
            delivery,
        })
    }

    /// Everything that the account shows of itself.
    async fn state(&self) -> Result<Vec<Value>> {
        let mut state = Vec::new();
        for path in [
            "/triggers".to_owned(),
            format!("/triggers/{}/actions/{}/secret", self.trigger, self.action),
            format!("/events/{}", self.event),
            format!("/deliveries/{}", self.delivery),
        ] {
            state.push(self.account.get(&path).await?.json(200)?);
        }
        Ok(state)
    }

    /// A path of the document, in another account and with the ids of this one.
    fn fill(&self, template: &str, account: &Account) -> String {
        template
            .replace("{account}", &account.id)
            .replace("{trigger}", &self.trigger)
            .replace("{action}", &self.action)
            .replace("{event}", &self.event)
            .replace("{delivery}", &self.delivery)
    }
}

/// The operations of the document whose paths have an id of something in an account: method, path,
/// and an example of what is sent.
fn operations_with_ids() -> Vec<(Method, String, String)> {
    let document = api::document();
    let ids = ["{trigger}", "{action}", "{event}", "{delivery}"];
    let paths = document["paths"].as_object().into_iter().flatten();
    let paths = paths.filter(|(path, _)| ids.iter().any(|id| path.contains(id)));
    let operations = paths.flat_map(|(path, item)| {
        let methods = item.as_object().into_iter().flatten();
        methods.filter_map(move |(method, operation)| {
            let method: Method = method.to_uppercase().parse().ok()?;
            let known = [
                Method::GET,
                Method::POST,
                Method::PUT,
                Method::PATCH,
                Method::DELETE,
            ];
            let body = &operation["requestBody"]["content"]["application/json"]["example"];
            let body = if body.is_null() {
                String::new()
            } else {
                body.to_string()
            };
            known
                .contains(&method)
                .then(|| (method, path.clone(), body))
        })
    });
    operations.collect()
}

fn got_nothing(reply: &Reply) -> Result<()> {
    let body = String::from_utf8_lossy(&reply.body);
    ensure!(!body.contains(MARK), "{}: {body}", reply.status);
    Ok(())
}

#[tokio::test]
async fn the_ids_of_another_account_are_none_in_every_route() -> Result<()> {
    let victim = Victim::new().await?;
    let before = victim.state().await?;
    let attacker = Service::shared().account();
    let own = attacker.hook("message.sent", URL).await?;
    let operations = operations_with_ids();
    ensure!(operations.len() >= 15, "{operations:?}");
    let json = [("content-type", "application/json")];
    for (method, template, body) in operations {
        let mut paths = vec![victim.fill(&template, &attacker)];
        // The other's action under one's own trigger.
        if template.contains("{action}") {
            let template = template.replace("{trigger}", &own.trigger);
            paths.push(victim.fill(&template, &attacker));
        }
        for path in paths {
            let headers = if body.is_empty() { &[][..] } else { &json };
            let sent = attacker
                .api
                .send(method.clone(), &path, headers, body.clone());
            let reply = sent.await?;
            // Adding an action to one's own trigger is no attack.
            ensure!(reply.status == 404, "{method} {path}: {}", reply.status);
            got_nothing(&reply)?;
        }
    }
    ensure!(victim.state().await? == before, "something changed");
    Ok(())
}

#[tokio::test]
async fn filters_and_cursors_of_another_account_lead_to_ones_own_things() -> Result<()> {
    let victim = Victim::new().await?;
    let attacker = Service::shared().account();
    for number in 0..3 {
        attacker.hook("message.sent", URL).await?;
        attacker
            .event("message.received", &json!({ "n": number }))
            .await?;
    }
    for query in [
        format!("/deliveries?trigger={}", victim.trigger),
        format!("/deliveries?action={}", victim.action),
        format!("/deliveries?event={}", victim.event),
        format!("/triggers?ids={}", victim.trigger),
    ] {
        let reply = attacker.get(&query).await?;
        assert_eq!(reply.json(200)?["data"], json!([]), "{query}");
    }
    let counts = attacker
        .get(&format!("/statistics?trigger_ids={}", victim.trigger))
        .await?;
    assert_eq!(counts.json(200)?["triggers"][0]["deliveries"], 0);

    victim
        .account
        .event("message.sent", &json!({ "text": MARK }))
        .await?;
    for list in ["/events", "/deliveries", "/triggers", "/export"] {
        for cursor in [&victim.event, &victim.delivery, &victim.trigger] {
            got_nothing(&attacker.get(&format!("{list}?cursor={cursor}")).await?)?;
        }
        let page = attacker.get(&format!("{list}?limit=1")).await?.json(200)?;
        let Some(cursor) = page["next_cursor"].as_str() else {
            continue;
        };
        for forged in [
            cursor[..cursor.len() - 1].to_owned(),
            format!("{cursor}0"),
            format!("{cursor}%27%20OR%201=1--"),
            "%00".to_owned(),
            "A".repeat(10_000),
            "%F0%9F%92%A3".to_owned(),
        ] {
            let reply = attacker.get(&format!("{list}?cursor={forged}")).await?;
            reply
                .problem(400)
                .with_context(|| format!("{list} {forged}"))?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn tricks_with_the_path_lead_nowhere_and_around_no_key() -> Result<()> {
    let victim = Victim::new().await?;
    let service = Service::shared();
    let mine = service.account();
    let input = json!({ "name": "A", "scopes": ["read"], "accounts": [mine.id] });
    let made = service
        .api()
        .post("/v1/api-keys", &input)
        .await?
        .json(201)?;
    let limited = service.api_with_key(made["key"].as_str());
    let (own, other) = (&mine.id, &victim.account.id);
    for path in [
        format!("/v1/accounts/{own}/../{other}/triggers"),
        format!("/v1/accounts/{own}/%2e%2e/{other}/triggers"),
        format!("/v1/accounts/{own}%2f..%2f{other}/triggers"),
        format!("/v1/accounts/{own}/../../accounts/{other}/triggers"),
        format!("/v1/accounts/{own};{other}/triggers"),
        format!("/v1/accounts/{own}%00{other}/triggers"),
        format!("/v1/accounts/{own},{other}/triggers"),
        format!("/v1//accounts/{other}/triggers"),
        format!("//v1/accounts/{other}/triggers"),
        format!("/v1/./accounts/{other}/triggers"),
        format!("/V1/ACCOUNTS/{other}/triggers"),
        format!("/v1/accounts/{other}/triggers/"),
        format!("/v1/accounts/{other}/triggers?account={own}"),
        format!("/v1/accounts/{own}/triggers/..%2f..%2f{other}%2ftriggers"),
        format!("/v1/health/../accounts/{other}/triggers"),
        format!("/openapi.json/../v1/accounts/{other}/triggers"),
        format!("/docs/../v1/accounts/{other}/triggers"),
    ] {
        let reply = limited.get(&path).await?;
        let refused = reply.status.is_client_error() || reply.status.is_redirection();
        // Pages are shown to whoever asks; none of them has anything of the account.
        ensure!(
            refused || !path.starts_with("/v1"),
            "{path}: {}",
            reply.status
        );
        got_nothing(&reply).context(path)?;
    }
    Ok(())
}

#[tokio::test]
async fn nothing_can_be_smuggled_into_headers() -> Result<()> {
    let account = Service::shared().account();
    let receiver = Receiver::start().await?;
    for (member, value) in [
        (
            "url",
            json!(format!("{}\r\nx-injected: 1", receiver.url("/"))),
        ),
        (
            "url",
            json!(format!("{} HTTP/1.1\r\nx-injected: 1", receiver.url("/a"))),
        ),
        ("headers", json!({ "x-a": "1\r\nx-injected: 1" })),
        ("headers", json!({ "x-a": "1\nx-injected: 1" })),
        ("headers", json!({ "x-a": "1\u{0}" })),
        ("headers", json!({ "x-a\r\nx-injected": "1" })),
        ("headers", json!({ "x-a: 1\r\nx-injected": "1" })),
        ("headers", json!({ "transfer-encoding": "chunked" })),
        ("headers", json!({ "Content-Length": "0" })),
        ("headers", json!({ "host": "elsewhere.example.com" })),
        ("content_type", json!("text/plain\r\nx-injected: 1")),
        (
            "method",
            json!("POST / HTTP/1.1\r\nx-injected: 1\r\n\r\nGET"),
        ),
    ] {
        let mut action = json!({ "name": "A", "url": receiver.url("/") });
        action[member] = value;
        let trigger = json!({ "type": "message.sent", "name": "T", "actions": [action] });
        let refused = account.post("/triggers", &trigger).await?.problem(422);
        refused.with_context(|| action.to_string())?;
    }
    // What events and names say stays in the body.
    let action = json!({ "name": "A\u{2028}B", "url": receiver.url("/") });
    account.hook_with("message.sent", action).await?;
    let data = json!({ "text": "\r\nx-injected: 1\r\n\r\n" });
    account.event("message.sent", &data).await?;
    let webhook = receiver.only().await?;
    assert_eq!(webhook.header("x-injected"), "");
    assert_eq!(webhook.json()?["data"], data);
    // Nor does where a page leads to.
    let nobody = Service::shared().api_with_key(None);
    let path = "/accounts/a%0d%0ax-injected:%201/triggers";
    let reply = nobody.get(path).await?;
    ensure!(reply.header("x-injected").is_none(), "{reply:?}");
    Ok(())
}

#[tokio::test]
async fn bodies_that_never_end_keep_nobody_else_out() -> Result<()> {
    let service = Service::shared();
    let account = service.account();
    let request = format!(
        "POST {} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {KEY}\r\n\
         content-type: application/json\r\ncontent-length: 1000\r\n\r\n{{\"type\": ",
        account.path("/events")
    );
    let mut slow = Vec::new();
    for _ in 0..64 {
        let mut stream = TcpStream::connect(("127.0.0.1", service.port()))?;
        stream.write_all(request.as_bytes())?;
        slow.push(stream);
    }
    for _ in 0..5 {
        account.event("message.sent", &json!({})).await?;
    }
    for mut stream in slow {
        stream.set_read_timeout(Some(Duration::from_millis(1)))?;
        let answered = stream.read(&mut [0; 64]);
        ensure!(
            answered.is_err(),
            "half a request was answered: {answered:?}"
        );
    }
    let events = account.get("/events").await?.json(200)?;
    assert_eq!(events["data"].as_array().map(Vec::len), Some(5));
    Ok(())
}

#[tokio::test]
async fn requests_that_are_none_harm_nobody() -> Result<()> {
    let service = Service::shared();
    for request in [
        "\0\0\0\0",
        "GET / HTTP/9.9\r\n\r\n",
        "GET /v1/event-types HTTP/1.1\r\n\r\n",
        "POST /v1/deliveries/run HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n",
        "POST /v1/deliveries/run HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\nx: \x01\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}\u{fc}",
    ] {
        let mut stream = TcpStream::connect(("127.0.0.1", service.port()))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(request.as_bytes())?;
        stream.shutdown(std::net::Shutdown::Write)?;
        let mut answer = Vec::new();
        // Closed without a word, or with a refusal.
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        ensure!(
            !answer.contains(" 200 ") && !answer.contains(" 500 "),
            "{request:?}: {answer}"
        );
    }
    service.api().get("/v1/health").await?.json(200)?;
    Ok(())
}
