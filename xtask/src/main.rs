//! The project's own commands. `cargo xtask help` lists them; each is a file of its own here, and this one only hands over to it.

#[cfg(not(unix))]
compile_error!("cargo xtask needs a Unix: Linux, macOS, or WSL on Windows");

mod bench;
mod browser;
mod build;
mod contract;
mod debian;
mod dependencies;
mod dotenv;
mod fuzz;
mod host;
mod leftovers;
mod lint;
mod packages;
mod process;
mod project;
mod prometheus;
mod receiver;
mod receivers;
mod redis;
mod runtime_config;
mod simulate;
mod spin;
mod test;
mod toolchain;
mod up;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use project::Project;
use redis::Redis;

/// The commands of Webhook Triggers.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Make available what the other commands need: the standard library for WebAssembly, packages for tests; they do this by themselves
    Setup,
    /// Build the components and say how large they are
    Build,
    /// Build everything and run it on this machine
    Up(up::Options),
    /// Check formatting, dependencies and lints, natively and for WebAssembly
    Lint,
    /// Check the dependencies against today's advisories; fails where those can't be had
    Advisories,
    /// Run every test: unit tests, the embedded host's own, the end-to-end suite, and the contract
    Test(test::Options),
    /// Try the running service against its own description (`/openapi.json`)
    Contract(contract::Options),
    /// Make up what strangers might write, and throw it at what reads that
    Fuzz(fuzz::Options),
    /// Measure how fast it is on this machine
    Bench(bench::Options),
    /// Receive webhooks: say whether they verify, show them, and misbehave on request
    Receiver(receiver::Options),
    /// Model how many deliveries wait and how late they are when receivers are down
    Simulate(simulate::Options),
}

fn main() -> ExitCode {
    let task = Arguments::parse().task;
    match process::stop_on_signals().and_then(|()| run(task)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => match process::stopped_by() {
            // Whatever failed then failed because it was told to stop.
            Some(signal) => {
                eprintln!("xtask: stopped");
                ExitCode::from(128 + signal)
            }
            None => {
                eprintln!("xtask: {error:#}");
                ExitCode::FAILURE
            }
        },
    }
}

fn run(task: Task) -> Result<()> {
    let project = Project::open()?;
    match task {
        Task::Setup => {
            toolchain::WasmToolchain::ready(&project)?;
            receivers::ready(&project)?;
            browser::ready(&project)?;
            prometheus::ready(&project)?;
            Redis::ready(&project)?;
            contract::Tools::ready(&project)?;
            Ok(())
        }
        Task::Build => build::run(&project),
        Task::Up(options) => up::run(&project, options),
        Task::Lint => lint::run(&project),
        Task::Advisories => dependencies::check_advisories(&project),
        Task::Test(options) => test::run(&project, &options),
        Task::Contract(options) => contract::run(&project, &options),
        Task::Fuzz(options) => fuzz::run(&project, &options),
        Task::Bench(options) => bench::run(&project, &options),
        Task::Receiver(options) => receiver::run(&project, &options),
        Task::Simulate(options) => simulate::run(&project, &options),
    }
}
