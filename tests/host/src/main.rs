//! `embedded-host`: `spin up` for this project's tests, with the options of `spin up` that they need.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{Parser, ValueEnum};
use embedded_host::{Host, Options, Profile};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

/// How long statements and guests may hold up the end of the process.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(2);

/// Runs a Spin application on wasmtime, as `spin up` does.
#[derive(Parser)]
struct Args {
    /// The application's manifest
    #[arg(long, short, default_value = "spin.toml", value_name = "FILE")]
    from: PathBuf,

    /// Where to listen; port 0 is any free one
    #[arg(long, default_value = "127.0.0.1:3000", value_name = "ADDRESS")]
    listen: SocketAddr,

    /// Where data is kept [default: .spin beside the manifest]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,

    /// A runtime configuration: its `[outbound_networking] block_networks` counts
    #[arg(long, value_name = "FILE")]
    runtime_config_file: Option<PathBuf>,

    /// An application variable; goes before `SPIN_VARIABLE_NAME` of the environment and of `.env`
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    variable: Vec<(String, String)>,

    /// Whose limits hold
    #[arg(long, value_enum, default_value_t = ProfileArg::Spin)]
    profile: ProfileArg,

    /// How many seconds a request may take, instead of the profile's 30
    #[arg(long, value_name = "SECONDS")]
    request_limit: Option<f64>,
}

#[derive(Clone, Copy, ValueEnum)]
enum ProfileArg {
    /// `spin up`
    Spin,
    /// Fermyon Cloud's quotas
    FermyonCloud,
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => Err("must be NAME=VALUE".to_owned()),
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    let result = Runtime::new()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| {
            let result = runtime.block_on(run(args));
            // A guest that computes cannot be waited for.
            runtime.shutdown_timeout(SHUTDOWN_LIMIT);
            result
        });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // The causes in a line: the usual form of an error would add a backtrace where the environment asks for one.
        Err(error) => {
            eprintln!("Error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> anyhow::Result<()> {
    let host = Host::start(Options {
        manifest: args.from,
        listen: args.listen,
        state_dir: args.state_dir,
        runtime_config_file: args.runtime_config_file,
        // Where Spin looks: the working directory.
        dotenv: Some(PathBuf::from(".env")),
        variables: args.variable.into_iter().collect(),
        profile: match args.profile {
            ProfileArg::Spin => Profile::Spin,
            ProfileArg::FermyonCloud => Profile::FermyonCloud,
        },
        request_limit: args
            .request_limit
            .map(Duration::try_from_secs_f64)
            .transpose()?,
    })
    .await
    .context("cannot start the application")?;

    // Not before: until then either signal ends the process at once, whatever it compiles.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;

    let [key_value, sqlite] = host.data_files();
    eprintln!(
        "Storing default key-value data to \"{}\".",
        key_value.display()
    );
    eprintln!("Storing default SQLite data to \"{}\".", sqlite.display());
    // The line that Spin prints when it is ready, so that whoever waits for one waits for the other too.
    println!("\nServing {}", host.url());
    println!("Available Routes:");
    for (component, route) in host.routes() {
        println!("  {component}: {}{route}", host.url());
    }

    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
