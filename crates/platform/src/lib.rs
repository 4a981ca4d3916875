//! What the rules need of the world, on Spin: the one crate that knows the SDK.
//!
//! Components parse HTTP with [`http`], call the domain's functions, and do the I/O that those ask
//! for through [`store`] (triggers, in the key-value store) and [`ledger`] (events, deliveries and
//! attempts, in SQLite).

pub mod api_keys;
pub mod auth;
pub mod catalogue;
pub mod clock;
pub mod config;
pub mod entropy;
pub mod http;
pub mod idempotency;
pub mod ledger;
pub mod log;
pub mod matching;
pub mod nudge;
pub mod operator;
pub mod outbound;
pub mod own_api;
pub mod pauses;
pub mod portal;
pub mod problem;
pub mod resealing;
pub mod signing_keys;
pub mod store;
mod stream;
pub mod triggers;
mod wait;
