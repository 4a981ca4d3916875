//! Exports an account's triggers as a document, with their secrets under a passphrase.

use api::wire::ExportInput;
use domain::{
    input::FieldError,
    transfer::{Lock, Passphrase},
};
use platform::{
    entropy,
    http::{Request, Response},
    problem::Problem,
};

use super::exported;

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    exported(request, |request| {
        let input: ExportInput = request.json()?;
        let passphrase = input.passphrase.ok_or_else(|| "is required".to_owned());
        let passphrase = passphrase
            .and_then(|text| Passphrase::parse(&text).map_err(|error| error.to_string()))
            .map_err(|detail| vec![FieldError::new("/passphrase", detail)])?;
        let lock = Lock::new(&passphrase, entropy::bytes(), entropy::bytes());
        Ok(Some(lock))
    })
}
