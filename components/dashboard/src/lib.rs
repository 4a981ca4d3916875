//! The pages that people use: who they are is found out here, what they see and change goes through
//! the application's own API, and `pages` makes HTML of it.

mod account;
mod answer;
mod api;
mod entrance;
mod session;

mod actions;
mod deliveries;
mod events;
mod overview;
mod triggers;

use http::Method;
use platform::{
    http::{Request, Response, serve_pages},
    problem::Problem,
};
use spin_sdk::{
    http::{IncomingRequest, ResponseOutparam},
    http_component,
};

#[http_component]
async fn handle(incoming: IncomingRequest, out: ResponseOutparam) {
    serve_pages(incoming, out, |_| Ok(()), route, answer::refusal).await;
}

async fn route(request: Request) -> Result<Response, Problem> {
    const GET: Method = Method::GET;
    const POST: Method = Method::POST;

    match (request.head.segments().as_slice(), &request.head.method) {
        ([""], &GET) => entrance::start(&request),
        ([""], _) => Err(Problem::method_not_allowed("GET")),
        (["sign-in"], &GET) => entrance::ask(&request),
        (["sign-in"], &POST) => entrance::sign_in(&request),
        (["sign-in"], _) => Err(Problem::method_not_allowed("GET, POST")),
        (["sign-out"], &POST) => entrance::sign_out(&request),
        (["sign-out"], _) => Err(Problem::method_not_allowed("POST")),
        (["portal"], &GET) => entrance::portal(&request).await,
        (["portal"], &POST) => entrance::replace(&request).await,
        (["portal"], _) => Err(Problem::method_not_allowed("GET, POST")),
        (["assets", "style.css"], &GET) => Ok(answer::asset("text/css", pages::STYLE)),
        (["assets", "script.js"], &GET) => Ok(answer::asset("text/javascript", pages::SCRIPT)),
        (["assets", "style.css" | "script.js"], _) => Err(Problem::method_not_allowed("GET")),
        (["accounts", account, rest @ ..], _) => account::route(&request, account, rest).await,
        _ => Err(Problem::not_found(format!(
            "there is no page {}",
            request.head.path()
        ))),
    }
}
