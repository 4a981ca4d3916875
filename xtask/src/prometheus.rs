//! Prometheus, for the test that has it collect the service's metrics and raise its alerts.

use anyhow::{Context, Result, ensure};

use crate::debian;
use crate::packages;
use crate::project::{Project, is_executable, on_path};

/// The programs that the test runs.
const PROGRAMS: [&str; 2] = ["prometheus", "promtool"];

/// The package that has them.
const PACKAGE: &str = "prometheus";

/// Unpacks it under `target` where it is not there yet. Where that can't be, the test is skipped, but on CI nothing is.
pub(crate) fn ready(project: &Project) -> Result<()> {
    let ready = unpacked(project).context("Prometheus can't be had");
    packages::ready_or_skipped(ready, "the test of the alerts will be skipped")?;
    Ok(())
}

fn unpacked(project: &Project) -> Result<()> {
    let folder = project.root().join("target/prometheus");
    let is_there = |program: &&str| is_executable(&folder.join("usr/bin").join(program));
    if PROGRAMS.iter().all(is_there) || PROGRAMS.iter().all(|program| on_path(program).is_some()) {
        return Ok(());
    }
    ensure!(
        debian::is_available(),
        "install Prometheus (https://prometheus.io)"
    );
    eprintln!("xtask: unpacking Debian's {PACKAGE}");
    debian::unpack(&[PACKAGE], &folder)?;
    ensure!(
        PROGRAMS.iter().all(is_there),
        "Debian's {PACKAGE} has other programs than were expected"
    );
    Ok(())
}
