//! `cargo xtask build`: the components.

use std::fs;

use anyhow::{Context, Result, ensure};

use crate::process;
use crate::project::{COMPONENTS, Project};
use crate::toolchain::WasmToolchain;

/// The largest component we ship: 1.5 MiB. Small components start fast and upload fast.
const MAX_COMPONENT_BYTES: u64 = 3 * 1024 * 1024 / 2;

pub(crate) fn run(project: &Project) -> Result<()> {
    let toolchain = WasmToolchain::ready(project)?;
    build(project, &toolchain, &COMPONENTS)?;
    check_sizes(project)
}

/// Builds packages for WebAssembly, as the build commands in `spin.toml` do.
pub(crate) fn build(project: &Project, toolchain: &WasmToolchain, packages: &[&str]) -> Result<()> {
    let mut cargo = toolchain.cargo(project, "build");
    for package in packages {
        cargo.args(["--package", package]);
    }
    process::run(&mut cargo)
}

/// Says how large each component is; one that is too large is an error.
pub(crate) fn check_sizes(project: &Project) -> Result<()> {
    let mut sizes = Vec::new();
    for component in COMPONENTS {
        let file = project.wasm_file(component);
        let found = fs::metadata(&file)
            .with_context(|| format!("the build did not make {}", file.display()))?;
        eprintln!("{component:>12}  {:>4} KiB", found.len().div_ceil(1024));
        sizes.push((component, found.len()));
    }
    let too_large = too_large(&sizes);
    ensure!(
        too_large.is_empty(),
        "larger than {} KiB: {}",
        MAX_COMPONENT_BYTES / 1024,
        too_large.join(", ")
    );
    Ok(())
}

fn too_large<'a>(sizes: &[(&'a str, u64)]) -> Vec<&'a str> {
    sizes
        .iter()
        .filter(|(_, bytes)| *bytes > MAX_COMPONENT_BYTES)
        .map(|(name, _)| *name)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_may_be_as_large_as_the_limit_and_no_larger() {
        let sizes = [
            ("small", 1),
            ("just", MAX_COMPONENT_BYTES),
            ("over", MAX_COMPONENT_BYTES + 1),
        ];
        assert_eq!(too_large(&sizes), ["over"]);
        assert_eq!(MAX_COMPONENT_BYTES, 1_572_864);
    }
}
