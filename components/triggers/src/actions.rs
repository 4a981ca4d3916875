//! `/v1/accounts/{account}/triggers/{trigger}/actions[/{action}]`

use domain::{
    id::ActionId,
    page,
    secret::SigningSecret,
    trigger::{Action, ActionInput, PatchError, Trigger},
};
use http::StatusCode;
use platform::{
    clock, config, entropy,
    http::{Request, Response, account},
    ledger,
    problem::Problem,
    store::{self, TriggerStore},
};

use crate::{
    created,
    stores::{self, fresh},
    view::{ActionView, Lens, etag, vault},
};

pub(crate) async fn create(
    request: &Request,
    account_id: &str,
    trigger_id: &str,
) -> Result<Response, Problem> {
    let account = account(account_id)?;
    let input: ActionInput = request.json()?;
    let policy = config::url_policy()?;
    let sealer = config::sealer()?;
    let vault = vault(&account, &sealer);
    let store = TriggerStore::open()?;
    let ledger = ledger::open()?;

    let action = store::change(&store, &ledger, &account, store::PATIENCE, |writer| {
        let before = stores::trigger(&store, &account, trigger_id)?;
        let settings = input.check(Some(before.event_type), &policy)?;
        let (now, entropy) = fresh();
        let secret = SigningSecret::new(entropy::bytes());
        let action = Action::new(ActionId::new(now, entropy), settings, &secret, &vault, now);
        let mut trigger = before.clone();
        trigger.add(action.clone(), now)?;
        writer.put(Some(&before), &trigger)?;
        Ok(action)
    })
    .await?;
    let location = format!(
        "/v1/accounts/{account}/triggers/{trigger_id}/actions/{}",
        action.id
    );
    Ok(created(
        &location,
        &etag(action.revision),
        &ActionView::of(&action, &Lens::on([&action], &vault, &ledger)?)?,
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
    let trigger = stores::trigger(&TriggerStore::open()?, &account, trigger_id)?;
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

    let sealer = config::sealer()?;
    let vault = vault(&account, &sealer);
    let lens = Lens::on(actions.iter().copied(), &vault, &ledger::open()?)?;
    let views = actions
        .into_iter()
        .map(|action| ActionView::of(action, &lens));
    Ok(Response::list(&views.collect::<Result<Vec<_>, _>>()?, last))
}

pub(crate) fn show(
    account_id: &str,
    trigger_id: &str,
    action_id: &str,
) -> Result<Response, Problem> {
    let account = account(account_id)?;
    let trigger = stores::trigger(&TriggerStore::open()?, &account, trigger_id)?;
    let action = find(&trigger, action_id)?;
    let sealer = config::sealer()?;
    let vault = vault(&account, &sealer);
    let view = ActionView::of(action, &Lens::on([action], &vault, &ledger::open()?)?)?;
    Ok(Response::ok(&view).header("etag", etag(action.revision)))
}

pub(crate) async fn change(
    request: &Request,
    account_id: &str,
    trigger_id: &str,
    action_id: &str,
) -> Result<Response, Problem> {
    let account = account(account_id)?;
    let patch = request.merge_patch()?;
    let policy = config::url_policy()?;
    let sealer = config::sealer()?;
    let vault = vault(&account, &sealer);
    let store = TriggerStore::open()?;
    let ledger = ledger::open()?;
    let action = store::change(&store, &ledger, &account, store::PATIENCE, |writer| {
        let before = stores::trigger(&store, &account, trigger_id)?;
        let mut action = find(&before, action_id)?.clone();
        request.if_match(&etag(action.revision))?;
        let now = clock::now();
        action
            .patch(patch, before.event_type, &policy, &vault, now)
            .map_err(|error| match error {
                PatchError::Invalid(errors) => Problem::invalid(errors),
                PatchError::Open(error) => error.into(),
            })?;
        writer.put(Some(&before), &before.with(&action, now))?;
        Ok(action)
    })
    .await?;
    let view = ActionView::of(&action, &Lens::on([&action], &vault, &ledger)?)?;
    Ok(Response::ok(&view).header("etag", etag(action.revision)))
}

pub(crate) async fn delete(
    request: &Request,
    account_id: &str,
    trigger_id: &str,
    action_id: &str,
) -> Result<Response, Problem> {
    let account = account(account_id)?;
    let store = TriggerStore::open()?;
    let ledger = ledger::open()?;
    store::change(&store, &ledger, &account, store::PATIENCE, |writer| {
        let before = stores::trigger(&store, &account, trigger_id)?;
        let action = find(&before, action_id)?;
        request.if_match(&etag(action.revision))?;
        Ok(writer.put(Some(&before), &before.without(action.id, clock::now()))?)
    })
    .await?;
    Ok(Response::empty(StatusCode::NO_CONTENT))
}

/// The action of a path.
pub(crate) fn find<'a>(trigger: &'a Trigger, segment: &str) -> Result<&'a Action, Problem> {
    ActionId::parse(segment)
        .ok()
        .and_then(|id| trigger.action(id))
        .ok_or_else(|| Problem::not_found(format!("{} has no action {segment:?}", trigger.id)))
}
