//! `cargo xtask up`: everything, running on this machine.

use std::env;
use std::fs;
use std::io::{self, Write};
use std::iter;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use crate::build;
use crate::dotenv::{self, API_KEY, ENCRYPTION_KEY};
use crate::host::{self, GLANCE, Host, HostChoice};
use crate::process::{self, Running};
use crate::project::Project;
use crate::runtime_config;

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

/// A host that has said it is ready goes on to list its routes; our own lines come after those.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// More lines than a host says about itself.
const MAX_LAST_WORDS: usize = 100;

pub(crate) fn run(project: &Project, options: Options) -> Result<()> {
    // Before the build: whoever must choose another address wants to know now.
    let address = host::free_address(&options.listen)?;
    let state_dir = match options.state_dir {
        Some(folder) => std::path::absolute(folder)?,
        None => project.root().join(".spin"),
    };
    let host = Host::choose(options.host)?;

    build::run(project)?;
    let program = host.program(project)?;
    let key = key_place(project, &state_dir)?;

    let outbound = if options.allow_private_targets {
        None
    } else {
        Some(closed_networks(address.ip(), &state_dir)?)
    };

    // In the project's folder, where both hosts look for `.env`.
    let mut command = project.command(program);
    command
        .args(host::arguments(
            &host,
            Path::new("spin.toml"),
            address,
            &state_dir,
        ))
        .stdout(Stdio::piped());
    match &outbound {
        Some(config) => command.arg("--runtime-config-file").arg(config),
        None => command.env("SPIN_VARIABLE_ALLOW_PRIVATE_TARGETS", "true"),
    };
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

/// Writes the runtime configuration that keeps webhooks out of private networks, but for the address that is listened on.
fn closed_networks(open: IpAddr, state_dir: &Path) -> Result<PathBuf> {
    fs::create_dir_all(state_dir)
        .with_context(|| format!("could not make {}", state_dir.display()))?;
    let file = state_dir.join("runtime-config.toml");
    fs::write(&file, runtime_config::text(open))
        .with_context(|| format!("could not write {}", file.display()))?;
    Ok(file)
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
    let lines = host::lines_of(host.stdout().context("the host has no standard output")?);
    let mut ready = false;
    loop {
        match lines.recv_timeout(GLANCE) {
            Ok(line) => {
                show(&line);
                if let Some(url) = host::served_url(&line).filter(|_| !ready) {
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

#[cfg(test)]
mod tests {
    use super::*;

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
