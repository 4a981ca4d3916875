//! HTTP as components see it: a request read whole, an answer written whole.

mod answer;
mod request;

pub use answer::{After, Response};
pub use request::{Head, Preconditions, Query, Request, account, etag};

use api::{Found, Operation, Route, find};
use spin_sdk::http::{IncomingRequest, ResponseOutparam};

use crate::{auth, clock::Moment, log, problem::Problem};

/// Serves one request of the API: finds its operation, checks its key, reads it, and answers what
/// `handler` makes of it. When this returns, the answer is out; the component may go on working.
pub async fn serve(
    incoming: IncomingRequest,
    out: ResponseOutparam,
    handler: impl AsyncFnOnce(Operation, Request) -> Result<Response, Problem>,
) {
    exchange(incoming, out, auth::admit, handler, Response::from).await;
}

/// As [`serve`], for a component all of whose operations are open. It needs no keys and no stores.
pub async fn serve_open(
    incoming: IncomingRequest,
    out: ResponseOutparam,
    handler: impl AsyncFnOnce(Operation, Request) -> Result<Response, Problem>,
) {
    exchange(incoming, out, |_, _| Ok(()), handler, Response::from).await;
}

/// Serves one request for one of the pages `P`, which find out by themselves who asks: `refusal` makes
/// an answer of a problem.
pub async fn serve_pages<P: Route>(
    incoming: IncomingRequest,
    out: ResponseOutparam,
    handler: impl AsyncFnOnce(P, Request) -> Result<Response, Problem>,
    refusal: impl FnOnce(Problem) -> Response,
) {
    exchange(incoming, out, |_, _| Ok(()), handler, refusal).await;
}

async fn exchange<R: Route>(
    incoming: IncomingRequest,
    out: ResponseOutparam,
    guard: impl FnOnce(&Head, &Found<R>) -> Result<(), Problem>,
    handler: impl AsyncFnOnce(R, Request) -> Result<Response, Problem>,
    refusal: impl FnOnce(Problem) -> Response,
) {
    let started = Moment::now();
    let mut line = log::Line::info("request");
    let answer = async {
        let mut head = Head::read(&incoming)?;
        let found = find::<R>(&head.method, head.path());
        head.template = found.path();
        let admitted = guard(&head, &found);
        line = log::of_request(&head, admitted.is_ok());
        admitted?;
        let route = match found {
            Found::Route(route) => route,
            Found::OtherMethods(routes) => return Err(Problem::method_not_allowed(&routes)),
            Found::Nothing => return Err(Problem::no_route(head.path())),
        };
        let request = Request::read(head, incoming, started).await?;
        handler(route, request).await
    };
    let response = answer.await.unwrap_or_else(refusal);
    let (status, after) = (response.status, response.after);
    response.send(out).await;
    log::write(
        line.with("status", status.as_u16())
            .with("ms", started.elapsed().as_millis()),
    );
    after.run().await;
}
