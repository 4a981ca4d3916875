//! Waiting for what has to come.

use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How long a test waits for what takes milliseconds on an idle machine.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// How long to wait before looking again. What is waited for here is known only to the service, so
/// there is nothing to be woken by.
const PAUSE: Duration = Duration::from_millis(10);

/// Looks again and again until `look` sees what it wants and returns it, `within` at most.
///
/// # Errors
///
/// What `look` fails with, or `what` did not come in time and what `look` saw last instead.
pub async fn eventually<T, F>(
    what: &str,
    within: Duration,
    mut look: impl FnMut() -> F,
) -> Result<T>
where
    F: Future<Output = Result<Result<T, String>>>,
{
    let end = Instant::now() + within;
    loop {
        match look().await? {
            Ok(seen) => return Ok(seen),
            Err(instead) if Instant::now() > end => {
                bail!("{what} did not come within {within:?}; instead: {instead}")
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}
