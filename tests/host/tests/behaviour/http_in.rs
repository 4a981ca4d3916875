//! Routes, headers, connections.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use harness::Service;

use crate::support::{Answer, ONE, get, post, start};

const ROUTES: &str = r#"
    [[trigger.http]]
    route = "/..."
    component = "all"
    [[trigger.http]]
    route = "/users/..."
    component = "users"
    [[trigger.http]]
    route = "/users/:user_id/posts/:id"
    component = "post"
    [[trigger.http]]
    route = "/users/me"
    component = "me"
    [[trigger.http]]
    route = { private = true }
    component = "hidden"
    [component.all]
    source = "PROBE"
    [component.users]
    source = "PROBE"
    [component.post]
    source = "PROBE"
    [component.me]
    source = "PROBE"
    [component.hidden]
    source = "PROBE"
"#;

/// Sends `request` as it is, and reads until the host closes the connection or `enough` says so.
fn exchange(service: &Service, request: &str, enough: impl Fn(&str) -> bool) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", service.port())).expect("a connection");
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .expect("a timeout");
    stream.write_all(request.as_bytes()).expect("a request");
    let mut received = String::new();
    let mut buffer = [0; 4096];
    while !enough(&received) {
        match stream.read(&mut buffer).expect("an answer") {
            0 => break,
            count => received += &String::from_utf8_lossy(&buffer[..count]),
        }
    }
    received
}

fn header<'a>(echo: &'a str, name: &str) -> &'a str {
    let line = echo
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("there is no {name} in {echo}"))
        .trim()
}

#[test]
fn the_longest_route_answers_and_the_headers_say_which_it_is() {
    let service = start(ROUTES);
    for (path, route, prefix, rest) in [
        ("/echo", "/...", "", "/echo"),
        ("/users/echo", "/users/...", "/users", "/echo"),
        ("/users/echo/", "/users/...", "/users", "/echo/"),
        ("/users", "/users/...", "/users", ""),
        ("/users/", "/users/...", "/users", "/"),
        ("/users/me", "/users/me", "/users/me", ""),
        (
            "/users/7/posts/9",
            "/users/:user_id/posts/:id",
            "/users/:user_id/posts/:id",
            "",
        ),
    ] {
        let echo = get(&service, path).ok();
        assert_eq!(header(&echo, "spin-matched-route"), route, "{path}");
        assert_eq!(header(&echo, "spin-raw-component-route"), route, "{path}");
        assert_eq!(header(&echo, "spin-component-route"), prefix, "{path}");
        assert_eq!(header(&echo, "spin-path-info"), rest, "{path}");
        assert_eq!(header(&echo, "spin-base-path"), "/", "{path}");
    }
    let echo = get(&service, "/users/7/posts/9").ok();
    assert_eq!(header(&echo, "spin-path-match-user-id"), "7");
    assert_eq!(header(&echo, "spin-path-match-id"), "9");
}

#[test]
fn a_path_without_a_route_is_answered_with_an_empty_404() {
    let service = start(&ONE.replace("/...", "/only"));
    assert_eq!(get(&service, "/only").status, 200);
    for path in ["/", "/only/more", "/other"] {
        let expected = Answer {
            status: 404,
            body: String::new(),
        };
        assert_eq!(get(&service, path), expected, "{path}");
    }
}

#[test]
fn a_private_component_cannot_be_reached_from_outside() {
    let service = start(&ROUTES.replace("route = \"/...\"", "route = \"/all\""));
    assert_eq!(get(&service, "/hidden").status, 404);
    let chained = "GET /all HTTP/1.1\r\nhost: hidden.spin.internal\r\n\r\n";
    assert_eq!(exchange(&service, chained, |_| false), "");
}

#[test]
fn a_guest_sees_method_url_query_and_client_of_the_request() {
    let service = start(ONE);
    let echo = post(&service, "/echo?a=1&b=%20", "body").ok();
    assert!(echo.starts_with("POST /echo?a=1&b=%20\n"), "{echo}");
    assert_eq!(
        header(&echo, "spin-full-url"),
        format!("{}/echo?a=1&b=%20", service.url())
    );
    assert!(header(&echo, "spin-client-addr").starts_with("127.0.0.1:"));
}

#[test]
fn headers_reach_the_guest_but_for_those_of_the_connection() {
    let service = start(ONE);
    let request = "GET /echo HTTP/1.1\r\nhost: example.com\r\nx-one: 1\r\nx-one: 2\r\n\
                   spin-path-info: /mine\r\nconnection: close\r\n\r\n";
    let answer = exchange(&service, request, |_| false);
    let (_, echo) = answer.split_once("\r\n\r\n").expect("a body");
    for line in [
        "x-one: 1\n",
        "x-one: 2\n",
        "spin-full-url: http://example.com/echo\n",
        // What a client says about routes stands beside what the host says.
        "spin-path-info: /mine\n",
        "spin-path-info: /echo\n",
    ] {
        assert!(echo.contains(line), "{line} in {echo}");
    }
    assert!(!echo.contains("host: "), "{echo}");
    assert!(!echo.contains("connection: "), "{echo}");
}

#[test]
fn the_host_answers_its_own_paths() {
    let service = start(ONE);
    assert_eq!(get(&service, "/.well-known/spin/health").ok(), "OK");
    let info = get(&service, "/.well-known/spin/info").ok();
    assert!(info.contains("\"name\": \"test\""), "{info}");
    assert!(info.contains("\"version\": \"1.2.3\""), "{info}");
    assert_eq!(get(&service, "/.well-known/spin/other").status, 404);
}

#[test]
fn a_connection_is_kept_for_the_next_request() {
    let service = start(ONE);
    let first = "GET /echo?first HTTP/1.1\r\nhost: a\r\n\r\n";
    let second = "GET /echo?second HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let answers = exchange(&service, &format!("{first}{second}"), |_| false);
    assert!(answers.contains("GET /echo?first\n"), "{answers}");
    assert!(answers.contains("GET /echo?second\n"), "{answers}");
}

#[test]
fn a_request_without_a_host_is_not_answered() {
    let service = start(ONE);
    assert_eq!(exchange(&service, "GET / HTTP/1.0\r\n\r\n", |_| false), "");
}

#[test]
fn a_response_that_is_whole_when_handed_over_leaves_in_one_piece() {
    let service = start(ONE);
    let mut stream = TcpStream::connect(("127.0.0.1", service.port())).expect("a connection");
    for _ in 0..20 {
        stream
            .write_all(b"GET /body?bytes=1000 HTTP/1.1\r\nhost: a\r\n\r\n")
            .expect("a request");
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).expect("an answer");
        let received = String::from_utf8_lossy(&buffer[..count]);
        assert!(received.ends_with("x\r\n0\r\n\r\n"), "{received}");
    }
}

#[test]
fn a_response_begins_before_its_body_is_written() {
    let service = start(ONE);
    let request = "GET /halves?ms=3000 HTTP/1.1\r\nhost: a\r\n\r\n";
    let start = Instant::now();
    exchange(&service, request, |received| received.contains("first "));
    assert!(start.elapsed() < Duration::from_millis(2900));
    let whole = exchange(&service, request, |received| {
        received.ends_with("\r\n0\r\n\r\n")
    });
    assert!(whole.contains("second"), "{whole}");
}

#[test]
fn bodies_of_many_megabytes_go_in_and_out() {
    let service = start(ONE);
    let bytes = 20_000_000;
    assert_eq!(
        post(&service, "/read", vec![0; bytes]).ok(),
        bytes.to_string()
    );
    let body = get(&service, &format!("/body?bytes={bytes}")).ok();
    assert_eq!(body.len(), bytes);
}
