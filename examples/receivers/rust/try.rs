//! Verifies the webhook whose body is on standard input and whose headers are in the environment.

#[allow(unreachable_pub, reason = "verify.rs is to be copied as it is")]
mod verify;

use std::error::Error;
use std::io::Read as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    match run() {
        Ok(()) => {
            println!("verified");
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("refused: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut body = Vec::new();
    std::io::stdin().read_to_end(&mut body)?;
    let mut headers = http::HeaderMap::new();
    for (name, variable) in [
        ("webhook-id", "WEBHOOK_ID"),
        ("webhook-timestamp", "WEBHOOK_TIMESTAMP"),
        ("webhook-signature", "WEBHOOK_SIGNATURE"),
    ] {
        if let Ok(value) = std::env::var(variable) {
            headers.insert(name, value.parse()?);
        }
    }
    let secret = std::env::var("WEBHOOK_SECRET").unwrap_or_default();
    Ok(verify::verify(&body, &headers, &secret)?)
}
