//! `cargo xtask contract`: whether the service's description is in order, and whether the running service does what it says.
//!
//! Redocly CLI checks the description by the rules of `tests/contract/redocly.yaml`. Schemathesis reads the description from the service itself, makes requests from it, right ones and wrong ones, and holds
//! every answer against it. How it does so is in `tests/contract`.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::build;
use crate::dotenv::{self, API_KEY, ENCRYPTION_KEY};
use crate::host::{self, Host, HostChoice};
use crate::packages;
use crate::process::{self, Running};
use crate::project::Project;

/// What `cargo xtask contract` takes.
#[derive(Args)]
pub(crate) struct Options {
    /// What runs the components; auto: Spin if there is one, else the embedded host
    #[arg(long, value_enum, default_value_t = HostChoice::Auto)]
    host: HostChoice,
    /// How many requests of each kind are made up for each operation
    #[arg(long, value_name = "NUMBER", default_value_t = EXAMPLES)]
    examples: u32,
}

/// Enough requests of each kind for every limit to be come across, and few enough for two minutes on two cores.
pub(crate) const EXAMPLES: u32 = 15;

/// How long it may take, with much more than [`EXAMPLES`], too.
const LIMIT: Duration = Duration::from_secs(20 * 60);

/// How long the service may take to start: it may have to be compiled.
const START_LIMIT: Duration = Duration::from_secs(120);

/// The service sends to wherever it is told to, and here that is made up: nothing may leave this machine. These are all networks
/// but 127.0.0.0/8, where the service reaches itself; its own rules keep webhooks from there.
const NO_NETWORK: &str = r#"[outbound_networking]
block_networks = [
    "0.0.0.0/2", "64.0.0.0/3", "96.0.0.0/4", "112.0.0.0/5", "120.0.0.0/6", "124.0.0.0/7", "126.0.0.0/8", "128.0.0.0/1", "::/0",
]
"#;

/// What the contract is tried with: Python, where it finds Schemathesis, and Redocly CLI.
pub(crate) struct Tools {
    python: PathBuf,
    packages: PathBuf,
    redocly: PathBuf,
}

impl Tools {
    /// Installs Schemathesis and Redocly CLI if they are not there yet. `None` where that can't be; on CI that is an error.
    pub(crate) fn ready(project: &Project) -> Result<Option<Self>> {
        let packages = folder(project).join("packages");
        let list = source(project).join("requirements.txt");
        let tools = packages::python(project, "Schemathesis", packages.clone(), &list)
            .context("Schemathesis can't be had")
            .and_then(|python| {
                let folder = folder(project).join("npm");
                let list = source(project).join("package.json");
                packages::npm(project, "Redocly CLI", folder.clone(), &list)
                    .context("Redocly CLI can't be had")?;
                Ok(Self {
                    python,
                    packages,
                    redocly: folder.join("node_modules/.bin/redocly"),
                })
            });
        packages::ready_or_skipped(tools, "the contract is not tried")
    }

    /// `redocly lint` for the service at `url`. Whatever a rule finds is an error.
    fn lint(&self, project: &Project, url: &str) -> Command {
        let mut command = project.command(&self.redocly);
        command
            .env("REDOCLY_TELEMETRY", "off")
            .env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true")
            .arg("lint")
            .arg("--config")
            .arg(source(project).join("redocly.yaml"))
            .arg(format!("{url}/openapi.json"));
        command
    }

    /// `schemathesis run` for the service at `url`.
    fn command(&self, project: &Project, url: &str, examples: u32) -> Command {
        let mut command = project.command(&self.python);
        command
            .env("PYTHONPATH", &self.packages)
            .env("SCHEMATHESIS_HOOKS", source(project).join("hooks.py"))
            // They are in the source tree, where nothing should be left.
            .env("PYTHONDONTWRITEBYTECODE", "1")
            // It leaves files where it runs.
            .current_dir(folder(project))
            .args(["-m", "schemathesis.cli", "--config-file"])
            .arg(source(project).join("schemathesis.toml"))
            .args(["run", "--generation-database", "none"])
            .args(["--max-examples", &examples.to_string()])
            .arg(format!("{url}/openapi.json"));
        command
    }
}

pub(crate) fn run(project: &Project, options: &Options) -> Result<()> {
    let host = Host::choose(options.host)?;
    let tools = Tools::ready(project)?;
    build::run(project)?;
    let program = host.program(project)?;
    match tools {
        Some(tools) => check(project, &tools, &host, &program, options.examples),
        None => bail!("without Schemathesis and Redocly CLI there is nothing to do"),
    }
}

/// Starts the service, without data, and tries it.
pub(crate) fn check(
    project: &Project,
    tools: &Tools,
    host: &Host,
    program: &Path,
    examples: u32,
) -> Result<()> {
    let folder = folder(project);
    let state = folder.join("state");
    packages::empty(&state)?;
    let address = host::free_address("127.0.0.1:0")?;
    let key = dotenv::fresh(API_KEY)?;
    let log = folder.join("service.log");
    let mut command = service(project, host, program, address, &state)?;
    command
        .env(API_KEY, &key)
        .env(ENCRYPTION_KEY, dotenv::fresh(ENCRYPTION_KEY)?)
        .stdout(Stdio::piped())
        .stderr(fs::File::create(&log).context("could not make the service's log")?);
    let mut service = Running::start(&mut command)?;
    let output = service
        .stdout()
        .context("the host has no standard output")?;
    // Kept to the end: a host whose output nobody takes would stop.
    let lines = host::lines_of(output);
    let tried = host::await_url(&service, &lines, START_LIMIT).and_then(|url| {
        process::run(&mut tools.lint(project, &url))?;
        let mut command = tools.command(project, &url, examples);
        command
            .env("CONTRACT_URL", &url)
            .env("CONTRACT_API_KEY", &key);
        process::run_at_most(&mut command, LIMIT)
    });
    tried.with_context(|| {
        format!(
            "the service and its description are at odds; what the service said is in {}",
            log.display()
        )
    })
}

/// The host, started where no `.env` has a say.
fn service(
    project: &Project,
    host: &Host,
    program: &Path,
    address: SocketAddr,
    state: &Path,
) -> Result<Command> {
    let no_network = state.join("runtime-config.toml");
    fs::write(&no_network, NO_NETWORK)
        .with_context(|| format!("could not write {}", no_network.display()))?;
    let mut command = project.command(program);
    command
        .current_dir(state)
        .args(host::arguments(
            host,
            &project.root().join("spin.toml"),
            address,
            state,
        ))
        .arg("--runtime-config-file")
        .arg(no_network)
        .env("SPIN_VARIABLE_ALLOW_PRIVATE_TARGETS", "false");
    Ok(command)
}

/// Where the configuration is.
fn source(project: &Project) -> PathBuf {
    project.root().join("tests/contract")
}

/// Where packages, data and logs go.
fn folder(project: &Project) -> PathBuf {
    project.root().join("target/contract")
}
