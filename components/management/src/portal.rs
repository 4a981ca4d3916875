//! Portal links, and the sessions of the dashboard that they open.

pub(crate) mod create_link;
pub(crate) mod open_link;
pub(crate) mod revoke_sessions;
