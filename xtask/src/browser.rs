//! What the browser tests need: Chromium with its driver, and axe-core.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::packages;
use crate::process;
use crate::project::{Project, on_path};

/// The programs, by the Debian package that has them.
const PROGRAMS: [(&str, &str); 2] = [
    ("chromium", "chromium"),
    ("chromedriver", "chromium-driver"),
];

/// Installs what is not installed yet. Where that can't be, the browser tests are skipped, but on CI nothing is.
pub(crate) fn ready(project: &Project) -> Result<()> {
    let ready = browser().and_then(|()| axe(project));
    let ready = ready.context("what the browser tests need can't be had");
    packages::ready_or_skipped(ready, "they will be skipped")?;
    Ok(())
}

/// A browser is a system's own: it is installed only where that is Debian's way, and by root.
fn browser() -> Result<()> {
    let missing = || -> Vec<&str> {
        let missing = PROGRAMS
            .iter()
            .filter(|(program, _)| on_path(program).is_none());
        missing.map(|(_, package)| *package).collect()
    };
    if missing().is_empty() {
        return Ok(());
    }
    let wanted = missing().join(" and ");
    if on_path("apt-get").is_none() || !rustix::process::geteuid().is_root() {
        bail!("install {wanted} (on Debian: apt-get install chromium chromium-driver)");
    }
    eprintln!("xtask: installing {wanted}");
    process::run(Command::new("apt-get").args(["update", "-qq"]))?;
    let mut install = Command::new("apt-get");
    install
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args(["install", "-y", "-qq", "--no-install-recommends"])
        .args(missing());
    process::run(&mut install)?;
    match missing().as_slice() {
        [] => Ok(()),
        still => bail!(
            "{} is not there after it was installed",
            still.join(" and ")
        ),
    }
}

fn axe(project: &Project) -> Result<()> {
    let list = project.root().join("tests/tests/browser/package.json");
    packages::npm(
        project,
        "axe-core",
        project.root().join("target/browser"),
        &list,
    )
}
