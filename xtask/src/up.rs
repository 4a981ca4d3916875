//! `cargo xtask up`: everything, running on this machine.

use std::env;
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::iter;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use clap::Args;

use crate::build;
use crate::dotenv::{self, API_KEY, ENCRYPTION_KEY};
use crate::host::{Host, HostChoice};
use crate::process::{self, Running};
use crate::project::Project;

/// What `cargo xtask up` takes.
#[derive(Args)]
pub(crate) struct Options {
    /// The address to listen on; with port 0, a free port
    #[arg(long, default_value = "127.0.0.1:3000")]
    listen: String,
    /// What runs the components; auto: Spin if there is one, else the embedded host
    #[arg(long, value_enum, default_value_t = HostChoice::Auto)]
    host: HostChoice,
    /// The folder for data and logs [default: .spin in the project]
    #[arg(long, value_name = "FOLDER")]
    state_dir: Option<PathBuf>,
    /// Let webhooks go to private addresses, for a receiver on this machine
    #[arg(long)]
    allow_private_targets: bool,
}

/// How often a host that says nothing is looked at.
const GLANCE: Duration = Duration::from_millis(100);

/// A host that has said it is ready goes on to list its routes; our own lines come after those.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// More lines than a host says about itself.
const MAX_LAST_WORDS: usize = 100;

pub(crate) fn run(project: &Project, options: Options) -> Result<()> {
    // Before the build: whoever must choose another address wants to know now.
    let address = free_address(&options.listen)?;
    let state_dir = match options.state_dir {
        Some(folder) => std::path::absolute(folder)?,
        None => project.root().join(".spin"),
    };
    let host = Host::choose(options.host)?;

    build::run(project)?;
    let program = host.program(project)?;
    let key = key_place(project, &state_dir)?;

    // In the project's folder, where both hosts look for `.env`.
    let mut command = project.command(program);
    command
        .args(arguments(&host, address, &state_dir))
        .stdout(Stdio::piped());
    if options.allow_private_targets {
        command.env("SPIN_VARIABLE_ALLOW_PRIVATE_TARGETS", "true");
    }
    serve(&mut command, &mut io::stdout(), |url| {
        let curl = format!(
            "curl -s -H \"Authorization: Bearer {}\" {url}/v1/event-types",
            key.in_shell
        );
        let (before, after) = (&key.before_curl, &key.after_curl);
        format!(
            "\nWebhook Triggers is running on {host}.\n\n  URL      {url}\n  API key  {}\n  Data     {}\n  Try it   {before}{curl}{after}\n  Stop it  Ctrl-C\n",
            key.description,
            state_dir.display(),
        )
    })
}

/// What the host is called with.
fn arguments(host: &Host, address: SocketAddr, state_dir: &Path) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = match host {
        Host::Spin(_) => vec!["up".into()],
        Host::Embedded => vec![],
    };
    arguments.extend(["--from".into(), "spin.toml".into()]);
    arguments.extend(["--listen".into(), address.to_string().into()]);
    arguments.extend(["--state-dir".into(), state_dir.into()]);
    arguments
}

/// The address to listen on, with nobody listening there.
///
/// A free port is chosen here and not by the host: Spin sends requests that a component makes to itself to the port it was given,
/// even if that is 0.
fn free_address(listen: &str) -> Result<SocketAddr> {
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

/// Where the API key is, for a person and for a shell.
struct KeyPlace {
    description: String,
    in_shell: &'static str,
    before_curl: String,
    after_curl: &'static str,
}

/// Makes the keys if need be, and tells where they are.
fn key_place(project: &Project, state_dir: &Path) -> Result<KeyPlace> {
    let in_environment = |name: &str| env::var_os(name).is_some();
    let file = project.root().join(".env");
    let added = dotenv::complete(&file, in_environment)?;
    if added.contains(&ENCRYPTION_KEY) && state_dir.join("sqlite_db.db").exists() {
        eprintln!(
            "xtask: there is data in {} from before this encryption key was made; signing secrets and header values in it cannot be read \
             unless you put back the key they were stored with",
            state_dir.display()
        );
    }
    let made_now = if added.contains(&API_KEY) {
        ", made now"
    } else {
        ""
    };
    if in_environment(API_KEY) {
        return Ok(KeyPlace {
            description: format!("{API_KEY} in the environment"),
            in_shell: "${SPIN_VARIABLE_API_KEY%%,*}",
            before_curl: String::new(),
            after_curl: "",
        });
    }
    // A person can paste the line into another terminal, most likely one in the same folder.
    let shown = if env::current_dir().is_ok_and(|folder| folder == project.root()) {
        "./.env".to_owned()
    } else {
        quoted(&file)
    };
    Ok(KeyPlace {
        description: format!("{API_KEY} in {}{made_now}", file.display()),
        in_shell: if dotenv::has_several_api_keys(&file)? {
            "${SPIN_VARIABLE_API_KEY%%,*}"
        } else {
            "$SPIN_VARIABLE_API_KEY"
        },
        // In a subshell, so that the settings do not stay in the terminal.
        before_curl: format!("(. {shown}; "),
        after_curl: ")",
    })
}

/// A path as a word of a shell command.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

/// Runs a host until it ends or we are told to stop, and passes on what it says. When it serves, adds what `introduction` makes of
/// its URL, and then that it is ready.
fn serve(
    command: &mut Command,
    out: &mut impl Write,
    introduction: impl Fn(&str) -> String,
) -> Result<()> {
    // Nobody may be reading any more, and the host should go on all the same.
    let mut show = |line: &str| drop(writeln!(out, "{line}"));
    let mut host = Running::start(command)?;
    let lines = lines_of(host.stdout().context("the host has no standard output")?);
    let mut ready = false;
    loop {
        match lines.recv_timeout(GLANCE) {
            Ok(line) => {
                show(&line);
                if let Some(url) = served_url(&line).filter(|_| !ready) {
                    last_words(&lines).for_each(|line| show(&line));
                    show(&introduction(url));
                    show(&format!("Ready: {url}"));
                    ready = true;
                }
            }
            Err(RecvTimeoutError::Timeout) if !host.has_ended()? => {}
            // Nothing more will come, or only from a process that the host has left behind and that ends with it.
            Err(_) => break,
        }
    }
    let status = host.wait()?;
    last_words(&lines).for_each(|line| show(&line));
    if process::stopped_by().is_some() {
        eprintln!("xtask: stopped");
        return Ok(());
    }
    let when = if ready { "" } else { " before it was ready" };
    ensure!(
        status.success(),
        "the host ended{when} ({status}); what it said is above"
    );
    bail!("the host ended{when}, without an error")
}

/// The lines that come within the next moment, up to [`MAX_LAST_WORDS`] of them: a guest may be chatty from the start.
fn last_words(lines: &Receiver<String>) -> impl Iterator<Item = String> {
    iter::from_fn(|| lines.recv_timeout(LAST_WORDS).ok()).take(MAX_LAST_WORDS)
}

/// The lines that a process writes, as they come.
fn lines_of(output: impl io::Read + Send + 'static) -> Receiver<String> {
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
fn served_url(line: &str) -> Option<&str> {
    line.strip_prefix("Serving ")
        .map(str::trim)
        .filter(|url| url.starts_with("http://"))
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
        let arguments = arguments(&Host::Embedded, address, Path::new("/data"));
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

    #[test]
    fn a_path_is_one_word_for_the_shell() {
        assert_eq!(
            quoted(Path::new("/it's here/.env")),
            r"'/it'\''s here/.env'"
        );
    }

    fn serve_script(script: &str) -> (String, String) {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdout(Stdio::piped());
        let mut out = Vec::new();
        let error = serve(&mut command, &mut out, |url| format!("(about {url})"))
            .expect_err("a host that ends is an error");
        let out = String::from_utf8(out).expect("UTF-8");
        (out, error.to_string())
    }

    #[test]
    fn a_host_that_ends_by_itself_is_an_error_that_says_how() {
        let error = |script| serve_script(script).1;
        assert_eq!(
            error("exit 7"),
            "the host ended before it was ready (exit status: 7); what it said is above"
        );
        assert_eq!(
            error("echo Serving http://127.0.0.1:1; exit 7"),
            "the host ended (exit status: 7); what it said is above"
        );
        assert_eq!(
            error("echo Serving http://127.0.0.1:1"),
            "the host ended, without an error"
        );
    }

    #[test]
    fn ready_is_told_once_below_what_the_host_says_of_itself() {
        let (out, _) = serve_script(
            "echo; echo Serving http://127.0.0.1:1; echo Available Routes:; sleep 1; echo Serving http://127.0.0.1:1",
        );
        assert_eq!(
            out,
            "\nServing http://127.0.0.1:1\nAvailable Routes:\n(about http://127.0.0.1:1)\nReady: http://127.0.0.1:1\nServing http://127.0.0.1:1\n"
        );
    }
}
