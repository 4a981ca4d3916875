//! A loaded application: its components compiled, its grants at hand.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context, ensure};
use http::uri::Authority;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;
use wasmtime::{Cache, Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};
use wasmtime_wasi_http::p2::bindings::ProxyPre;

use crate::allowed_hosts::{AllowedHosts, chaining_target};
use crate::componentize::componentize;
use crate::connect::Clients;
use crate::guest::Guest;
use crate::key_value::KeyValue;
use crate::manifest::{self, Manifest};
use crate::quotas::Quotas;
use crate::routes::Router;
use crate::runtime_config::RuntimeConfig;
use crate::sqlite::Sqlite;
use crate::variables::Variables;
use crate::{Options, Profile};

/// How many guests can run at once; the rest of the pool's sizes follow from it. Spin's number.
const MAX_INSTANCES: u32 = 1_000;

/// How precisely the time a guest computes is measured.
const EPOCH: Duration = Duration::from_millis(10);

/// An application, ready to serve.
pub(crate) struct App {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) router: Router,
    pub(crate) variables: Variables,
    pub(crate) key_value: KeyValue,
    pub(crate) sqlite: Sqlite,
    pub(crate) clients: Clients,
    pub(crate) quotas: Option<Quotas>,
    /// Closed when the host stops: guests end then.
    pub(crate) running: watch::Receiver<()>,
    /// Where this application is reached: the target of its requests to itself.
    pub(crate) origin: Authority,
    engine: Engine,
    /// Those that a trigger names.
    components: HashMap<String, Arc<Component>>,
    component_ids: Vec<String>,
}

/// A component, compiled, with what the manifest grants it.
pub(crate) struct Component {
    pub(crate) id: String,
    pub(crate) proxy: ProxyPre<Guest>,
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) key_value_stores: HashSet<String>,
    pub(crate) sqlite_databases: HashSet<String>,
    allowed_outbound_hosts: Vec<String>,
    resolved_hosts: OnceLock<Result<AllowedHosts, String>>,
}

impl App {
    /// Reads, checks and compiles the application that `options` name, to be served at `origin` while
    /// `running` is open.
    pub(crate) fn load(
        options: &Options,
        origin: Authority,
        running: watch::Receiver<()>,
    ) -> anyhow::Result<Self> {
        ensure!(
            options.request_limit.is_none() || options.profile == Profile::FermyonCloud,
            "Spin has no limit on a request's time; choose another profile"
        );
        let manifest = Manifest::read(&options.manifest)?;
        let runtime_config = match &options.runtime_config_file {
            Some(path) => RuntimeConfig::read(path)?,
            None => RuntimeConfig::default(),
        };
        let variables =
            Variables::new(&manifest, options.variables.clone(), options.dotenv.clone())?;
        let state_dir = std::path::absolute(options.state_dir_path())?;
        std::fs::create_dir_all(&state_dir).with_context(|| {
            format!("cannot create the state directory {}", state_dir.display())
        })?;
        let quotas = options.quotas();

        let engine = engine()?;
        if quotas.is_some() {
            tick(&engine);
        }
        let linker = Guest::linker(&engine)?;
        let mut components = HashMap::new();
        for trigger in manifest.triggers() {
            let id = &trigger.component;
            if !components.contains_key(id) {
                let component = Component::load(&engine, &linker, id, &manifest.components[id])
                    .with_context(|| format!("failed to load the component {id}"))?;
                components.insert(id.clone(), Arc::new(component));
            }
        }
        let app = Self {
            router: Router::new(manifest.triggers())?,
            name: manifest.application.name,
            version: manifest.application.version,
            variables,
            key_value: KeyValue::new(&state_dir, &runtime_config.redis_stores(), quotas.clone())?,
            sqlite: Sqlite::new(&state_dir, quotas.clone()),
            clients: Clients::new(runtime_config.blocked_networks()?)?,
            quotas,
            running,
            origin,
            engine,
            components,
            component_ids: manifest.components.into_keys().collect(),
        };
        // Where its variables allow to tell, a wrong entry stops the start and not the first request.
        for component in app.components.values() {
            for entry in &component.allowed_outbound_hosts {
                if let Ok(entry) = app.variables.resolve(entry) {
                    AllowedHosts::parse([entry.as_str()], &[]).with_context(|| {
                        format!("`allowed_outbound_hosts` of {} is malformed", component.id)
                    })?;
                }
            }
        }
        Ok(app)
    }

    /// The component to send a request to, if a trigger names it.
    pub(crate) fn component(&self, id: &str) -> Option<&Arc<Component>> {
        self.components.get(id)
    }

    /// Whether the host lets a component address another by `ID.spin.internal`; true for every other host name.
    pub(crate) fn allows_chaining_to(&self, host: Option<&str>) -> bool {
        self.quotas.is_none() || host.and_then(chaining_target).is_none()
    }

    /// A fresh store for one request to `component`.
    pub(crate) fn store(
        self: &Arc<Self>,
        component: &Arc<Component>,
        trap: UnboundedSender<wasmtime::Error>,
    ) -> Store<Guest> {
        let guest = Guest::new(self.clone(), component.clone(), trap);
        let mut store = Store::new(&self.engine, guest);
        let epochs = match &self.quotas {
            Some(quotas) => quotas.request.as_millis() / EPOCH.as_millis() + 1,
            // Never, and without the overflow that the largest number would be.
            None => u128::from(u64::MAX / 2),
        };
        store.set_epoch_deadline(u64::try_from(epochs).unwrap_or(u64::MAX / 2));
        store
    }
}

impl Component {
    fn load(
        engine: &Engine,
        linker: &wasmtime::component::Linker<Guest>,
        id: &str,
        manifest: &manifest::Component,
    ) -> anyhow::Result<Self> {
        let source = manifest.source.display();
        let wasm = std::fs::read(&manifest.source)
            .with_context(|| format!("cannot read {source} (is the component built?)"))?;
        let wasm = componentize(wasm).with_context(|| format!("cannot use {source}"))?;
        let component = wasmtime::component::Component::new(engine, wasm)
            .map_err(anyhow::Error::from)
            .with_context(|| format!("cannot compile {source}"))?;
        Ok(Self {
            id: id.to_owned(),
            proxy: ProxyPre::new(linker.instantiate_pre(&component)?)?,
            environment: manifest.environment.clone(),
            key_value_stores: manifest.key_value_stores.iter().cloned().collect(),
            sqlite_databases: manifest.sqlite_databases.iter().cloned().collect(),
            allowed_outbound_hosts: manifest.allowed_outbound_hosts.clone(),
            resolved_hosts: OnceLock::new(),
        })
    }

    /// Where the component may send requests to. Resolved on first use, as the values of variables are.
    pub(crate) fn allowed_hosts(&self, app: &App) -> Result<&AllowedHosts, &str> {
        self.resolved_hosts
            .get_or_init(|| {
                let entries = self
                    .allowed_outbound_hosts
                    .iter()
                    .map(|entry| app.variables.resolve(entry))
                    .collect::<Result<Vec<_>, _>>()
                    .map_err(|error| error.to_string())?;
                let ids: Vec<&str> = app.component_ids.iter().map(String::as_str).collect();
                AllowedHosts::parse(entries.iter().map(String::as_str), &ids)
                    .map_err(|error| format!("{error:#}"))
            })
            .as_ref()
            .map_err(String::as_str)
    }
}

/// An engine configured as Spin's is: code that can be interrupted, instances from a pool.
fn engine() -> anyhow::Result<Engine> {
    let mut config = Config::new();
    config.epoch_interruption(true);
    config.wasm_component_model(true);
    // Compiled code is kept in wasmtime's usual cache directory. Where that cannot be written, each start compiles.
    if let Ok(cache) = Cache::from_file(None) {
        config.cache(Some(cache));
    }
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(MAX_INSTANCES)
        .total_memories(MAX_INSTANCES)
        .total_tables(2 * MAX_INSTANCES)
        .total_stacks(MAX_INSTANCES)
        .total_core_instances(4 * MAX_INSTANCES)
        .table_elements(100_000)
        .max_component_instance_size(10 << 20)
        .max_core_instance_size(10 << 20)
        .max_core_instances_per_component(200)
        .max_tables_per_component(64)
        .max_memories_per_component(32)
        .max_memory_size(4 << 30)
        .linear_memory_keep_resident(2 << 20)
        .table_keep_resident(1 << 19);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    match Engine::new(&config) {
        Ok(engine) => Ok(engine),
        // The pool reserves terabytes of address space, which not every system has.
        Err(_) => {
            config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
            Ok(Engine::new(&config)?)
        }
    }
}

/// Makes deadlines pass while a guest computes, for as long as the engine is there.
fn tick(engine: &Engine) {
    let engine = engine.weak();
    std::thread::spawn(move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(EPOCH);
        }
    });
}
