//! The actions of a trigger.

pub(crate) mod change;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod list;
pub(crate) mod replace;
pub(crate) mod rotate_secret;
mod secrets;
pub(crate) mod show;
pub(crate) mod show_secret;

use domain::trigger::Action;
use platform::{
    http::{Request, Response, etag},
    problem::Problem,
    triggers::Triggers,
};

use crate::view::{ActionView, Lens};

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
    Ok(Response::ok(&ActionView::of(action, &lens)?))
}
