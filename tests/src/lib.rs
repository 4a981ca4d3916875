//! What the end-to-end suites share: the service under test, a client of its API, and a receiver of
//! webhooks.
//!
//! The suites speak only HTTP to the components as they were built. `SPIN=/path/to/spin` runs them
//! on Spin, else they run on the embedded host. `MANIFEST` names another application than the
//! workspace's own `spin.toml`. Every exchange is held against the OpenAPI document.
//!
//! ```text
//! test ──▶ Account ──HTTP──▶ Service (host process) ──webhook──▶ Receiver ──▶ test
//! ```
//!
//! Tests run side by side on one service, each with an account of its own; those that restart it,
//! or that need it idle, start their own. Nothing here sleeps and hopes: it waits for
//! a condition, with a deadline, and says what it saw when the deadline passes.

mod account;
mod api;
pub mod contract;
pub mod kept;
mod ledger_clock;
mod memory;
mod misbehaving;
mod receiver;
mod service;
mod signature;
pub mod stores;
mod wait;

pub use account::{Account, Hook};
pub use api::{Api, Problem, Reply};
pub use ledger_clock::{LedgerClock, Runner};
pub use misbehaving::{Act, Misbehaving};
pub use receiver::{Answer, Receiver, Webhook};
pub use service::{ENCRYPTION_KEY, KEY, OPEN, Service, Settings};
pub use wait::{DEADLINE, eventually};

/// Says that a test can't run here, where something is `missing`: on a developer's machine. It is then
/// over, and has shown nothing.
///
/// # Errors
///
/// On CI, where nothing is skipped.
pub fn skip(missing: &str) -> anyhow::Result<()> {
    let message = format!("{missing}; `cargo xtask setup` installs it, or says what it lacks");
    let ci = std::env::var_os("CI").is_some_and(|ci| !ci.is_empty());
    anyhow::ensure!(!ci, "{message}");
    eprintln!("SKIPPED: {message}");
    Ok(())
}

/// Milliseconds since the Unix epoch of a time as the API writes it: RFC 3339 in UTC, with a `Z`.
///
/// # Errors
///
/// When it is no text, or written in another way.
pub fn millis(time: &serde_json::Value) -> anyhow::Result<i64> {
    let text = time.as_str().unwrap_or_default();
    anyhow::ensure!(text.ends_with('Z'), "{time} is no time in UTC");
    Ok(text.parse::<jiff::Timestamp>()?.as_millisecond())
}

/// The `id` of a resource; `?` where it has none, which names nothing.
pub fn id(resource: &serde_json::Value) -> &str {
    resource["id"].as_str().unwrap_or("?")
}

/// Checks that `actual` has every member of `expected`, with its value. What else it has is not
/// looked at: a resource may grow members.
///
/// # Errors
///
/// When a member is missing or has another value.
pub fn has(actual: &serde_json::Value, expected: &serde_json::Value) -> anyhow::Result<()> {
    for (name, value) in expected.as_object().into_iter().flatten() {
        anyhow::ensure!(
            actual.get(name) == Some(value),
            "{name} is not {value} in {actual}"
        );
    }
    Ok(())
}
