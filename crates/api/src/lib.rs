//! The one source for the API.
//!
//! The OpenAPI document is made with the feature `document`, by build scripts and tests; what runs as
//! WebAssembly does without.

#[cfg(feature = "document")]
pub mod document;

#[cfg(feature = "document")]
pub use document::document;
