//! What Fermyon Cloud does not let an application do, enforced so that it fails here first.
//!
//! Documented by Fermyon ("Quotas, Limitations, and Technical FAQ", developer.fermyon.com/cloud/faq): keys of at most 255
//! bytes, values of at most 1 MB, at most 1,024 keys, a request handler ends after 30 seconds, HTTP bodies of at most 10 MB,
//! no name resolution between applications, no runtime configuration.
//!
//! Documented as well and *not* enforced, because they are accounts of use and can be raised: 500 outbound requests an hour,
//! 1,000 requests a second, the sizes of the stores.
//!
//! Conservative choices of this host, where the documentation says less than a test needs:
//! - MB is 1,000,000 bytes;
//! - a body over the limit is refused with 413 when its `content-length` says so, else it ends in an error where the limit is;
//! - a request that is out of time without having answered gets 500;
//! - service chaining is refused like any host that is not allowed;
//! - a database is a remote libSQL one: a call is one statement, a transaction cannot span calls, so `BEGIN`, `COMMIT`,
//!   `ROLLBACK`, `SAVEPOINT` and `RELEASE` are refused, and so is every PRAGMA that does not just read.

use std::time::Duration;

use rusqlite::fallible_iterator::FallibleIterator;
use rusqlite::{Batch, Connection};

/// The limits, in bytes, keys and seconds. Tests may lower them.
#[derive(Debug, Clone)]
pub(crate) struct Quotas {
    pub(crate) key_bytes: usize,
    pub(crate) value_bytes: usize,
    pub(crate) keys: usize,
    pub(crate) request: Duration,
    pub(crate) body_bytes: usize,
}

impl Quotas {
    /// Those of Fermyon Cloud's Starter and Growth plans.
    pub(crate) const FERMYON_CLOUD: Self = Self {
        key_bytes: 255,
        value_bytes: 1_000_000,
        keys: 1_024,
        request: Duration::from_secs(30),
        body_bytes: 10_000_000,
    };

    pub(crate) fn check_key(&self, key: &str) -> Result<(), String> {
        check("key", key.len(), self.key_bytes)
    }

    pub(crate) fn check_value(&self, bytes: usize) -> Result<(), String> {
        check("value", bytes, self.value_bytes)
    }

    /// Whether one more key may join the `existing` ones.
    pub(crate) fn check_new_key(&self, existing: usize) -> Result<(), String> {
        if existing < self.keys {
            return Ok(());
        }
        Err(format!(
            "quota: the store has its maximum of {} keys",
            self.keys
        ))
    }

    /// SQLite itself runs the first statement of several and drops the rest without a word.
    pub(crate) fn check_statement(&self, connection: &Connection, sql: &str) -> Result<(), String> {
        let mut statements = Batch::new(connection, sql);
        // An error in the first is reported when it is run.
        let Ok(Some(_)) = statements.next() else {
            return Ok(());
        };
        // One that cannot be prepared is a second statement too.
        match statements.next() {
            Ok(None) => Ok(()),
            Ok(Some(_)) | Err(_) => {
                Err("quota: a call executes one statement, and this is more than one".to_owned())
            }
        }
    }
}

/// Whether a PRAGMA only tells something, as far as its name and argument show.
pub(crate) fn pragma_reads(name: &str, argument: Option<&str>) -> bool {
    let name = name.to_ascii_lowercase();
    match argument {
        None => !matches!(
            name.as_str(),
            "incremental_vacuum" | "optimize" | "shrink_memory" | "wal_checkpoint"
        ),
        // These take what to look at as their argument.
        Some(_) => matches!(
            name.as_str(),
            "foreign_key_check"
                | "foreign_key_list"
                | "index_info"
                | "index_list"
                | "index_xinfo"
                | "integrity_check"
                | "quick_check"
                | "table_info"
                | "table_list"
                | "table_xinfo"
        ),
    }
}

fn check(what: &str, bytes: usize, limit: usize) -> Result<(), String> {
    if bytes <= limit {
        return Ok(());
    }
    Err(format!(
        "quota: a {what} has at most {limit} bytes, this one has {bytes}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_themselves_are_within_the_quota() {
        let quotas = Quotas::FERMYON_CLOUD;
        assert!(quotas.check_key(&"k".repeat(255)).is_ok());
        assert!(quotas.check_key(&"k".repeat(256)).is_err());
        // Bytes are counted, not characters.
        assert!(quotas.check_key(&"é".repeat(128)).is_err());
        assert!(quotas.check_value(1_000_000).is_ok());
        assert!(quotas.check_value(1_000_001).is_err());
        assert!(quotas.check_new_key(1_023).is_ok());
        assert!(quotas.check_new_key(1_024).is_err());
    }

    #[test]
    fn a_second_statement_is_found_whatever_stands_around_it() {
        let connection = Connection::open_in_memory().expect("a database");
        let quotas = Quotas::FERMYON_CLOUD;
        for one in [
            "SELECT 1",
            "SELECT 1;",
            "SELECT ';' ; -- end;",
            " ; SELECT 1",
        ] {
            assert_eq!(quotas.check_statement(&connection, one), Ok(()), "{one}");
        }
        for two in [
            "SELECT 1; SELECT 2",
            "CREATE TABLE t (a); INSERT INTO t VALUES (1)",
            "SELECT 1; nonsense",
        ] {
            assert!(quotas.check_statement(&connection, two).is_err(), "{two}");
        }
    }

    #[test]
    fn a_pragma_that_sets_or_does_something_is_no_reading_one() {
        assert!(pragma_reads("journal_mode", None));
        assert!(pragma_reads("TABLE_INFO", Some("t")));
        assert!(!pragma_reads("journal_mode", Some("WAL")));
        assert!(!pragma_reads("busy_timeout", Some("2")));
        assert!(!pragma_reads("WAL_checkpoint", None));
    }
}
