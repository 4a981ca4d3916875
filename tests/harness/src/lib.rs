//! Starts an application on a host, for a test: the embedded host, or Spin where the environment names one.
//!
//! ```no_run
//! # fn main() -> anyhow::Result<()> {
//! let mut service = harness::Command::new("spin.toml")?
//!     .env("SPIN_VARIABLE_API_KEY", "secret")
//!     .start()?;
//! let url = service.url(); // http://127.0.0.1:PORT
//! # let _ = url;
//! service.kill()?; // as a power cut would
//! service.restart()?; // same port, same data
//! # Ok(())
//! # }
//! ```
//!
//! A service is killed when it is dropped. Its data is in a temporary directory unless the test gives it another, and its
//! working directory is an empty one, so that no `.env` of the developer's gets in.

mod process;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, ensure};
use tempfile::TempDir;

pub use process::Service;

/// Names a `spin` program to test with.
pub const SPIN: &str = "SPIN";

/// Names the embedded host's program, where it is not in the target directory that the test runs from.
pub const EMBEDDED_HOST: &str = "EMBEDDED_HOST";

/// Names a folder to which what services leave behind, their stores and logs, is copied when they are dropped.
pub const KEEP: &str = "HARNESS_KEEP";

/// The program that runs an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// This project's stand-in for Spin.
    Embedded(PathBuf),
    /// Spin itself.
    Spin(PathBuf),
}

impl Host {
    /// Spin if the environment variable `SPIN` names it, else the embedded host.
    pub fn from_env() -> anyhow::Result<Self> {
        match Self::spin_from_env() {
            Some(spin) => Ok(spin),
            None => Self::embedded(),
        }
    }

    /// Spin, if the environment variable `SPIN` names it.
    pub fn spin_from_env() -> Option<Self> {
        let spin = std::env::var_os(SPIN).filter(|spin| !spin.is_empty())?;
        Some(Self::Spin(spin.into()))
    }

    /// The embedded host: from the environment variable `EMBEDDED_HOST`, or built beside the running test.
    pub fn embedded() -> anyhow::Result<Self> {
        if let Some(path) = std::env::var_os(EMBEDDED_HOST) {
            return Ok(Self::Embedded(path.into()));
        }
        let test = std::env::current_exe().context("cannot tell where this test is")?;
        // TARGET/PROFILE/deps/TEST, whatever the test's own profile is.
        let profile = test.parent().and_then(Path::parent);
        let target = profile.and_then(Path::parent);
        let found = [
            profile.map(|dir| dir.join("embedded-host")),
            target.map(|dir| dir.join("native").join("embedded-host")),
        ]
        .into_iter()
        .flatten()
        .find(|path| path.is_file());
        found.map(Self::Embedded).with_context(|| {
            format!(
                "the embedded host is not built; build it with `cargo build --profile native -p embedded-host`, \
                 or set {EMBEDDED_HOST} to its path"
            )
        })
    }

    /// Whether this is Spin.
    pub fn is_spin(&self) -> bool {
        matches!(self, Self::Spin(_))
    }
}

/// How to start an application. Can be started more than once, at different ports.
#[derive(Debug, Clone)]
pub struct Command {
    host: Host,
    manifest: PathBuf,
    state_dir: PathBuf,
    args: Vec<OsString>,
    env: BTreeMap<OsString, OsString>,
    ip: Ipv4Addr,
    port: u16,
    scratch: Arc<TempDir>,
}

impl Command {
    /// The application of `manifest`, on the host that the environment chooses.
    pub fn new(manifest: impl AsRef<Path>) -> anyhow::Result<Self> {
        let manifest = manifest.as_ref();
        ensure!(
            manifest.is_file(),
            "there is no manifest at {}",
            manifest.display()
        );
        let scratch = TempDir::with_prefix("harness-")?;
        let work = scratch.path().join("work");
        std::fs::create_dir(&work)?;
        Ok(Self {
            host: Host::from_env()?,
            manifest: std::path::absolute(manifest)?,
            state_dir: scratch.path().join("state"),
            args: Vec::new(),
            env: BTreeMap::new(),
            ip: Ipv4Addr::LOCALHOST,
            port: 0,
            scratch: Arc::new(scratch),
        })
    }

    /// Another host than the environment's.
    #[must_use]
    pub fn host(mut self, host: Host) -> Self {
        self.host = host;
        self
    }

    /// The host that the application would be started on.
    pub fn current_host(&self) -> &Host {
        &self.host
    }

    /// Where data is kept.
    #[must_use]
    pub fn state_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.state_dir = dir.into();
        self
    }

    /// An environment variable of the host. `SPIN_VARIABLE_NAME` is the application variable NAME.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    /// An argument that both hosts know, such as `--runtime-config-file` and then its path.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// An address to listen on, instead of 127.0.0.1.
    #[must_use]
    pub fn ip(mut self, ip: Ipv4Addr) -> Self {
        self.ip = ip;
        self
    }

    /// A port to listen on, instead of any free one.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Starts the application and waits until it answers requests.
    pub fn start(self) -> anyhow::Result<Service> {
        Service::start(self)
    }

    /// The host's working directory: where it looks for `.env`.
    pub fn work_dir(&self) -> PathBuf {
        self.scratch.path().join("work")
    }
}
