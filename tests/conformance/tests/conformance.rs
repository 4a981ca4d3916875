//! The receiver over real connections: what each path asks for, signatures, and the list of what came.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use conformance_receiver::{Act, Keys, Limits, Occurrence, Plan, Server, Settings, Verdict};
use ed25519_compact::{KeyPair, Seed};
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use jiff::Timestamp;
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER: &str = "whsec_QW5vdGhlciBzZWNyZXQsIG9mIDMyIGJ5dGVzISEhISE=";

/// How long to wait for what takes milliseconds.
const DEADLINE: Duration = Duration::from_secs(20);

async fn server() -> Result<Server> {
    with(Settings::default()).await
}

async fn with(settings: Settings) -> Result<Server> {
    Server::start("127.0.0.1:0", settings).await
}

async fn checking(secrets: &[&str], public_keys: &[&str]) -> Result<Server> {
    with(Settings {
        keys: Keys::parse(secrets, public_keys)?,
        ..Settings::default()
    })
    .await
}

fn client() -> Client<HttpConnector, Full<Bytes>> {
    Client::builder(TokioExecutor::new()).build_http()
}

/// An answer with its body.
#[derive(Debug)]
struct Reply {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Reply {
    fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    fn json(&self) -> Result<Value> {
        Ok(serde_json::from_str(&self.body)?)
    }
}

async fn send(
    server: &Server,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<Reply> {
    let mut request = Request::builder().method(method).uri(server.url(path));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::from(body.to_owned())))?;
    let response: Response<_> = timeout(DEADLINE, client().request(request)).await??;
    let (head, body) = response.into_parts();
    let body = body.collect().await?.to_bytes();
    Ok(Reply {
        status: head.status.as_u16(),
        headers: head.headers,
        body: String::from_utf8(body.to_vec())?,
    })
}

async fn post(server: &Server, path: &str, id: &str) -> Result<Reply> {
    let body = r#"{"type":"message.sent","data":{}}"#;
    send(server, Method::POST, path, &[("webhook-id", id)], body).await
}

async fn get(server: &Server, path: &str) -> Result<Reply> {
    send(server, Method::GET, path, &[], "").await
}

/// A connection on which a webhook was sent, for what is no proper answer.
async fn raw(server: &Server, path: &str) -> Result<TcpStream> {
    let mut connection = TcpStream::connect(server.address()).await?;
    let request = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{{}}");
    connection.write_all(request.as_bytes()).await?;
    Ok(connection)
}

/// Reads until `wanted` is among what came, which is returned.
async fn read_until(connection: &mut TcpStream, wanted: &str) -> Result<String> {
    let mut came = Vec::new();
    let mut read = async || -> Result<String> {
        loop {
            let mut piece = [0; 4096];
            let length = connection.read(&mut piece).await?;
            came.extend_from_slice(&piece[..length]);
            let text = String::from_utf8_lossy(&came);
            if text.contains(wanted) {
                return Ok(text.into_owned());
            }
            ensure!(length > 0, "it ended after {text:?}");
        }
    };
    timeout(DEADLINE, read()).await?
}

/// Waits until the server has no connection any more.
async fn idle(server: &Server) -> Result<()> {
    Ok(timeout(DEADLINE, server.idle()).await?)
}

#[tokio::test]
async fn a_path_that_asks_for_nothing_is_answered_200() -> Result<()> {
    let server = server().await?;
    for path in ["/", "/hooks?a=b"] {
        assert_eq!(post(&server, path, "dlv_1").await?.status, 200, "{path}");
    }
    let empty = post(&server, "/empty", "dlv_1").await?;
    assert_eq!((empty.status, &*empty.body), (204, ""));
    Ok(())
}

#[tokio::test]
async fn a_status_is_answered_with_its_retry_after() -> Result<()> {
    let server = server().await?;
    for (path, status, retry_after) in [
        ("/status/503", 503, ""),
        ("/status/304", 304, ""),
        ("/status/410", 410, ""),
        ("/status/429?retry-after=120", 429, "120"),
        (
            "/status/503?retry-after=Mon,%2023%20Nov%202026%2015:04:05%20GMT",
            503,
            "Mon, 23 Nov 2026 15:04:05 GMT",
        ),
    ] {
        let reply = post(&server, path, "dlv_1").await?;
        assert_eq!(reply.status, status, "{path}");
        assert_eq!(reply.header("retry-after"), retry_after, "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn a_redirect_leads_to_where_it_would_be_seen() -> Result<()> {
    let server = server().await?;
    let reply = post(&server, "/redirect", "dlv_1").await?;
    assert_eq!(
        (reply.status, reply.header("location")),
        (302, "/redirected")
    );
    assert_eq!(post(&server, "/redirected", "dlv_1").await?.status, 200);
    let paths: Vec<_> = server.so_far().into_iter().map(|one| one.path).collect();
    assert_eq!(paths, ["/redirect", "/redirected"]);
    Ok(())
}

#[tokio::test]
async fn a_delayed_answer_comes_after_that_long() -> Result<()> {
    let server = server().await?;
    let asked = Instant::now();
    assert_eq!(post(&server, "/delay/1", "dlv_1").await?.status, 200);
    let took = asked.elapsed();
    ensure!(took >= Duration::from_secs(1), "it took {took:?}");
    Ok(())
}

#[tokio::test]
async fn a_flaky_path_fails_so_often_for_each_webhook_and_then_takes_it() -> Result<()> {
    let server = server().await?;
    let mut statuses = Vec::new();
    for id in ["dlv_1", "dlv_2", "dlv_1", "dlv_1", "dlv_1", "dlv_2"] {
        statuses.push(post(&server, "/flaky/2", id).await?.status);
    }
    assert_eq!(statuses, [503, 503, 503, 200, 200, 503]);
    Ok(())
}

#[tokio::test]
async fn an_unknown_behaviour_is_answered_404_with_the_list() -> Result<()> {
    let server = server().await?;
    let reply = post(&server, "/status/fine", "dlv_1").await?;
    assert_eq!(reply.status, 404);
    ensure!(reply.body.contains("\"fine\" is no status"), "{reply:?}");
    ensure!(reply.body.contains("/slow-headers"), "{reply:?}");
    Ok(())
}

#[tokio::test]
async fn what_drips_comes_a_byte_a_second() -> Result<()> {
    let server = server().await?;
    let mut connection = raw(&server, "/drip").await?;
    let asked = Instant::now();
    let came = read_until(&mut connection, "1\r\n.\r\n1\r\n.\r\n").await?;
    ensure!(came.starts_with("HTTP/1.1 200 OK\r\n"), "{came:?}");
    let took = asked.elapsed();
    ensure!(took >= Duration::from_millis(900), "it took {took:?}");
    drop(connection);
    idle(&server).await
}

#[tokio::test]
async fn slow_headers_come_a_byte_a_second() -> Result<()> {
    let server = server().await?;
    let mut connection = raw(&server, "/slow-headers").await?;
    let asked = Instant::now();
    let came = read_until(&mut connection, "HTTP/1.1 200 OK\r\nx-").await?;
    ensure!(!came.contains("\r\n\r\n"), "{came:?}");
    let took = asked.elapsed();
    ensure!(took >= Duration::from_millis(900), "it took {took:?}");
    drop(connection);
    idle(&server).await
}

#[tokio::test]
async fn who_hangs_answers_nothing_until_its_time_is_over() -> Result<()> {
    let server = with(Settings {
        limits: Limits {
            longest: Duration::from_millis(300),
            ..Limits::default()
        },
        ..Settings::default()
    })
    .await?;
    let asked = Instant::now();
    let mut connection = raw(&server, "/hang").await?;
    let mut came = Vec::new();
    timeout(DEADLINE, connection.read_to_end(&mut came)).await??;
    assert_eq!(came, b"");
    let took = asked.elapsed();
    ensure!(took >= Duration::from_millis(300), "it took {took:?}");
    // What would come later than that is not waited for, either.
    let reply = post(&server, "/delay/1000", "dlv_1").await?;
    assert_eq!(reply.status, 200);
    Ok(())
}

#[tokio::test]
async fn what_takes_its_time_ends_when_the_client_goes() -> Result<()> {
    let server = server().await?;
    let paths = ["/hang", "/delay/1000", "/drip", "/large", "/slow-headers"];
    let mut connections = Vec::new();
    for path in paths {
        connections.push(raw(&server, path).await?);
    }
    let received = timeout(DEADLINE, server.received(paths.len() as u64)).await?;
    assert_eq!(received.len(), paths.len());
    drop(connections);
    idle(&server).await
}

#[tokio::test]
async fn a_reset_is_one() -> Result<()> {
    let server = server().await?;
    let mut connection = raw(&server, "/reset").await?;
    let mut came = Vec::new();
    let error = timeout(DEADLINE, connection.read_to_end(&mut came)).await?;
    let error = error.err().context("it ended in good order")?;
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(came, b"");
    let received = server.so_far();
    assert_eq!(received[0].plan, Plan::Act(Act::Reset));
    Ok(())
}

#[tokio::test]
async fn garbage_is_no_http() -> Result<()> {
    let server = server().await?;
    let mut connection = raw(&server, "/garbage").await?;
    let mut came = Vec::new();
    timeout(DEADLINE, connection.read_to_end(&mut came)).await??;
    ensure!(!came.is_empty() && !came.starts_with(b"HTTP"), "{came:?}");
    let request = Request::post(server.url("/garbage")).body(Full::default())?;
    ensure!(
        client().request(request).await.is_err(),
        "a client reads it"
    );
    Ok(())
}

#[tokio::test]
async fn a_large_body_has_no_end() -> Result<()> {
    let server = server().await?;
    let request = Request::post(server.url("/large")).body(Full::default())?;
    let response = client().request(request).await?;
    assert_eq!(response.status(), 200);
    let mut body = response.into_body();
    let mut read = 0;
    while read < 8 * 1024 * 1024 {
        let frame = timeout(DEADLINE, body.frame())
            .await?
            .context("its end")??;
        read += frame.data_ref().map_or(0, Bytes::len);
    }
    drop(body);
    idle(&server).await
}

#[tokio::test]
async fn a_body_beyond_a_mebibyte_is_not_taken() -> Result<()> {
    let server = server().await?;
    let body = "x".repeat(1024 * 1024);
    let reply = send(&server, Method::POST, "/", &[], &body).await?;
    assert_eq!(reply.status, 200);
    // One is announced, one comes in a chunk that is a byte too long. Neither sends more than is read, or
    // the connection would be reset, perhaps before the answer was read.
    let long = format!("100001\r\n{body}x");
    for (header, body) in [
        ("content-length: 1048577", ""),
        ("transfer-encoding: chunked", &*long),
    ] {
        let mut connection = TcpStream::connect(server.address()).await?;
        let request = format!("POST / HTTP/1.1\r\nhost: x\r\n{header}\r\n\r\n{body}");
        connection.write_all(request.as_bytes()).await?;
        read_until(&mut connection, "HTTP/1.1 413").await?;
    }
    assert_eq!(server.so_far().len(), 1);
    Ok(())
}

#[tokio::test]
async fn beyond_the_most_connections_others_wait_for_one_to_end() -> Result<()> {
    let server = with(Settings {
        limits: Limits {
            connections: 1,
            ..Limits::default()
        },
        ..Settings::default()
    })
    .await?;
    let first = raw(&server, "/hang").await?;
    timeout(DEADLINE, server.received(1)).await?;
    let mut second = raw(&server, "/hooks").await?;
    let answered = timeout(
        Duration::from_millis(100),
        read_until(&mut second, "HTTP/1.1 200"),
    );
    ensure!(answered.await.is_err(), "the second did not wait");
    drop(first);
    read_until(&mut second, "HTTP/1.1 200").await?;
    Ok(())
}

#[tokio::test]
async fn what_is_signed_rightly_is_taken_and_anything_else_answered_401_with_the_reason()
-> Result<()> {
    let server = checking(&[OTHER, SECRET], &[]).await?;
    let (signer, stranger) = (Webhook::new(SECRET)?, Webhook::new("whsec_AAAA")?);
    let now = Timestamp::now().as_second();
    let body = r#"{"type":"message.sent"}"#;
    for (signed_by, time, sent, status, said) in [
        (&signer, now, body, 200, "verified (v1 by secret 2)"),
        (&signer, now - 200, body, 200, "verified (v1 by secret 2)"),
        (&signer, now, "{}", 401, "no signature is right"),
        (&stranger, now, body, 401, "no signature is right"),
        (&signer, now - 600, body, 401, "s old"),
        (&signer, now + 600, body, 401, "s ahead of this clock"),
    ] {
        let signature = signed_by.sign("msg_1", time, body.as_bytes())?;
        let time = time.to_string();
        let headers = [
            ("webhook-id", "msg_1"),
            ("webhook-timestamp", &*time),
            ("webhook-signature", &*signature),
        ];
        let reply = send(&server, Method::POST, "/hooks", &headers, sent).await?;
        let received = server.so_far().pop().context("it is noted")?;
        let verdict = received.verdict.to_string();
        assert_eq!(reply.status, status, "{verdict}");
        ensure!(verdict.contains(said), "{verdict}");
        ensure!(status == 200 || reply.body.contains(said), "{reply:?}");
    }
    let unsigned = post(&server, "/hang", "dlv_1").await?;
    assert_eq!(unsigned.status, 401);
    ensure!(unsigned.body.contains("no header webhook-timestamp"));
    Ok(())
}

#[tokio::test]
async fn what_a_key_pair_signed_verifies_under_its_public_key() -> Result<()> {
    let pair = KeyPair::from_seed(Seed::new([7; 32]));
    let public_key = format!("whpk_{}", STANDARD.encode(*pair.pk));
    let server = checking(&[], &[&public_key]).await?;
    let now = Timestamp::now().as_second().to_string();
    let signature = pair.sk.sign(format!("msg_1.{now}.{{}}"), None);
    let signature = format!("v1,AAAA v1a,{}", STANDARD.encode(*signature));
    let headers = [
        ("webhook-id", "msg_1"),
        ("webhook-timestamp", &*now),
        ("webhook-signature", &*signature),
    ];
    for (body, status) in [("{}", 200), ("[]", 401)] {
        let reply = send(&server, Method::POST, "/", &headers, body).await?;
        assert_eq!(reply.status, status, "{body}");
    }
    Ok(())
}

#[tokio::test]
async fn what_came_is_listed_until_it_is_forgotten() -> Result<()> {
    let server = server().await?;
    for id in ["dlv_1", "dlv_2", "dlv_1"] {
        post(&server, "/hooks", id).await?;
    }
    let list = get(&server, "/received").await?;
    assert_eq!(list.header("content-type"), "application/json");
    let list = list.json()?;
    let counts = ["received", "retries", "duplicates", "refused"].map(|name| &list[name]);
    assert_eq!(counts, [3, 0, 1, 0]);
    assert_eq!(list["data"][0]["number"], 3);
    assert_eq!(list["data"][0]["type"], "message.sent");
    assert_eq!(list["data"][0]["signature"]["verdict"], "not_checked");

    let one = get(&server, "/received?id=dlv_1").await?.json()?;
    let told = one["data"].as_array().context("data")?.iter();
    let told: Vec<_> = told
        .map(|one| json!([one["id"], one["attempt"], one["occurrence"], one["answer"]]))
        .collect();
    let expected = [
        json!(["dlv_1", 2, "duplicate", "200"]),
        json!(["dlv_1", 1, "first", "200"]),
    ];
    assert_eq!(told, expected);

    let page = get(&server, "/").await?;
    ensure!(page.body.starts_with("3 received, 0 of them refused"));
    ensure!(page.body.contains("POST /hooks  dlv_2"), "{}", page.body);

    let wrong = send(&server, Method::PUT, "/received", &[], "").await?;
    assert_eq!(
        (wrong.status, wrong.header("allow")),
        (405, "GET, HEAD, DELETE")
    );
    let forgotten = send(&server, Method::DELETE, "/received", &[], "").await?;
    assert_eq!(forgotten.status, 204);
    assert_eq!(get(&server, "/received").await?.json()?["received"], 0);
    post(&server, "/hooks", "dlv_1").await?;
    let received = server.so_far();
    assert_eq!(received[0].occurrence, Occurrence::First);
    assert_eq!(received[0].verdict, Verdict::NotChecked);
    Ok(())
}

/// The program. It is killed when it is dropped.
struct Program {
    process: Child,
    output: BufReader<std::process::ChildStdout>,
}

impl Program {
    fn start(arguments: &[&str], secrets: &str) -> Result<Self> {
        let mut process = Command::new(env!("CARGO_BIN_EXE_conformance-receiver"))
            .args(["--listen", "127.0.0.1:0"])
            .args(arguments)
            .env("WEBHOOK_SECRETS", secrets)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let output = process.stdout.take().context("a pipe")?;
        Ok(Self {
            process,
            output: BufReader::new(output),
        })
    }

    /// The next line that has `wanted` in it, after those before it.
    fn line(&mut self, wanted: &str) -> Result<String> {
        let mut before = String::new();
        loop {
            let mut line = String::new();
            if self.output.read_line(&mut line)? == 0 {
                bail!("no {wanted:?} in {before:?}");
            }
            if line.contains(wanted) {
                return Ok(line.trim_end().to_owned());
            }
            before.push_str(&line);
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself, which the test has then seen.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn the_program_says_where_it_listens_and_prints_what_comes() -> Result<()> {
    let mut program = Program::start(&["--verbose"], "")?;
    program.line("Signatures are not checked")?;
    let ready = program.line("Ready: ")?;
    let url = ready.strip_prefix("Ready: ").context("a line of its own")?;
    let request = Request::post(format!("{url}/status/503"))
        .header("webhook-id", "dlv_1")
        .body(Full::new(Bytes::from(r#"{"type":"message.sent"}"#)))?;
    let response = timeout(DEADLINE, client().request(request)).await??;
    assert_eq!(response.status(), 503);
    let line = program.line("POST /status/503")?;
    ensure!(
        line.ends_with("dlv_1  message.sent  attempt 1  signature not checked  → 503"),
        "{line}"
    );
    assert_eq!(program.line("webhook-id")?, "    webhook-id: dlv_1");
    assert_eq!(program.line("type")?, "      \"type\": \"message.sent\"");
    Ok(())
}

#[test]
fn the_program_takes_secrets_from_arguments_and_from_the_environment() -> Result<()> {
    let mut program = Program::start(&["--secret", SECRET], &format!("{OTHER},{SECRET}"))?;
    let line = program.line("Signatures")?;
    assert_eq!(
        line,
        "Signatures are checked with 3 secrets and 0 public keys."
    );
    Ok(())
}

#[test]
fn the_program_does_not_start_with_what_is_no_secret() -> Result<()> {
    let mut program = Program::start(&[], "geheim")?;
    let status = program.process.wait()?;
    ensure!(!status.success(), "it ended well");
    let stderr = program.process.stderr.take().context("a pipe")?;
    let said = std::io::read_to_string(stderr)?;
    assert_eq!(said, "receiver: secret 1: it does not start with whsec_\n");
    Ok(())
}
