//! Delivery: runs that send what is due, and tests of actions.
//!
//! ```text
//! runner: claim ──▶ prepare ──▶ send ──▶ settle ──▶ record
//!         ledger    triggers    HTTP     domain     ledger
//! ```

mod attempt;
mod disable;
mod prepare;
mod rendering;
mod run;
mod runner;
mod test_send;

use api::Operation;
use platform::{clock::Moment, http::serve, problem::Problem};
use spin_sdk::{
    http::{IncomingRequest, ResponseOutparam},
    http_component,
};

#[http_component]
async fn handle(incoming: IncomingRequest, out: ResponseOutparam) {
    let started = Moment::now();
    // Whether the caller wants a run and not to wait for it.
    let mut begin = false;
    serve(incoming, out, async |operation, request| match operation {
        Operation::TestAction => test_send::handle(&request).await,
        Operation::RunDeliveries => run::handle(&request, &mut begin).await,
        other => Err(Problem::misrouted(other)),
    })
    .await;
    // The answer is out.
    if begin {
        run::begin(started).await;
    }
}
