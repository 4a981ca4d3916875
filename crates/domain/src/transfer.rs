//! An account's triggers as a document: what an export writes, and what an import makes of it.
//!
//! ```text
//! trigger ──TriggerEntry::of──▶ Document ──JSON──▶ Document::read ──check──▶ Incoming ──plan──▶ Planned
//! ```
//!
//! A document says everything that makes the same triggers again: ids, what callers set, when they
//! were made. Signing secrets and the values of custom headers are left out, or are encrypted
//! with a passphrase ([`Lock`]). Values of headers that are left out are null.
//!
//! # Ids
//!
//! A trigger or action keeps its id in an account of the name that the document was exported from.
//! In another account it gets an id that follows from its own and that account's: always the same
//! one, so that a second import finds what the first one made, and never one that something else
//! in the deployment has.
//!
//! # What an import changes
//!
//! A trigger that is there becomes what the document says, its actions included: those that
//! the document does not have go. Triggers that the document does not have stay. What a document
//! without secrets cannot say (a signing secret, the value of a header) stays as it is; a new
//! action gets a secret of its own, and its headers without a value are left out and named.

mod document;
mod incoming;
mod lock;
mod plan;

pub use document::{Document, ImportInput, TriggerEntry};
pub use incoming::{Destination, Incoming};
pub use lock::{
    InvalidPassphrase, LANES, Lock, MAX_PASSPHRASE, MEMORY_KIB, MIN_PASSPHRASE, PASSES, Passphrase,
    SALT_LENGTH,
};
pub use plan::{ActionSummary, Outcome, PlanError, Planned, TriggerSummary};

#[cfg(test)]
mod tests;
