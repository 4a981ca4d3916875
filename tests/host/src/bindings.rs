//! The interfaces of `wit/world.wit`, as Rust.

// Generated code documents itself only as far as the WIT file does.
#[allow(missing_docs, unreachable_pub, unused_qualifications)]
mod generated {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "host",
        imports: { default: async | trappable },
        with: {
            "fermyon:spin/key-value.store": crate::key_value::Store,
            "fermyon:spin/sqlite.connection": crate::sqlite::Connection,
        },
    });
}

pub(crate) use generated::fermyon::spin::{key_value, sqlite, variables};
