//! Creates a trigger.

use domain::trigger::TriggerInput;
use platform::{
    http::{Request, Response, etag},
    idempotency::Once,
    problem::Problem,
    triggers::Triggers,
};

use crate::{created, view::Lens};

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let account = request.account()?;
    let input: TriggerInput = request.json()?;
    let triggers = Triggers::of(account)?;
    let once = Once::of(request, Some(triggers.account()))?;
    let trigger = triggers.create(input, &once).await?;
    let lens = Lens::on(&trigger.actions, &triggers, &request.head)?;
    Ok(created(
        &format!(
            "/v1/accounts/{}/triggers/{}",
            triggers.account(),
            trigger.id
        ),
        &etag(trigger.revision),
        &lens.trigger(&trigger)?,
    ))
}
