//! Exports an account's triggers as a document, with their secrets under a passphrase.

use domain::{
    input::FieldError,
    transfer::{Lock, Passphrase},
};
use platform::{
    entropy,
    http::{Request, Response},
    problem::Problem,
};
use serde::Deserialize;

use super::exported;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with passphrase")]
struct Input {
    passphrase: Option<String>,
}

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    exported(request, |request| {
        let input: Input = request.json()?;
        let passphrase = input.passphrase.ok_or_else(|| "is required".to_owned());
        let passphrase = passphrase
            .and_then(|text| Passphrase::parse(&text).map_err(|error| error.to_string()))
            .map_err(|detail| vec![FieldError::new("/passphrase", detail)])?;
        let lock = Lock::new(&passphrase, entropy::bytes(), entropy::bytes());
        Ok(Some(lock))
    })
}
