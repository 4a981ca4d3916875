//! `cargo xtask test`: every test there is, from the quick ones to the end-to-end suite.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Args;

use crate::browser;
use crate::build;
use crate::contract::{self, Tools};
use crate::dependencies;
use crate::fuzz;
use crate::host::{Host, HostChoice};
use crate::leftovers::Leftovers;
use crate::lint;
use crate::process;
use crate::project::{COMPONENTS, EMBEDDED_HOST, END_TO_END, PROBE, Project};
use crate::prometheus;
use crate::receivers;
use crate::redis::Redis;
use crate::spin::{self, Spin};
use crate::toolchain::WasmToolchain;

/// Whose limits the embedded host keeps, and where the key-value store is: what the suites read from the environment.
const HOST_PROFILE: &str = "HOST_PROFILE";
const REDIS: &str = "REDIS";

/// What `cargo xtask test` takes.
#[derive(Args)]
pub(crate) struct Options {
    /// What the end-to-end suite runs on; auto: the embedded host, then Spin if SPIN=/path/to/spin is set
    #[arg(long, value_enum, default_value_t = HostChoice::Auto)]
    host: HostChoice,
    /// Lint, too, in the same go as the tests are compiled
    #[arg(long)]
    lint: bool,
    /// Run only the tests whose names contain this
    filter: Option<String>,
}

pub(crate) fn run(project: &Project, options: &Options) -> Result<()> {
    // Before anything long: a wrong SPIN should not come out at the end.
    let spin =
        match options.host {
            HostChoice::Auto => Spin::named()?,
            HostChoice::Embedded => None,
            HostChoice::Spin => Some(Spin::find()?.with_context(|| {
                format!("there is no Spin on the PATH; {}", spin::HOW_TO_INSTALL)
            })?),
        };
    let started = Instant::now();
    let advisories = if options.lint {
        lint::formatting(project)?;
        Some(step("dependencies", || dependencies::check(project))?)
    } else {
        None
    };
    let toolchain = WasmToolchain::ready(project)?;
    receivers::ready(project)?;
    browser::ready(project)?;
    prometheus::ready(project)?;
    let redis = Redis::ready(project)?;
    let tools = Tools::ready(project)?;

    step("building the components", || {
        let packages: Vec<&str> = COMPONENTS.into_iter().chain([PROBE]).collect();
        build::build(project, &toolchain, &packages)?;
        build::show_sizes(project)
    })?;
    // All packages are chosen each time, and then targets of them: with other packages, those that they use would have other
    // features, and be compiled again.
    let cargo = || {
        let mut command = project.native_cargo("test");
        command.arg("--workspace");
        if options.lint {
            lint::while_compiling(&mut command);
        }
        command
    };
    // The host is a program of a package that has tests of it, so it comes with those.
    step("building the tests and the embedded host", || {
        process::run(cargo().arg("--no-run"))
    })?;
    let embedded_host = project.native_binary(EMBEDDED_HOST)?;

    let test = || {
        let mut command = cargo();
        // Which host a test runs on is for the steps below to say.
        command
            .env("EMBEDDED_HOST", &embedded_host)
            .env_remove("SPIN");
        command
    };
    let run = |command: &mut Command| process::run(command.args(&options.filter));

    step("unit tests", || {
        let quick = ["--test", "ledger", "--test", "conformance"];
        run(test().args(["--lib", "--bins", "--examples"]).args(quick))?;
        run(test().arg("--doc"))
    })?;
    step("the embedded host's own tests", || {
        run(test().args(["--test", "behaviour"]))
    })?;
    // The benchmark runs the components too, for a moment.
    let end_to_end = END_TO_END.map(|target| ["--test", target]);
    let end_to_end = end_to_end.as_flattened();
    if options.host != HostChoice::Spin {
        step("end-to-end tests on the embedded host", || {
            let leftovers = Leftovers::new(project)?;
            run(leftovers.keep_for(test().args(end_to_end)))?;
            // A few of the tests note little or nothing.
            match &options.filter {
                None => leftovers.check(),
                Some(_) => Ok(()),
            }
        })?;
        // The same suite where other things hold: a platform's limits, and another store.
        let suite = || {
            let mut command = test();
            command.args(["--test", "e2e"]);
            command
        };
        step("end-to-end tests under Fermyon Cloud's limits", || {
            run(suite().env(HOST_PROFILE, "fermyon-cloud"))
        })?;
        if let Some(redis) = &redis {
            step("end-to-end tests with the key-value store in Redis", || {
                let (_running, address) = redis.start()?;
                run(suite().env(REDIS, address.to_string()))
            })?;
        }
        // Requests that are made up have no names to choose from.
        if let Some(tools) = tools.filter(|_| options.filter.is_none()) {
            step(
                "contract: the description, and the running service against it",
                || {
                    let (host, examples) = (Host::Embedded, contract::EXAMPLES);
                    contract::check(project, &tools, &host, &embedded_host, examples)
                },
            )?;
        }
    }
    if options.filter.is_none() {
        step("fuzzing, for a moment", || fuzz::briefly(project))?;
    }
    if let Some(spin) = spin {
        step(&format!("end-to-end tests on {spin}"), || {
            run(test().args(end_to_end).env("SPIN", &spin.path))
        })?;
    }
    eprintln!(
        "xtask: all tests passed in {} s",
        started.elapsed().as_secs()
    );
    if let Some(advisories) = advisories {
        advisories.warn();
    }
    Ok(())
}

/// Says what is done, does it, and says how long it took.
fn step<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    eprintln!("xtask: {name} ...");
    let started = Instant::now();
    let result = work();
    let seconds = started.elapsed().as_secs_f32();
    match &result {
        Ok(_) => eprintln!("xtask: {name}: done in {seconds:.1} s"),
        Err(_) => eprintln!("xtask: {name}: FAILED after {seconds:.1} s"),
    }
    result
}
