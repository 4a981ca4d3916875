//! The rules of webhook triggers, without a host.
//!
//! Nothing in this crate performs I/O, reads a clock or draws randomness: `now` and entropy are
//! arguments, so that every rule can be tested natively and every decision replayed.

pub mod access;
pub mod account;
pub mod catalogue;
pub mod charset;
pub mod check;
pub mod delivery;
#[cfg(test)]
mod docs;
pub mod event;
pub mod filter;
pub mod headers;
pub mod hops;
pub mod id;
pub mod idempotency;
pub mod input;
pub mod log;
pub mod matching;
pub mod merge_patch;
pub mod metrics;
pub mod number;
pub mod operator;
pub mod origin;
pub mod pace;
pub mod page;
pub mod pause;
pub mod portal;
pub mod preconditions;
pub mod preview;
pub mod quota;
pub mod rate_limit;
pub mod schedule;
#[cfg(feature = "document")]
pub mod schema;
pub mod sealing;
pub mod secret;
pub mod signing;
pub mod signing_keys;
pub mod statistics;
pub mod template;
pub mod time;
pub mod trace;
pub mod transfer;
pub mod trial;
pub mod trigger;
pub mod url_policy;
pub mod webhook;
