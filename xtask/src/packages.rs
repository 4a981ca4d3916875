//! Packages of other languages, for tests that run what is written in them.
//!
//! They are kept under `target`, so that nothing is installed system-wide and a second run finds them.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process;
use crate::project::{Project, on_path};

/// Marks a folder whose packages are installed; what is in it is what they were installed by.
const INSTALLED: &str = ".installed";

/// A folder for packages, and what says which they are.
pub(crate) struct Packages {
    /// Where they go.
    pub(crate) folder: PathBuf,
    /// The content of the files that list them.
    wanted: String,
}

impl Packages {
    /// Packages that these files name, or are built from, in a folder of their own.
    pub(crate) fn new(folder: PathBuf, files: &[PathBuf]) -> Result<Self> {
        let read = |path: &PathBuf| {
            fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))
        };
        let wanted = files.iter().map(read).collect::<Result<_>>()?;
        Ok(Self { folder, wanted })
    }

    /// Whether they are there.
    pub(crate) fn are_installed(&self) -> bool {
        fs::read_to_string(self.folder.join(INSTALLED))
            .is_ok_and(|installed| installed == self.wanted)
    }

    /// Makes an empty folder of it.
    pub(crate) fn start_over(&self) -> Result<()> {
        empty(&self.folder)
    }

    /// Runs what installs them. The marker is written last: what was interrupted is done again.
    pub(crate) fn install(&self, commands: &mut [Command]) -> Result<()> {
        commands.iter_mut().try_for_each(process::run)?;
        fs::write(self.folder.join(INSTALLED), &self.wanted)
            .with_context(|| format!("could not write into {}", self.folder.display()))
    }
}

/// Installs the packages that the file `list`, a `package.json`, names into `folder`, if they are not there yet.
pub(crate) fn npm(project: &Project, what: &str, folder: PathBuf, list: &Path) -> Result<()> {
    let packages = Packages::new(folder, &[list.to_owned()])?;
    if packages.are_installed() {
        return Ok(());
    }
    let npm = program("npm", "npm, which comes with Node.js")?;
    eprintln!("xtask: installing {what}");
    packages.start_over()?;
    let copy = packages.folder.join("package.json");
    fs::copy(list, &copy).with_context(|| format!("could not write {}", copy.display()))?;
    let mut npm = project.command(npm);
    npm.args(["install", "--ignore-scripts", "--no-audit", "--no-fund"])
        .args(["--no-package-lock", "--loglevel=error"])
        .current_dir(&packages.folder);
    packages.install(&mut [npm])
}

/// Installs the Python packages that the file `requirements` lists, if they are not there yet.
///
/// # Returns
///
/// The Python that finds them in `folder`, with `PYTHONPATH`.
pub(crate) fn python(
    project: &Project,
    what: &str,
    folder: PathBuf,
    requirements: &Path,
) -> Result<PathBuf> {
    let python = program("python3", "Python 3 with pip")?;
    let packages = Packages::new(folder, &[requirements.to_owned()])?;
    if packages.are_installed() {
        return Ok(python);
    }
    eprintln!("xtask: installing the packages of {what}");
    packages.start_over()?;
    let mut pip = project.command(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--no-input"])
        .args(["--disable-pip-version-check", "--root-user-action=ignore"])
        .arg("--target")
        .arg(&packages.folder)
        .arg("--requirement")
        .arg(requirements);
    packages.install(&mut [pip])?;
    Ok(python)
}

/// Installs the programs that are not on the `PATH`, each with the Debian package that has it. Toolchains and browsers are a
/// system's own: they are installed only where that is Debian's way, and by root.
pub(crate) fn debian(programs: &[(&str, &str)]) -> Result<()> {
    let missing = || -> Vec<&str> {
        let missing = programs
            .iter()
            .filter(|(program, _)| on_path(program).is_none());
        missing.map(|(_, package)| *package).collect()
    };
    let wanted = missing();
    if wanted.is_empty() {
        return Ok(());
    }
    let names = wanted.join(" and ");
    if on_path("apt-get").is_none() || !rustix::process::geteuid().is_root() {
        bail!(
            "install {names} (on Debian: apt-get install {})",
            wanted.join(" ")
        );
    }
    eprintln!("xtask: installing {names}");
    process::run(Command::new("apt-get").args(["update", "-qq"]))?;
    let mut install = Command::new("apt-get");
    install
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args(["install", "-y", "-qq", "--no-install-recommends"])
        .args(&wanted);
    process::run(&mut install)?;
    match missing().as_slice() {
        [] => Ok(()),
        still => bail!(
            "{} is not there after it was installed",
            still.join(" and ")
        ),
    }
}

/// What could be made ready; `None` where it could not, which is said with what `follows` from it. On CI nothing is skipped.
pub(crate) fn ready_or_skipped<T>(ready: Result<T>, follows: &str) -> Result<Option<T>> {
    match ready {
        Err(error) if !on_ci() => {
            eprintln!("xtask: {error:#}; {follows}");
            Ok(None)
        }
        ready => ready.map(Some),
    }
}

fn on_ci() -> bool {
    env::var_os("CI").is_some_and(|ci| !ci.is_empty())
}

/// A program that is on the `PATH`, or how to get it.
pub(crate) fn program(name: &str, what: &str) -> Result<PathBuf> {
    on_path(name).with_context(|| format!("there is no {name} on the PATH; install {what}"))
}

/// Makes an empty folder, whatever was there.
pub(crate) fn empty(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)
            .with_context(|| format!("could not empty {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("could not make {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_installed_once_and_again_when_the_list_or_the_run_was_another() {
        let folder = tempfile::tempdir().expect("a folder");
        let (list, into) = (folder.path().join("list"), folder.path().join("packages"));
        let packages = |wanted: &str| {
            fs::write(&list, wanted).expect("write");
            Packages::new(into.clone(), std::slice::from_ref(&list)).expect("a list")
        };
        let first = packages("one");
        assert!(!first.are_installed());
        first.start_over().expect("a folder");
        first
            .install(&mut [Command::new("false")])
            .expect_err("must fail");
        assert!(!first.are_installed());
        first
            .install(&mut [Command::new("true")])
            .expect("installed");
        assert!(packages("one").are_installed());
        assert!(!packages("two").are_installed());
    }
}
