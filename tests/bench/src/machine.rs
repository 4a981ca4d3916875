//! What is measured on: the machine, its disk, the host.

use std::{
    fs::{File, read_to_string},
    io::Write as _,
    path::Path,
    process::Command,
    time::Instant,
};

use anyhow::{Context as _, Result, ensure};
use harness::Host;
use serde::Serialize;
use tempfile::TempDir;

use crate::statistics::Latency;

/// How often the disk is tried.
const SYNCS: usize = 100;

/// What is measured on.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    /// The model of the processor.
    pub(crate) cpu: String,
    /// How many of its cores this process may use.
    pub(crate) cores: usize,
    /// The operating system's kernel.
    pub(crate) kernel: String,
    /// How many processes wanted a core in the minute before; zero where the system does not say.
    pub(crate) load: f64,
    /// How long the disk takes to keep 4 KiB for good, in milliseconds (median). Every event
    /// waits for that.
    pub(crate) sync_ms: f64,
    /// The host that runs the components.
    pub(crate) host: String,
}

impl Machine {
    /// Looks at the machine, and asks the host for its version.
    pub(crate) fn look(host: &Host) -> Result<Self> {
        let load = read_to_string("/proc/loadavg").unwrap_or_default();
        let load = load
            .split_whitespace()
            .next()
            .and_then(|load| load.parse().ok());
        Ok(Self {
            cpu: cpu(),
            cores: std::thread::available_parallelism()?.get(),
            kernel: answer(Path::new("uname"), &["-sr"])?,
            load: load.unwrap_or_default(),
            sync_ms: sync_ms().context("the disk can't be tried")?,
            host: match host {
                Host::Spin(program) => answer(program, &["--version"])?,
                Host::Embedded(_) => format!("embedded host {}", env!("CARGO_PKG_VERSION")),
            },
        })
    }
}

fn cpu() -> String {
    let listed = read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = listed
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    match model.and_then(|line| line.split_once(':')) {
        Some((_, model)) => model.trim().to_owned(),
        // Not every architecture has a name there; its own is better than nothing.
        None => std::env::consts::ARCH.to_owned(),
    }
}

/// The first line of what a program prints.
fn answer(program: &Path, arguments: &[&str]) -> Result<String> {
    let failed = || format!("{} does not answer", program.display());
    let output = Command::new(program)
        .args(arguments)
        .output()
        .with_context(failed)?;
    ensure!(output.status.success(), failed());
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}

/// Tries the disk where the services keep their data.
fn sync_ms() -> Result<f64> {
    let folder = TempDir::with_prefix("bench-")?;
    let mut file = File::create(folder.path().join("file"))?;
    let mut samples = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let start = Instant::now();
        file.write_all(&[0x5a; 4096])?;
        file.sync_data()?;
        samples.push(start.elapsed());
    }
    Ok(Latency::of(samples).context("no samples")?.p50)
}
