//! The event types: the built-in ones, and those that the deployment adds.

pub(crate) mod delete;
pub(crate) mod list;
pub(crate) mod put;
pub(crate) mod show;

use domain::catalogue::{Catalogue, EventType};
use platform::problem::Problem;

/// The type that a path names.
fn find<'c>(catalogue: &'c Catalogue, key: &str) -> Result<&'c EventType, Problem> {
    let found = catalogue.named(key);
    found.map_err(|error| Problem::not_found(error.to_string()))
}
