//! The packages that the example receivers need, for the tests that run them.
//!
//! They are kept under `target`, so that nothing is installed system-wide and a second run finds them.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::process;
use crate::project::{Project, on_path};

/// Marks a folder whose packages are installed; what is in it is what they were installed by.
const INSTALLED: &str = ".installed";

/// Installs what is not installed yet. Where that can't be, the tests of that receiver are skipped, but on CI nothing is.
pub(crate) fn ready(project: &Project) -> Result<()> {
    for (language, installed) in [
        ("python", python(project)),
        ("javascript", javascript(project)),
    ] {
        let installed = installed
            .with_context(|| format!("the packages of the {language} receiver can't be had"));
        match installed {
            Err(error) if !on_ci() => eprintln!("xtask: {error:#}; its tests will be skipped"),
            done => done?,
        }
    }
    Ok(())
}

fn on_ci() -> bool {
    env::var_os("CI").is_some_and(|ci| !ci.is_empty())
}

fn python(project: &Project) -> Result<()> {
    let (source, folder) = folders(project, "python");
    let requirements = source.join("requirements.txt");
    let wanted = read(&requirements)?;
    if is_installed(&folder, &wanted) {
        return Ok(());
    }
    let python = program("python3", "Python 3 with pip")?;
    eprintln!("xtask: installing the packages of the Python receiver");
    start_over(&folder)?;
    let mut pip = project.command(python);
    pip.args(["-m", "pip", "install", "--quiet", "--no-input"])
        .args(["--disable-pip-version-check", "--root-user-action=ignore"])
        .arg("--target")
        .arg(&folder)
        .arg("--requirement")
        .arg(&requirements);
    finish(&mut pip, &folder, &wanted)
}

/// Node looks for packages beside the file that wants them: the receiver is copied to where they are.
fn javascript(project: &Project) -> Result<()> {
    let (source, folder) = folders(project, "javascript");
    let wanted = read(&source.join("package-lock.json"))?;
    let is_installed = is_installed(&folder, &wanted);
    if !is_installed {
        start_over(&folder)?;
    }
    for file in ["package.json", "package-lock.json", "receiver.js"] {
        fs::copy(source.join(file), folder.join(file))
            .with_context(|| format!("could not copy {file} to {}", folder.display()))?;
    }
    if is_installed {
        return Ok(());
    }
    program("node", "Node.js")?;
    let npm = program("npm", "npm, which comes with Node.js")?;
    eprintln!("xtask: installing the packages of the JavaScript receiver");
    let mut npm = project.command(npm);
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(&folder);
    finish(&mut npm, &folder, &wanted)
}

/// Where a receiver is, and where its packages go.
fn folders(project: &Project, language: &str) -> (PathBuf, PathBuf) {
    let source = project.root().join("examples/receivers").join(language);
    (
        source,
        project.root().join("target/receivers").join(language),
    )
}

fn is_installed(folder: &Path, wanted: &str) -> bool {
    fs::read_to_string(folder.join(INSTALLED)).is_ok_and(|installed| installed == wanted)
}

/// The marker is written last: what was interrupted is done again.
fn finish(install: &mut Command, folder: &Path, wanted: &str) -> Result<()> {
    process::run(install)?;
    fs::write(folder.join(INSTALLED), wanted)
        .with_context(|| format!("could not write into {}", folder.display()))
}

fn start_over(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)
            .with_context(|| format!("could not empty {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("could not make {}", folder.display()))
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("could not read {}", file.display()))
}

fn program(name: &str, what: &str) -> Result<PathBuf> {
    on_path(name).with_context(|| format!("there is no {name} on the PATH; install {what}"))
}
