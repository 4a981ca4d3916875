//! The end-to-end suites, a file for each subject. They are one program, so that they share one
//! service and the waiting of one costs the others no time.

mod batch;
mod catalogue;
mod client;
mod cloud_events;
mod concurrency;
mod contract;
mod deliveries;
mod event_types;
mod events;
mod operator_events;
mod preview;
mod problems;
mod purge;
mod receivers;
mod recipes;
mod reference;
mod restart;
mod settings;
mod templates;
mod test_send;
mod transfer;
mod triggers;
mod whole;
