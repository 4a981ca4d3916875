//! Key-value stores: rows of one SQLite table, in the file that `spin up` uses.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use rusqlite::Connection;
use tokio::task::block_in_place;
use wasmtime::component::Resource;

use crate::bindings::key_value as wit;
use crate::guest::Guest;
use crate::quotas::Quotas;

/// The file below the state directory.
const FILE: &str = "sqlite_key_value.db";

/// The most that one call may hand to the guest, in bytes.
pub(crate) const MAX_RESULT_BYTES: usize = 128 << 20;

/// The one database file behind all stores. All guests share one connection, opened when the first store is.
pub(crate) struct KeyValue {
    path: PathBuf,
    connection: OnceLock<Arc<Mutex<Connection>>>,
    quotas: Option<Quotas>,
}

impl KeyValue {
    pub(crate) fn new(state_dir: &Path, quotas: Option<Quotas>) -> Self {
        Self {
            path: state_dir.join(FILE),
            connection: OnceLock::new(),
            quotas,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn store(&self, label: &str) -> Result<Store, wit::Error> {
        let connection = match self.connection.get() {
            Some(connection) => connection,
            None => {
                let new = Arc::new(Mutex::new(self.open()?));
                self.connection.get_or_init(|| new)
            }
        };
        Ok(Store {
            label: label.to_owned(),
            connection: connection.clone(),
            quotas: self.quotas.clone(),
        })
    }

    fn open(&self) -> rusqlite::Result<Connection> {
        let connection = Connection::open(&self.path)?;
        connection.execute(
            "CREATE TABLE IF NOT EXISTS spin_key_value (
                store TEXT NOT NULL,
                key   TEXT NOT NULL,
                value BLOB NOT NULL,
                PRIMARY KEY (store, key)
            )",
            [],
        )?;
        Ok(connection)
    }
}

/// A store as a guest has it open.
#[expect(unreachable_pub, reason = "the bindings re-export it")]
pub struct Store {
    label: String,
    connection: Arc<Mutex<Connection>>,
    quotas: Option<Quotas>,
}

impl Store {
    fn connection(&self) -> MutexGuard<'_, Connection> {
        // A panic of another guest's call leaves SQLite itself consistent.
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, key: &str, limit: usize) -> Result<Option<Vec<u8>>, wit::Error> {
        self.check_key(key)?;
        let value = self.read(&self.connection(), key)?;
        let bytes = size_of::<Option<Vec<u8>>>() + value.as_ref().map_or(0, Vec::len);
        if bytes > limit {
            return Err(too_large(limit));
        }
        Ok(value)
    }

    fn set(&self, key: &str, value: &[u8]) -> Result<(), wit::Error> {
        self.check_key(key)?;
        // Held to the end, so that no two new keys are both the last one.
        let connection = self.connection();
        if let Some(quotas) = &self.quotas {
            quotas.check_value(value.len()).map_err(wit::Error::Other)?;
            if self.read(&connection, key)?.is_none() {
                let existing = self.count(&connection)?;
                quotas.check_new_key(existing).map_err(wit::Error::Other)?;
            }
        }
        connection
            .prepare_cached(
                "INSERT INTO spin_key_value (store, key, value) VALUES ($1, $2, $3)
                 ON CONFLICT(store, key) DO UPDATE SET value=$3",
            )?
            .execute(rusqlite::params![self.label, key, value])?;
        Ok(())
    }

    fn delete(&self, key: &str) -> Result<(), wit::Error> {
        self.check_key(key)?;
        self.connection()
            .prepare_cached("DELETE FROM spin_key_value WHERE store=$1 AND key=$2")?
            .execute([&self.label, key])?;
        Ok(())
    }

    fn keys(&self) -> Result<Vec<String>, wit::Error> {
        let connection = self.connection();
        let mut statement =
            connection.prepare_cached("SELECT key FROM spin_key_value WHERE store=$1")?;
        let rows = statement.query_map([&self.label], |row| row.get::<_, String>(0))?;
        let mut bytes = size_of::<Vec<String>>();
        rows.map(|row| {
            let key = row?;
            bytes += size_of::<String>() + key.len();
            if bytes > MAX_RESULT_BYTES {
                return Err(too_large(MAX_RESULT_BYTES));
            }
            Ok(key)
        })
        .collect()
    }

    fn read(&self, connection: &Connection, key: &str) -> rusqlite::Result<Option<Vec<u8>>> {
        connection
            .prepare_cached("SELECT value FROM spin_key_value WHERE store=$1 AND key=$2")?
            .query_map([&self.label, key], |row| row.get(0))?
            .next()
            .transpose()
    }

    fn count(&self, connection: &Connection) -> rusqlite::Result<usize> {
        connection
            .prepare_cached("SELECT count(*) FROM spin_key_value WHERE store=$1")?
            .query_row([&self.label], |row| row.get(0))
    }

    fn check_key(&self, key: &str) -> Result<(), wit::Error> {
        match &self.quotas {
            Some(quotas) => quotas.check_key(key).map_err(wit::Error::Other),
            None => Ok(()),
        }
    }
}

// Spin shows the guest the debug form of what went wrong.
impl From<rusqlite::Error> for wit::Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Other(format!("{error:?}"))
    }
}

fn too_large(limit: usize) -> wit::Error {
    wit::Error::Other(format!("query result exceeds limit of {limit} bytes"))
}

impl wit::Host for Guest {}

impl wit::HostStore for Guest {
    async fn open(
        &mut self,
        label: String,
    ) -> wasmtime::Result<Result<Resource<Store>, wit::Error>> {
        if !self.component.key_value_stores.contains(&label) {
            return Ok(Err(wit::Error::AccessDenied));
        }
        match block_in_place(|| self.app.key_value.store(&label)) {
            Ok(store) => Ok(Ok(self.table.push(store)?)),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn get(
        &mut self,
        store: Resource<Store>,
        key: String,
    ) -> wasmtime::Result<Result<Option<Vec<u8>>, wit::Error>> {
        let store = self.table.get(&store)?;
        Ok(block_in_place(|| store.get(&key, MAX_RESULT_BYTES)))
    }

    async fn set(
        &mut self,
        store: Resource<Store>,
        key: String,
        value: Vec<u8>,
    ) -> wasmtime::Result<Result<(), wit::Error>> {
        let store = self.table.get(&store)?;
        Ok(block_in_place(|| store.set(&key, &value)))
    }

    async fn delete(
        &mut self,
        store: Resource<Store>,
        key: String,
    ) -> wasmtime::Result<Result<(), wit::Error>> {
        let store = self.table.get(&store)?;
        Ok(block_in_place(|| store.delete(&key)))
    }

    async fn exists(
        &mut self,
        store: Resource<Store>,
        key: String,
    ) -> wasmtime::Result<Result<bool, wit::Error>> {
        let store = self.table.get(&store)?;
        Ok(block_in_place(|| {
            store.get(&key, usize::MAX).map(|value| value.is_some())
        }))
    }

    async fn get_keys(
        &mut self,
        store: Resource<Store>,
    ) -> wasmtime::Result<Result<Vec<String>, wit::Error>> {
        let store = self.table.get(&store)?;
        Ok(block_in_place(|| store.keys()))
    }

    async fn drop(&mut self, store: Resource<Store>) -> wasmtime::Result<()> {
        self.table.delete(store)?;
        Ok(())
    }
}
