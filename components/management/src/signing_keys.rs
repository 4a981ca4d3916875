//! The key pairs that sign an account's webhooks.

pub(crate) mod create;
pub(crate) mod list;
pub(crate) mod show_public;
