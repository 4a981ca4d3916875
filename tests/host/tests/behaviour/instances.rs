//! The life of a guest instance: one request, to its end.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::support::{ONE, get, soon, start};

#[test]
fn every_request_gets_a_fresh_instance() {
    let service = start(ONE);
    for _ in 0..3 {
        let echo = get(&service, "/echo").ok();
        assert!(echo.ends_with("request of this instance: 1\n"), "{echo}");
    }
}

#[test]
fn a_guest_runs_on_after_its_response() {
    let service = start(ONE);
    let start = Instant::now();
    get(&service, "/after?ms=3000&key=later").ok();
    assert!(start.elapsed() < Duration::from_millis(2900));
    assert_eq!(get(&service, "/key-value/get?key=later").ok(), "(none)");
    soon("the write after the response", || {
        get(&service, "/key-value/get?key=later").ok() == "written"
    });
}

#[test]
fn a_guest_runs_on_when_its_client_is_gone() {
    let service = start(ONE);
    let mut stream = TcpStream::connect(("127.0.0.1", service.port())).expect("a connection");
    stream
        .write_all(b"GET /sleep?ms=500&begun=begun&key=alone HTTP/1.1\r\nhost: a\r\n\r\n")
        .expect("a request");
    soon("the guest's begin", || {
        get(&service, "/key-value/get?key=begun").ok() == "written"
    });
    drop(stream);
    soon("the write of the abandoned guest", || {
        get(&service, "/key-value/get?key=alone").ok() == "written"
    });
}

#[test]
fn a_trap_is_an_empty_500_and_harms_nobody_else() {
    let service = start(ONE);
    for path in ["/trap", "/silent"] {
        let answer = get(&service, path);
        assert_eq!((answer.status, answer.body.as_str()), (500, ""), "{path}");
    }
    get(&service, "/echo").ok();
}

#[test]
fn a_trap_after_the_response_leaves_it_whole() {
    let service = start(ONE);
    assert_eq!(get(&service, "/trap-after").ok(), "answered");
}

#[test]
fn requests_run_at_the_same_time() {
    let service = start(ONE);
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..50 {
            scope.spawn(|| get(&service, "/sleep?ms=500").ok());
        }
    });
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn what_a_guest_prints_is_in_the_log() {
    let service = start(ONE);
    get(&service, "/log?text=hello").ok();
    soon("the guest's output", || {
        let logs = service.logs();
        logs.contains("out: hello") && logs.contains("err: hello")
    });
}

#[test]
fn the_host_stops_when_it_is_asked_to() {
    let mut service = start(ONE);
    // A guest that is at work does not hold it up.
    let mut stream = TcpStream::connect(("127.0.0.1", service.port())).expect("a connection");
    stream
        .write_all(b"GET /sleep?ms=60000 HTTP/1.1\r\nhost: a\r\n\r\n")
        .expect("a request");
    service.stop().expect("it stops in time");
    assert!(TcpStream::connect(("127.0.0.1", service.port())).is_err());
}
