//! Where services keep what they keep, and whose limits hold, as the environment wants it for a whole suite.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

/// Names a Redis, `127.0.0.1:PORT`, in which each service gets a database of its own for the key-value store.
pub const REDIS: &str = "REDIS";

/// Names the embedded host's profile: whose limits hold.
pub const PROFILE: &str = "HOST_PROFILE";

fn chosen_by(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Whether the key-value store is in the file that the host makes, where a test may look into it.
pub fn are_files() -> bool {
    chosen_by(REDIS).is_none()
}

/// What the setting `ledger_durability` has to be: a platform's database takes no other than its own way.
pub(crate) fn durability() -> &'static str {
    match chosen_by(PROFILE) {
        Some(_) => "engine",
        None => "full",
    }
}

/// The command with the stores and limits that the environment chooses. What it was given is noted in `folder`, for whoever starts
/// on the same data again.
pub(crate) fn chosen(mut command: harness::Command, folder: &Path) -> Result<harness::Command> {
    if let Some(profile) = chosen_by(PROFILE) {
        ensure!(!command.current_host().is_spin(), "Spin has no {PROFILE}");
        command = command.arg("--profile").arg(profile);
    }
    let Some(redis) = chosen_by(REDIS) else {
        return Ok(command);
    };
    let config = folder.join("runtime-config.toml");
    if !config.is_file() {
        let database = free_database(&redis)?;
        let text = format!(
            "[key_value_store.default]\ntype = \"redis\"\nurl = \"redis://{redis}/{database}\"\n"
        );
        std::fs::write(&config, text)?;
    }
    Ok(command.arg("--runtime-config-file").arg(config))
}

/// The number of a database that nobody was given before. Database 0 counts them.
fn free_database(redis: &str) -> Result<u64> {
    let mut stream = TcpStream::connect(redis).with_context(|| format!("no Redis at {redis}"))?;
    stream.write_all(b"INCR databases\r\n")?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    let number = answer.trim().strip_prefix(':');
    number
        .and_then(|number| number.parse().ok())
        .with_context(|| format!("Redis answers {answer:?}"))
}
