//! Key-value stores: rows of one SQLite table, in the file that `spin up` uses; or databases of Redis, where the runtime configuration
//! says so, with the keys as they are, as Spin has them there.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use anyhow::Context as _;
use redis::FromRedisValue;
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

/// The one database file behind all stores but those in Redis. All guests share one connection, opened when the first store is.
pub(crate) struct KeyValue {
    path: PathBuf,
    connection: OnceLock<Arc<Mutex<Connection>>>,
    redis: HashMap<String, Arc<Redis>>,
    quotas: Option<Quotas>,
}

impl KeyValue {
    /// `redis` are the URLs of the databases that some stores are in, by their labels.
    pub(crate) fn new(
        state_dir: &Path,
        redis: &HashMap<String, String>,
        quotas: Option<Quotas>,
    ) -> anyhow::Result<Self> {
        let open = |(label, url): (&String, &String)| {
            let client = redis::Client::open(url.as_str())
                .with_context(|| format!("the key-value store '{label}' has no Redis URL"))?;
            let connection = Mutex::new(None);
            Ok((label.clone(), Arc::new(Redis { client, connection })))
        };
        Ok(Self {
            path: state_dir.join(FILE),
            connection: OnceLock::new(),
            redis: redis.iter().map(open).collect::<anyhow::Result<_>>()?,
            quotas,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn store(&self, label: &str) -> Result<Store, wit::Error> {
        if let Some(redis) = self.redis.get(label) {
            return Ok(self.of(Place::Redis(Arc::clone(redis))));
        }
        let connection = match self.connection.get() {
            Some(connection) => connection,
            None => {
                let new = Arc::new(Mutex::new(self.open()?));
                self.connection.get_or_init(|| new)
            }
        };
        Ok(self.of(Place::Table(Table {
            label: label.to_owned(),
            connection: Arc::clone(connection),
        })))
    }

    fn of(&self, place: Place) -> Store {
        Store {
            place,
            quotas: self.quotas.clone(),
        }
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
    place: Place,
    quotas: Option<Quotas>,
}

enum Place {
    Table(Table),
    Redis(Arc<Redis>),
}

impl Store {
    fn get(&self, key: &str, limit: usize) -> Result<Option<Vec<u8>>, wit::Error> {
        self.check_key(key)?;
        let value = match &self.place {
            Place::Table(table) => table.read(&table.connection(), key)?,
            Place::Redis(redis) => redis.ask("GET", &[key.as_bytes()])?,
        };
        let bytes = size_of::<Option<Vec<u8>>>() + value.as_ref().map_or(0, Vec::len);
        if bytes > limit {
            return Err(too_large(limit));
        }
        Ok(value)
    }

    fn set(&self, key: &str, value: &[u8]) -> Result<(), wit::Error> {
        self.check_key(key)?;
        match &self.place {
            Place::Table(table) => table.set(key, value, self.quotas.as_ref()),
            Place::Redis(redis) => redis.ask("SET", &[key.as_bytes(), value]),
        }
    }

    fn delete(&self, key: &str) -> Result<(), wit::Error> {
        self.check_key(key)?;
        match &self.place {
            Place::Table(table) => table.delete(key),
            Place::Redis(redis) => redis.ask("DEL", &[key.as_bytes()]),
        }
    }

    fn keys(&self) -> Result<Vec<String>, wit::Error> {
        let keys = match &self.place {
            Place::Table(table) => table.keys()?,
            Place::Redis(redis) => redis.ask("KEYS", &[b"*"])?,
        };
        let bytes = keys.iter().map(|key| size_of::<String>() + key.len());
        if size_of::<Vec<String>>() + bytes.sum::<usize>() > MAX_RESULT_BYTES {
            return Err(too_large(MAX_RESULT_BYTES));
        }
        Ok(keys)
    }

    fn check_key(&self, key: &str) -> Result<(), wit::Error> {
        match &self.quotas {
            Some(quotas) => quotas.check_key(key).map_err(wit::Error::Other),
            None => Ok(()),
        }
    }
}

/// A store's rows in the database file.
struct Table {
    label: String,
    connection: Arc<Mutex<Connection>>,
}

impl Table {
    fn connection(&self) -> MutexGuard<'_, Connection> {
        // A panic of another guest's call leaves SQLite itself consistent.
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, key: &str, value: &[u8], quotas: Option<&Quotas>) -> Result<(), wit::Error> {
        // Held to the end, so that no two new keys are both the last one.
        let connection = self.connection();
        if let Some(quotas) = quotas {
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
        self.connection()
            .prepare_cached("DELETE FROM spin_key_value WHERE store=$1 AND key=$2")?
            .execute([&self.label, key])?;
        Ok(())
    }

    fn keys(&self) -> rusqlite::Result<Vec<String>> {
        self.connection()
            .prepare_cached("SELECT key FROM spin_key_value WHERE store=$1")?
            .query_map([&self.label], |row| row.get(0))?
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
}

/// A database of Redis: a store has it for itself.
struct Redis {
    client: redis::Client,
    connection: Mutex<Option<redis::Connection>>,
}

impl Redis {
    /// Asks Redis, over a connection that all guests share. One that is broken is made anew for the next who asks.
    fn ask<T: FromRedisValue>(&self, command: &str, arguments: &[&[u8]]) -> Result<T, wit::Error> {
        let mut shared = self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let connection = match &mut *shared {
            Some(connection) => connection,
            None => shared.insert(self.client.get_connection()?),
        };
        let answer = redis::cmd(command).arg(arguments).query(connection);
        if answer.is_err() {
            *shared = None;
        }
        Ok(answer?)
    }
}

impl From<redis::RedisError> for wit::Error {
    fn from(error: redis::RedisError) -> Self {
        Self::Other(format!("{error:?}"))
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
