//! Key-value stores.

use rusqlite::Connection;

use crate::support::{Application, ONE, embedded, get, post, start};

#[test]
fn a_store_keeps_what_is_set() {
    let service = start(ONE);
    assert_eq!(get(&service, "/key-value/get?key=a").ok(), "(none)");
    assert_eq!(get(&service, "/key-value/exists?key=a").ok(), "false");
    post(&service, "/key-value/set?key=a", "1").ok();
    post(&service, "/key-value/set?key=b", "").ok();
    post(&service, "/key-value/set?key=a", "2").ok();
    assert_eq!(get(&service, "/key-value/get?key=a").ok(), "2");
    assert_eq!(get(&service, "/key-value/get?key=b").ok(), "");
    assert_eq!(get(&service, "/key-value/exists?key=a").ok(), "true");
    assert_eq!(get(&service, "/key-value/keys").ok(), "a\nb");
    get(&service, "/key-value/delete?key=a").ok();
    get(&service, "/key-value/delete?key=never-there").ok();
    assert_eq!(get(&service, "/key-value/keys").ok(), "b");
}

#[test]
fn spin_itself_has_no_quotas() {
    let service = start(ONE);
    let key = "k".repeat(1000);
    let value = vec![b'v'; 3_000_000];
    post(&service, &format!("/key-value/set?key={key}"), &value).ok();
    let stored = get(&service, &format!("/key-value/get?key={key}")).ok();
    assert_eq!(stored.len(), value.len());
}

#[test]
fn a_store_that_is_not_granted_is_denied() {
    let service = start(ONE);
    assert_eq!(
        get(&service, "/key-value/get?store=other&key=a").refused(),
        "Error::AccessDenied"
    );
    let without = start(&ONE.replace("key_value_stores = [\"default\"]", ""));
    assert_eq!(
        get(&without, "/key-value/get?key=a").refused(),
        "Error::AccessDenied"
    );
}

#[test]
fn a_store_survives_a_crash_and_a_stop() {
    let mut service = start(ONE);
    post(&service, "/key-value/set?key=a", "1").ok();
    service.restart().expect("a restart");
    assert_eq!(get(&service, "/key-value/get?key=a").ok(), "1");
    service.stop().expect("a stop");
    service.restart().expect("a restart");
    assert_eq!(get(&service, "/key-value/get?key=a").ok(), "1");
}

#[test]
fn the_data_is_where_spin_has_it() {
    let application = Application::new(ONE);
    let state = application.manifest().with_file_name("state");
    let service = application
        .command()
        .state_dir(&state)
        .start()
        .expect("the host starts");
    post(&service, "/key-value/set?key=a", "1").ok();
    drop(service);
    let connection = Connection::open(state.join("sqlite_key_value.db")).expect("the file");
    let row: (String, String, Vec<u8>) = connection
        .query_row("SELECT store, key, value FROM spin_key_value", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .expect("one row");
    assert_eq!(row, ("default".into(), "a".into(), b"1".to_vec()));
}

#[test]
fn the_next_host_takes_the_data_over() {
    let application = Application::new(ONE);
    let state = application.manifest().with_file_name("state");
    let command = application.command().state_dir(state);
    // With Spin in the environment the data goes there and back.
    for (host, before) in [
        (embedded(), "(none)"),
        (command.current_host().clone(), "1"),
        (embedded(), "2"),
    ] {
        let service = command.clone().host(host).start().expect("the host starts");
        assert_eq!(get(&service, "/key-value/get?key=a").ok(), before);
        let after = if before == "(none)" { "1" } else { "2" };
        post(&service, "/key-value/set?key=a", after).ok();
        post(
            &service,
            "/sqlite",
            "CREATE TABLE IF NOT EXISTS t (a)\nINSERT INTO t VALUES (1)",
        )
        .ok();
    }
    let service = command.start().expect("the host starts");
    assert_eq!(
        post(&service, "/sqlite", "SELECT count(*) FROM t").ok(),
        "count(*): 3\n"
    );
}

#[test]
fn a_store_that_is_not_defined_stops_the_start() {
    let parts = ONE.replace(
        "key_value_stores = [\"default\"]",
        "key_value_stores = [\"other\"]",
    );
    let error = Application::new(&parts).command().start().err();
    let error = error.expect("no start").to_string();
    assert!(
        error.contains("unknown key_value_stores label \"other\" for component \"one\""),
        "{error}"
    );
}
