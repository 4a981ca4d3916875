//! Finding Spin.

use std::env;
use std::fmt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, anyhow, ensure};

use crate::process;
use crate::project::{is_executable, on_path};

/// The oldest Spin that runs these components.
const OLDEST_MAJOR: u32 = 3;

/// What to do where there is no Spin.
pub(crate) const HOW_TO_INSTALL: &str = "install Spin 3 or newer (https://spinframework.dev/install) or name one with SPIN=/path/to/spin";

/// A Spin that can run the components.
pub(crate) struct Spin {
    /// Its binary.
    pub(crate) path: PathBuf,
    version: String,
}

impl fmt::Display for Spin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Spin {}", self.version)
    }
}

impl Spin {
    /// The Spin that the variable `SPIN` names.
    ///
    /// # Errors
    ///
    /// Returns an error if the variable names something else than a Spin that can run the components.
    pub(crate) fn named() -> Result<Option<Self>> {
        let Some(path) = env::var_os("SPIN").filter(|path| !path.is_empty()) else {
            return Ok(None);
        };
        // Made absolute because it is started in another folder.
        let path = std::path::absolute(path)?;
        Self::at(path).context("SPIN names no Spin").map(Some)
    }

    /// The Spin that `SPIN` names, else the one on the `PATH`. There, a program of the same name that is not this Spin, or one that
    /// is too old, counts as none, and why is said.
    pub(crate) fn find() -> Result<Option<Self>> {
        if let Some(named) = Self::named()? {
            return Ok(Some(named));
        }
        let Some(path) = on_path("spin") else {
            return Ok(None);
        };
        match Self::at(path) {
            Ok(spin) => Ok(Some(spin)),
            Err(error) => {
                eprintln!("xtask: not using the `spin` on the PATH: {error:#}");
                Ok(None)
            }
        }
    }

    fn at(path: PathBuf) -> Result<Self> {
        let refused = |why: &str| anyhow!("{} {why}; {HOW_TO_INSTALL}", path.display());
        ensure!(is_executable(&path), refused("is not a program"));
        let answer = process::answer(Command::new(&path).arg("--version"))?;
        let version = usable_version(&answer)
            .map_err(|error| refused(&error.to_string()))?
            .to_owned();
        Ok(Self { path, version })
    }
}

/// The version in `spin 4.0.2 (COMMIT DATE)`.
fn usable_version(answer: &str) -> Result<&str> {
    let version = answer
        .strip_prefix("spin ")
        .and_then(|rest| rest.split_whitespace().next())
        // Another well-known program of this name is a model checker.
        .context("is another program than Fermyon's Spin")?;
    let major: u32 = version
        .split('.')
        .next()
        .and_then(|major| major.parse().ok())
        .with_context(|| format!("has a version `{version}`, which is none of Spin's"))?;
    ensure!(major >= OLDEST_MAJOR, "is too old: Spin {version}");
    Ok(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spins_that_run_the_components_are_told_from_others() {
        let version = |answer| usable_version(answer).map_err(|error| error.to_string());
        assert_eq!(version("spin 4.0.2 (bfc7543 2026-11-03)\n"), Ok("4.0.2"));
        assert_eq!(version("spin 3.0.0-rc.1 (1 2)\n"), Ok("3.0.0-rc.1"));
        assert_eq!(
            version("spin 2.7.0 (1 2)\n"),
            Err("is too old: Spin 2.7.0".to_owned())
        );
        assert_eq!(
            version("Spin Version 6.5.2 -- 6 December 2019\n"),
            Err("is another program than Fermyon's Spin".to_owned())
        );
        assert_eq!(
            version("spin around\n"),
            Err("has a version `around`, which is none of Spin's".to_owned())
        );
    }
}
