//! The process behind a service.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::{Command, Host, KEEP};

/// The line both hosts print when they are ready, up to the address.
const READY: &str = "Serving http://";

/// How long a host may take to be ready: a first start compiles every component.
const START_LIMIT: Duration = Duration::from_secs(120);

/// How long a host may take to stop when asked to.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// How often a start is tried anew when another process was faster to take the port.
const PORT_ATTEMPTS: u32 = 5;

/// A running application, killed on drop.
pub struct Service {
    command: Command,
    child: Child,
    port: u16,
    logs: Logs,
    kept: Option<PathBuf>,
}

impl Service {
    pub(crate) fn start(command: Command) -> anyhow::Result<Self> {
        let kept = kept()?;
        let logs = Logs::beside(kept.as_deref())?;
        let mut attempt = 1;
        loop {
            match spawn(&command, &logs) {
                Ok((child, port)) => {
                    return Ok(Self {
                        command,
                        child,
                        port,
                        logs,
                        kept,
                    });
                }
                // Only Spin is given a port that was free a moment ago.
                Err(error)
                    if command.port == 0
                        && attempt < PORT_ATTEMPTS
                        && error.to_string().contains("already in use") =>
                {
                    attempt += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The base URL, without a trailing slash. It stays the same over restarts.
    pub fn url(&self) -> String {
        format!("http://{}:{}", self.command.ip, self.port)
    }

    /// The port of the loopback interface that the application listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The host that runs the application.
    pub fn host(&self) -> &Host {
        &self.command.host
    }

    /// Where its data is.
    pub fn state_dir(&self) -> &Path {
        &self.command.state_dir
    }

    /// Where what it leaves behind is kept: its log from the start, its stores when it is dropped.
    pub fn kept(&self) -> Option<&Path> {
        self.kept.as_deref()
    }

    /// The id of the process that was started.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything the host and its guests have written to standard output and error so far, over restarts too.
    pub fn logs(&self) -> String {
        self.logs.text()
    }

    /// Ends the process at once, as a crash would: nothing in it gets to run any more.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.signal(Signal::KILL)?;
        self.child.wait()?;
        // Spin's second process is not this one's child: it is gone when it does not listen any more.
        let end = Instant::now() + STOP_LIMIT;
        while self.command.host.is_spin()
            && TcpStream::connect((self.command.ip, self.port)).is_ok()
        {
            ensure!(
                Instant::now() < end,
                "the host still listens after it was killed"
            );
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Asks the process to stop, as ctrl-c would, and waits until it has.
    pub fn stop(&mut self) -> anyhow::Result<ExitStatus> {
        self.signal(Signal::INT)?;
        let end = Instant::now() + STOP_LIMIT;
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            thread::sleep(Duration::from_millis(5));
        }
        self.kill()?;
        bail!("the host did not stop within {STOP_LIMIT:?}");
    }

    /// Starts the application again, with the same port and data. A process that still runs is killed.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.kill()?;
        let command = self.command.clone().port(self.port);
        let (child, _) = spawn(&command, &self.logs)?;
        self.child = child;
        Ok(())
    }

    /// Copies its stores to the folder that [`KEEP`] names, if it does.
    fn keep(&self) -> anyhow::Result<()> {
        let Some(kept) = &self.kept else {
            return Ok(());
        };
        for entry in std::fs::read_dir(self.state_dir())? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                std::fs::copy(entry.path(), kept.join(entry.file_name()))?;
            }
        }
        Ok(())
    }

    fn signal(&mut self, signal: Signal) -> anyhow::Result<()> {
        // Once waited for, the id may be another process's.
        if self.child.try_wait()?.is_some() {
            return Ok(());
        }
        let pid = Pid::from_child(&self.child);
        match self.command.host {
            Host::Embedded(_) => kill_process(pid, signal)?,
            // `spin up` runs the application in a process of its own.
            Host::Spin(_) => kill_process_group(pid, signal)?,
        }
        Ok(())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.kill();
        // A test's end is no place to fail; whoever looks at what was kept finds out.
        let _ = self.keep();
    }
}

/// Starts a process and waits for its ready line. Returns it with the port of that line.
fn spawn(command: &Command, logs: &Logs) -> anyhow::Result<(Child, u16)> {
    let mut process = match &command.host {
        Host::Embedded(program) => std::process::Command::new(program),
        Host::Spin(program) => {
            let mut process = std::process::Command::new(program);
            process.arg("up");
            // To reach both of its processes at once. The embedded host is one process and stays in the test's group,
            // where a ctrl-c ends it with the test.
            process.process_group(0);
            process
        }
    };
    let port = match (&command.host, command.port) {
        // Spin takes port 0 too, but then its guests' requests to their own application go to port 0.
        (Host::Spin(_), 0) => free_port(command.ip)?,
        (_, port) => port,
    };
    process
        .arg("--from")
        .arg(&command.manifest)
        .arg("--listen")
        .arg(format!("{}:{port}", command.ip))
        .arg("--state-dir")
        .arg(&command.state_dir)
        .args(&command.args)
        .current_dir(command.work_dir())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    // The developer's own settings are not the test's.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SPIN_") {
            process.env_remove(name);
        }
    }
    process.envs(&command.env);

    let start = logs.len();
    let mut child = process
        .spawn()
        .with_context(|| format!("cannot start {:?}", command.host))?;
    let (ready, port) = mpsc::channel();
    if let Some(output) = child.stdout.take() {
        logs.follow(output, Some(ready));
    }
    if let Some(output) = child.stderr.take() {
        logs.follow(output, None);
    }
    match port.recv_timeout(START_LIMIT) {
        Ok(port) => Ok((child, port)),
        Err(error) => {
            let reason = match error {
                RecvTimeoutError::Timeout => format!("was not ready within {START_LIMIT:?}"),
                // Its standard output is closed.
                RecvTimeoutError::Disconnected => "ended before it was ready".to_owned(),
            };
            let pid = Pid::from_child(&child);
            if child.try_wait()?.is_none() {
                let _ = match command.host {
                    Host::Embedded(_) => kill_process(pid, Signal::KILL),
                    Host::Spin(_) => kill_process_group(pid, Signal::KILL),
                };
            }
            child.wait()?;
            // What it said last may still be on its way from the pipe to the log.
            thread::sleep(Duration::from_millis(50));
            bail!("the host {reason}; it said:\n{}", logs.text_from(start));
        }
    }
}

fn free_port(ip: Ipv4Addr) -> anyhow::Result<u16> {
    Ok(TcpListener::bind((ip, 0))?.local_addr()?.port())
}

/// A new folder for what a service leaves behind, in the one that [`KEEP`] names, if it does.
fn kept() -> anyhow::Result<Option<PathBuf>> {
    static COUNT: AtomicU32 = AtomicU32::new(1);

    let Some(folder) = std::env::var_os(KEEP).filter(|folder| !folder.is_empty()) else {
        return Ok(None);
    };
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let kept = Path::new(&folder).join(format!("{}-{count}", std::process::id()));
    std::fs::create_dir_all(&kept).with_context(|| format!("cannot make {}", kept.display()))?;
    Ok(Some(kept))
}

/// What a process writes, collected line by line.
#[derive(Clone)]
struct Logs(Arc<Mutex<Collected>>);

#[derive(Default)]
struct Collected {
    text: String,
    /// Where it is kept, too.
    file: Option<File>,
}

impl Logs {
    fn beside(kept: Option<&Path>) -> anyhow::Result<Self> {
        let file = kept
            .map(|kept| File::create(kept.join("log")))
            .transpose()?;
        let collected = Collected {
            file,
            ..Collected::default()
        };
        Ok(Self(Arc::new(Mutex::new(collected))))
    }

    /// Collects `output` to its end, and reports the port of a ready line.
    fn follow(&self, output: impl Read + Send + 'static, ready: Option<Sender<u16>>) {
        let logs = self.clone();
        thread::spawn(move || {
            for line in BufReader::new(output).split(b'\n') {
                let Ok(line) = line else { break };
                let line = String::from_utf8_lossy(&line);
                logs.append(&line);
                let port = line
                    .strip_prefix(READY)
                    .and_then(|address| address.rsplit_once(':'))
                    .and_then(|(_, port)| port.parse().ok());
                if let (Some(port), Some(ready)) = (port, &ready) {
                    // Nobody waits any more when the line comes too late.
                    let _ = ready.send(port);
                }
            }
        });
    }

    fn append(&self, line: &str) {
        let mut collected = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        collected.text.push_str(line);
        collected.text.push('\n');
        if let Some(file) = &mut collected.file {
            // What can't be written is missed by whoever looks for it.
            let _ = writeln!(file, "{line}");
        }
    }

    fn len(&self) -> usize {
        let collected = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        collected.text.len()
    }

    fn text(&self) -> String {
        self.text_from(0)
    }

    fn text_from(&self, start: usize) -> String {
        let collected = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        collected.text.get(start..).unwrap_or_default().to_owned()
    }
}
