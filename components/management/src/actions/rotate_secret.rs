//! Rotates an action's signing secret.

use domain::secret::RotationInput;
use platform::{
    http::{Request, Response},
    idempotency::Once,
    problem::Problem,
    triggers::Triggers,
};

use super::{place, secrets};

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let account = request.account()?;
    let rotation: RotationInput = request.json_if_any()?;
    let overlap = rotation.overlap().map_err(|error| vec![error])?;
    let triggers = Triggers::of(account)?;
    let once = Once::of(request, Some(triggers.account()))?;
    let rotated = triggers
        .rotate_secret(place(request), overlap, &once)
        .await?;
    Ok(secrets(rotated))
}
