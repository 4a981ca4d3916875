//! What the browser tests need: Chromium with its driver, and axe-core.

use anyhow::{Context, Result};

use crate::packages;
use crate::project::Project;

/// The programs, by the Debian package that has them.
const PROGRAMS: [(&str, &str); 2] = [
    ("chromium", "chromium"),
    ("chromedriver", "chromium-driver"),
];

/// Installs what is not installed yet. Where that can't be, the browser tests are skipped, but on CI nothing is.
pub(crate) fn ready(project: &Project) -> Result<()> {
    let ready = packages::debian(&PROGRAMS).and_then(|()| axe(project));
    let ready = ready.context("what the browser tests need can't be had");
    packages::ready_or_skipped(ready, "they will be skipped")?;
    Ok(())
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
