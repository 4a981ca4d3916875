//! One account attacks, and another notices nothing: its events are accepted, its webhooks arrive and its pages are read within a
//! second each, and nothing of it changes. A file for each kind of attack.

mod identity;
mod quantity;
mod time;
mod victim;

use anyhow::{Result, ensure};
use e2e::Account;
use serde_json::Value;
use tokio::sync::{Mutex, MutexGuard};

/// Attacks are made one after the other: what is measured is one account beside another, not one test beside another.
async fn alone() -> MutexGuard<'static, ()> {
    static ATTACK: Mutex<()> = Mutex::const_new(());
    ATTACK.lock().await
}

/// Posts this over and over, however it is answered.
async fn flood(account: &Account, body: &Value) -> Result<()> {
    loop {
        let reply = account.post("/events", body).await?;
        ensure!(!reply.status.is_server_error(), "{reply:?}");
    }
}
