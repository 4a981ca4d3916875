//! Redis, for the end-to-end suite with the key-value store in it.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::debian;
use crate::packages;
use crate::process::Running;
use crate::project::{Project, is_executable, on_path};

/// What Debian's server is made of: the server, the package that has its program, and the libraries that a small system may lack.
const PACKAGES: [&str; 5] = [
    "redis-server",
    "redis-tools",
    "libjemalloc2",
    "liblzf1",
    "libatomic1",
];

/// One for each service that a suite starts, and more.
const DATABASES: &str = "10000";

/// How long it may take to start.
const START_LIMIT: Duration = Duration::from_secs(20);

/// How to run a Redis.
pub(crate) struct Redis {
    program: PathBuf,
    /// Where its libraries are, where it was unpacked and not installed.
    libraries: Option<PathBuf>,
}

impl Redis {
    /// Unpacks it under `target` where it is not there yet. Where that can't be, the suite is skipped, but on CI nothing is.
    pub(crate) fn ready(project: &Project) -> Result<Option<Self>> {
        let ready = Self::unpacked(project).context("Redis can't be had");
        packages::ready_or_skipped(ready, "the suite on Redis will be skipped")
    }

    fn unpacked(project: &Project) -> Result<Self> {
        if let Some(program) = on_path("redis-server") {
            return Ok(Self {
                program,
                libraries: None,
            });
        }
        let folder = project.root().join("target/redis");
        let program = folder.join("usr/bin/redis-server");
        if !is_executable(&program) {
            ensure!(debian::is_available(), "install Redis (https://redis.io)");
            eprintln!("xtask: unpacking Debian's Redis");
            debian::unpack(&PACKAGES, &folder)?;
        }
        let libraries = folder.join("usr/lib");
        let libraries = std::fs::read_dir(&libraries)
            .with_context(|| format!("there is no {}", libraries.display()))?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .find(|path| path.join("libjemalloc.so.2").exists())
            .context("Debian's Redis has other libraries than were expected")?;
        Ok(Self {
            program,
            libraries: Some(libraries),
        })
    }

    /// Starts one on a free port of the loopback interface, which keeps nothing on the disk. It ends with what is returned.
    pub(crate) fn start(&self) -> Result<(Running, SocketAddr)> {
        let address = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
        let mut command = Command::new(&self.program);
        command
            .args(["--bind", "127.0.0.1", "--port"])
            .arg(address.port().to_string())
            .args(["--databases", DATABASES, "--save", "", "--appendonly", "no"])
            .stdout(Stdio::null());
        if let Some(libraries) = &self.libraries {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        let running = Running::start(&mut command)?;
        let end = Instant::now() + START_LIMIT;
        while TcpStream::connect(address).is_err() {
            if running.has_ended()? || Instant::now() > end {
                bail!("{} does not start", self.program.display());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok((running, address))
    }
}
