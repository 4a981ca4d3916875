//! SQLite databases: the file that `spin up` uses, a connection of its own for each that a guest opens.
//!
//! Nothing is configured on a connection, so SQLite's defaults hold as they do under Spin: a rollback journal until the guest
//! asks for another, `synchronous=FULL`, rusqlite's busy timeout of five seconds.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::types::{FromSql, FromSqlResult, ValueRef};
use wasmtime::component::Resource;

use crate::bindings::sqlite as wit;
use crate::guest::Guest;
use crate::key_value::MAX_RESULT_BYTES;
use crate::quotas::Quotas;

/// The file below the state directory.
const FILE: &str = "sqlite_db.db";

/// The most connections that one instance may have open.
const MAX_CONNECTIONS: usize = 256;

/// The one database.
pub(crate) struct Sqlite {
    path: PathBuf,
    quotas: Option<Quotas>,
}

impl Sqlite {
    pub(crate) fn new(state_dir: &Path, quotas: Option<Quotas>) -> Self {
        Self {
            path: state_dir.join(FILE),
            quotas,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// A connection as a guest has it open. The file is opened by the first statement.
#[expect(unreachable_pub, reason = "the bindings re-export it")]
pub struct Connection {
    path: PathBuf,
    quotas: Option<Quotas>,
    connection: OnceLock<Arc<Mutex<rusqlite::Connection>>>,
}

impl Connection {
    fn get(&self) -> rusqlite::Result<Arc<Mutex<rusqlite::Connection>>> {
        if let Some(connection) = self.connection.get() {
            return Ok(connection.clone());
        }
        let connection = rusqlite::Connection::open(&self.path)?;
        let restricted = self.quotas.is_some();
        connection.authorizer(Some(move |context: AuthContext<'_>| {
            match authorize(&context, restricted) {
                true => Authorization::Allow,
                false => Authorization::Deny,
            }
        }));
        let new = Arc::new(Mutex::new(connection));
        Ok(self.connection.get_or_init(|| new).clone())
    }
}

/// Spin allows everything but attaching a file; a host with quotas also what a remote libSQL database cannot do.
fn authorize(context: &AuthContext<'_>, restricted: bool) -> bool {
    match context.action {
        AuthAction::Attach { filename } => matches!(filename, "" | ":memory:"),
        AuthAction::Transaction { .. } | AuthAction::Savepoint { .. } => !restricted,
        AuthAction::Pragma {
            pragma_name,
            pragma_value,
        } => !restricted || crate::quotas::pragma_reads(pragma_name, pragma_value),
        _ => true,
    }
}

fn execute(
    connection: &Mutex<rusqlite::Connection>,
    sql: &str,
    parameters: Vec<wit::Value>,
    quotas: Option<&Quotas>,
) -> Result<wit::QueryResult, wit::Error> {
    let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(quotas) = quotas {
        quotas
            .check_statement(&connection, sql)
            .map_err(wit::Error::Io)?;
    }
    let mut statement = connection.prepare_cached(sql)?;
    let columns = statement
        .column_names()
        .into_iter()
        .map(ToOwned::to_owned)
        .collect();
    let parameters = parameters.into_iter().map(rusqlite::types::Value::from);
    let mut rows = statement.query(rusqlite::params_from_iter(parameters))?;
    let mut bytes = size_of::<wit::QueryResult>();
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let values = (0..row.as_ref().column_count())
            .map(|column| row.get::<_, Cell>(column).map(|cell| cell.0))
            .collect::<rusqlite::Result<Vec<_>>>()?;
        bytes += values.iter().map(size).sum::<usize>();
        if bytes > MAX_RESULT_BYTES {
            return Err(wit::Error::Io(format!(
                "query result exceeds limit of {MAX_RESULT_BYTES} bytes"
            )));
        }
        found.push(wit::RowResult { values });
    }
    Ok(wit::QueryResult {
        columns,
        rows: found,
    })
}

impl From<rusqlite::Error> for wit::Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Io(error.to_string())
    }
}

fn size(value: &wit::Value) -> usize {
    size_of::<wit::Value>()
        + match value {
            wit::Value::Text(text) => text.len(),
            wit::Value::Blob(blob) => blob.len(),
            wit::Value::Null | wit::Value::Integer(_) | wit::Value::Real(_) => 0,
        }
}

impl From<wit::Value> for rusqlite::types::Value {
    fn from(value: wit::Value) -> Self {
        match value {
            wit::Value::Null => Self::Null,
            wit::Value::Integer(integer) => Self::Integer(integer),
            wit::Value::Real(real) => Self::Real(real),
            wit::Value::Text(text) => Self::Text(text),
            wit::Value::Blob(blob) => Self::Blob(blob),
        }
    }
}

struct Cell(wit::Value);

impl FromSql for Cell {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Ok(Self(match value {
            ValueRef::Null => wit::Value::Null,
            ValueRef::Integer(integer) => wit::Value::Integer(integer),
            ValueRef::Real(real) => wit::Value::Real(real),
            ValueRef::Text(_) => wit::Value::Text(value.as_str()?.to_owned()),
            ValueRef::Blob(blob) => wit::Value::Blob(blob.to_vec()),
        }))
    }
}

impl wit::Host for Guest {}

impl wit::HostConnection for Guest {
    async fn open(
        &mut self,
        database: String,
    ) -> wasmtime::Result<Result<Resource<Connection>, wit::Error>> {
        if !self.component.sqlite_databases.contains(&database) {
            return Ok(Err(wit::Error::AccessDenied));
        }
        if self.open_connections >= MAX_CONNECTIONS {
            let message = "too many connections opened".to_owned();
            return Ok(Err(wit::Error::Io(message)));
        }
        self.open_connections += 1;
        let sqlite = &self.app.sqlite;
        let connection = Connection {
            path: sqlite.path.clone(),
            quotas: sqlite.quotas.clone(),
            connection: OnceLock::new(),
        };
        Ok(Ok(self.table.push(connection)?))
    }

    async fn execute(
        &mut self,
        connection: Resource<Connection>,
        statement: String,
        parameters: Vec<wit::Value>,
    ) -> wasmtime::Result<Result<wit::QueryResult, wit::Error>> {
        let connection = self.table.get(&connection)?;
        let quotas = connection.quotas.clone();
        let connection = match connection.get() {
            Ok(connection) => connection,
            Err(error) => return Ok(Err(error.into())),
        };
        // Off the threads that serve requests: a statement may wait for another connection's lock.
        let result = tokio::task::spawn_blocking(move || {
            execute(&connection, &statement, parameters, quotas.as_ref())
        });
        Ok(result
            .await
            .unwrap_or_else(|_| Err(wit::Error::Io("internal runtime error".to_owned()))))
    }

    async fn drop(&mut self, connection: Resource<Connection>) -> wasmtime::Result<()> {
        self.table.delete(connection)?;
        self.open_connections -= 1;
        Ok(())
    }
}
