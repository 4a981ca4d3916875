//! Load: events posted over keep-alive connections, each bounded in time and in number.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use tokio::{
    sync::{Mutex, Semaphore},
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

use crate::{
    client::{Client, Prepared},
    service::Service,
};

/// The most events of one load: what they are owed to is waited for.
const MAX_EVENTS: usize = 20_000;

/// Connections that a load of a given rate has: enough that none has to wait for another.
const POOL: usize = 16;

/// What a load came to.
pub(crate) struct Load {
    /// Each request whose events were accepted.
    pub(crate) posted: Vec<Posted>,
    /// How long it took.
    pub(crate) took: Duration,
}

/// A request whose events were accepted.
pub(crate) struct Posted {
    /// When it was sent.
    pub(crate) at: Instant,
    /// How long its answer took.
    pub(crate) took: Duration,
    /// How many events they are.
    pub(crate) events: usize,
    /// The webhooks they are owed to.
    pub(crate) owed: Vec<String>,
}

impl Load {
    /// How long the answers took.
    pub(crate) fn latencies(&self) -> Vec<Duration> {
        self.posted.iter().map(|posted| posted.took).collect()
    }

    /// How many events were accepted.
    pub(crate) fn events(&self) -> usize {
        self.posted.iter().map(|posted| posted.events).sum()
    }

    /// Events a second.
    pub(crate) fn rate(&self) -> f64 {
        self.events() as f64 / self.took.as_secs_f64()
    }

    /// The webhooks that are owed.
    pub(crate) fn owed(&self) -> Vec<String> {
        self.posted
            .iter()
            .flat_map(|posted| posted.owed.iter().cloned())
            .collect()
    }
}

/// Posts as fast as the service answers, over so many connections, one request at a time on each.
pub(crate) async fn as_fast_as_it_goes(
    service: &Service,
    prepared: &Prepared,
    connections: usize,
    duration: Duration,
) -> Result<Load> {
    let mut clients = Vec::new();
    for _ in 0..connections {
        clients.push(service.connect().await?);
    }
    let start = Instant::now();
    let mut callers = JoinSet::new();
    for mut client in clients {
        let prepared = prepared.clone();
        let most = MAX_EVENTS / connections / prepared.events.count();
        callers.spawn(async move {
            let mut posted = Vec::new();
            while start.elapsed() < duration && posted.len() < most {
                posted.push(post(&mut client, &prepared, Instant::now()).await?);
            }
            anyhow::Ok(posted)
        });
    }
    let mut posted = Vec::new();
    while let Some(finished) = callers.join_next().await {
        posted.extend(finished.context("a caller failed")??);
    }
    Ok(Load {
        posted,
        took: start.elapsed(),
    })
}

/// Posts so many events a second, evenly, however long the answers take.
pub(crate) async fn evenly(
    service: &Service,
    prepared: &Prepared,
    per_second: u32,
    duration: Duration,
) -> Result<Load> {
    let mut pool = Vec::new();
    for _ in 0..POOL {
        pool.push(service.connect().await?);
    }
    let (pool, free) = (Arc::new(Mutex::new(pool)), Arc::new(Semaphore::new(POOL)));
    let count = (duration.as_secs_f64() * f64::from(per_second)) as usize;
    let mut ticks = interval(Duration::from_secs(1) / per_second);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let start = Instant::now();
    let mut calls = JoinSet::new();
    for _ in 0..count.min(MAX_EVENTS) {
        ticks.tick().await;
        let at = Instant::now();
        let (pool, free, prepared) = (Arc::clone(&pool), Arc::clone(&free), prepared.clone());
        calls.spawn(async move {
            // Waiting for a connection counts: a caller's user would wait as well.
            let _permit = free.acquire().await?;
            let mut client = pool
                .lock()
                .await
                .pop()
                .context("a permit is a connection")?;
            let posted = post(&mut client, &prepared, at).await?;
            pool.lock().await.push(client);
            anyhow::Ok(posted)
        });
    }
    let mut posted = Vec::new();
    while let Some(finished) = calls.join_next().await {
        posted.push(finished.context("a caller failed")??);
    }
    Ok(Load {
        posted,
        took: start.elapsed(),
    })
}

async fn post(client: &mut Client, prepared: &Prepared, at: Instant) -> Result<Posted> {
    let owed = client.post(prepared).await?;
    Ok(Posted {
        at,
        took: at.elapsed(),
        events: prepared.events.count(),
        owed,
    })
}
