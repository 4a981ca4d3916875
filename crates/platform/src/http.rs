//! HTTP as components see it: a request read whole, an answer written whole.

mod answer;
mod request;

pub use answer::Response;
pub use request::{Head, Preconditions, Query, Request, account, etag};

use spin_sdk::http::{IncomingRequest, ResponseOutparam};

use crate::{clock::Moment, log, problem::Problem};

/// Serves one request: reads it, lets `guard` decide on its head, and answers what `handler` makes
/// of it. When this returns, the answer is out; the component may go on working.
pub async fn serve(
    incoming: IncomingRequest,
    out: ResponseOutparam,
    guard: impl FnOnce(&Head) -> Result<(), Problem>,
    handler: impl AsyncFnOnce(Request) -> Result<Response, Problem>,
) {
    serve_pages(incoming, out, guard, handler, Response::from).await;
}

/// As [`serve`], for what people look at: `refusal` makes an answer of a problem.
pub async fn serve_pages(
    incoming: IncomingRequest,
    out: ResponseOutparam,
    guard: impl FnOnce(&Head) -> Result<(), Problem>,
    handler: impl AsyncFnOnce(Request) -> Result<Response, Problem>,
    refusal: impl FnOnce(Problem) -> Response,
) {
    let started = Moment::now();
    let mut line = log::Line::info("request");
    let answer = async {
        let head = Head::read(&incoming)?;
        let admitted = guard(&head);
        line = log::of_request(&head, admitted.is_ok());
        admitted?;
        // Routes have no empty segments: `/v1/accounts/a/triggers/` names no trigger.
        if head.path().contains("//") || head.path().len() > 1 && head.path().ends_with('/') {
            return Err(Problem::no_route(head.path()));
        }
        let request = Request::read(head, incoming).await?;
        handler(request).await
    };
    let response = answer.await.unwrap_or_else(refusal);
    let status = response.status;
    response.send(out).await;
    log::write(
        line.with("status", status.as_u16())
            .with("ms", started.elapsed().as_millis()),
    );
}
