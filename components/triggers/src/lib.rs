//! Triggers and their actions: create, read, change, delete; and the catalogue of event types.
//!
//! Also answers for everything under `/v1` that no other component has.

mod actions;
mod event_types;
mod secrets;
mod triggers;
mod view;

use http::{Method, StatusCode};
use platform::{
    auth,
    http::{Request, Response, serve},
    problem::Problem,
};
use spin_sdk::{
    http::{IncomingRequest, ResponseOutparam},
    http_component,
};

#[http_component]
async fn handle(incoming: IncomingRequest, out: ResponseOutparam) {
    serve(incoming, out, auth::api_key, route).await;
}

async fn route(request: Request) -> Result<Response, Problem> {
    const GET: Method = Method::GET;
    const POST: Method = Method::POST;
    const PUT: Method = Method::PUT;
    const PATCH: Method = Method::PATCH;
    const DELETE: Method = Method::DELETE;

    match (request.head.segments().as_slice(), &request.head.method) {
        (["v1", "event-types"], &GET) => event_types::list(&request),
        (["v1", "event-types"], _) => Err(Problem::method_not_allowed("GET")),
        (["v1", "event-types", key], &GET) => event_types::show(&request, key),
        (["v1", "event-types", key], &PUT) => event_types::put(&request, key).await,
        (["v1", "event-types", key], &DELETE) => event_types::delete(&request, key).await,
        (["v1", "event-types", _], _) => Err(Problem::method_not_allowed("GET, PUT, DELETE")),

        (["v1", "accounts", account, "triggers"], &GET) => triggers::list(&request, account),
        (["v1", "accounts", account, "triggers"], &POST) => {
            triggers::create(&request, account).await
        }
        (["v1", "accounts", _, "triggers"], _) => Err(Problem::method_not_allowed("GET, POST")),

        (["v1", "accounts", account, "triggers", trigger], &GET) => {
            triggers::show(&request, account, trigger)
        }
        (["v1", "accounts", account, "triggers", trigger], &PUT) => {
            triggers::replace(&request, account, trigger).await
        }
        (["v1", "accounts", account, "triggers", trigger], &PATCH) => {
            triggers::change(&request, account, trigger).await
        }
        (["v1", "accounts", account, "triggers", trigger], &DELETE) => {
            triggers::delete(&request, account, trigger).await
        }
        (["v1", "accounts", _, "triggers", _], _) => {
            Err(Problem::method_not_allowed("GET, PUT, PATCH, DELETE"))
        }

        (["v1", "accounts", account, "triggers", trigger, "actions"], &GET) => {
            actions::list(&request, account, trigger)
        }
        (["v1", "accounts", account, "triggers", trigger, "actions"], &POST) => {
            actions::create(&request, account, trigger).await
        }
        (["v1", "accounts", _, "triggers", _, "actions"], _) => {
            Err(Problem::method_not_allowed("GET, POST"))
        }

        (
            [
                "v1",
                "accounts",
                account,
                "triggers",
                trigger,
                "actions",
                action,
            ],
            &GET,
        ) => actions::show(&request, account, trigger, action),
        (
            [
                "v1",
                "accounts",
                account,
                "triggers",
                trigger,
                "actions",
                action,
            ],
            &PUT,
        ) => actions::replace(&request, account, trigger, action).await,
        (
            [
                "v1",
                "accounts",
                account,
                "triggers",
                trigger,
                "actions",
                action,
            ],
            &PATCH,
        ) => actions::change(&request, account, trigger, action).await,
        (
            [
                "v1",
                "accounts",
                account,
                "triggers",
                trigger,
                "actions",
                action,
            ],
            &DELETE,
        ) => actions::delete(&request, account, trigger, action).await,
        (["v1", "accounts", _, "triggers", _, "actions", _], _) => {
            Err(Problem::method_not_allowed("GET, PUT, PATCH, DELETE"))
        }

        (
            [
                "v1",
                "accounts",
                account,
                "triggers",
                trigger,
                "actions",
                action,
                "secret",
            ],
            &GET,
        ) => secrets::show(&request, account, trigger, action),
        (["v1", "accounts", _, "triggers", _, "actions", _, "secret"], _) => {
            Err(Problem::method_not_allowed("GET"))
        }
        (
            [
                "v1",
                "accounts",
                account,
                "triggers",
                trigger,
                "actions",
                action,
                "secret",
                "rotate",
            ],
            &POST,
        ) => secrets::rotate(&request, account, trigger, action).await,
        (
            [
                "v1",
                "accounts",
                _,
                "triggers",
                _,
                "actions",
                _,
                "secret",
                "rotate",
            ],
            _,
        ) => Err(Problem::method_not_allowed("POST")),

        _ => Err(Problem::no_route(request.head.path())),
    }
}

/// 201 with where the new resource is.
fn created(location: &str, etag: &str, body: &impl serde::Serialize) -> Response {
    Response::json(StatusCode::CREATED, body)
        .header("location", location)
        .header("etag", etag)
}
