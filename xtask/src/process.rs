//! Child processes that never outlive us.
//!
//! Each child leads a process group of its own, so that it can be stopped together with whatever it has started (`spin up` runs
//! its HTTP trigger in a second process, `cargo` its compilers), and so that a Ctrl-C reaches it once, from here, and not a second time
//! from the terminal. On SIGINT, SIGTERM or SIGHUP the groups are asked to end, get [`GRACE`] to do so, and are killed then, or at a second signal.

use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// How long a child that was asked to end may take over it.
const GRACE: Duration = Duration::from_secs(10);

/// How often a child that is waited for with a time limit is looked at.
const GLANCE: Duration = Duration::from_millis(50);

/// The signal that told us to stop; 0 while there was none.
static STOPPED_BY: AtomicI32 = AtomicI32::new(0);

/// The groups of the children that run. A group leaves this list before its leader is reaped: until then its number cannot become
/// another's, so nobody else's process is ever signalled.
static GROUPS: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

fn groups() -> MutexGuard<'static, Vec<Pid>> {
    GROUPS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on, SIGINT, SIGTERM and SIGHUP stop the children; whoever waits for one sees it end, and no new one starts.
pub(crate) fn stop_on_signals() -> Result<()> {
    let mut signals =
        Signals::new([SIGHUP, SIGINT, SIGTERM]).context("could not watch for signals")?;
    thread::spawn(move || {
        for signal in signals.forever() {
            if STOPPED_BY.swap(signal, Ordering::SeqCst) == 0 {
                signal_groups(Signal::TERM);
                thread::spawn(|| {
                    thread::sleep(GRACE);
                    signal_groups(Signal::KILL);
                });
            } else {
                signal_groups(Signal::KILL);
            }
        }
    });
    Ok(())
}

/// The number of the signal that told us to stop, if one did.
pub(crate) fn stopped_by() -> Option<u8> {
    u8::try_from(STOPPED_BY.load(Ordering::SeqCst))
        .ok()
        .filter(|signal| *signal != 0)
}

fn signal_groups(signal: Signal) {
    for group in groups().iter() {
        // It may have ended by itself just now.
        let _ = kill_process_group(*group, signal);
    }
}

/// A child that runs. It is stopped, with all it started, when this is dropped.
pub(crate) struct Running {
    child: Child,
    pid: Pid,
    reaped: bool,
}

impl Running {
    /// Starts `command`, without standard input. Call it on the main thread only: Linux takes the end of the thread for the end of
    /// the parent (see `end_with_parent`).
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        command.stdin(Stdio::null()).process_group(0);
        end_with_parent(command);
        // Under the lock, so that a signal either finds the child in the list or keeps it from starting.
        let mut groups = groups();
        ensure!(
            stopped_by().is_none(),
            "not starting {}: told to stop",
            shown(command)
        );
        let child = command
            .spawn()
            .with_context(|| format!("could not start {}", shown(command)))?;
        let pid = Pid::from_child(&child);
        groups.push(pid);
        Ok(Self {
            child,
            pid,
            reaped: false,
        })
    }

    /// The child's standard output, where the command asked for a pipe and it was not taken yet.
    pub(crate) fn stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// Whether the child has ended, by itself or not.
    pub(crate) fn has_ended(&self) -> Result<bool> {
        self.await_end(WaitIdOptions::NOHANG)
    }

    /// Waits for the child to end. What it leaves behind is ended too.
    pub(crate) fn wait(mut self) -> Result<ExitStatus> {
        self.await_end(WaitIdOptions::empty())?;
        self.reap()
    }

    /// Waits for the child to end, at most so long; `None` if it had to be stopped.
    pub(crate) fn wait_at_most(mut self, limit: Duration) -> Result<Option<ExitStatus>> {
        if self.ends_within(limit)? {
            self.reap().map(Some)
        } else {
            Ok(None)
        }
    }

    fn ends_within(&self, limit: Duration) -> Result<bool> {
        let deadline = Instant::now() + limit;
        while !self.has_ended()? {
            if Instant::now() > deadline {
                return Ok(false);
            }
            thread::sleep(GLANCE);
        }
        Ok(true)
    }

    /// True once the child has ended. It stays a zombie, and its process group's number stays taken.
    fn await_end(&self, options: WaitIdOptions) -> Result<bool> {
        if self.reaped {
            return Ok(true);
        }
        let options = options | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        loop {
            match waitid(WaitId::Pid(self.pid), options) {
                Ok(ended) => return Ok(ended.is_some()),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error).context("could not wait for a child process"),
            }
        }
    }

    fn reap(&mut self) -> Result<ExitStatus> {
        let mut groups = groups();
        groups.retain(|pid| *pid != self.pid);
        let _ = kill_process_group(self.pid, Signal::KILL);
        drop(groups);
        self.reaped = true;
        self.child
            .wait()
            .context("could not wait for a child process")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.reaped {
            return;
        }
        let _ = kill_process_group(self.pid, Signal::TERM);
        let _ = self.ends_within(GRACE);
        let _ = self.reap();
    }
}

/// Runs `command` to its end, with our own standard output and error; anything but success is an error that names it.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = Running::start(command)?.wait()?;
    ensure!(status.success(), "{} failed ({status})", shown(command));
    Ok(())
}

/// [`run`] for a command that may hang.
pub(crate) fn run_at_most(command: &mut Command, limit: Duration) -> Result<()> {
    match Running::start(command)?.wait_at_most(limit)? {
        Some(status) if status.success() => Ok(()),
        Some(status) => bail!("{} failed ({status})", shown(command)),
        None => bail!(
            "{} had not ended after {} s and was stopped",
            shown(command),
            limit.as_secs()
        ),
    }
}

/// What a short `command` prints; its error output is shown only if it fails.
pub(crate) fn answer(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("could not start {}", shown(command)))?;
    ensure!(
        output.status.success(),
        "{} failed ({}): {}",
        shown(command),
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What a command that looks for something prints; nothing when it finds nothing and says so with the exit code 1, as `grep` does.
pub(crate) fn found(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("could not start {}", shown(command)))?;
    match output.status.code() {
        Some(0 | 1) => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        _ => bail!("{} failed: {}", shown(command), output.status),
    }
}

/// The command as one would type it, near enough to try it by hand.
fn shown(command: &Command) -> String {
    let words: Vec<_> = [command.get_program()]
        .into_iter()
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect();
    format!("`{}`", words.join(" "))
}

/// Has the kernel end the child when we are killed so hard (SIGKILL) that we cannot do it ourselves.
#[cfg(target_os = "linux")]
fn end_with_parent(command: &mut Command) {
    let in_child = || {
        rustix::process::set_parent_process_death_signal(Some(Signal::TERM))?;
        Ok(())
    };
    // SAFETY: between fork and exec only async-signal-safe calls are allowed; this is one system call and nothing else.
    unsafe { command.pre_exec(in_child) };
}

#[cfg(not(target_os = "linux"))]
fn end_with_parent(_command: &mut Command) {}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_failing_command_is_named_with_its_status() {
        let error = run(&mut shell("exit 3")).expect_err("must fail");
        assert_eq!(error.to_string(), "`sh -c exit 3` failed (exit status: 3)");
    }

    #[test]
    fn a_command_that_cannot_start_is_named() {
        let error = run(&mut Command::new("/no/such/program")).expect_err("must fail");
        assert_eq!(error.to_string(), "could not start `/no/such/program`");
    }

    #[test]
    fn a_command_over_its_time_limit_is_stopped() {
        let started = Instant::now();
        let error = run_at_most(&mut shell("sleep 60"), Duration::from_millis(100))
            .expect_err("must be stopped");
        assert!(error.to_string().contains("was stopped"), "{error}");
        assert!(started.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn what_a_child_leaves_behind_is_ended_with_it() {
        // The shell ends at once; its own child would hold the pipe open for a minute.
        let mut command = shell("sleep 60 & echo started");
        command.stdout(Stdio::piped());
        let mut running = Running::start(&mut command).expect("start");
        let stdout = running.stdout().expect("a pipe");
        let started = Instant::now();
        running.wait().expect("wait");
        let text = std::io::read_to_string(stdout).expect("read to the end");
        assert_eq!(text, "started\n");
        assert!(started.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn a_running_child_is_stopped_when_dropped() {
        let mut command = shell("trap 'echo asked; exit' TERM; echo ready; sleep 60 & wait");
        command.stdout(Stdio::piped());
        let mut running = Running::start(&mut command).expect("start");
        let mut stdout = std::io::BufReader::new(running.stdout().expect("a pipe"));
        let mut line = String::new();
        std::io::BufRead::read_line(&mut stdout, &mut line).expect("read");
        assert_eq!(line, "ready\n");
        drop(running);
        let rest = std::io::read_to_string(stdout).expect("read to the end");
        assert_eq!(rest, "asked\n");
    }

    #[test]
    fn an_answer_is_what_was_printed_and_a_failure_says_why() {
        assert_eq!(answer(&mut shell("echo yes")).expect("answer"), "yes\n");
        let error = answer(&mut shell("echo because >&2; exit 1")).expect_err("must fail");
        assert!(
            error.to_string().ends_with("(exit status: 1): because"),
            "{error}"
        );
    }
}
