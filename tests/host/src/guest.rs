//! One instance of a component: what the host keeps for it while it handles its one request.

use std::sync::Arc;

use tokio::sync::mpsc::UnboundedSender;
use wasmtime::component::{HasSelf, Linker, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::app::{App, Component};
use crate::bindings::{key_value, sqlite, variables};
use crate::body::name_body_errors;
use crate::http_out::Outgoing;

/// The data of a guest's store.
pub(crate) struct Guest {
    pub(crate) app: Arc<App>,
    pub(crate) component: Arc<Component>,
    pub(crate) table: ResourceTable,
    pub(crate) open_connections: usize,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    outgoing: Outgoing,
}

impl Guest {
    /// A fresh guest. Whatever is sent over `trap` ends it.
    pub(crate) fn new(
        app: Arc<App>,
        component: Arc<Component>,
        trap: UnboundedSender<wasmtime::Error>,
    ) -> Self {
        let mut wasi = WasiCtxBuilder::new();
        // A guest's standard output belongs to its log, not to this process's output.
        wasi.stdout(std::io::stderr()).stderr(std::io::stderr());
        for (name, value) in &component.environment {
            wasi.env(name, value);
        }
        Self {
            table: ResourceTable::new(),
            open_connections: 0,
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
            outgoing: Outgoing {
                app: app.clone(),
                component: component.clone(),
                trap,
            },
            app,
            component,
        }
    }

    /// Everything that a guest can import.
    pub(crate) fn linker(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<Self>> {
        let mut linker = Linker::new(engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
        name_body_errors(&mut linker)?;
        key_value::add_to_linker::<_, HasSelf<Self>>(&mut linker, |guest| guest)?;
        sqlite::add_to_linker::<_, HasSelf<Self>>(&mut linker, |guest| guest)?;
        variables::add_to_linker::<_, HasSelf<Self>>(&mut linker, |guest| guest)?;
        Ok(linker)
    }
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            ctx: &mut self.http,
            table: &mut self.table,
            hooks: &mut self.outgoing,
        }
    }
}

impl variables::Host for Guest {
    async fn get(&mut self, name: String) -> wasmtime::Result<Result<String, variables::Error>> {
        let value = self.app.variables.get(&self.component.id, &name);
        Ok(value.map_err(Into::into))
    }
}
