//! The triggers of an account.

pub(crate) mod change;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod list;
pub(crate) mod replace;
pub(crate) mod show;

use domain::trigger::Trigger;
use platform::{
    http::{Request, Response, etag},
    problem::Problem,
    triggers::Triggers,
};

use crate::view::Lens;

/// A trigger as it is now, with its version.
fn shown(request: &Request, trigger: &Trigger, triggers: &Triggers) -> Result<Response, Problem> {
    Ok(view(request, trigger, triggers)?.header("etag", etag(trigger.revision)))
}

fn view(request: &Request, trigger: &Trigger, triggers: &Triggers) -> Result<Response, Problem> {
    let lens = Lens::on(&trigger.actions, triggers, &request.head)?;
    Ok(Response::ok(&lens.trigger(trigger)?))
}
