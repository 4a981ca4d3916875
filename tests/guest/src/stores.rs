//! Key-value and SQLite operations of the probe.

use spin_sdk::key_value::{self, Store};
use spin_sdk::sqlite::{self, Connection, Value};

use crate::Command;

/// One operation on the store that the query names.
pub(crate) fn key_value(
    operation: &str,
    command: &Command,
    body: &[u8],
) -> Result<Vec<u8>, key_value::Error> {
    let label = match command.text("store") {
        "" => "default",
        label => label,
    };
    let store = Store::open(label)?;
    let key = command.text("key");
    match operation {
        "get" => Ok(store.get(key)?.unwrap_or_else(|| b"(none)".to_vec())),
        "set" => store.set(key, body).map(|()| Vec::new()),
        "delete" => store.delete(key).map(|()| Vec::new()),
        "exists" => Ok(store.exists(key)?.to_string().into_bytes()),
        "keys" => {
            let mut keys = store.get_keys()?;
            keys.sort();
            Ok(keys.join("\n").into_bytes())
        }
        // Fills the store in one request: a quota of many keys is quick to reach.
        "fill" => {
            for number in 0..command.number("count") {
                store.set(&format!("{key}{number}"), body)?;
            }
            Ok(Vec::new())
        }
        _ => Err(key_value::Error::Other("no such operation".to_owned())),
    }
}

/// Executes each line, and tells its rows or its error on a line of its own. `?` in a statement is the text `parameter`.
pub(crate) fn sqlite(command: &Command, statements: &str) -> Result<String, sqlite::Error> {
    let database = match command.text("database") {
        "" => "default",
        label => label,
    };
    let connection = Connection::open(database)?;
    let mut told = String::new();
    for statement in statements.lines() {
        let parameters = vec![Value::Text("parameter".to_owned()); statement.matches('?').count()];
        told += &match connection.execute(statement, &parameters) {
            Ok(result) => {
                let rows: Vec<String> = result
                    .rows
                    .iter()
                    .map(|row| {
                        let values: Vec<String> = row.values.iter().map(show).collect();
                        values.join(",")
                    })
                    .collect();
                format!("{}: {}", result.columns.join(","), rows.join(" "))
            }
            Err(error) => format!("{error:?}"),
        };
        told += "\n";
    }
    Ok(told)
}

/// Opens so many connections and keeps them all until the last.
pub(crate) fn connections(count: u64) -> Result<(), sqlite::Error> {
    let _open = (0..count)
        .map(|_| Connection::open("default"))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(())
}

fn show(value: &Value) -> String {
    match value {
        Value::Integer(integer) => integer.to_string(),
        Value::Real(real) => real.to_string(),
        Value::Text(text) => text.clone(),
        Value::Blob(blob) => format!("{blob:?}"),
        Value::Null => "null".to_owned(),
    }
}
