//! What `cargo xtask lint` wants of the dependencies: their licences, where they come from, and that nothing bad is known of them.
//! `deny.toml` says what is allowed, and cargo-deny looks.

use std::ffi::OsString;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::process;
use crate::project::Project;

/// The cargo-deny that reads `deny.toml`, where no other is installed.
const VERSION: &str = "0.20.2";

/// How long getting the advisories may take: a firewall that drops packets would keep it waiting for ever.
const FETCH_LIMIT: Duration = Duration::from_secs(120);

/// The two workspaces; what one of them takes from outside, the other need not.
const MANIFESTS: [&str; 2] = ["Cargo.toml", "fuzz/Cargo.toml"];

/// Whether the dependencies were checked for advisories.
#[must_use]
pub(crate) enum Advisories {
    Checked,
    /// The database can't be reached, and why.
    Unreachable(anyhow::Error),
}

impl Advisories {
    /// The result of `check`, which needs the database. It is on GitHub only, which not every machine that builds can reach: a
    /// failure to fetch it says nothing about the dependencies.
    fn of(fetched: Result<()>, check: impl FnOnce() -> Result<()>) -> Result<Self> {
        match fetched {
            Ok(()) => check().map(|()| Self::Checked),
            Err(error) => Ok(Self::Unreachable(error)),
        }
    }

    /// Warns when nothing was checked. Call it at the end: a warning amid the output is overlooked.
    pub(crate) fn warn(&self) {
        if let Some(warning) = self.warning() {
            eprintln!("{warning}");
        }
    }

    fn warning(&self) -> Option<String> {
        match self {
            Self::Checked => None,
            Self::Unreachable(error) => Some(format!(
                "xtask: WARNING: no dependency was checked for advisories, because their database can't be reached: {error:#}"
            )),
        }
    }

    /// # Errors
    ///
    /// When nothing was checked.
    fn required(self) -> Result<()> {
        match self {
            Self::Checked => Ok(()),
            Self::Unreachable(error) => {
                Err(error.context("the advisory database can't be reached"))
            }
        }
    }
}

/// Checks licences and sources, and the advisories where their database can be reached.
pub(crate) fn check(project: &Project) -> Result<Advisories> {
    eprintln!("xtask: dependencies: licences and sources");
    let deny = Deny::ready(project)?;
    for manifest in MANIFESTS {
        deny.check(project, manifest, &["bans", "licenses", "sources"])?;
    }
    deny.advisories(project)
}

/// Checks the advisories alone. Fails where their database can't be reached, so that a deployment does not depend on luck.
pub(crate) fn check_advisories(project: &Project) -> Result<()> {
    Deny::ready(project)?.advisories(project)?.required()
}

/// A cargo-deny.
struct Deny {
    program: OsString,
}

impl Deny {
    /// The one that is installed, or one of our own, under `target`.
    fn ready(project: &Project) -> Result<Self> {
        let installed = Self {
            program: "cargo-deny".into(),
        };
        if installed.is(project, VERSION) {
            return Ok(installed);
        }
        let folder = project.root().join("target/cargo-deny");
        let own = Self {
            program: folder.join("bin/cargo-deny").into(),
        };
        if !own.is(project, VERSION) {
            eprintln!("xtask: installing cargo-deny {VERSION}");
            let mut install = project.cargo();
            install
                .args(["install", "--quiet", "--locked", "--force", "--root"])
                .arg(&folder)
                // It is compiled for longer than it ever runs.
                .args(["--debug", "--target-dir"])
                .arg(folder.join("target"))
                .arg(format!("cargo-deny@{VERSION}"))
                .env("CARGO_PROFILE_DEV_DEBUG", "0");
            process::run(&mut install).context("could not install cargo-deny")?;
        }
        Ok(own)
    }

    fn is(&self, project: &Project, version: &str) -> bool {
        process::answer(project.command(&self.program).arg("--version"))
            .is_ok_and(|answer| answer.trim() == format!("cargo-deny {version}"))
    }

    fn check(&self, project: &Project, manifest: &str, what: &[&str]) -> Result<()> {
        let mut check = self.command(project, manifest);
        process::run(check.arg("check").args(what))
            .with_context(|| format!("what {manifest} depends on is not as deny.toml wants it"))
    }

    /// Gets the database, and checks the dependencies against it.
    fn advisories(&self, project: &Project) -> Result<Advisories> {
        eprintln!("xtask: dependencies: advisories");
        let mut fetch = self.command(project, MANIFESTS[0]);
        let fetched = process::run_at_most(fetch.args(["fetch", "db"]), FETCH_LIMIT);
        Advisories::of(fetched, || {
            MANIFESTS
                .iter()
                .try_for_each(|manifest| self.check(project, manifest, &["advisories"]))
        })
    }

    fn command(&self, project: &Project, manifest: &str) -> Command {
        let mut command = project.command(&self.program);
        command
            .args(["--locked", "--config", "deny.toml", "--manifest-path"])
            .arg(manifest);
        command
    }
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    #[test]
    fn an_unreachable_database_fails_where_it_is_required_and_warns_elsewhere() -> Result<()> {
        let unreachable = || {
            let fetched = Err(anyhow::anyhow!("no route to host"));
            Advisories::of(fetched, || panic!("there is nothing to check against"))
        };
        let warning = unreachable()?.warning().context("a warning")?;
        assert!(warning.starts_with("xtask: WARNING: "), "{warning}");
        assert!(warning.ends_with(": no route to host"), "{warning}");
        let failure = unreachable()?.required().expect_err("it is required");
        assert!(format!("{failure:#}").contains("can't be reached: no route to host"));
        Ok(())
    }

    #[test]
    fn an_advisory_about_a_dependency_fails_and_none_passes() -> Result<()> {
        let found = Advisories::of(Ok(()), || bail!("RUSTSEC-2026-0001"));
        let failure = found.err().context("a failure")?;
        assert_eq!(failure.to_string(), "RUSTSEC-2026-0001");
        let clean = Advisories::of(Ok(()), || Ok(()))?;
        assert_eq!(clean.warning(), None);
        clean.required()
    }
}
