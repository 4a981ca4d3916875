//! `cargo xtask lint`: formatting, the dependencies, and clippy with warnings as errors.

use std::process::Command;

use anyhow::{Context, Result};

use crate::dependencies;
use crate::process;
use crate::project::{COMPONENTS, PROBE, Project};
use crate::toolchain::WasmToolchain;

pub(crate) fn run(project: &Project) -> Result<()> {
    formatting(project)?;
    let advisories = dependencies::check(project)?;

    eprintln!("xtask: clippy, native");
    // The components too: natively, their tests are linted with them.
    process::run(
        project
            .native_cargo("clippy")
            .args(["--workspace", "--all-targets"])
            .args(["--", "--deny", "warnings"]),
    )?;

    let toolchain = WasmToolchain::ready(project)?;
    eprintln!("xtask: clippy, WebAssembly");
    // With the crates of this workspace that they use.
    let mut wasm = toolchain.cargo(project, "clippy");
    for package in COMPONENTS.iter().chain([&PROBE]) {
        wasm.args(["--package", package]);
    }
    process::run(wasm.args(["--", "--deny", "warnings"]))?;
    advisories.warn();
    Ok(())
}

pub(crate) fn formatting(project: &Project) -> Result<()> {
    eprintln!("xtask: formatting");
    // The fuzz targets are a workspace of their own.
    for manifest in ["Cargo.toml", "fuzz/Cargo.toml"] {
        let mut format = project.cargo();
        format.args(["fmt", "--all", "--check", "--manifest-path", manifest]);
        process::run(&mut format).with_context(|| {
            format!(
                "run `cargo fmt --all --manifest-path {manifest}` (it comes with `rustup component add rustfmt`)"
            )
        })?;
    }
    Ok(())
}

/// Has clippy compile the packages of this workspace, with warnings as errors. It is a compiler that lints, and this is how `cargo
/// clippy` calls it; but that only checks, and what the tests need would be compiled once more.
pub(crate) fn while_compiling(cargo: &mut Command) {
    cargo
        .env("RUSTC_WORKSPACE_WRAPPER", "clippy-driver")
        // As `cargo clippy -- --deny warnings` passes it on.
        .env("CLIPPY_ARGS", "--deny__CLIPPY_HACKERY__warnings");
}
