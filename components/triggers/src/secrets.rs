//! `…/actions/{action}/secret[/rotate]`: the one place where a signing secret is shown.

use std::time::Duration;

use domain::{input::FieldError, secret::SigningSecret, time::Timestamp, trigger::Secrets};
use platform::{
    clock, config, entropy,
    http::{Request, Response, account},
    ledger,
    problem::Problem,
    store::{self, TriggerStore},
};
use serde::{Deserialize, Serialize};

use crate::{actions::find, stores, view::vault};

/// How long a rotated secret goes on signing when the caller does not say, in seconds.
const DEFAULT_OVERLAP: u32 = 24 * 60 * 60;
/// The longest that it can, in seconds.
const MAX_OVERLAP: u32 = 7 * 24 * 60 * 60;

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

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rotation {
    overlap_seconds: Option<u32>,
}

pub(crate) fn show(
    account_id: &str,
    trigger_id: &str,
    action_id: &str,
) -> Result<Response, Problem> {
    let account = account(account_id)?;
    let trigger = stores::trigger(&TriggerStore::open()?, &account, trigger_id)?;
    let sealer = config::sealer()?;
    let secrets = find(&trigger, action_id)?.secrets(&vault(&account, &sealer))?;
    Ok(secret_response(&secrets))
}

pub(crate) async fn rotate(
    request: &Request,
    account_id: &str,
    trigger_id: &str,
    action_id: &str,
) -> Result<Response, Problem> {
    let account = account(account_id)?;
    // Every member is optional, and so is the body.
    let rotation: Rotation = if request.body().is_empty() {
        Rotation::default()
    } else {
        request.json()?
    };
    let overlap = rotation.overlap_seconds.unwrap_or(DEFAULT_OVERLAP);
    if overlap > MAX_OVERLAP {
        let detail = format!("is 0 to {MAX_OVERLAP} (7 days), not {overlap}");
        return Err(Problem::invalid(vec![FieldError::new(
            "/overlap_seconds",
            detail,
        )]));
    }
    let sealer = config::sealer()?;
    let vault = vault(&account, &sealer);
    let store = TriggerStore::open()?;
    let ledger = ledger::open()?;
    let secrets = store::change(&store, &ledger, &account, store::PATIENCE, |writer| {
        let before = stores::trigger(&store, &account, trigger_id)?;
        let mut action = find(&before, action_id)?.clone();
        let now = clock::now();
        let expires_at = now + Duration::from_secs(overlap.into());
        action.rotate(
            &SigningSecret::new(entropy::bytes()),
            expires_at,
            &vault,
            now,
        );
        writer.put(Some(&before), &before.with(&action, now))?;
        Ok(action.secrets(&vault)?)
    })
    .await?;
    Ok(secret_response(&secrets))
}

fn secret_response(secrets: &Secrets) -> Response {
    Response::ok(&View::of(secrets, clock::now())).header("cache-control", "no-store")
}
