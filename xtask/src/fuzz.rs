//! `cargo xtask fuzz`: makes up what strangers might write, and throws it at what reads that.
//!
//! The targets are laid out as cargo-fuzz wants them and are built as it builds them, but for the address sanitizer, which takes
//! a nightly compiler: there is no unsafe code in what they try.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::packages;
use crate::process;
use crate::project::{Project, on_path};

/// The targets, each a program of `fuzz/Cargo.toml`.
const TARGETS: [&str; 9] = [
    "cursor",
    "event",
    "filter",
    "headers",
    "import",
    "merge_patch",
    "template",
    "token",
    "url_policy",
];

/// How long each target runs where it is a test among others: enough for its seeds, and a few ten thousand inputs made of them.
/// The same inputs each time, so that a change is blamed for what it did: what was never tried is for the runs that are longer.
const SHORT: Length = Length {
    time: Duration::from_secs(3),
    seed: Some(1),
};

/// How long one input may take. A template may use up its fuel, and everything is slower here.
const INPUT_SECONDS: u32 = 10;

/// Beyond its time, for the seeds and the last input.
const GRACE: Duration = Duration::from_secs(60);

/// The largest input, in bytes.
const INPUT_BYTES: u32 = 4_096;

/// How many lines of a failed target's log are shown.
const SAID_LINES: usize = 12;

/// How the code under test is compiled: with counters that tell what an input reached.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
                     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
                     -Cllvm-args=-sanitizer-coverage-trace-compares";

/// What `cargo xtask fuzz` takes.
#[derive(Args)]
pub(crate) struct Options {
    /// How long each target runs
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    seconds: u64,
    /// Which targets [default: all]
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
}

pub(crate) fn run(project: &Project, options: &Options) -> Result<()> {
    for target in &options.targets {
        ensure!(
            TARGETS.contains(&target.as_str()),
            "there is no target {target}; there are {}",
            TARGETS.join(", ")
        );
    }
    let programs = Programs::build(project)?;
    for target in TARGETS {
        if !options.targets.is_empty() && !options.targets.iter().any(|chosen| chosen == target) {
            continue;
        }
        programs.run(project, target, &Length::seconds(options.seconds))?;
    }
    Ok(())
}

/// Runs every target for a moment. Without a C++ compiler, which libFuzzer takes, that is skipped, but on CI nothing is.
pub(crate) fn briefly(project: &Project) -> Result<()> {
    let compiler =
        on_path("c++").context("there is no C++ compiler (on Debian: apt-get install g++)");
    if packages::ready_or_skipped(compiler, "the fuzz targets are not run")?.is_none() {
        return Ok(());
    }
    let programs = Programs::build(project)?;
    TARGETS
        .iter()
        .try_for_each(|target| programs.run(project, target, &SHORT))
}

/// How much of what could be tried is tried.
struct Length {
    time: Duration,
    /// What the inputs are made from; without one, from chance.
    seed: Option<u32>,
}

impl Length {
    fn seconds(seconds: u64) -> Self {
        Self {
            time: Duration::from_secs(seconds),
            seed: None,
        }
    }
}

/// The targets, built.
struct Programs {
    folder: PathBuf,
}

impl Programs {
    fn build(project: &Project) -> Result<Self> {
        // Said, so that the flags are for the code under test alone, and not for build scripts and macros.
        let host = process::answer(project.command("rustc").arg("-vV"))?;
        let host = host
            .lines()
            .find_map(|line| line.strip_prefix("host: "))
            .context("`rustc -vV` names no host")?;
        let folder = project.root().join("target/fuzz");
        let mut cargo = project.cargo();
        cargo
            .args(["build", "--release", "--manifest-path", "fuzz/Cargo.toml"])
            .args(["--target", host, "--target-dir"])
            .arg(&folder)
            .env("RUSTFLAGS", FLAGS);
        process::run(&mut cargo)?;
        Ok(Self {
            folder: folder.join(host).join("release"),
        })
    }

    /// Runs a target on its seeds, on what it found before, and on what it makes of those.
    fn run(&self, project: &Project, target: &str, length: &Length) -> Result<()> {
        let time = length.time;
        let kept = project.root().join("target/fuzz");
        let [corpus, artifacts] = ["corpus", "artifacts"].map(|name| kept.join(name).join(target));
        for folder in [&corpus, &artifacts] {
            fs::create_dir_all(folder)
                .with_context(|| format!("could not make {}", folder.display()))?;
        }
        eprintln!("xtask: fuzzing {target} for {} s", time.as_secs());
        let log = artifacts.join("log");
        let output =
            fs::File::create(&log).with_context(|| format!("could not write {}", log.display()))?;
        let mut command = project.command(self.folder.join(target));
        command
            .arg(&corpus)
            .arg(project.root().join("fuzz/seeds").join(target))
            .arg(format!("-artifact_prefix={}/", artifacts.display()))
            .arg(format!("-max_total_time={}", time.as_secs()))
            .arg(format!("-timeout={INPUT_SECONDS}"))
            .arg(format!("-max_len={INPUT_BYTES}"))
            .args(["-rss_limit_mb=2048", "-print_final_stats=1"])
            .args(length.seed.map(|seed| format!("-seed={seed}")))
            .stdout(output.try_clone()?)
            .stderr(output);
        process::run_at_most(&mut command, time + GRACE).with_context(|| {
            format!(
                "{target} fails on an input; it is in {}, and what it says is in the log there:\n{}",
                artifacts.display(),
                said(&log)
            )
        })
    }
}

/// What a target said of the input that it failed on: from the panic on, or the last lines.
fn said(log: &Path) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    let last = lines.len().saturating_sub(SAID_LINES);
    let start = lines.iter().position(|line| line.contains(" panicked at "));
    let shown = lines.iter().skip(start.unwrap_or(last)).take(SAID_LINES);
    shown.map(|line| format!("  {line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_is_a_program_with_seeds() {
        let manifest = include_str!("../../fuzz/Cargo.toml");
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for target in TARGETS {
            assert!(
                manifest.contains(&format!("name = \"{target}\"")),
                "{target}"
            );
            let seeds = fs::read_dir(root.join("fuzz/seeds").join(target));
            assert!(seeds.is_ok_and(|seeds| seeds.count() > 3), "{target}");
        }
        assert_eq!(manifest.matches("[[bin]]").count(), TARGETS.len());
    }
}
