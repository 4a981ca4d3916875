//! `GET, POST /v1/accounts/{account}/export`: the triggers as a document.

use domain::{
    id::TriggerId,
    input::FieldError,
    transfer::{Lock, Passphrase},
};
use platform::{
    entropy,
    http::{Request, Response, account},
    problem::Problem,
    triggers::Triggers,
};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with passphrase")]
struct Input {
    passphrase: Option<String>,
}

pub(crate) fn without_secrets(request: &Request, account_id: &str) -> Result<Response, Problem> {
    export(request, account_id, |_| Ok(None))
}

pub(crate) fn with_secrets(request: &Request, account_id: &str) -> Result<Response, Problem> {
    export(request, account_id, |request| {
        let input: Input = request.json()?;
        let passphrase = input.passphrase.ok_or_else(|| "is required".to_owned());
        let passphrase = passphrase
            .and_then(|text| Passphrase::parse(&text).map_err(|error| error.to_string()))
            .map_err(|detail| vec![FieldError::new("/passphrase", detail)])?;
        let lock = Lock::new(&passphrase, entropy::bytes(), entropy::bytes());
        Ok(Some(lock))
    })
}

fn export(
    request: &Request,
    account_id: &str,
    lock: impl FnOnce(&Request) -> Result<Option<Lock>, Problem>,
) -> Result<Response, Problem> {
    let account = account(account_id)?;
    let page = request
        .head
        .query(&["limit", "cursor"])?
        .page(|id| TriggerId::parse(id).is_ok())?;
    let lock = lock(request)?;
    let document = Triggers::of(account)?.export(&page, lock.as_ref())?;
    Ok(Response::ok(&document).header("cache-control", "no-store"))
}
