//! Imports triggers from a document.

use api::wire::Imported;
use domain::transfer::{ImportInput, Outcome};
use platform::{
    config,
    http::{Request, Response},
    problem::Problem,
    triggers::Triggers,
};

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
    Ok(Response::ok(&Imported {
        account: triggers.account().clone(),
        dry_run,
        seal,
        created: count(Outcome::Created),
        updated: count(Outcome::Updated),
        unchanged: count(Outcome::Unchanged),
        triggers: summaries,
    }))
}
