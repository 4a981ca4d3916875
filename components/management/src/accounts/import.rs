//! Imports triggers from a document.

use domain::{
    account::AccountId,
    transfer::{ImportInput, Outcome, Seal, TriggerSummary},
};
use platform::{
    config,
    http::{Request, Response},
    problem::Problem,
    triggers::Triggers,
};
use serde::Serialize;

#[derive(Serialize)]
struct View<'a> {
    account: &'a AccountId,
    dry_run: bool,
    seal: Seal,
    created: usize,
    updated: usize,
    unchanged: usize,
    triggers: Vec<TriggerSummary>,
}

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    let account = request.account()?;
    let query = request.head.query(&["dry_run"])?;
    let dry_run = query.flag("dry_run")?.unwrap_or(false);
    let input: ImportInput = request.json()?;
    let (document, lock) = input.open(&config::sealer()?)?;
    let seal = document.seal();
    let triggers = Triggers::of(account)?;
    let planned = triggers.import(document, lock.as_ref(), dry_run).await?;
    let summaries: Vec<_> = planned.into_iter().map(|planned| planned.summary).collect();
    let count = |outcome| {
        let of_outcome = summaries.iter().filter(|summary| summary.result == outcome);
        of_outcome.count()
    };
    Ok(Response::ok(&View {
        account: triggers.account(),
        dry_run,
        seal,
        created: count(Outcome::Created),
        updated: count(Outcome::Updated),
        unchanged: count(Outcome::Unchanged),
        triggers: summaries,
    }))
}
