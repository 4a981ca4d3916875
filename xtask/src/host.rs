//! What runs the components: Spin, or the embedded host that stands in for it.

use std::ffi::OsString;
use std::fmt;
use std::io::{self, BufRead, BufReader, ErrorKind};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use clap::ValueEnum;

use crate::process::Running;
use crate::project::{EMBEDDED_HOST, Project};
use crate::spin::{self, Spin};

/// How often a host that says nothing is looked at.
pub(crate) const GLANCE: Duration = Duration::from_millis(100);

/// What is to run the components.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum HostChoice {
    /// Whatever suits.
    Auto,
    /// Spin.
    Spin,
    /// The embedded host.
    Embedded,
}

/// What runs the components.
pub(crate) enum Host {
    Spin(Spin),
    Embedded,
}

impl fmt::Display for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spin(spin) => spin.fmt(formatter),
            Self::Embedded => formatter.write_str("the embedded host, which stands in for Spin"),
        }
    }
}

impl Host {
    /// The host that was chosen; auto: Spin if there is one, else the embedded host.
    pub(crate) fn choose(choice: HostChoice) -> Result<Self> {
        if choice == HostChoice::Embedded {
            return Ok(Self::Embedded);
        }
        match Spin::find()? {
            Some(spin) => Ok(Self::Spin(spin)),
            None if choice == HostChoice::Auto => Ok(Self::Embedded),
            None => bail!("there is no Spin on the PATH; {}", spin::HOW_TO_INSTALL),
        }
    }

    /// Its program, which is built first if it is the project's own.
    pub(crate) fn program(&self, project: &Project) -> Result<PathBuf> {
        match self {
            Self::Spin(spin) => Ok(spin.path.clone()),
            Self::Embedded => {
                eprintln!("xtask: building the embedded host");
                project.build_native(EMBEDDED_HOST)
            }
        }
    }
}

/// What the host is called with.
pub(crate) fn arguments(
    host: &Host,
    manifest: &Path,
    address: SocketAddr,
    state_dir: &Path,
) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = match host {
        Host::Spin(_) => vec!["up".into()],
        Host::Embedded => vec![],
    };
    arguments.extend(["--from".into(), manifest.into()]);
    arguments.extend(["--listen".into(), address.to_string().into()]);
    arguments.extend(["--state-dir".into(), state_dir.into()]);
    arguments
}

/// The address to listen on, with nobody listening there.
///
/// A free port is chosen here and not by the host: Spin sends requests that a component makes to itself to the port it was given,
/// even if that is 0.
pub(crate) fn free_address(listen: &str) -> Result<SocketAddr> {
    let addresses: Vec<SocketAddr> = listen
        .to_socket_addrs()
        .map_err(|error| {
            anyhow!("--listen {listen} is no address, such as 127.0.0.1:3000 ({error})")
        })?
        .collect();
    // As Spin does with a name that has both kinds.
    let address = addresses
        .iter()
        .find(|address| address.is_ipv4())
        .or(addresses.first())
        .with_context(|| format!("--listen {listen} stands for no address"))?;
    match TcpListener::bind(address) {
        Ok(listener) => Ok(listener.local_addr()?),
        Err(error) if error.kind() == ErrorKind::AddrInUse => bail!(
            "another program listens on {address}; stop it, or choose another port, such as --listen {}:{}",
            address.ip(),
            address.port().checked_add(1).unwrap_or(3000)
        ),
        Err(error) => Err(anyhow!(error).context(format!("cannot listen on {address}"))),
    }
}

/// The lines that a process writes, as they come.
pub(crate) fn lines_of(output: impl io::Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        // Guests may write anything, UTF-8 or not.
        while output
            .read_until(b'\n', &mut line)
            .is_ok_and(|read| read > 0)
        {
            let text = String::from_utf8_lossy(&line);
            if sender.send(text.trim_end_matches('\n').to_owned()).is_err() {
                break;
            }
            line.clear();
        }
    });
    lines
}

/// The URL in the line with which both hosts say that they are ready.
pub(crate) fn served_url(line: &str) -> Option<&str> {
    line.strip_prefix("Serving ")
        .map(str::trim)
        .filter(|url| url.starts_with("http://"))
}

/// Waits until a host says where it serves.
pub(crate) fn await_url(
    host: &Running,
    lines: &Receiver<String>,
    limit: Duration,
) -> Result<String> {
    let deadline = Instant::now() + limit;
    loop {
        match lines.recv_timeout(GLANCE) {
            Ok(line) => {
                if let Some(url) = served_url(&line) {
                    return Ok(url.to_owned());
                }
            }
            Err(_) => ensure!(
                !host.has_ended()? && Instant::now() < deadline,
                "the host did not start"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_taken_is_refused_with_another_to_try() {
        let taken = TcpListener::bind("127.0.0.1:0").expect("bind");
        let address = taken.local_addr().expect("address");
        let error = free_address(&address.to_string()).expect_err("must fail");
        let expected = format!("another program listens on {address}; stop it");
        assert!(error.to_string().starts_with(&expected), "{error}");
    }

    #[test]
    fn port_0_becomes_a_free_port() {
        let address = free_address("localhost:0").expect("an address");
        assert!(address.ip().is_loopback());
        assert_ne!(address.port(), 0);
    }

    #[test]
    fn what_is_no_address_is_refused_with_an_example() {
        let error = free_address("3000").expect_err("must fail");
        assert!(
            error.to_string().contains("such as 127.0.0.1:3000"),
            "{error}"
        );
    }

    #[test]
    fn both_hosts_get_the_same_flags() {
        let address = "127.0.0.1:3000".parse().expect("address");
        let arguments = arguments(
            &Host::Embedded,
            Path::new("spin.toml"),
            address,
            Path::new("/data"),
        );
        assert_eq!(
            arguments,
            [
                "--from",
                "spin.toml",
                "--listen",
                "127.0.0.1:3000",
                "--state-dir",
                "/data"
            ]
        );
    }

    #[test]
    fn the_line_that_says_where_a_host_serves_is_told_from_others() {
        assert_eq!(
            served_url("Serving http://127.0.0.1:3000"),
            Some("http://127.0.0.1:3000")
        );
        assert_eq!(served_url("Serving dinner"), None);
        assert_eq!(served_url("  api: http://127.0.0.1:3000/v1"), None);
    }
}
