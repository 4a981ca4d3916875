//! Runs a Spin application without Spin: the same `spin.toml`, the same `.wasm` files, on wasmtime.
//!
//! Spin's runtime is a program, not a library on crates.io, and not every machine has it. This host does what `spin up`
//! (4.0) does with an HTTP application, as far as this project's components can tell the difference: routes, grants,
//! `spin-*` headers, one fresh instance a request, key-value and SQLite files that Spin can take over, outgoing requests
//! with their permissions and errors. Where it is not Spin it says no: a manifest field that it does not know is an error.
//!
//! [`Profile::FermyonCloud`] adds the quotas of Fermyon Cloud on top.
//!
//! Known differences from Spin 4.0.2, whose behaviour the tests in `tests/behaviour` otherwise show on both hosts:
//! - only components that export wasi:http 0.2, only these imports: wasi 0.2, and of `fermyon:spin@2.0.0` key-value, sqlite
//!   and variables; no files, dependencies, Wagi or static responses;
//! - one store and one database, `default`; of the runtime configuration only `block_networks`; no TLS on the listener;
//! - guests' output goes to this process's standard error, not also to files below the state directory;
//! - the request headers that Spin adds for tracing, when tracing is on, are not there;
//! - reading a request's body has no time limit (Spin: 600 seconds between two parts);
//! - an outgoing request that announces a `content-length` and has no body fails before it is sent.

mod allowed_hosts;
mod app;
mod bindings;
mod blocked_networks;
mod body;
mod componentize;
mod connect;
mod guest;
mod headers;
mod http_in;
mod http_out;
mod key_value;
mod manifest;
mod quotas;
mod routes;
mod runtime_config;
mod sqlite;
mod variables;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use app::App;
use quotas::Quotas;

/// The state directory beside the manifest, unless another is asked for.
const DEFAULT_STATE_DIR: &str = ".spin";

/// What to run and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// The application's `spin.toml`.
    pub manifest: PathBuf,
    /// Where to listen; with port 0 on a port that is free.
    pub listen: SocketAddr,
    /// Where key-value and SQLite data are kept; by default `.spin` beside the manifest.
    pub state_dir: Option<PathBuf>,
    /// A runtime configuration in Spin's format.
    pub runtime_config_file: Option<PathBuf>,
    /// A file with `SPIN_VARIABLE_*` lines, read when the process's environment lacks one. It need not exist.
    pub dotenv: Option<PathBuf>,
    /// Values of application variables; they go before the environment's.
    pub variables: BTreeMap<String, String>,
    /// Whose limits hold.
    pub profile: Profile,
    /// How long a request may take, instead of the 30 seconds of [`Profile::FermyonCloud`]. Spin has no such limit.
    pub request_limit: Option<Duration>,
}

/// A platform whose limits the host has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Profile {
    /// `spin up`: no limits.
    #[default]
    Spin,
    /// Fermyon Cloud's quotas on keys, values, time and bodies, no service chaining, no transaction across SQLite calls.
    FermyonCloud,
}

impl Options {
    /// What `spin up --from MANIFEST` would run, on a free port of the loopback interface.
    pub fn new(manifest: impl Into<PathBuf>) -> Self {
        Self {
            manifest: manifest.into(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            state_dir: None,
            runtime_config_file: None,
            dotenv: None,
            variables: BTreeMap::new(),
            profile: Profile::Spin,
            request_limit: None,
        }
    }

    fn state_dir_path(&self) -> PathBuf {
        match &self.state_dir {
            Some(dir) => dir.clone(),
            None => {
                let beside = self.manifest.parent().unwrap_or(Path::new(""));
                beside.join(DEFAULT_STATE_DIR)
            }
        }
    }

    fn quotas(&self) -> Option<Quotas> {
        match self.profile {
            Profile::Spin => None,
            Profile::FermyonCloud => {
                let mut quotas = Quotas::FERMYON_CLOUD;
                quotas.request = self.request_limit.unwrap_or(quotas.request);
                Some(quotas)
            }
        }
    }
}

/// A running application. Dropping it closes its port and its connections, and ends its guests.
pub struct Host {
    app: Arc<App>,
    address: SocketAddr,
    server: JoinHandle<()>,
    _running: watch::Sender<()>,
}

impl Host {
    /// Loads the application and serves it. When this returns, requests are answered.
    ///
    /// Needs tokio's multi-threaded runtime: key-value calls block their thread, as they do under Spin.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(options.listen)
            .await
            .with_context(|| format!("Unable to listen on {}", options.listen))?;
        let address = listener.local_addr()?;
        // Compiling takes seconds where the cache has nothing.
        let (running, watched) = watch::channel(());
        let app = tokio::task::spawn_blocking(move || {
            let origin = address.to_string().parse()?;
            App::load(&options, origin, watched)
        });
        let app = Arc::new(app.await??);
        let server = tokio::spawn(http_in::serve(app.clone(), listener));
        Ok(Self {
            app,
            address,
            server,
            _running: running,
        })
    }

    /// The base URL, without a trailing slash.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Each route with its component, the routes that win first.
    pub fn routes(&self) -> Vec<(String, String)> {
        self.app
            .router
            .list()
            .map(|(component, route)| (component.to_owned(), route))
            .collect()
    }

    /// The files that hold key-value and SQLite data.
    pub fn data_files(&self) -> [&Path; 2] {
        [self.app.key_value.path(), self.app.sqlite.path()]
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.server.abort();
    }
}
