//! `cargo xtask bench`: how fast it is, on this machine.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::build;
use crate::host::{Host, HostChoice};
use crate::process;
use crate::project::{BENCH, Project};

/// What `cargo xtask bench` takes. All but the host, the benchmark itself reads and checks.
#[derive(Args)]
pub(crate) struct Options {
    /// What runs the components; auto: Spin if there is one, else the embedded host
    #[arg(long, value_enum, default_value_t = HostChoice::Auto)]
    host: HostChoice,
    /// How long each round of load lasts [default: 3]
    #[arg(long, value_name = "SECONDS")]
    duration: Option<u64>,
    /// How many rounds each figure is the median of [default: 3]
    #[arg(long, value_name = "NUMBER")]
    rounds: Option<usize>,
    /// What the setting `ledger_durability` is set to, full or normal [default: full]
    #[arg(long, value_name = "SETTING")]
    durability: Option<String>,
    /// Measure this alone: accept, batch, parts, drain, end-to-end, triggers, ledger, pages, isolation or startup; can be given several times
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Where to write the figures as JSON, beside the table
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl Options {
    fn arguments(&self) -> Result<Vec<OsString>> {
        let mut arguments: Vec<OsString> = Vec::new();
        let mut add = |name: &str, value: OsString| arguments.extend([name.into(), value]);
        if let Some(seconds) = self.duration {
            add("--duration", seconds.to_string().into());
        }
        if let Some(rounds) = self.rounds {
            add("--rounds", rounds.to_string().into());
        }
        if let Some(setting) = &self.durability {
            add("--durability", setting.into());
        }
        for name in &self.only {
            add("--only", name.into());
        }
        if let Some(file) = &self.json {
            // Made absolute because the benchmark is started in another folder.
            add("--json", std::path::absolute(file)?.into());
        }
        Ok(arguments)
    }
}

pub(crate) fn run(project: &Project, options: &Options) -> Result<()> {
    let arguments = options.arguments()?;
    let host = Host::choose(options.host)?;
    build::run(project)?;
    let program = host.program(project)?;
    eprintln!("xtask: building the benchmark");
    let mut bench = project.command(project.build_native(BENCH)?);
    match &host {
        Host::Spin(_) => bench.env("SPIN", program),
        Host::Embedded => bench.env("EMBEDDED_HOST", program).env_remove("SPIN"),
    };
    eprintln!("xtask: measuring on {host}");
    process::run(bench.args(arguments))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_benchmark_gets_what_was_asked_for_and_nothing_else() {
        let mut options = Options {
            host: HostChoice::Auto,
            duration: None,
            rounds: None,
            durability: None,
            only: Vec::new(),
            json: None,
        };
        assert!(options.arguments().expect("arguments").is_empty());
        options.duration = Some(1);
        options.only = vec!["accept".to_owned(), "drain".to_owned()];
        options.json = Some("/tmp/figures.json".into());
        let arguments = options.arguments().expect("arguments");
        let expected = "--duration 1 --only accept --only drain --json /tmp/figures.json";
        assert_eq!(arguments, expected.split(' ').collect::<Vec<_>>());
    }
}
