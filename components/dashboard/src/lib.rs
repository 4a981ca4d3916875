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

use platform::{
    http::{Request, Response, serve_pages},
    problem::Problem,
};
use spin_sdk::{
    http::{IncomingRequest, ResponseOutparam},
    http_component,
};

::api::routes! {
    /// The pages, and what their forms post to.
    pub(crate) enum Page {
        Start: GET "/";
        SignInForm: GET "/sign-in";
        SignIn: POST "/sign-in";
        SignOut: POST "/sign-out";
        OpenLink: GET "/portal";
        ReplaceSession: POST "/portal";
        Asset: GET "/assets/{asset}";

        Overview: GET "/accounts/{account}";
        Triggers: GET "/accounts/{account}/triggers";
        NewTrigger: GET "/accounts/{account}/triggers/new";
        CreateTrigger: POST "/accounts/{account}/triggers/new";
        Trigger: GET "/accounts/{account}/triggers/{trigger}";
        ChangeTrigger: POST "/accounts/{account}/triggers/{trigger}";
        DeleteTrigger: GET "/accounts/{account}/triggers/{trigger}/delete";
        NewAction: GET "/accounts/{account}/triggers/{trigger}/actions/new";
        CreateAction: POST "/accounts/{account}/triggers/{trigger}/actions/new";
        Action: GET "/accounts/{account}/triggers/{trigger}/actions/{action}";
        ChangeAction: POST "/accounts/{account}/triggers/{trigger}/actions/{action}";
        DeleteAction: GET "/accounts/{account}/triggers/{trigger}/actions/{action}/delete";
        Deliveries: GET "/accounts/{account}/deliveries";
        RecoverDeliveries: POST "/accounts/{account}/deliveries/recover";
        Delivery: GET "/accounts/{account}/deliveries/{delivery}";
        ChangeDelivery: POST "/accounts/{account}/deliveries/{delivery}";
        Events: GET "/accounts/{account}/events";
        Event: GET "/accounts/{account}/events/{event}";
        ChangeEvent: POST "/accounts/{account}/events/{event}";
        SignOutEverywhereForm: GET "/accounts/{account}/sign-out-everywhere";
        SignOutEverywhere: POST "/accounts/{account}/sign-out-everywhere";
    }
}

#[http_component]
async fn handle(incoming: IncomingRequest, out: ResponseOutparam) {
    serve_pages(incoming, out, answer, answer::refusal).await;
}

async fn answer(page: Page, request: Request) -> Result<Response, Problem> {
    match page {
        Page::Start => entrance::start(&request),
        Page::SignInForm => entrance::ask(&request),
        Page::SignIn => entrance::sign_in(&request),
        Page::SignOut => entrance::sign_out(&request),
        Page::OpenLink => entrance::portal(&request).await,
        Page::ReplaceSession => entrance::replace(&request).await,
        Page::Asset => match request.named("asset") {
            "style.css" => Ok(answer::asset("text/css", pages::STYLE)),
            "script.js" => Ok(answer::asset("text/javascript", pages::SCRIPT)),
            other => Err(Problem::not_found(format!("there is no file {other}"))),
        },
        of_account => account::show(of_account, &request).await,
    }
}
