//! `/v1/accounts/{account}/triggers[/{trigger}]`

use domain::{
    id::{ActionId, TriggerId},
    input::FieldError,
    page,
    secret::SigningSecret,
    trigger::{self, Action, MAX_TRIGGERS, Trigger, TriggerInput},
};
use http::StatusCode;
use platform::{
    clock, config, entropy,
    http::{Request, Response, account},
    ledger,
    problem::Problem,
    store::{self, IndexEntry, TriggerStore},
};

use crate::{
    created,
    stores::{self, fresh},
    view::{Lens, TriggerView, etag, vault},
};

pub(crate) async fn create(request: &Request, account_id: &str) -> Result<Response, Problem> {
    let account = account(account_id)?;
    let input: TriggerInput = request.json()?;
    let (settings, actions) = input.check(&config::url_policy()?)?;
    let sealer = config::sealer()?;
    let vault = vault(&account, &sealer);

    let (now, entropy) = fresh();
    let mut trigger = Trigger::new(TriggerId::new(now, entropy), settings, now);
    for settings in actions {
        let id = ActionId::new(now, entropy::bits());
        let secret = SigningSecret::new(entropy::bytes());
        trigger
            .actions
            .push(Action::new(id, settings, &secret, &vault, now));
    }

    let store = TriggerStore::open()?;
    let ledger = ledger::open()?;
    store::change(&store, &ledger, &account, store::PATIENCE, |writer| {
        if store.index(&account)?.len() >= MAX_TRIGGERS {
            let detail = format!("an account has at most {MAX_TRIGGERS} triggers");
            return Err(Problem::invalid(vec![FieldError::new("", detail)]));
        }
        Ok(writer.put(None, &trigger)?)
    })
    .await?;
    let location = format!("/v1/accounts/{account}/triggers/{}", trigger.id);
    Ok(created(
        &location,
        &etag(trigger.revision),
        &TriggerView::of(&trigger, &Lens::on(&trigger.actions, &vault, &ledger)?)?,
    ))
}

pub(crate) fn list(request: &Request, account_id: &str) -> Result<Response, Problem> {
    let account = account(account_id)?;
    let query = request
        .head
        .query(&["type", "enabled", "q", "limit", "cursor"])?;
    let event_type = query.parse("type", trigger::event_type)?;
    let enabled = query.parse("enabled", |text| match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("is true or false"),
    })?;
    let text = query.get("q").map(str::to_lowercase);
    let page = query.page(|id| TriggerId::parse(id).is_ok())?;

    let store = TriggerStore::open()?;
    let after = page
        .after
        .as_deref()
        .and_then(|id| TriggerId::parse(id).ok());
    let wanted = |entry: &IndexEntry| {
        event_type.is_none_or(|event_type| event_type.key == entry.event_type)
            && enabled.is_none_or(|enabled| enabled == entry.enabled)
            && text
                .as_ref()
                .is_none_or(|text| entry.name.to_lowercase().contains(text))
    };
    let mut entries: Vec<_> = store.index(&account)?.into_iter().filter(wanted).collect();
    entries.sort_by_key(|entry| entry.id);
    entries.retain(|entry| after.is_none_or(|after| entry.id > after));
    let more = entries.len() > page.limit;
    entries.truncate(page.limit);

    // One that was deleted since the index was read is simply not there.
    let triggers = entries
        .iter()
        .filter_map(|entry| store.trigger(&account, entry.id).transpose());
    let triggers = triggers.collect::<Result<Vec<_>, _>>()?;
    let sealer = config::sealer()?;
    let vault = vault(&account, &sealer);
    let shown = triggers.iter().flat_map(|trigger| &trigger.actions);
    let lens = Lens::on(shown, &vault, &ledger::open()?)?;
    let views = triggers
        .iter()
        .map(|trigger| TriggerView::of(trigger, &lens));
    let views = views.collect::<Result<Vec<_>, _>>()?;
    let last = entries.last().filter(|_| more);
    Ok(Response::list(
        &views,
        last.map(|entry| page::cursor(&entry.id.to_string())),
    ))
}

pub(crate) fn show(account_id: &str, trigger_id: &str) -> Result<Response, Problem> {
    let account = account(account_id)?;
    let trigger = stores::trigger(&TriggerStore::open()?, &account, trigger_id)?;
    let sealer = config::sealer()?;
    let vault = vault(&account, &sealer);
    let lens = Lens::on(&trigger.actions, &vault, &ledger::open()?)?;
    let view = TriggerView::of(&trigger, &lens)?;
    Ok(Response::ok(&view).header("etag", etag(trigger.revision)))
}

pub(crate) async fn change(
    request: &Request,
    account_id: &str,
    trigger_id: &str,
) -> Result<Response, Problem> {
    let account = account(account_id)?;
    let patch = request.merge_patch()?;
    let policy = config::url_policy()?;
    let store = TriggerStore::open()?;
    let ledger = ledger::open()?;
    let trigger = store::change(&store, &ledger, &account, store::PATIENCE, |writer| {
        let before = stores::trigger(&store, &account, trigger_id)?;
        request.if_match(&etag(before.revision))?;
        let mut trigger = before.clone();
        trigger.patch(patch, &policy, clock::now())?;
        writer.put(Some(&before), &trigger)?;
        Ok(trigger)
    })
    .await?;
    let sealer = config::sealer()?;
    let vault = vault(&account, &sealer);
    let view = TriggerView::of(&trigger, &Lens::on(&trigger.actions, &vault, &ledger)?)?;
    Ok(Response::ok(&view).header("etag", etag(trigger.revision)))
}

pub(crate) async fn delete(
    request: &Request,
    account_id: &str,
    trigger_id: &str,
) -> Result<Response, Problem> {
    let account = account(account_id)?;
    let store = TriggerStore::open()?;
    let ledger = ledger::open()?;
    store::change(&store, &ledger, &account, store::PATIENCE, |writer| {
        let trigger = stores::trigger(&store, &account, trigger_id)?;
        request.if_match(&etag(trigger.revision))?;
        Ok(writer.remove(&trigger)?)
    })
    .await?;
    Ok(Response::empty(StatusCode::NO_CONTENT))
}
