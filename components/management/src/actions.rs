//! The actions of a trigger.

pub(crate) mod change;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod list;
pub(crate) mod replace;
pub(crate) mod rotate_secret;
pub(crate) mod show;
pub(crate) mod show_secret;

use api::wire::Secrets;
use domain::trigger::{self, Action};
use platform::{
    clock,
    http::{Request, Response, etag},
    problem::Problem,
    triggers::Triggers,
};

use crate::view::Lens;

/// The trigger and the action of the path.
fn place(request: &Request) -> (&str, &str) {
    (request.named("trigger"), request.named("action"))
}

/// An action as it is now, with its version.
fn shown(request: &Request, action: &Action, triggers: &Triggers) -> Result<Response, Problem> {
    Ok(view(request, action, triggers)?.header("etag", etag(action.revision)))
}

fn view(request: &Request, action: &Action, triggers: &Triggers) -> Result<Response, Problem> {
    let lens = Lens::on([action], triggers, &request.head)?;
    Ok(Response::ok(&lens.action(action)?))
}

/// The secrets that sign now.
fn secrets(secrets: trigger::Secrets) -> Response {
    Response::ok(&Secrets::live(secrets, clock::now())).header("cache-control", "no-store")
}
