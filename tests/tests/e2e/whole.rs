//! Answers leave whole: in one segment, with their length.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use e2e::{KEY, Service};
use serde_json::{Value, json};

/// A keep-alive connection on which answers can be seen as they arrive.
struct Connection(TcpStream);

impl Connection {
    fn open() -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", Service::shared().port()))?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        stream.set_nodelay(true)?;
        Ok(Self(stream))
    }

    /// What the first read gives after this request. On the loopback interface it is what came in
    /// the first segment; a small answer fits into one.
    fn first_read(&mut self, method: &str, path: &str, body: &str) -> Result<String> {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {KEY}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        self.0.write_all(request.as_bytes())?;
        let mut buffer = vec![0; 64 * 1024];
        let length = self.0.read(&mut buffer)?;
        buffer.truncate(length);
        Ok(String::from_utf8(buffer)?)
    }

    /// Asks, and checks that the whole answer is in the first read.
    fn whole(&mut self, method: &str, path: &str, body: &str, status: u16) -> Result<String> {
        let answer = self.first_read(method, path, body)?;
        let (head, body) = answer
            .split_once("\r\n\r\n")
            .context("the head came whole")?;
        let first = head.lines().next().unwrap_or_default();
        ensure!(
            first.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
        let header = |name: &str| {
            head.lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(present, _)| present.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.trim().to_owned())
        };
        ensure!(header("transfer-encoding").is_none(), "chunked: {head}");
        match header("content-length").and_then(|length| length.parse::<usize>().ok()) {
            Some(length) if length == body.len() => Ok(body.to_owned()),
            Some(length) => bail!("{} of {length} bytes came with the head", body.len()),
            // RFC 9110, 8.6: a 204 has none.
            None if status == 204 => Ok(body.to_owned()),
            None => bail!("no content-length: {head}"),
        }
    }
}

#[test]
fn the_head_and_the_body_of_an_answer_leave_together() -> Result<()> {
    let mut connection = Connection::open()?;
    let account = "/v1/accounts/whole-answers";
    let triggers = format!("{account}/triggers");
    let action = json!({ "name": "A", "url": "http://127.0.0.1:9/", "retry_schedule": [] });
    let trigger = json!({ "type": "message.sent", "name": "T", "actions": [action] }).to_string();
    let event = json!({ "type": "message.sent", "data": { "n": 1 } }).to_string();

    // Many times on one connection: whether two segments are read as one is a matter of luck, once.
    for round in 0..10 {
        let created = connection.whole("POST", &triggers, &trigger, 201)?;
        let created: Value = serde_json::from_str(&created)?;
        let path = format!("{triggers}/{}", created["id"].as_str().unwrap_or("?"));
        connection.whole("GET", &path, "", 200)?;
        connection.whole("GET", &triggers, "", 200)?;
        connection.whole("PATCH", &path, r#"{"enabled":false}"#, 200)?;
        connection.whole("POST", &format!("{account}/events"), &event, 202)?;
        connection.whole("GET", &format!("{account}/events"), "", 200)?;
        connection.whole("GET", &format!("{account}/deliveries"), "", 200)?;
        connection.whole("GET", "/v1/health", "", 200)?;
        connection.whole("GET", "/sign-in", "", 200)?;
        connection.whole("GET", "/v1/nothing", "", 404)?;
        connection.whole("POST", &triggers, "{", 400)?;
        connection
            .whole("DELETE", &path, "", 204)
            .with_context(|| format!("round {round}"))?;
    }
    Ok(())
}

#[tokio::test]
async fn an_answer_without_content_has_no_length_of_it() -> Result<()> {
    let account = Service::shared().account();
    let hook = account.hook("message.sent", "http://127.0.0.1:9/").await?;
    let reply = account.delete(&hook.trigger_path()).await?;
    reply.empty(204)?;
    // RFC 9110, 8.6: a server must not send it in a 204.
    assert_eq!(reply.header("content-length"), None);
    Ok(())
}

#[tokio::test]
async fn an_answer_that_is_larger_than_any_buffer_arrives_whole() -> Result<()> {
    let account = Service::shared().account();
    let description = "x".repeat(2_000);
    for n in 0..60 {
        let trigger =
            json!({ "type": "message.sent", "name": format!("{n}"), "description": description });
        account.trigger(&trigger).await?;
    }
    let reply = account.get("/triggers?limit=200").await?;
    ensure!(reply.body.len() > 120_000, "{} bytes", reply.body.len());
    let listed = reply.json(200)?;
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(60));
    Ok(())
}

#[tokio::test]
async fn a_page_that_people_see_loads_nothing_from_elsewhere_and_cannot_be_framed() -> Result<()> {
    let page = Service::shared().api_with_key(None).get("/sign-in").await?;
    assert_eq!(page.status, 200);
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let policy = page.header("content-security-policy").context("a policy")?;
    for directive in ["default-src 'none'", "frame-ancestors 'none'"] {
        ensure!(policy.contains(directive), "{policy}");
    }
    ensure!(
        String::from_utf8(page.body.to_vec())?.contains("<title>"),
        "no title"
    );
    Ok(())
}
