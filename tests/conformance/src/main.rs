//! `cargo xtask receiver`: a receiver at the command line.

use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{CommandFactory as _, FromArgMatches as _, Parser};
use conformance_receiver::{Keys, Server, Settings, behaviours};
use tokio::signal::unix::{SignalKind, signal};

/// Where secrets may be that are not to be seen in a list of processes.
const SECRETS: &str = "WEBHOOK_SECRETS";

/// Receives webhooks: says whether their signatures verify, shows what came, and misbehaves where the path of
/// an action's URL asks for it.
#[derive(Parser)]
#[command(name = "cargo xtask receiver", bin_name = "cargo xtask receiver")]
struct Arguments {
    /// Where to listen; port 0 is a free one
    #[arg(long, default_value = "127.0.0.1:4000", value_name = "ADDRESS")]
    listen: String,
    /// A secret that signatures are checked with; can be given several times. Those in the variable `WEBHOOK_SECRETS`, separated by commas, are taken, too
    #[arg(long = "secret", value_name = "whsec_…")]
    secrets: Vec<String>,
    /// A public key that signatures are checked with; can be given several times
    #[arg(long = "public-key", value_name = "whpk_…")]
    public_keys: Vec<String>,
    /// Print headers and bodies, too
    #[arg(long)]
    verbose: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let command = Arguments::command().after_help(behaviours());
    let arguments = Arguments::from_arg_matches(&command.get_matches());
    let arguments = arguments.unwrap_or_else(|error| error.exit());
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("receiver: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<()> {
    let mut secrets = arguments.secrets;
    secrets.extend(secrets_in(&std::env::var(SECRETS).unwrap_or_default()));
    let keys = Keys::parse(&secrets, &arguments.public_keys)?;
    if keys.is_empty() {
        print(
            "Signatures are not checked: --secret whsec_… or --public-key whpk_… says what with.",
        );
    } else {
        print(&format!("Signatures are checked with {keys}."));
    }
    let settings = Settings {
        keys,
        verbose: arguments.verbose,
        print: Some(Box::new(print)),
        ..Settings::default()
    };
    let mut interrupt = signal(SignalKind::interrupt()).context("could not watch for signals")?;
    let mut terminate = signal(SignalKind::terminate()).context("could not watch for signals")?;
    let server = Server::start(&arguments.listen, settings).await?;
    if !server.address().ip().is_loopback() {
        eprintln!("receiver: whoever reaches this machine can read what comes");
    }
    print(&format!("Ready: http://{}", server.address()));
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

fn secrets_in(variable: &str) -> impl Iterator<Item = String> {
    let secrets = variable.split([',', ' ', '\n']).map(str::trim);
    secrets
        .filter(|secret| !secret.is_empty())
        .map(str::to_owned)
}

/// Prints a line. Nobody may be reading any more, which is no reason to receive nothing more.
fn print(line: &str) {
    let _ = writeln!(io::stdout().lock(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_has_secrets_between_commas() {
        let secrets: Vec<_> = secrets_in("whsec_a, whsec_b,,\nwhsec_c").collect();
        assert_eq!(secrets, ["whsec_a", "whsec_b", "whsec_c"]);
        assert_eq!(secrets_in("").count(), 0);
    }

    #[test]
    fn the_help_lists_what_can_be_asked_for() {
        let mut command = Arguments::command().after_help(behaviours());
        let help = command.render_help().to_string();
        assert!(help.contains("/flaky/{failures}"), "{help}");
    }
}
