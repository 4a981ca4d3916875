//! The service under test.

use std::io;
use std::net::Ipv4Addr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use anyhow::{Context as _, Result};

use crate::{Account, Api, LedgerClock, stores};

/// The API key that tests use.
pub const KEY: &str = "an api key for tests";

/// The base64 of 32 bytes; the tests' own, so that they can be read with the data at hand.
pub const ENCRYPTION_KEY: &str = "ZW5kLXRvLWVuZCB0ZXN0cywgMzIgYnl0ZXMga2V5ISE=";

/// The one private address that `runtime-config.toml` leaves open: where the service listens.
pub const OPEN: Ipv4Addr = Ipv4Addr::new(127, 93, 42, 1);

/// Names the application to test, where it is not the workspace's own.
const MANIFEST: &str = "MANIFEST";

/// The application variables of a service.
#[derive(Debug, Clone)]
pub struct Settings(Vec<(String, String)>);

impl Default for Settings {
    /// What most tests want: the tests' own keys, and receivers on the loopback interface.
    fn default() -> Self {
        Self(Vec::new())
            .with("api_key", KEY)
            .with("encryption_key", ENCRYPTION_KEY)
            .with("allow_private_targets", "true")
            .with("ledger_durability", stores::durability())
    }
}

impl Settings {
    /// The same with this variable set to `value`.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.0.retain(|(present, _)| present != name);
        self.0.push((name.to_owned(), value.to_owned()));
        self
    }

    fn command(self) -> Result<harness::Command> {
        let mut command = harness::Command::new(manifest())?;
        for (name, value) in self.0 {
            command = command.env(format!("SPIN_VARIABLE_{}", name.to_uppercase()), value);
        }
        Ok(command)
    }

    /// The same, with stores as the environment wants them, noted in `folder`.
    fn command_in(self, folder: Option<&Path>) -> Result<harness::Command> {
        let command = self.command()?;
        let folder = folder.map_or_else(|| command.work_dir(), Into::into);
        stores::chosen(command, &folder)
    }
}

fn manifest() -> PathBuf {
    let named = std::env::var_os(MANIFEST).filter(|path| !path.is_empty());
    named.map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../spin.toml"),
        Into::into,
    )
}

/// A service with stores of its own. It is killed when it is dropped.
pub struct Service {
    process: harness::Service,
}

impl Service {
    /// Starts a service with the usual settings.
    ///
    /// # Errors
    ///
    /// When it does not start, with what it said.
    pub fn start() -> Result<Self> {
        Self::with(Settings::default())
    }

    /// Starts a service with these settings.
    ///
    /// # Errors
    ///
    /// When it does not start, with what it said.
    pub fn with(settings: Settings) -> Result<Self> {
        let process = settings
            .command_in(None)?
            .start()
            .context("the service does not start")?;
        Ok(Self { process })
    }

    /// Starts a service with these settings as `cargo xtask up` starts it where webhooks may go to
    /// public addresses only: with the shipped runtime configuration, and on the one loopback
    /// address that it leaves open.
    ///
    /// # Errors
    ///
    /// When it does not start, with what it said.
    pub fn shut_in(settings: Settings) -> Result<Self> {
        let config = manifest().with_file_name("runtime-config.toml");
        let command = settings.command()?.ip(OPEN);
        let command = command.arg("--runtime-config-file").arg(config);
        Ok(Self {
            process: command.start().context("the service does not start")?,
        })
    }

    /// Starts a service with these settings on the data in this directory.
    ///
    /// # Errors
    ///
    /// When it does not start, with what it said.
    pub fn at(data: &Path, settings: Settings) -> Result<Self> {
        let command = settings.command_in(Some(data))?;
        let process = command.state_dir(data).start();
        Ok(Self {
            process: process.context("the service does not start")?,
        })
    }

    /// The API of the service.
    pub fn api(&self) -> Api {
        Api::new(&self.process.url(), Some(KEY))
    }

    /// The API of the service, called with another key, or without one.
    pub fn api_with_key(&self, key: Option<&str>) -> Api {
        Api::new(&self.process.url(), key)
    }

    /// An account that nobody used before.
    pub fn account(&self) -> Account {
        Account::new(self.api())
    }

    /// The port of the loopback interface where it listens.
    pub fn port(&self) -> u16 {
        self.process.port()
    }

    /// The id of its process; on Spin, that of the process that started the application's.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Its ledger, for what takes days.
    pub fn ledger(&self) -> LedgerClock {
        LedgerClock::new(self.process.state_dir())
    }

    /// What it wrote to its standard output and error.
    pub fn logs(&self) -> String {
        self.process.logs()
    }

    /// Ends the service as a crash would.
    ///
    /// # Errors
    ///
    /// When the process can't be killed.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill()
    }

    /// Starts it again, with the same port, settings and data.
    ///
    /// # Errors
    ///
    /// When it does not start, with what it said.
    pub fn restart(&mut self) -> Result<()> {
        self.process.restart()
    }

    /// The one service that tests share. The first that asks starts it.
    ///
    /// # Panics
    ///
    /// When it does not start: no test can run then.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Service> = OnceLock::new();
        SHARED.get_or_init(|| {
            let shared = || {
                let command = Settings::default().command()?;
                // What is static is never dropped: the service would outlive the tests.
                let data = command.work_dir();
                let service = Self {
                    process: command.start()?,
                };
                clean_up_after_this_process(&service.process, data.parent().unwrap_or(&data))?;
                Ok::<_, anyhow::Error>(service)
            };
            shared().expect("the tests' service starts")
        })
    }
}

/// Kills the service and removes its data when this process ends, in whatever way it does. Where
/// what services leave behind is kept, its stores are copied before; a file `pending` stands there
/// until they are.
///
/// A shell waits for the end of its standard input, of which this process holds the other end.
fn clean_up_after_this_process(service: &harness::Service, data: &Path) -> io::Result<()> {
    static WATCH: Mutex<Option<Child>> = Mutex::new(None);

    if let Some(kept) = service.kept() {
        std::fs::write(kept.join("pending"), "")?;
    }
    // Spin runs the application in a process of its own, both in a group; a minus names a group.
    let minus = if service.host().is_spin() { "-" } else { "" };
    let watch = Command::new("sh")
        .arg("-c")
        .arg(
            r#"cat; kill -s KILL -- "$1"; sleep 0.2
            if [ -n "$3" ]; then cp -- "$2"/state/* "$3"; rm -- "$3/pending"; fi
            rm -rf -- "$2""#,
        )
        .arg("sh")
        .arg(format!("{minus}{}", service.id()))
        .arg(data)
        .arg(service.kept().unwrap_or(Path::new("")))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Out of reach of the terminal's ctrl-c, which ends this process.
        .process_group(0)
        .spawn()?;
    *WATCH.lock().unwrap_or_else(PoisonError::into_inner) = Some(watch);
    Ok(())
}
