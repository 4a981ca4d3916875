//! From the core module that `wasm32-wasip1` builds to the component that wasmtime runs.

use anyhow::{Context, bail};
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wit_component::ComponentEncoder;

/// The eight bytes a binary begins with: `\0asm`, then its version and layer. Layer 0 is a core module, layer 1 a component.
const MAGIC: &[u8] = b"\0asm";

/// The component in `wasm`, made from a core module if it is one.
pub(crate) fn componentize(wasm: Vec<u8>) -> anyhow::Result<Vec<u8>> {
    if !wasm.starts_with(MAGIC) || wasm.len() < 8 {
        bail!("not a WebAssembly binary");
    }
    match wasm[6..8] {
        [0, 0] => {}
        _ => return Ok(wasm),
    }
    ComponentEncoder::default()
        .validate(true)
        .module(&wasm)?
        .adapter(
            WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME,
            WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
        )?
        .encode()
        .context("cannot make a component of the module")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_is_left_as_it_is() {
        let component = b"\0asm\x0d\0\x01\0".to_vec();
        assert_eq!(
            componentize(component.clone()).expect("a component"),
            component
        );
    }

    #[test]
    fn what_is_no_wasm_is_refused() {
        assert!(componentize(b"<html>".to_vec()).is_err());
        assert!(componentize(b"\0asm".to_vec()).is_err());
    }
}
