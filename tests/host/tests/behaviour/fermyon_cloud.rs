//! The quotas of Fermyon Cloud: what is within them works, what exceeds them fails.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use harness::{Command, Service};

use crate::support::{Application, ONE, embedded, get, post};

fn command(application: &Application) -> Command {
    application
        .command()
        .host(embedded())
        .arg("--profile")
        .arg("fermyon-cloud")
}

fn start(parts: &str) -> Service {
    command(&Application::new(parts))
        .start()
        .expect("the host starts")
}

#[track_caller]
fn run(service: &Service, statements: &[&str]) -> Vec<String> {
    let told = post(service, "/sqlite", statements.join("\n")).ok();
    told.lines().map(str::to_owned).collect()
}

#[test]
fn keys_have_at_most_255_bytes() {
    let service = start(ONE);
    let longest = "k".repeat(255);
    post(&service, &format!("/key-value/set?key={longest}"), "1").ok();
    assert_eq!(
        get(&service, &format!("/key-value/get?key={longest}")).ok(),
        "1"
    );
    for operation in ["get", "set", "exists", "delete"] {
        let refused = get(&service, &format!("/key-value/{operation}?key={longest}k")).refused();
        assert!(refused.contains("at most 255 bytes"), "{refused}");
    }
}

#[test]
fn values_have_at_most_one_megabyte() {
    let service = start(ONE);
    post(&service, "/key-value/set?key=a", vec![0; 1_000_000]).ok();
    let refused = post(&service, "/key-value/set?key=a", vec![0; 1_000_001]).refused();
    assert!(refused.contains("at most 1000000 bytes"), "{refused}");
}

#[test]
fn a_store_has_at_most_1024_keys() {
    let service = start(ONE);
    post(&service, "/key-value/fill?key=k&count=1024", "1").ok();
    let refused = post(&service, "/key-value/set?key=one-more", "1").refused();
    assert!(refused.contains("maximum of 1024 keys"), "{refused}");
    // One that is there already can be set, and one that is deleted makes room.
    post(&service, "/key-value/set?key=k7", "2").ok();
    get(&service, "/key-value/delete?key=k8").ok();
    post(&service, "/key-value/set?key=one-more", "1").ok();
}

#[test]
fn bodies_have_at_most_ten_megabytes() {
    let service = start(ONE);
    let most = 10_000_000;
    assert_eq!(
        post(&service, "/read", vec![0; most]).ok(),
        most.to_string()
    );
    // Refused for what it announces, before it is sent.
    let mut stream = TcpStream::connect(("127.0.0.1", service.port())).expect("a connection");
    write!(
        stream,
        "POST /read HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        most + 1
    )
    .expect("a request");
    let mut refused = String::new();
    stream.read_to_string(&mut refused).expect("an answer");
    assert!(refused.starts_with("HTTP/1.1 413 "), "{refused}");

    let answer = get(&service, &format!("/body?bytes={most}")).ok();
    assert_eq!(answer.len(), most);
    let url = format!("{}/body?bytes={}", service.url(), most + 1);
    let whole = ureq::get(url)
        .call()
        .expect("a response")
        .body_mut()
        .with_config()
        .limit(64 << 20)
        .read_to_vec();
    assert!(whole.is_err(), "a larger body is cut off");
}

#[test]
fn a_body_of_untold_length_ends_in_an_error_at_the_limit() {
    let service = start(ONE);
    let body = ureq::SendBody::from_owned_reader(std::io::repeat(0).take(10_000_001));
    let response = ureq::post(format!("{}/read", service.url()))
        .config()
        .http_status_as_error(false)
        .build()
        .send(body);
    // The guest may have answered, and the connection been closed, before all was sent.
    if let Ok(mut response) = response {
        assert_eq!(response.status(), 422);
        let error = response.body_mut().read_to_string().expect("a body");
        assert!(error.contains("at most 10000000 bytes"), "{error}");
    }
    assert_eq!(post(&service, "/read", "1").ok(), "1");
}

#[test]
fn a_request_ends_when_its_time_is_up_whether_it_waits_or_computes() {
    let application = Application::new(ONE);
    let service = command(&application)
        .arg("--request-limit")
        .arg("1")
        .start()
        .expect("the host starts");
    for path in ["/sleep?ms=20000&key=late", "/spin?ms=20000"] {
        let start = Instant::now();
        assert_eq!(get(&service, path).status, 500, "{path}");
        let elapsed = start.elapsed();
        assert!(elapsed >= Duration::from_millis(900), "{path}: {elapsed:?}");
        assert!(elapsed < Duration::from_secs(10), "{path}: {elapsed:?}");
    }
    // Also one that has answered already.
    get(&service, "/after?ms=3000&key=late").ok();
    std::thread::sleep(Duration::from_millis(3500));
    assert_eq!(get(&service, "/key-value/get?key=late").ok(), "(none)");
    get(&service, "/sleep?ms=500&key=in-time").ok();
}

#[test]
fn there_is_no_service_chaining_but_the_application_can_call_itself() {
    let parts = r#"
        [[trigger.http]]
        route = "/..."
        component = "one"
        [component.one]
        source = "PROBE"
        allowed_outbound_hosts = ["http://self", "http://*:*", "http://one.spin.internal"]
    "#;
    let service = start(parts);
    get(&service, "/fetch?url=http://self.alt/echo").ok();
    assert_eq!(
        get(&service, "/fetch?url=http://one.spin.internal/echo").refused(),
        "ErrorCode::HttpRequestDenied"
    );
}

#[test]
fn a_call_is_one_statement() {
    let service = start(ONE);
    let told = run(
        &service,
        &[
            "CREATE TABLE t (a); INSERT INTO t VALUES (1)",
            "SELECT name FROM sqlite_schema",
            "CREATE TABLE t (a);",
        ],
    );
    assert!(told[0].contains("one statement"), "{}", told[0]);
    assert_eq!(told[1], "name: ");
    assert_eq!(told[2], ": ");
}

#[test]
fn a_transaction_is_one_statement_too() {
    let service = start(ONE);
    run(&service, &["CREATE TABLE t (a)"]);
    for statement in [
        "BEGIN",
        "BEGIN IMMEDIATE",
        "COMMIT",
        "ROLLBACK",
        "SAVEPOINT s",
    ] {
        assert_eq!(
            run(&service, &[statement]),
            ["Error::Io(\"not authorized\")"],
            "{statement}"
        );
    }
    let told = run(
        &service,
        &[
            "INSERT INTO t VALUES (1), (2) RETURNING a",
            "SELECT count(*) FROM t",
        ],
    );
    assert_eq!(told, ["a: 1 2", "count(*): 2"]);
}

#[test]
fn pragmas_read_and_nothing_else() {
    let service = start(ONE);
    run(&service, &["CREATE TABLE t (a)"]);
    for statement in [
        "PRAGMA journal_mode=WAL",
        "PRAGMA busy_timeout=2",
        "PRAGMA user_version(3)",
        "PRAGMA wal_checkpoint",
    ] {
        assert_eq!(
            run(&service, &[statement]),
            ["Error::Io(\"not authorized\")"],
            "{statement}"
        );
    }
    let told = run(&service, &["PRAGMA user_version", "PRAGMA table_info(t)"]);
    assert_eq!(told[0], "user_version: 0");
    assert!(told[1].contains("0,a,"), "{}", told[1]);
}
