//! Whatever happens to the process and whatever receivers do, a webhook that is owed arrives, and
//! the history tells the truth. A file for each subject.

mod crash;
mod misbehaviour;
mod operator_events;
mod order;
mod runs;
mod schedule;
