//! `cargo xtask lint`: formatting, and clippy with warnings as errors.

use anyhow::{Context, Result};

use crate::process;
use crate::project::{COMPONENTS, PROBE, Project};
use crate::toolchain::WasmToolchain;

pub(crate) fn run(project: &Project) -> Result<()> {
    eprintln!("xtask: formatting");
    process::run(project.cargo().args(["fmt", "--all", "--check"]))
        .context("run `cargo fmt --all` (it comes with `rustup component add rustfmt`)")?;

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
    process::run(wasm.args(["--", "--deny", "warnings"]))
}
