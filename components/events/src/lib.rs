//! Events: ingestion, matching, history and replay.

mod list;
mod post;
mod posted;
mod replay;
mod show;

use api::Operation;
use platform::{http::serve, ledger, problem::Problem};
use spin_sdk::{
    http::{IncomingRequest, ResponseOutparam},
    http_component,
};

#[http_component]
async fn handle(incoming: IncomingRequest, out: ResponseOutparam) {
    let mut duplicates = 0;
    serve(incoming, out, async |operation, request| match operation {
        Operation::ListEvents => list::handle(&request).await,
        Operation::PostEvents => {
            let accepted = post::handle(&request).await?;
            duplicates = accepted.duplicates;
            Ok(accepted.response)
        }
        Operation::ShowEvent => show::handle(&request).await,
        Operation::ReplayEvent => replay::handle(&request).await,
        other => Err(Problem::misrouted(other)),
    })
    .await;
    // The answer is out: what is done now costs the caller nothing.
    if duplicates > 0
        && let Err(problem) = count(duplicates)
    {
        eprintln!("warning duplicates={duplicates} are not counted: {problem:?}");
    }
}

fn count(duplicates: usize) -> Result<(), Problem> {
    Ok(ledger::open()?.count_duplicates(duplicates)?)
}
