//! The one source for the API: its operations, with their routes, their access and what the OpenAPI document says of them.
//!
//! The document is made with the feature `document`, by build scripts and tests; what runs as WebAssembly does without.

#[cfg(feature = "document")]
pub mod document;
mod operation;
mod operations;
pub mod problem;
pub mod route;
pub mod wire;

#[cfg(feature = "document")]
pub use document::document;
pub use operation::{Access, Component};
pub use operations::Operation;
pub use route::{Found, Route, find};
