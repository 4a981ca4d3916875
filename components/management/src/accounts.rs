//! An account as a whole.

mod budget;
pub(crate) mod delete;
pub(crate) mod export;
pub(crate) mod export_with_secrets;
pub(crate) mod import;
pub(crate) mod purge;

use domain::{id::TriggerId, transfer::Lock};
use platform::{
    http::{Request, Response},
    problem::Problem,
    triggers::Triggers,
};

/// A page of the account's triggers as a document, with secrets if there is a lock for them.
fn exported(
    request: &Request,
    lock: impl FnOnce(&Request) -> Result<Option<Lock>, Problem>,
) -> Result<Response, Problem> {
    let account = request.account()?;
    let page = request
        .head
        .query(&["limit", "cursor"])?
        .page(|id| TriggerId::parse(id).is_ok())?;
    let lock = lock(request)?;
    let document = Triggers::of(account)?.export(&page, lock.as_ref())?;
    Ok(Response::ok(&document).header("cache-control", "no-store"))
}
