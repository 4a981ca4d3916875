//! `/v1/accounts/{account}/triggers/{trigger}/actions[/{action}]`

use domain::{
    id::ActionId,
    page,
    trigger::{Action, ActionInput},
};
use http::StatusCode;
use platform::{
    http::{Request, Response, account, etag},
    idempotency::Once,
    problem::Problem,
    triggers::{Triggers, find_action},
};

use crate::{
    created,
    view::{ActionView, Lens},
};

pub(crate) async fn create(
    request: &Request,
    account_id: &str,
    trigger_id: &str,
) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let account = account(account_id)?;
    let input: ActionInput = request.json()?;
    let triggers = Triggers::of(account)?;
    let once = Once::of(request, Some(triggers.account()))?;
    let action = triggers.add_action(trigger_id, input, &once).await?;
    Ok(created(
        &format!(
            "/v1/accounts/{account_id}/triggers/{trigger_id}/actions/{}",
            action.id
        ),
        &etag(action.revision),
        &ActionView::of(&action, &Lens::on([&action], &triggers, &request.head)?)?,
    ))
}

pub(crate) fn list(
    request: &Request,
    account_id: &str,
    trigger_id: &str,
) -> Result<Response, Problem> {
    let account = account(account_id)?;
    let page = request
        .head
        .query(&["limit", "cursor"])?
        .page(|id| ActionId::parse(id).is_ok())?;
    let triggers = Triggers::of(account)?;
    let trigger = triggers.find(trigger_id)?;
    let after = page
        .after
        .as_deref()
        .and_then(|id| ActionId::parse(id).ok());
    let mut actions: Vec<_> = trigger.actions.iter().collect();
    actions.sort_by_key(|action| action.id);
    actions.retain(|action| after.is_none_or(|after| action.id > after));
    let more = actions.len() > page.limit;
    actions.truncate(page.limit);
    let last = actions
        .last()
        .filter(|_| more)
        .map(|action| page::cursor(&action.id.to_string()));

    let lens = Lens::on(actions.iter().copied(), &triggers, &request.head)?;
    let views = actions
        .into_iter()
        .map(|action| ActionView::of(action, &lens));
    Ok(Response::list(&views.collect::<Result<Vec<_>, _>>()?, last))
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
    let action = find_action(&trigger, action_id)?;
    request
        .preconditions()?
        .read(&etag(action.revision), || view(request, action, &triggers))
}

/// An action as it is now, with its version.
fn shown(request: &Request, action: &Action, triggers: &Triggers) -> Result<Response, Problem> {
    Ok(view(request, action, triggers)?.header("etag", etag(action.revision)))
}

fn view(request: &Request, action: &Action, triggers: &Triggers) -> Result<Response, Problem> {
    let lens = Lens::on([action], triggers, &request.head)?;
    Ok(Response::ok(&ActionView::of(action, &lens)?))
}

pub(crate) async fn change(
    request: &Request,
    account_id: &str,
    trigger_id: &str,
    action_id: &str,
) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let account = account(account_id)?;
    let patch = request.merge_patch()?;
    let triggers = Triggers::of(account)?;
    let action = triggers
        .change_action((trigger_id, action_id), patch, &request.preconditions()?)
        .await?;
    shown(request, &action, &triggers)
}

pub(crate) async fn replace(
    request: &Request,
    account_id: &str,
    trigger_id: &str,
    action_id: &str,
) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let account = account(account_id)?;
    let input: ActionInput = request.json()?;
    let triggers = Triggers::of(account)?;
    let action = triggers
        .replace_action((trigger_id, action_id), input, &request.preconditions()?)
        .await?;
    shown(request, &action, &triggers)
}

pub(crate) async fn delete(
    request: &Request,
    account_id: &str,
    trigger_id: &str,
    action_id: &str,
) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let triggers = Triggers::of(account(account_id)?)?;
    triggers
        .delete_action((trigger_id, action_id), &request.preconditions()?)
        .await?;
    Ok(Response::empty(StatusCode::NO_CONTENT))
}
