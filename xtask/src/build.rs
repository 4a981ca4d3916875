//! `cargo xtask build`: the components.

use std::fs;

use anyhow::{Context, Result};

use crate::process;
use crate::project::{COMPONENTS, Project};
use crate::toolchain::WasmToolchain;

pub(crate) fn run(project: &Project) -> Result<()> {
    let toolchain = WasmToolchain::ready(project)?;
    build(project, &toolchain, &COMPONENTS)?;
    show_sizes(project)
}

/// Builds packages for WebAssembly, as the build commands in `spin.toml` do.
pub(crate) fn build(project: &Project, toolchain: &WasmToolchain, packages: &[&str]) -> Result<()> {
    let mut cargo = toolchain.cargo(project, "build");
    for package in packages {
        cargo.args(["--package", package]);
    }
    process::run(&mut cargo)
}

/// Says how large each component is.
pub(crate) fn show_sizes(project: &Project) -> Result<()> {
    for component in COMPONENTS {
        let file = project.wasm_file(component);
        let found = fs::metadata(&file)
            .with_context(|| format!("the build did not make {}", file.display()))?;
        eprintln!("{component:>12}  {:>4} KiB", found.len().div_ceil(1024));
    }
    Ok(())
}
