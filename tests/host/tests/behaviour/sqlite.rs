//! SQLite databases.

use harness::Service;
use rusqlite::Connection;

use crate::support::{Application, ONE, get, post, start};

#[track_caller]
fn run(service: &Service, statements: &[&str]) -> Vec<String> {
    let told = post(service, "/sqlite", statements.join("\n")).ok();
    told.lines().map(str::to_owned).collect()
}

#[test]
fn statements_take_parameters_and_give_rows() {
    let service = start(ONE);
    let told = run(
        &service,
        &[
            "CREATE TABLE t (a, b)",
            "INSERT INTO t VALUES (?, 1), (x'00ff', NULL), (1.5, 9223372036854775807)",
            "SELECT a, b FROM t",
            "INSERT INTO t VALUES (?, ?) RETURNING a, b AS other",
            "DELETE FROM t",
        ],
    );
    assert_eq!(
        told,
        [
            ": ",
            ": ",
            "a,b: parameter,1 [0, 255],null 1.5,9223372036854775807",
            "a,other: parameter,parameter",
            ": ",
        ]
    );
}

#[test]
fn errors_are_told_in_sqlites_words() {
    let service = start(ONE);
    let told = run(
        &service,
        &[
            "SELECT * FROM missing",
            "nonsense",
            "CREATE TABLE t (a UNIQUE)",
            "INSERT INTO t VALUES (1), (1)",
            "ATTACH DATABASE 'other.db' AS other",
            "ATTACH DATABASE ':memory:' AS other",
        ],
    );
    assert_eq!(
        told,
        [
            "Error::Io(\"no such table: missing\")",
            "Error::Io(\"near \\\"nonsense\\\": syntax error in nonsense at offset 0\")",
            ": ",
            "Error::Io(\"UNIQUE constraint failed: t.a\")",
            "Error::Io(\"not authorized\")",
            ": ",
        ]
    );
}

#[test]
fn a_call_runs_the_first_of_several_statements() {
    let service = start(ONE);
    let told = run(
        &service,
        &[
            "CREATE TABLE t (a); INSERT INTO t VALUES (1)",
            "SELECT count(*) FROM t",
        ],
    );
    assert_eq!(told[1], "count(*): 0");
}

#[test]
fn a_connection_has_sqlites_defaults() {
    let service = start(ONE);
    let told = run(
        &service,
        &[
            "PRAGMA busy_timeout",
            "PRAGMA foreign_keys",
            "PRAGMA journal_mode",
            "PRAGMA synchronous",
            "SELECT sqlite_version()",
        ],
    );
    assert_eq!(
        told,
        [
            "timeout: 5000",
            "foreign_keys: 1",
            "journal_mode: delete",
            "synchronous: 2",
            "sqlite_version(): 3.49.1",
        ]
    );
}

#[test]
fn each_open_is_a_connection_of_its_own() {
    let service = start(ONE);
    run(
        &service,
        &[
            "PRAGMA journal_mode=WAL",
            "PRAGMA busy_timeout=2",
            "CREATE TEMPORARY TABLE mine (a)",
        ],
    );
    let told = run(
        &service,
        &[
            "PRAGMA journal_mode",
            "PRAGMA busy_timeout",
            "SELECT * FROM mine",
        ],
    );
    // The journal mode is the file's, the rest was the connection's.
    assert_eq!(told[0], "journal_mode: wal");
    assert_eq!(told[1], "timeout: 5000");
    assert!(told[2].contains("no such table: mine"), "{}", told[2]);
}

#[test]
fn a_transaction_spans_the_calls_of_a_connection_and_ends_with_it() {
    let service = start(ONE);
    run(&service, &["CREATE TABLE t (a)"]);
    run(&service, &["BEGIN", "INSERT INTO t VALUES (1)", "COMMIT"]);
    run(&service, &["BEGIN", "INSERT INTO t VALUES (2)"]);
    assert_eq!(run(&service, &["SELECT a FROM t"]), ["a: 1"]);
}

#[test]
fn an_instance_has_at_most_256_connections() {
    let service = start(ONE);
    get(&service, "/sqlite-connections?count=256").ok();
    assert_eq!(
        get(&service, "/sqlite-connections?count=257").refused(),
        "Error::Io(\"too many connections opened\")"
    );
}

#[test]
fn a_database_that_is_not_granted_is_denied() {
    let service = start(ONE);
    assert_eq!(
        post(&service, "/sqlite?database=other", "SELECT 1").refused(),
        "Error::AccessDenied"
    );
    let without = start(&ONE.replace("sqlite_databases = [\"default\"]", ""));
    assert_eq!(
        post(&without, "/sqlite", "SELECT 1").refused(),
        "Error::AccessDenied"
    );
}

#[test]
fn writers_that_meet_wait_for_each_other() {
    let service = start(ONE);
    run(&service, &["PRAGMA journal_mode=WAL", "CREATE TABLE t (a)"]);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..10 {
                    assert_eq!(run(&service, &["INSERT INTO t VALUES (1)"]), [": "]);
                }
            });
        }
    });
    assert_eq!(run(&service, &["SELECT count(*) FROM t"]), ["count(*): 80"]);
}

#[test]
fn a_database_survives_a_crash() {
    let mut service = start(ONE);
    run(&service, &["PRAGMA journal_mode=WAL", "CREATE TABLE t (a)"]);
    run(&service, &["INSERT INTO t VALUES (1)"]);
    service.restart().expect("a restart");
    assert_eq!(run(&service, &["SELECT a FROM t"]), ["a: 1"]);
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
    run(
        &service,
        &["CREATE TABLE t (a)", "INSERT INTO t VALUES (1)"],
    );
    drop(service);
    let connection = Connection::open(state.join("sqlite_db.db")).expect("the file");
    let value: i64 = connection
        .query_row("SELECT a FROM t", [], |row| row.get(0))
        .expect("one row");
    assert_eq!(value, 1);
}
