//! The end-to-end suites, a file for each subject. They are one program, so that they share one
//! service and the waiting of one costs the others no time.

mod api_keys;
mod attacks;
mod batch;
mod catalogue;
mod checks;
mod client;
mod cloud_events;
mod concurrency;
mod contract;
mod dashboard;
mod deliveries;
mod event_types;
mod events;
mod logs;
mod loops;
mod operator_events;
mod preview;
mod problems;
mod purge;
mod receivers;
mod recipes;
mod reference;
mod restart;
mod secret_headers;
mod settings;
mod shut_in;
mod signing_keys;
mod statistics;
mod templates;
mod test_send;
mod transfer;
mod triggers;
mod whole;
