//! Receivers that misbehave: every attempt is bounded in time and memory, and the history says in
//! words what came of it.

use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use e2e::{Account, Act, Answer, DEADLINE, Misbehaving, Receiver, Service, eventually, millis};
use serde_json::{Value, json};

/// The timeout of the actions here, in seconds.
const TIMEOUT: u64 = 1;
/// What the service may take beside an attempt's timeout, on a machine that is busy.
const MARGIN: Duration = Duration::from_secs(4);
/// What the service may take of memory for what receivers send, other tests' attempts included.
const MEMORY: u64 = 128 << 20;
/// What a receiver may get rid of before the service goes away: the sockets' buffers, and a little.
const TAKEN: u64 = 32 << 20;
/// What a receiver means to send that knows no end.
const GIGABYTE: u64 = 1 << 30;
/// The most that is kept of a response's body.
const KEPT: usize = 16 << 10;

const PAUSE: Duration = Duration::from_millis(20);

fn account() -> Account {
    Service::shared().account()
}

/// Sends one webhook to `receiver`; answers what became of it, which has to be soon.
async fn delivery_to(receiver: &Misbehaving) -> Result<Value> {
    delivery_of(receiver, json!({ "n": 1 })).await
}

async fn delivery_of(receiver: &Misbehaving, data: Value) -> Result<Value> {
    let delivery = delivery_within(receiver, data, TIMEOUT).await?;
    // A request whose connection ended without an answer is sent a second time.
    let attempt = &delivery["attempts"][0];
    let error = attempt["error"].as_str().unwrap_or_default();
    let ended = attempt.get("status_code").is_none() && !error.starts_with("timeout");
    let most = if ended { 2 } else { 1 };
    ensure!(
        (1..=most).contains(&receiver.connections()),
        "{} connections",
        receiver.connections()
    );
    Ok(delivery)
}

async fn delivery_within(receiver: &Misbehaving, data: Value, timeout: u64) -> Result<Value> {
    let account = account();
    let action = json!({
        "name": "A", "url": receiver.url(), "timeout_seconds": timeout, "retry_schedule": [],
    });
    account.hook_with("message.sent", action).await?;
    let delivery = post_with(&account, data).await?;
    let settled =
        |delivery: &Value| delivery["status"] != "pending" && delivery["status"] != "delivering";
    let delivery = account.delivery_once(&delivery, settled).await?;
    ensure!(delivery["attempt_count"] == 1, "{delivery}");
    let duration = delivery["attempts"][0]["duration_ms"]
        .as_u64()
        .context("a duration")?;
    let longest = Duration::from_secs(timeout) + MARGIN;
    ensure!(
        Duration::from_millis(duration) < longest,
        "it took {duration} ms"
    );
    Ok(delivery)
}

async fn post_with(account: &Account, data: Value) -> Result<String> {
    let accepted = account.event("message.sent", &data).await?;
    Ok(accepted["deliveries"][0]["id"]
        .as_str()
        .context("a delivery")?
        .to_owned())
}

async fn post(account: &Account) -> Result<String> {
    post_with(account, json!({ "n": 1 })).await
}

/// Checks that the attempt failed, why, and with which status if one came.
fn failed(delivery: &Value, said: &str, status: Option<u16>) -> Result<()> {
    let attempt = &delivery["attempts"][0];
    ensure!(delivery["status"] == "failed", "{delivery}");
    let reason = delivery["reason"].as_str().unwrap_or_default();
    ensure!(
        reason.contains(said),
        "{said:?} is not the reason: {delivery}"
    );
    let error = attempt["error"].as_str().unwrap_or_default();
    ensure!(
        error.contains(said),
        "{said:?} is not the error: {delivery}"
    );
    ensure!(
        attempt.get("status_code") == status.map(Value::from).as_ref(),
        "{delivery}"
    );
    Ok(())
}

fn succeeded(delivery: &Value) -> Result<()> {
    ensure!(delivery["status"] == "succeeded", "{delivery}");
    ensure!(delivery["attempts"][0]["status_code"] == 200, "{delivery}");
    Ok(())
}

/// Checks that whatever `send` does takes the service no memory worth speaking of.
async fn in_little_memory<T>(send: impl Future<Output = Result<T>>) -> Result<T> {
    let (before, _) = Service::shared().memory()?;
    let sent = send.await?;
    let (_, most) = Service::shared().memory()?;
    ensure!(
        most < before + MEMORY,
        "from {} to {} MiB",
        before >> 20,
        most >> 20
    );
    Ok(sent)
}

/// Checks that the service has closed its connections, having taken little of what was sent.
async fn cut_off(receiver: &Misbehaving) -> Result<()> {
    eventually("the end of the connection", DEADLINE, || async {
        let open = receiver.connections() - receiver.closed();
        Ok(if open == 0 {
            Ok(())
        } else {
            Err(format!("{open} are open"))
        })
    })
    .await?;
    ensure!(
        receiver.written() < TAKEN,
        "{} bytes were taken",
        receiver.written()
    );
    Ok(())
}

#[tokio::test]
async fn a_receiver_that_hangs_before_its_answer_times_out() -> Result<()> {
    let receiver = Misbehaving::start(vec![Act::Read, Act::Hang]).await?;
    failed(&delivery_to(&receiver).await?, "timeout after 1 s", None)?;
    cut_off(&receiver).await
}

#[tokio::test]
async fn a_receiver_that_reads_nothing_times_out() -> Result<()> {
    // More than the sockets' buffers hold, so that the request can't be written to its end.
    let receiver = Misbehaving::start(vec![Act::Drip(Vec::new(), DEADLINE)]).await?;
    let delivery = delivery_of(&receiver, json!({ "text": "x".repeat(1_000_000) })).await?;
    failed(&delivery, "timeout after 1 s", None)
}

#[tokio::test]
async fn a_receiver_that_hangs_within_its_headers_times_out() -> Result<()> {
    let begun = Act::say("HTTP/1.1 200 OK\r\ncontent-ty");
    let receiver = Misbehaving::start(vec![Act::Read, begun, Act::Hang]).await?;
    failed(&delivery_to(&receiver).await?, "timeout after 1 s", None)?;
    cut_off(&receiver).await
}

#[tokio::test]
async fn a_receiver_that_hangs_after_its_headers_times_out() -> Result<()> {
    let head = Act::say("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc");
    let receiver = Misbehaving::start(vec![Act::Read, head, Act::Hang]).await?;
    let delivery = delivery_to(&receiver).await?;
    failed(&delivery, "timeout after 1 s", Some(200))?;
    assert_eq!(
        delivery["attempts"][0]["response_body"], "abc",
        "what came is kept"
    );
    cut_off(&receiver).await
}

#[tokio::test]
async fn a_body_that_drips_without_end_times_out() -> Result<()> {
    let head = Act::say("HTTP/1.1 200 OK\r\n\r\n");
    let drip = Act::Drip(b"x".to_vec(), PAUSE);
    let receiver = Misbehaving::start(vec![Act::Read, head, drip]).await?;
    failed(
        &delivery_to(&receiver).await?,
        "timeout after 1 s",
        Some(200),
    )?;
    cut_off(&receiver).await
}

#[tokio::test]
async fn headers_that_drip_without_end_time_out() -> Result<()> {
    let head = Act::say("HTTP/1.1 200 OK\r\nx-endless: ");
    let drip = Act::Drip(b"x".to_vec(), PAUSE);
    let receiver = Misbehaving::start(vec![Act::Read, head, drip]).await?;
    failed(&delivery_to(&receiver).await?, "timeout after 1 s", None)?;
    cut_off(&receiver).await
}

#[tokio::test]
async fn of_a_gigabyte_the_beginning_is_kept_and_the_rest_is_never_read() -> Result<()> {
    const CHUNK: usize = 64 << 10;
    let heads = [
        format!("HTTP/1.1 200 OK\r\ncontent-length: {GIGABYTE}\r\n\r\n"),
        "HTTP/1.1 200 OK\r\n\r\n".to_owned(),
    ];
    for head in heads {
        let flood = Act::Flood(vec![b'x'; CHUNK], GIGABYTE / CHUNK as u64);
        let receiver = Misbehaving::start(vec![Act::Read, Act::say(head), flood]).await?;
        let delivery = in_little_memory(delivery_to(&receiver)).await?;
        succeeded(&delivery)?;
        let body = delivery["attempts"][0]["response_body"]
            .as_str()
            .context("a body")?;
        assert_eq!(body.len(), KEPT);
        cut_off(&receiver).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_flood_of_headers_is_no_answer() -> Result<()> {
    let flood = Act::Flood(
        format!("x-flood: {}\r\n", "x".repeat(1_000)).into_bytes(),
        1_000_000,
    );
    let head = Act::say("HTTP/1.1 200 OK\r\n");
    let receiver = Misbehaving::start(vec![Act::Read, head, flood]).await?;
    failed(
        &in_little_memory(delivery_to(&receiver)).await?,
        "invalid response",
        None,
    )?;
    cut_off(&receiver).await
}

#[tokio::test]
async fn a_header_without_end_is_no_answer() -> Result<()> {
    let flood = Act::Flood(vec![b'x'; 64 << 10], 16 << 10);
    let head = Act::say("HTTP/1.1 200 OK\r\nx-endless: ");
    let receiver = Misbehaving::start(vec![Act::Read, head, flood]).await?;
    failed(
        &in_little_memory(delivery_to(&receiver)).await?,
        "invalid response",
        None,
    )?;
    cut_off(&receiver).await
}

#[tokio::test]
async fn of_many_headers_the_first_are_kept() -> Result<()> {
    let many: String = (0..80)
        .map(|n| format!("x-{n}: {}\r\n", "x".repeat(1_000)))
        .collect();
    let head = Act::say(format!(
        "HTTP/1.1 200 OK\r\n{many}content-length: 0\r\n\r\n"
    ));
    let receiver = Misbehaving::start(vec![Act::Read, head]).await?;
    let delivery = delivery_to(&receiver).await?;
    succeeded(&delivery)?;
    let headers = delivery["attempts"][0]["response_headers"]
        .as_object()
        .context("headers")?;
    ensure!(
        (4..=8).contains(&headers.len()),
        "{} are kept",
        headers.len()
    );
    Ok(())
}

/// A gzip stream (RFC 1952) that is `length` bytes long and 150 times that when it is decoded: after
/// a zero, matches of 258 zeros each in a block of fixed codes (RFC 1951, 3.2.6).
fn gzip_bomb(length: usize) -> Vec<u8> {
    let mut bomb = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    // The last block, with fixed codes; a zero; then length code 285 and distance code 0.
    let start = "110".chars().chain("00110000".chars());
    let bits = start.chain("1100010100000".chars().cycle());
    let bits: Vec<_> = bits.take((length - bomb.len()) * 8).collect();
    let byte = |bits: &[char]| {
        bits.iter()
            .rev()
            .fold(0, |byte, bit| byte << 1 | u8::from(*bit == '1'))
    };
    bomb.extend(bits.chunks(8).map(byte));
    bomb
}

#[tokio::test]
async fn a_gzip_bomb_is_kept_as_it_came_and_not_decoded() -> Result<()> {
    let bomb = gzip_bomb(4 << 20);
    let length = bomb.len();
    let head =
        format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {length}\r\n\r\n");
    let kept = String::from_utf8_lossy(&bomb[..KEPT]).into_owned();
    let receiver = Misbehaving::start(vec![Act::Read, Act::say(head), Act::Say(bomb)]).await?;
    let delivery = in_little_memory(delivery_to(&receiver)).await?;
    succeeded(&delivery)?;
    ensure!(
        delivery["attempts"][0]["response_body"] == kept,
        "{delivery}"
    );
    Ok(())
}

#[tokio::test]
async fn what_is_no_text_is_kept_as_text_that_says_so() -> Result<()> {
    let mut answer = b"HTTP/1.1 200 OK\r\nx-name: caf\xe9\r\ncontent-length: 9\r\n\r\n".to_vec();
    answer.extend(b"a\xff\xfeb\0c\x1b\"\n");
    let receiver = Misbehaving::start(vec![Act::Read, Act::Say(answer)]).await?;
    let delivery = delivery_to(&receiver).await?;
    succeeded(&delivery)?;
    let attempt = &delivery["attempts"][0];
    assert_eq!(attempt["response_headers"]["x-name"], "caf\u{fffd}");
    assert_eq!(attempt["response_body"], "a\u{fffd}\u{fffd}b\0c\u{1b}\"\n");
    Ok(())
}

#[tokio::test]
async fn a_connection_that_is_reset_is_told_as_closed() -> Result<()> {
    for acts in [vec![Act::Reset], vec![Act::Read, Act::Reset]] {
        let receiver = Misbehaving::start(acts).await?;
        failed(&delivery_to(&receiver).await?, "connection", None)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_connection_that_is_reset_within_the_body_is_told_as_closed() -> Result<()> {
    let begun = Act::say("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc");
    let receiver = Misbehaving::start(vec![Act::Read, begun, Act::Reset]).await?;
    let delivery = delivery_within(&receiver, json!({ "n": 1 }), TIMEOUT).await?;
    // The reset may overtake the head.
    let status = delivery["attempts"][0]["status_code"].as_u64().map(|_| 200);
    failed(&delivery, "connection", status)
}

#[tokio::test]
async fn a_connection_that_is_closed_without_an_answer_is_told_as_closed() -> Result<()> {
    for acts in [
        vec![Act::Read],
        vec![Act::Read, Act::say("HTTP/1.1 200 OK\r\nx: ")],
    ] {
        let receiver = Misbehaving::start(acts).await?;
        failed(&delivery_to(&receiver).await?, "connection", None)?;
        assert_eq!(receiver.connections(), 2, "once more, and not more often");
    }
    Ok(())
}

#[tokio::test]
async fn a_webhook_on_a_connection_that_is_closed_meanwhile_is_sent_on_a_new_one() -> Result<()> {
    // Each connection is kept for a second request, and closed as that comes.
    let answer = Act::say("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let receiver = Misbehaving::start(vec![Act::Read, answer, Act::Read]).await?;
    let account = account();
    let action = json!({ "name": "A", "url": receiver.url(), "retry_schedule": [] });
    account.hook_with("message.sent", action).await?;
    for connections in [1, 2] {
        let delivery = post(&account).await?;
        let delivery = account.delivery_with(&delivery, "succeeded").await?;
        ensure!(delivery["attempt_count"] == 1, "{delivery}");
        assert_eq!(receiver.connections(), connections);
    }
    Ok(())
}

#[tokio::test]
async fn an_answer_counts_although_the_receiver_closes_before_it_has_read_all() -> Result<()> {
    let data = json!({ "text": "x".repeat(1_000_000) });
    for (head, status) in [("200 OK", 200), ("413 Too Large", 413)] {
        for _ in 0..10 {
            let answer = format!("HTTP/1.1 {head}\r\ncontent-length: 2\r\n\r\nno");
            let receiver = Misbehaving::start(vec![Act::ReadHead, Act::say(answer)]).await?;
            // The host may lose the answer once.
            let delivery = delivery_within(&receiver, data.clone(), 10).await?;
            let attempt = &delivery["attempts"][0];
            ensure!(attempt["status_code"] == status, "{delivery}");
            match status {
                200 => succeeded(&delivery)?,
                _ => failed(&delivery, "status 413", Some(413))?,
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn an_answer_counts_although_the_receiver_reads_no_more() -> Result<()> {
    let data = json!({ "text": "x".repeat(1_000_000) });
    let answer = Act::say("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    let idle = Act::Drip(Vec::new(), DEADLINE);
    let receiver = Misbehaving::start(vec![Act::ReadHead, answer, idle]).await?;
    let delivery = delivery_of(&receiver, data).await?;
    succeeded(&delivery)?;
    assert_eq!(delivery["attempts"][0]["response_body"], "ok");
    Ok(())
}

#[tokio::test]
async fn cookies_are_kept_apart_and_a_body_is_decoded_by_its_charset() -> Result<()> {
    let mut answer =
        b"HTTP/1.1 200 OK\r\nset-cookie: a=1; Expires=Mon, 23 Nov 2026 19:45:56 GMT\r\n\
        vary: accept\r\nset-cookie: b=2\r\nvary: origin\r\nset-cookie: c=3\r\n\
        content-type: text/plain; charset=ISO-8859-1\r\ncontent-length: 5\r\n\r\n"
            .to_vec();
    answer.extend(b"gr\xfc\xdfe");
    let receiver = Misbehaving::start(vec![Act::Read, Act::Say(answer)]).await?;
    let delivery = delivery_to(&receiver).await?;
    succeeded(&delivery)?;
    let attempt = &delivery["attempts"][0];
    let cookies = json!(["a=1; Expires=Mon, 23 Nov 2026 19:45:56 GMT", "b=2", "c=3"]);
    assert_eq!(attempt["response_headers"]["set-cookie"], cookies);
    assert_eq!(attempt["response_headers"]["vary"], "accept, origin");
    assert_eq!(attempt["response_body"], "grüße");
    Ok(())
}

#[tokio::test]
async fn a_body_that_ends_before_its_length_is_told_as_closed() -> Result<()> {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ] {
        let receiver = Misbehaving::start(vec![Act::Read, Act::say(answer)]).await?;
        failed(&delivery_to(&receiver).await?, "connection", Some(200))?;
    }
    Ok(())
}

#[tokio::test]
async fn a_refusal_that_breaks_off_is_a_refusal() -> Result<()> {
    let begun = Act::say("HTTP/1.1 500 Oh no\r\ncontent-length: 10\r\n\r\nabc");
    let receiver = Misbehaving::start(vec![Act::Read, begun]).await?;
    failed(&delivery_to(&receiver).await?, "status 500", Some(500))
}

#[tokio::test]
async fn interim_answers_without_a_final_one_time_out() -> Result<()> {
    let processing = Act::say("HTTP/1.1 102 Processing\r\n\r\n");
    let receiver = Misbehaving::start(vec![Act::Read, processing, Act::Hang]).await?;
    failed(&delivery_to(&receiver).await?, "timeout after 1 s", None)?;

    let drip = Act::Drip(b"HTTP/1.1 102 Processing\r\n\r\n".to_vec(), PAUSE);
    let receiver = Misbehaving::start(vec![Act::Read, drip]).await?;
    failed(&delivery_to(&receiver).await?, "timeout after 1 s", None)?;
    cut_off(&receiver).await
}

#[tokio::test]
async fn interim_answers_before_the_final_one_are_passed_over() -> Result<()> {
    let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n";
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    let acts = vec![Act::Read, Act::say(interim), Act::say(answer)];
    let receiver = Misbehaving::start(acts).await?;
    let delivery = delivery_to(&receiver).await?;
    succeeded(&delivery)?;
    assert_eq!(delivery["attempts"][0]["response_body"], "ok");
    Ok(())
}

#[tokio::test]
async fn a_switch_of_protocols_that_nobody_asked_for_is_a_failure() -> Result<()> {
    let switch = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n";
    let receiver = Misbehaving::start(vec![Act::Read, Act::say(switch), Act::Hang]).await?;
    let delivery = delivery_to(&receiver).await?;
    ensure!(delivery["status"] == "failed", "{delivery}");
    cut_off(&receiver).await
}

#[tokio::test]
async fn what_is_not_http_is_no_answer() -> Result<()> {
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"220 mail.example.com ESMTP\r\n",
        b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\r\n\r\n",
        b"HTTP/1.1 9999 What\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
    ] {
        let receiver = Misbehaving::start(vec![Act::Read, Act::say(garbage)]).await?;
        failed(&delivery_to(&receiver).await?, "invalid response", None)
            .with_context(|| String::from_utf8_lossy(garbage).into_owned())?;
    }
    Ok(())
}

#[tokio::test]
async fn a_body_in_chunks_that_are_none_is_a_failure() -> Result<()> {
    let answer = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\nabc\r\n";
    let receiver = Misbehaving::start(vec![Act::Read, Act::say(answer)]).await?;
    failed(
        &delivery_to(&receiver).await?,
        "invalid response",
        Some(200),
    )
}

#[tokio::test]
async fn a_redirect_to_itself_is_asked_once() -> Result<()> {
    let receiver = Receiver::start().await?;
    receiver.answer(
        "/",
        Answer::status(308).header("location", receiver.url("/")),
    );
    let account = account();
    let action = json!({ "name": "A", "url": receiver.url("/"), "retry_schedule": [] });
    account.hook_with("message.sent", action).await?;
    let delivery = account
        .delivery_with(&post(&account).await?, "failed")
        .await?;
    failed(&delivery, "redirect", Some(308))?;
    assert_eq!(receiver.so_far().len(), 1);
    Ok(())
}

/// Has `count` actions hang, each with a backlog, and checks that other receivers' webhooks arrive
/// soon all the while.
async fn hanging_delays_no_other(count: usize) -> Result<()> {
    let service = Service::start()?;
    let (hanging, healthy) = (service.account(), service.account());
    let never = Misbehaving::start(vec![Act::Read, Act::Hang]).await?;
    let action = json!({ "name": "A", "url": never.url(), "timeout_seconds": 20 });
    let actions = vec![action; count];
    hanging
        .trigger(&json!({ "type": "message.sent", "name": "Hanging", "actions": actions }))
        .await?;
    for _ in 0..100 {
        post(&hanging).await?;
    }
    eventually("requests that hang", DEADLINE, || async {
        let open = never.connections();
        Ok(if open >= 8 {
            Ok(())
        } else {
            Err(format!("{open} hang"))
        })
    })
    .await?;

    let receiver = Receiver::start().await?;
    healthy
        .hook("message.sent", &receiver.url("/other-account"))
        .await?;
    // And another receiver of the same account: every event of it goes to all.
    hanging
        .hook("message.sent", &receiver.url("/same-account"))
        .await?;
    // For longer than a runner claims, so that those who come after it are seen, too.
    let end = Instant::now() + Duration::from_secs(7);
    let mut slowest = Duration::ZERO;
    let mut count = 0;
    while Instant::now() < end {
        let posted = Instant::now();
        post(&healthy).await?;
        post(&hanging).await?;
        count += 2;
        receiver.received(count).await?;
        slowest = slowest.max(posted.elapsed());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    ensure!(slowest < Duration::from_secs(2), "one took {slowest:?}");
    Ok(())
}

#[tokio::test]
async fn a_receiver_with_a_backlog_that_hangs_delays_no_other() -> Result<()> {
    hanging_delays_no_other(1).await
}

#[tokio::test]
async fn receivers_with_backlogs_that_hang_together_delay_no_other() -> Result<()> {
    hanging_delays_no_other(10).await
}

#[tokio::test]
async fn an_action_whose_receiver_is_gone_is_disabled_and_says_why() -> Result<()> {
    let account = account();
    let receiver = Receiver::start().await?;
    receiver.answer("/", Answer::status(410));
    let hook = account.hook("message.sent", &receiver.url("/")).await?;
    let delivery = account
        .delivery_with(&post(&account).await?, "failed")
        .await?;
    failed(&delivery, "410", Some(410))?;
    ensure!(delivery.get("next_attempt_at").is_none(), "{delivery}");

    let action = eventually("a disabled action", DEADLINE, || async {
        let action = account.get(&hook.action_path()).await?.json(200)?;
        Ok(if action["enabled"] == false {
            Ok(action)
        } else {
            Err(action.to_string())
        })
    })
    .await?;
    let reason = action["disabled"]["reason"].as_str().context("a reason")?;
    ensure!(reason.contains("410"), "{action}");
    millis(&action["disabled"]["at"])?;
    assert_eq!(action["health"]["consecutive_failures"], 1);

    // Nothing more is sent there until somebody enables it again.
    account.event("message.sent", &json!({ "n": 2 })).await?;
    assert_eq!(account.ids("/deliveries?status=skipped").await?.len(), 1);
    receiver.answer("/", Answer::status(200));
    let enabled = account
        .patch(&hook.action_path(), &json!({ "enabled": true }))
        .await?;
    let enabled = enabled.json(200)?;
    ensure!(enabled.get("disabled").is_none(), "{enabled}");
    account
        .delivery_with(&post(&account).await?, "succeeded")
        .await?;
    assert_eq!(receiver.so_far().len(), 2);
    Ok(())
}

#[tokio::test]
async fn retry_after_is_honoured_as_a_date_too_and_within_bounds() -> Result<()> {
    const DAY: i64 = 24 * 60 * 60 * 1_000;
    let account = account();
    let receiver = Receiver::start().await?;
    let action = json!({ "name": "A", "url": receiver.url("/"), "retry_schedule": [60] });
    let date = |from_now: i64| {
        let at = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(from_now);
        at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
    };
    let schedule = 48_000..=73_000;
    for (asked, range) in [
        (date(300), 297_000..=301_000),
        (date(-300), schedule.clone()),
        (date(1_000_000_000), DAY - 1_000..=DAY + 1_000),
        (
            "99999999999999999999999999".to_owned(),
            DAY - 1_000..=DAY + 1_000,
        ),
        ("86401".to_owned(), DAY - 1_000..=DAY + 1_000),
        ("-1".to_owned(), schedule.clone()),
        ("0".to_owned(), schedule.clone()),
        ("1.5".to_owned(), schedule.clone()),
        (String::new(), schedule.clone()),
        ("Mon, 99 Foo 2026 25:61:61 GMT".to_owned(), schedule),
    ] {
        receiver.answer(
            "/",
            Answer::status(503).header("retry-after", asked.as_str()),
        );
        // An action for each: one whose receiver asked for a pause is held.
        let hook = account.hook_with("message.sent", action.clone()).await?;
        let delivery = account.attempted(&post(&account).await?, 1).await?;
        let attempt = &delivery["attempts"][0];
        let duration = attempt["duration_ms"].as_i64().context("a duration")?;
        let ended = millis(&attempt["started_at"])? + duration;
        let delay = millis(&delivery["next_attempt_at"])? - ended;
        ensure!(range.contains(&delay), "{asked:?}: {delay} ms");
        account.delete(&hook.trigger_path()).await?.empty(204)?;
    }
    Ok(())
}
