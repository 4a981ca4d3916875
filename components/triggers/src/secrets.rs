//! `…/actions/{action}/secret[/rotate]`: the one place where a signing secret is shown.

use domain::{secret::RotationInput, time::Timestamp, trigger::Secrets};
use platform::{
    clock,
    http::{Request, Response, account},
    idempotency::Once,
    problem::Problem,
    triggers::{Triggers, find_action},
};
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

pub(crate) fn show(
    request: &Request,
    account_id: &str,
    trigger_id: &str,
    action_id: &str,
) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let triggers = Triggers::of(account(account_id)?)?;
    let trigger = triggers.find(trigger_id)?;
    let secrets = find_action(&trigger, action_id)?.secrets(&triggers.vault())?;
    Ok(secret_response(&secrets))
}

pub(crate) async fn rotate(
    request: &Request,
    account_id: &str,
    trigger_id: &str,
    action_id: &str,
) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let account = account(account_id)?;
    let rotation: RotationInput = request.json_if_any()?;
    let overlap = rotation.overlap().map_err(|error| vec![error])?;
    let triggers = Triggers::of(account)?;
    let once = Once::of(request, Some(triggers.account()))?;
    let secrets = triggers
        .rotate_secret((trigger_id, action_id), overlap, &once)
        .await?;
    Ok(secret_response(&secrets))
}

fn secret_response(secrets: &Secrets) -> Response {
    Response::ok(&View::of(secrets, clock::now())).header("cache-control", "no-store")
}
