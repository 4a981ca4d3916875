//! The host as a library and as a program: what Spin has no part in.

use std::net::TcpStream;
use std::time::Duration;

use embedded_host::{Host, Options};

use crate::support::{Application, ONE, embedded, get, soon};

#[tokio::test(flavor = "multi_thread")]
async fn a_host_serves_from_start_to_drop() {
    let application = Application::new(ONE);
    let host = Host::start(Options::new(application.manifest()))
        .await
        .expect("the host starts");
    let url = host.url();
    let address = url.trim_start_matches("http://").to_owned();
    let answer = tokio::task::spawn_blocking(move || ureq::get(format!("{url}/echo")).call());
    assert!(answer.await.expect("no panic").is_ok());
    assert_eq!(
        host.routes(),
        [("one".to_owned(), " (wildcard)".to_owned())]
    );
    let [key_value, sqlite] = host.data_files();
    let state = application.manifest().with_file_name(".spin");
    assert_eq!(key_value, state.join("sqlite_key_value.db"));
    assert_eq!(sqlite, state.join("sqlite_db.db"));

    drop(host);
    tokio::task::spawn_blocking(move || {
        soon("the port's end", || TcpStream::connect(&address).is_err());
    })
    .await
    .expect("no panic");
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_a_host_ends_what_it_runs() {
    let application = Application::new(ONE);
    let state = application.manifest().with_file_name(".spin");
    let host = Host::start(Options::new(application.manifest()))
        .await
        .expect("the host starts");
    let url = host.url();
    let after = tokio::task::spawn_blocking(move || {
        ureq::get(format!("{url}/after?ms=1000&key=late")).call()
    });
    assert!(after.await.expect("no panic").is_ok());
    drop(host);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert!(
        !state.join("sqlite_key_value.db").exists(),
        "the guest got to open the store"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_is_not_built_is_named() {
    let application = Application::new(&ONE.replace("PROBE", "missing.wasm"));
    let error = Host::start(Options::new(application.manifest()))
        .await
        .err()
        .expect("no start");
    let error = format!("{error:#}");
    assert!(
        error.contains("missing.wasm (is the component built?)"),
        "{error}"
    );
}

#[test]
fn a_cache_that_cannot_be_written_is_done_without() {
    let service = Application::new(ONE)
        .command()
        .host(embedded())
        .env("HOME", "/proc/nowhere")
        .env("XDG_CACHE_HOME", "/proc/nowhere")
        .start()
        .expect("the host starts");
    get(&service, "/echo").ok();
}

#[test]
fn a_time_limit_without_the_profile_that_has_one_is_refused() {
    let error = Application::new(ONE)
        .command()
        .host(embedded())
        .arg("--request-limit=1")
        .start()
        .err();
    let error = error.expect("no start").to_string();
    assert!(error.contains("choose another profile"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_named() {
    let application = Application::new(ONE);
    let first = Host::start(Options::new(application.manifest()))
        .await
        .expect("the host starts");
    let mut options = Options::new(application.manifest());
    options.listen = first
        .url()
        .trim_start_matches("http://")
        .parse()
        .expect("an address");
    let error = Host::start(options).await.err().expect("no start");
    assert!(
        error
            .to_string()
            .starts_with("Unable to listen on 127.0.0.1:")
    );
}
