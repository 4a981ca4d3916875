//! `/v1/accounts/{account}/triggers[/{trigger}]`

use domain::{
    id::TriggerId,
    trigger::{Trigger, TriggerInput},
};
use http::StatusCode;
use platform::{
    catalogue,
    http::{Request, Response, account, etag},
    idempotency::Once,
    problem::Problem,
    triggers::{TriggerFilter, Triggers},
};

use crate::{
    created,
    view::{Lens, TriggerView},
};

pub(crate) async fn create(request: &Request, account_id: &str) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let account = account(account_id)?;
    let input: TriggerInput = request.json()?;
    let triggers = Triggers::of(account)?;
    let once = Once::of(request, Some(triggers.account()))?;
    let trigger = triggers.create(input, &once).await?;
    let lens = Lens::on(&trigger.actions, &triggers, &request.head)?;
    Ok(created(
        &format!("/v1/accounts/{account_id}/triggers/{}", trigger.id),
        &etag(trigger.revision),
        &TriggerView::of(&trigger, &lens)?,
    ))
}

pub(crate) fn list(request: &Request, account_id: &str) -> Result<Response, Problem> {
    let account = account(account_id)?;
    let query = request
        .head
        .query(&["type", "enabled", "q", "ids", "limit", "cursor"])?;
    let filter = TriggerFilter {
        event_type: catalogue::wanted(&query)?,
        enabled: query.flag("enabled")?,
        text: query.get("q"),
        ids: query.trigger_ids("ids")?,
    };
    let page = query.page(|id| TriggerId::parse(id).is_ok())?;

    let triggers = Triggers::of(account)?;
    let (found, next) = triggers.list(&filter, &page)?;
    let lens = Lens::on(
        found.iter().flat_map(|trigger| &trigger.actions),
        &triggers,
        &request.head,
    )?;
    let views = found.iter().map(|trigger| TriggerView::of(trigger, &lens));
    Ok(Response::list(&views.collect::<Result<Vec<_>, _>>()?, next))
}

pub(crate) fn show(
    request: &Request,
    account_id: &str,
    trigger_id: &str,
) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let triggers = Triggers::of(account(account_id)?)?;
    let trigger = triggers.find(trigger_id)?;
    request.preconditions()?.read(&etag(trigger.revision), || {
        view(request, &trigger, &triggers)
    })
}

pub(crate) async fn change(
    request: &Request,
    account_id: &str,
    trigger_id: &str,
) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let account = account(account_id)?;
    let patch = request.merge_patch()?;
    let triggers = Triggers::of(account)?;
    let trigger = triggers
        .change(trigger_id, patch, &request.preconditions()?)
        .await?;
    shown(request, &trigger, &triggers)
}

pub(crate) async fn replace(
    request: &Request,
    account_id: &str,
    trigger_id: &str,
) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let account = account(account_id)?;
    let input: TriggerInput = request.json()?;
    let triggers = Triggers::of(account)?;
    let trigger = triggers
        .replace(trigger_id, input, &request.preconditions()?)
        .await?;
    shown(request, &trigger, &triggers)
}

/// A trigger as it is now, with its version.
fn shown(request: &Request, trigger: &Trigger, triggers: &Triggers) -> Result<Response, Problem> {
    Ok(view(request, trigger, triggers)?.header("etag", etag(trigger.revision)))
}

fn view(request: &Request, trigger: &Trigger, triggers: &Triggers) -> Result<Response, Problem> {
    let lens = Lens::on(&trigger.actions, triggers, &request.head)?;
    Ok(Response::ok(&TriggerView::of(trigger, &lens)?))
}

pub(crate) async fn delete(
    request: &Request,
    account_id: &str,
    trigger_id: &str,
) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let triggers = Triggers::of(account(account_id)?)?;
    triggers
        .delete(trigger_id, &request.preconditions()?)
        .await?;
    Ok(Response::empty(StatusCode::NO_CONTENT))
}
