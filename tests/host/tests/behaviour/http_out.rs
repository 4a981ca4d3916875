//! Outgoing requests: permission, destination, errors.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use harness::Service;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection};

use crate::support::{Answer, Application, Running, get, start};

/// A component with an allowed host, a second one that is private.
const PARTS: &str = r#"
    [variables]
    port = { default = "1" }
    [[trigger.http]]
    route = "/..."
    component = "one"
    [[trigger.http]]
    route = { private = true }
    component = "hidden"
    [component.one]
    source = "PROBE"
    allowed_outbound_hosts = [ALLOWED]
    [component.hidden]
    source = "PROBE"
    [component.unused]
    source = "PROBE"
"#;

const ANYWHERE: &str = "\"http://*:*\", \"https://*:*\"";

const EMPTY: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

fn allowing(hosts: &str) -> Running {
    start(&PARTS.replace("ALLOWED", hosts))
}

fn fetch(service: &Service, url: &str) -> Answer {
    get(service, &format!("/fetch?url={url}"))
}

/// A server that treats each connection alike and records what it read.
struct Server {
    port: u16,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn new(serve: impl Fn(TcpStream, &dyn Fn(&mut TcpStream) -> bool) + Send + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let recorded = requests.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // Reads a request's head; false when there is none.
                let read = |stream: &mut TcpStream| {
                    let mut head = Vec::new();
                    let mut byte = [0];
                    while !head.ends_with(b"\r\n\r\n") {
                        match stream.read(&mut byte) {
                            Ok(1) => head.push(byte[0]),
                            _ => return false,
                        }
                    }
                    let head = String::from_utf8_lossy(&head).into_owned();
                    recorded.lock().expect("no panic").push(head);
                    true
                };
                serve(stream, &read);
            }
        });
        Self { port, requests }
    }

    /// Answers every request of a connection with `response`.
    fn answering(response: &'static str) -> Self {
        Self::new(move |mut stream, read| {
            while read(&mut stream) {
                if stream.write_all(response.as_bytes()).is_err() {
                    break;
                }
            }
        })
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }
}

#[test]
fn a_host_that_is_not_allowed_is_denied_without_a_connection() {
    let server = Server::answering(EMPTY);
    for hosts in [
        "",
        "\"http://self\"",
        "\"https://127.0.0.1:*\"",
        "\"http://127.0.0.1:1\"",
    ] {
        let service = allowing(hosts);
        assert_eq!(
            fetch(&service, &server.url()).refused(),
            "ErrorCode::HttpRequestDenied",
            "{hosts}"
        );
    }
    assert!(server.requests.lock().expect("no panic").is_empty());
}

#[test]
fn an_allowed_host_is_sent_just_what_the_guest_wrote() {
    let server =
        Server::answering("HTTP/1.1 418 Odd\r\nx-answer: yes\r\ncontent-length: 3\r\n\r\ntea");
    let service = allowing(&format!("\"http://127.0.0.1:{}\"", server.port));
    assert_eq!(
        fetch(&service, &server.url()).ok(),
        "status: 418\nx-answer: yes\ncontent-length: 3\n\ntea"
    );
    let requests = server.requests.lock().expect("no panic");
    assert_eq!(
        *requests,
        [format!(
            "GET /hook HTTP/1.1\r\nhost: 127.0.0.1:{}\r\n\r\n",
            server.port
        )]
    );
}

#[test]
fn an_allowed_host_can_be_a_variable() {
    let server = Server::answering(EMPTY);
    let parts = PARTS.replace("ALLOWED", "\"http://127.0.0.1:{{ port }}\"");
    let service = Application::new(&parts)
        .command()
        .env("SPIN_VARIABLE_PORT", server.port.to_string())
        .start()
        .expect("the host starts");
    fetch(&service, &server.url()).ok();
}

#[test]
fn a_malformed_allowed_host_stops_the_start() {
    let parts = PARTS.replace("ALLOWED", "\"example.com\"");
    let error = Application::new(&parts).command().start().err();
    let error = error.expect("no start").to_string();
    assert!(error.contains("`allowed_outbound_hosts`"), "{error}");
}

#[test]
fn the_application_can_call_itself_where_self_is_allowed() {
    let service = allowing("\"http://self\"");
    let echo = fetch(&service, "http://self.alt/echo?x").ok();
    assert!(echo.starts_with("status: 200\n"), "{echo}");
    assert!(echo.contains("\nGET /echo?x\n"), "{echo}");
    assert!(
        echo.contains(&format!("spin-full-url: {}/echo?x\n", service.url())),
        "{echo}"
    );
    // The name of another component is a host like any other.
    assert_eq!(
        fetch(&service, "http://hidden.spin.internal/echo").refused(),
        "ErrorCode::HttpRequestDenied"
    );
}

#[test]
fn a_wildcard_also_allows_the_application_itself_and_its_private_components() {
    let service = allowing(ANYWHERE);
    fetch(&service, "http://self.alt/echo").ok();
    let echo = fetch(&service, "http://hidden.spin.internal/echo/x").ok();
    for line in [
        "GET /echo/x\n",
        "spin-path-info: /echo/x\n",
        "spin-matched-route: /...\n",
        "spin-component-route: \n",
        "spin-client-addr: 0.0.0.0:0\n",
        "spin-full-url: http://localhost/echo/x\n",
    ] {
        assert!(echo.contains(line), "{line} in {echo}");
    }
    // And an address in whatever spelling.
    let url = format!("http://0x7f.1:{}/echo", service.port());
    assert!(fetch(&service, &url).ok().contains("\nGET /echo\n"));
}

#[test]
fn chaining_is_allowed_by_name_and_by_its_own_wildcard() {
    for (hosts, allowed) in [
        ("\"http://hidden.spin.internal\"", true),
        ("\"http://*.spin.internal\"", true),
        ("\"http://one.spin.internal\"", false),
    ] {
        let service = allowing(hosts);
        let answer = fetch(&service, "http://hidden.spin.internal/echo");
        assert_eq!(answer.status == 200, allowed, "{hosts}: {}", answer.body);
    }
}

#[test]
fn chaining_to_a_component_that_no_trigger_names_ends_the_guest() {
    let service = allowing(ANYWHERE);
    for component in ["unused", "nowhere"] {
        let answer = fetch(&service, &format!("http://{component}.spin.internal/echo"));
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (500, ""),
            "{component}"
        );
    }
}

#[test]
fn the_error_of_a_chained_component_is_a_500() {
    let service = allowing(ANYWHERE);
    let answer = fetch(&service, "http://hidden.spin.internal/trap").ok();
    assert!(answer.starts_with("status: 500\n"), "{answer}");
}

#[test]
fn blocked_networks_are_blocked_by_address_the_application_itself_included() {
    let server = Server::answering(EMPTY);
    let application = Application::new(&PARTS.replace("ALLOWED", ANYWHERE));
    let config = application.manifest().with_file_name("runtime-config.toml");
    std::fs::write(
        &config,
        "[outbound_networking]\nblock_networks = [\"private\"]\n",
    )
    .expect("a file");
    let service = application
        .command()
        .arg("--runtime-config-file")
        .arg(&config)
        .start()
        .expect("the host starts");
    for url in [
        server.url(),
        server.url().replace("127.0.0.1", "localhost"),
        server.url().replace("127.0.0.1", "0x7f.1"),
        server.url().replace("127.0.0.1", "[::ffff:127.0.0.1]"),
        // A request to itself is a connection to its own address like any other.
        "http://self.alt/echo".to_owned(),
    ] {
        assert_eq!(
            fetch(&service, &url).refused(),
            "ErrorCode::DestinationIpProhibited",
            "{url}"
        );
    }
    assert!(server.requests.lock().expect("no panic").is_empty());
    // Chaining makes no connection.
    fetch(&service, "http://hidden.spin.internal/echo").ok();
}

#[test]
fn a_redirect_is_an_answer_like_any_other() {
    let server = Server::answering(
        "HTTP/1.1 302 Found\r\nlocation: http://self.alt/\r\ncontent-length: 0\r\n\r\n",
    );
    let service = allowing(ANYWHERE);
    let answer = fetch(&service, &server.url()).ok();
    assert!(
        answer.starts_with("status: 302\nlocation: http://self.alt/\n"),
        "{answer}"
    );
    assert_eq!(server.requests.lock().expect("no panic").len(), 1);
}

#[test]
fn what_goes_wrong_has_a_name() {
    let service = allowing(ANYWHERE);
    let closed = {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        listener.local_addr().expect("an address").port()
    };
    let hangs_up = Server::new(|mut stream, read| {
        read(&mut stream);
    });
    let garbage = Server::answering("not HTTP at all\r\n\r\n");
    let no_tls = Server::new(|mut stream, _| {
        let _ = stream.write_all(EMPTY.as_bytes());
    });
    let breaks_off = Server::new(|mut stream, read| {
        read(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf");
    });
    let dns = "ErrorCode::DnsError(DnsErrorPayload { rcode: Some(\"address not available\"), info-code: Some(0) })";
    for (url, error) in [
        (
            format!("http://127.0.0.1:{closed}/"),
            "ErrorCode::ConnectionRefused",
        ),
        ("http://name.invalid/".to_owned(), dns),
        (hangs_up.url(), "ErrorCode::HttpProtocolError"),
        (garbage.url(), "ErrorCode::HttpProtocolError"),
        (breaks_off.url(), "body: Some(ErrorCode::HttpProtocolError)"),
        (
            no_tls.url().replace("http:", "https:"),
            "ErrorCode::TlsProtocolError",
        ),
        (
            "ftp://127.0.0.1/".to_owned(),
            "ErrorCode::HttpProtocolError",
        ),
        ("/relative".to_owned(), "ErrorCode::HttpRequestUriInvalid"),
    ] {
        assert_eq!(fetch(&service, &url).refused(), error, "{url}");
    }
}

#[test]
fn timeouts_are_kept() {
    let service = allowing(ANYWHERE);
    let silent = Server::new(|mut stream, read| {
        read(&mut stream);
        std::thread::sleep(Duration::from_secs(30));
    });
    let stalls = Server::new(|mut stream, read| {
        read(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf");
        std::thread::sleep(Duration::from_secs(30));
    });
    for (url, timeout, error) in [
        (
            silent.url(),
            "first=200",
            "ErrorCode::ConnectionReadTimeout",
        ),
        (
            stalls.url(),
            "between=200",
            "body: Some(ErrorCode::ConnectionReadTimeout)",
        ),
    ] {
        let start = Instant::now();
        let answer = get(&service, &format!("/fetch?{timeout}&url={url}"));
        assert_eq!(answer.refused(), error, "{timeout}");
        assert!(start.elapsed() >= Duration::from_millis(200), "{timeout}");
        assert!(start.elapsed() < Duration::from_secs(5), "{timeout}");
    }
}

#[test]
fn a_connection_is_kept_for_the_next_guest() {
    let connections = Arc::new(Mutex::new(0));
    let counted = connections.clone();
    let server = Server::new(move |mut stream, read| {
        *counted.lock().expect("no panic") += 1;
        while read(&mut stream) {
            if stream.write_all(EMPTY.as_bytes()).is_err() {
                break;
            }
        }
    });
    let service = allowing(ANYWHERE);
    for _ in 0..5 {
        fetch(&service, &server.url()).ok();
    }
    assert_eq!(*connections.lock().expect("no panic"), 1);
}

#[test]
fn a_kept_connection_that_ends_as_the_request_leaves_is_an_error() {
    // Each connection is closed as its second request comes.
    let server = Server::new(|mut stream, read| {
        if read(&mut stream) && stream.write_all(EMPTY.as_bytes()).is_ok() {
            read(&mut stream);
        }
    });
    let service = allowing(ANYWHERE);
    fetch(&service, &server.url()).ok();
    let refused = fetch(&service, &server.url()).refused();
    assert_eq!(refused, "ErrorCode::HttpProtocolError");
    // What has left is not sent again by the host.
    assert_eq!(server.requests.lock().expect("no panic").len(), 2);
}

#[test]
fn connections_are_kept_by_the_text_of_the_authority() {
    let connections = Arc::new(Mutex::new(Vec::new()));
    let kept = connections.clone();
    let server = Server::new(move |mut stream, read| {
        if read(&mut stream) && stream.write_all(EMPTY.as_bytes()).is_ok() {
            kept.lock().expect("no panic").push(stream);
        }
    });
    let service = allowing(ANYWHERE);
    fetch(&service, &server.url()).ok();
    let respelt = server.url().replace("127.0.0.1:", "127.0.0.1:0");
    fetch(&service, &respelt).ok();
    assert_eq!(connections.lock().expect("no panic").len(), 2);
    let requests = server.requests.lock().expect("no panic");
    assert_eq!(requests[0], requests[1], "the host header is the same");
}

#[test]
fn https_needs_a_certificate_that_the_system_trusts() {
    let certificate = rcgen::generate_simple_self_signed(["localhost".to_owned()]);
    let certificate = certificate.expect("a certificate");
    let key = PrivateKeyDer::try_from(certificate.signing_key.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.cert.der().clone()], key)
        .expect("a certificate with its key");
    let config = Arc::new(config);
    let server = Server::new(move |mut stream, _| {
        let mut session = ServerConnection::new(config.clone()).expect("a session");
        let mut tls = rustls::Stream::new(&mut session, &mut stream);
        let mut head = [0; 1024];
        if tls.read(&mut head).is_ok_and(|count| count > 0) {
            tls.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 3\r\n\r\ntea")
                .expect("an answer");
            session.send_close_notify();
            let _ = session.complete_io(&mut stream);
        }
    });
    let url = format!("https://localhost:{}/", server.port);
    let application = Application::new(&PARTS.replace("ALLOWED", ANYWHERE));
    let roots = application.manifest().with_file_name("roots.pem");
    std::fs::write(&roots, certificate.cert.pem()).expect("a file");

    let service = application.command().start().expect("the host starts");
    assert_eq!(
        fetch(&service, &url).refused(),
        "ErrorCode::TlsProtocolError"
    );
    let service = application
        .command()
        .env("SSL_CERT_FILE", roots)
        .start()
        .expect("the host starts");
    assert!(fetch(&service, &url).ok().ends_with("\n\ntea"));
    // The name counts, not only the certificate.
    let url = url.replace("localhost", "127.0.0.1");
    assert_eq!(
        fetch(&service, &url).refused(),
        "ErrorCode::TlsProtocolError"
    );
}
