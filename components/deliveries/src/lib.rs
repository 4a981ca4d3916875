//! Deliveries: the history of what was sent, and what people do about it by hand. Nothing is sent from here: what is made due, a
//! runner of `delivery` sends.

mod history;
mod manual;

use http::Method;
use platform::{
    auth,
    http::{Request, Response, serve},
    nudge::nudge,
    problem::Problem,
};
use spin_sdk::{
    http::{IncomingRequest, ResponseOutparam},
    http_component,
};

#[http_component]
async fn handle(incoming: IncomingRequest, out: ResponseOutparam) {
    let mut made_due = false;
    serve(incoming, out, auth::api_key, async |request| {
        route(&request, &mut made_due)
    })
    .await;
    // The answer is out.
    if made_due {
        nudge().await;
    }
}

fn route(request: &Request, made_due: &mut bool) -> Result<Response, Problem> {
    match (request.head.segments().as_slice(), &request.head.method) {
        (["v1", "accounts", account, "deliveries"], &Method::GET) => {
            history::list(request, account)
        }
        (["v1", "accounts", _, "deliveries"], _) => Err(Problem::method_not_allowed("GET")),
        (["v1", "accounts", account, "deliveries", "recover"], &Method::POST) => {
            let recovered = manual::recover(request, account)?;
            *made_due = true;
            Ok(recovered)
        }
        (["v1", "accounts", _, "deliveries", "recover"], _) => {
            Err(Problem::method_not_allowed("POST"))
        }
        (["v1", "accounts", account, "deliveries", delivery], &Method::GET) => {
            history::show(request, account, delivery)
        }
        (["v1", "accounts", _, "deliveries", _], _) => Err(Problem::method_not_allowed("GET")),
        (["v1", "accounts", account, "deliveries", delivery, "retry"], &Method::POST) => {
            let retried = manual::retry(request, account, delivery)?;
            *made_due = true;
            Ok(retried)
        }
        (["v1", "accounts", account, "deliveries", delivery, "cancel"], &Method::POST) => {
            manual::cancel(request, account, delivery)
        }
        (["v1", "accounts", _, "deliveries", _, "retry" | "cancel"], _) => {
            Err(Problem::method_not_allowed("POST"))
        }
        _ => Err(Problem::no_route(request.head.path())),
    }
}
