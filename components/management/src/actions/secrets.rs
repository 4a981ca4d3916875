//! Signing secrets, as they are shown and rotated.

use domain::{time::Timestamp, trigger::Secrets};
use platform::{clock, http::Response};
use serde::Serialize;

#[derive(Serialize)]
struct View {
    secret: String,
    previous: Vec<PreviousView>,
}

#[derive(Serialize)]
struct PreviousView {
    secret: String,
    expires_at: Timestamp,
}

impl View {
    /// The secrets that sign at `now`.
    fn of(secrets: &Secrets, now: Timestamp) -> Self {
        let live = secrets
            .previous
            .iter()
            .filter(|(_, expires_at)| *expires_at > now);
        let previous = live.map(|(secret, expires_at)| PreviousView {
            secret: secret.reveal(),
            expires_at: *expires_at,
        });
        Self {
            secret: secrets.current.reveal(),
            previous: previous.collect(),
        }
    }
}

pub(super) fn respond(secrets: &Secrets) -> Response {
    Response::ok(&View::of(secrets, clock::now())).header("cache-control", "no-store")
}
