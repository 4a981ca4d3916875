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
//! A trigger or action keeps its id only where it is there already: in an account that has a trigger
//! of that id, and with an action of that id in it. Everywhere else it gets an id derived from the
//! account and the document's id: always the same one, so that a second import finds what the first
//! one made, and never one that another account has. The account that the document names decides
//! nothing: whoever writes the document writes that too.
//!
//! # What an import changes
//!
//! A trigger that is there becomes what the document says, its actions included: those that
//! the document does not have go. Triggers that the document does not have stay. What a document
//! without secrets cannot say (a signing secret, the value of a header) stays as it is; a new
//! action gets a secret of its own, and its headers without a value are left out and named.
//!
//! A document that is not the very one that an export of this account made ([`Seal`]) does not
//! keep what is stored for an action whose URL it moves to another origin: whoever altered it would
//! have it sent there.

mod document;
mod incoming;
mod lock;
mod plan;
mod seal;

pub use document::{Document, ImportInput, TriggerEntry};
pub use incoming::{Destination, Incoming};
pub use lock::{
    InvalidPassphrase, LANES, Lock, MAX_PASSPHRASE, MEMORY_KIB, MIN_PASSPHRASE, PASSES, Passphrase,
    SALT_LENGTH,
};
pub use plan::{ActionSummary, Outcome, PlanError, Planned, TriggerSummary, UrlChange};
pub use seal::Seal;

#[cfg(test)]
mod tests;
