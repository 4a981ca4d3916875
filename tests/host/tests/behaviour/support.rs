//! Applications made of the probe, and a client to talk to them.

use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use harness::{Command, Host, Service};
use tempfile::TempDir;

/// How long a test waits for what must happen soon.
const SOON: Duration = Duration::from_secs(10);

/// One component on every route, with store and database.
pub(crate) const ONE: &str = r#"
    [[trigger.http]]
    route = "/..."
    component = "one"
    [component.one]
    source = "PROBE"
    key_value_stores = ["default"]
    sqlite_databases = ["default"]
"#;

/// A manifest in a directory of its own.
pub(crate) struct Application(TempDir);

impl Application {
    /// `parts` is the manifest without its head; `PROBE` in it is the probe's path.
    pub(crate) fn new(parts: &str) -> Self {
        let dir = TempDir::with_prefix("application-").expect("a temporary directory");
        let probe = probe();
        let manifest = format!(
            "spin_manifest_version = 2\n[application]\nname = \"test\"\nversion = \"1.2.3\"\n{}",
            parts.replace("PROBE", &probe.to_string_lossy())
        );
        std::fs::write(dir.path().join("spin.toml"), manifest).expect("a manifest");
        Self(dir)
    }

    pub(crate) fn manifest(&self) -> PathBuf {
        self.0.path().join("spin.toml")
    }

    /// To be started on Spin if the environment names it, else on the embedded host.
    pub(crate) fn command(&self) -> Command {
        let host = Host::spin_from_env().unwrap_or_else(embedded);
        Command::new(self.manifest()).expect("a command").host(host)
    }
}

/// A running application, with the manifest that a restart reads again.
pub(crate) struct Running {
    service: Service,
    _application: Application,
}

impl Deref for Running {
    type Target = Service;

    fn deref(&self) -> &Service {
        &self.service
    }
}

impl DerefMut for Running {
    fn deref_mut(&mut self) -> &mut Service {
        &mut self.service
    }
}

/// Starts an application of `parts`.
pub(crate) fn start(parts: &str) -> Running {
    let application = Application::new(parts);
    Running {
        service: application.command().start().expect("the host starts"),
        _application: application,
    }
}

/// The program of this package.
pub(crate) fn embedded() -> Host {
    Host::Embedded(env!("CARGO_BIN_EXE_embedded-host").into())
}

fn probe() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    let path = match std::env::var_os("PROBE_WASM") {
        Some(path) => PathBuf::from(path),
        None => workspace
            .expect("this package is two directories down")
            .join("target/wasm32-wasip1/release/probe.wasm"),
    };
    assert!(
        path.is_file(),
        "there is no probe at {}; build it with `cargo build --release --target wasm32-wasip1 -p probe`, \
         or set PROBE_WASM to its path",
        path.display()
    );
    std::path::absolute(path).expect("an absolute path")
}

/// What a host answered.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Answer {
    /// The body of an answer that must be 200.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body
    }

    /// The error of an operation that the host must have refused.
    #[track_caller]
    pub(crate) fn refused(self) -> String {
        assert_eq!(self.status, 422, "{}", self.body);
        self.body
    }
}

pub(crate) fn get(service: &Service, path: &str) -> Answer {
    receive(agent().get(format!("{}{path}", service.url())).call())
}

pub(crate) fn post(service: &Service, path: &str, body: impl AsRef<[u8]>) -> Answer {
    let url = format!("{}{path}", service.url());
    receive(agent().post(url).send(body.as_ref()))
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(60)))
        .build()
        .into()
}

fn receive(response: Result<http::Response<ureq::Body>, ureq::Error>) -> Answer {
    let mut response = response.expect("an answer");
    let body = response
        .body_mut()
        .with_config()
        .limit(64 << 20)
        .read_to_vec();
    Answer {
        status: response.status().as_u16(),
        body: String::from_utf8_lossy(&body.expect("a whole body")).into_owned(),
    }
}

/// Waits for what the host does on its own time.
#[track_caller]
pub(crate) fn soon(what: &str, mut happened: impl FnMut() -> bool) {
    let end = Instant::now() + SOON;
    while !happened() {
        assert!(Instant::now() < end, "{what} should have happened by now");
        std::thread::sleep(Duration::from_millis(5));
    }
}
