//! The ledger's statements, run by a real SQLite: in memory, and in files that threads share.
#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod accept;
mod announcements;
mod batches;
mod budget;
mod claim;
mod cost;
mod history;
mod idempotency;
mod in_flight;
mod isolation;
mod leases;
mod lines;
mod lost_nothing;
mod manual;
mod purge;
mod rate_limits;
mod record;
mod retention;
mod runners;
mod schema;
mod statistics;
mod support;
mod tally;
mod test_send;
