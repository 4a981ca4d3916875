//! Measures the built components on a host: how fast events are accepted and webhooks sent, and
//! what that costs as the stores grow. `cargo xtask bench` builds everything and runs this.
//!
//! The environment names the host (`SPIN` or `EMBEDDED_HOST`, see [`harness`]) and the application
//! (`MANIFEST`). Load and receiver are in this one process, on one thread: on a small machine they
//! take from the host what they need themselves, so they should need little.
//!
//! Figures are medians over rounds. What is compared is measured in turns, so that whatever else
//! the machine does meanwhile falls on both sides.

mod client;
mod database;
mod fill;
mod load;
mod machine;
mod measure;
mod processor;
mod receiver;
mod report;
mod service;
mod statistics;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context as _, Result};
use clap::{Parser, ValueEnum};
use harness::Host;
use tokio::signal::unix::{SignalKind, signal};

use machine::Machine;
use measure::Measure;
use report::Report;

/// Measures Webhook Triggers on a host.
#[derive(Parser)]
struct Arguments {
    /// How long each round of load lasts, in seconds
    #[arg(long, default_value_t = 3, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=60))]
    duration: u64,
    /// How many rounds each figure is the median of
    #[arg(long, default_value_t = 3, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..=20))]
    rounds: u64,
    /// Where to write the figures as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Measure this alone; can be given several times
    #[arg(long, value_enum, value_name = "NAME")]
    only: Vec<Measure>,
    /// What the setting `ledger_durability` is set to
    #[arg(long, value_enum, default_value_t = Durability::Full)]
    durability: Durability,
}

/// The choices of the setting `ledger_durability` that a database in a file has.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Durability {
    /// What was accepted survives a power cut
    Full,
    /// What was accepted survives a crash of the process
    Normal,
}

impl Durability {
    fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Normal => "normal",
        }
    }
}

/// How a run measures.
struct Plan {
    host: Host,
    manifest: PathBuf,
    durability: Durability,
    duration: Duration,
    rounds: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let finished = tokio::select! {
        finished = run(Arguments::parse()) => finished,
        // Everything that was started is dropped, and so stopped, on the way out.
        () = told_to_stop() => Err(anyhow::anyhow!("stopped")),
    };
    match finished {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<()> {
    let plan = Plan {
        host: Host::from_env()?,
        manifest: std::env::var_os("MANIFEST").map_or_else(|| "spin.toml".into(), PathBuf::from),
        durability: arguments.durability,
        duration: Duration::from_secs(arguments.duration),
        rounds: arguments.rounds,
    };
    let mut report = Report::new(Machine::look(&plan.host)?, &plan);
    let chosen = if arguments.only.is_empty() {
        Measure::value_variants()
    } else {
        &arguments.only
    };
    for measure in chosen {
        eprintln!("bench: {}", measure.title());
        report.add(measure.run(&plan).await.with_context(|| measure.title())?);
    }
    print!("{report}");
    if let Some(file) = arguments.json {
        std::fs::write(&file, report.json())
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

async fn told_to_stop() {
    let (Ok(mut interrupt), Ok(mut terminate)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) else {
        // Then a signal ends the process in its own way.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
