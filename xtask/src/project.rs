//! Where things are, and how `cargo` is called for them.

use std::env;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::process;

/// The target that Spin's components are built for.
pub(crate) const WASM_TARGET: &str = "wasm32-wasip1";

/// The packages that `spin.toml` deploys.
pub(crate) const COMPONENTS: [&str; 5] =
    ["events", "delivery", "management", "dashboard", "reference"];

/// The guest of the embedded host's own tests.
pub(crate) const PROBE: &str = "probe";

/// The host that stands in for Spin.
pub(crate) const EMBEDDED_HOST: &str = "embedded-host";

/// The tests that start the application, the benchmark's short run among them.
pub(crate) const END_TO_END: [&str; 5] = ["e2e", "survival", "isolation", "browser", "short"];

/// The benchmark.
pub(crate) const BENCH: &str = "bench";

/// The receiver to integrate with.
pub(crate) const RECEIVER: &str = "conformance-receiver";

/// The model of deliveries under outages.
pub(crate) const SIMULATION: &str = "simulation";

/// The profile of everything that runs natively.
pub(crate) const NATIVE_PROFILE: &str = "native";

/// The checkout that we work on.
pub(crate) struct Project {
    root: PathBuf,
}

impl Project {
    /// Finds the checkout by what `cargo run` tells, not by a path compiled in: a checkout may be moved.
    pub(crate) fn open() -> Result<Self> {
        let package = env::var_os("CARGO_MANIFEST_DIR").context(
            "CARGO_MANIFEST_DIR is not set; run this as `cargo xtask`, inside the project",
        )?;
        let root = Path::new(&package)
            .parent()
            .context("CARGO_MANIFEST_DIR has no parent folder")?;
        Ok(Self {
            root: root.to_owned(),
        })
    }

    /// The folder with `spin.toml`.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A command that runs at the root, as if typed there: without the variables that belong to this package alone. Build scripts
    /// that look at them would otherwise run again each time `cargo` and `cargo xtask` take turns.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        for (name, _) in env::vars_os() {
            if name.to_str().is_some_and(belongs_to_this_package) {
                command.env_remove(name);
            }
        }
        command
    }

    /// The `cargo` that runs us, with the toolchain in use.
    pub(crate) fn cargo(&self) -> Command {
        self.command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
    }

    /// `cargo SUBCOMMAND` with the native profile.
    pub(crate) fn native_cargo(&self, subcommand: &str) -> Command {
        let mut command = self.cargo();
        command.args([subcommand, "--profile", NATIVE_PROFILE]);
        command
    }

    /// The target folder of the WebAssembly builds. `spin.toml` names the components in it, so it is this one whatever
    /// `CARGO_TARGET_DIR` says.
    pub(crate) fn wasm_target_dir(&self) -> PathBuf {
        self.root.join("target")
    }

    /// The file that a WebAssembly package is built into.
    pub(crate) fn wasm_file(&self, package: &str) -> PathBuf {
        self.wasm_target_dir()
            .join(WASM_TARGET)
            .join("release")
            .join(format!("{package}.wasm"))
    }

    /// Builds a package whose binary has its name, to be run natively.
    ///
    /// # Returns
    ///
    /// The absolute path of the binary.
    pub(crate) fn build_native(&self, package: &str) -> Result<PathBuf> {
        process::run(self.native_cargo("build").args(["--package", package]))?;
        self.native_binary(package)
    }

    /// The absolute path of a package's binary that was built to be run natively.
    pub(crate) fn native_binary(&self, package: &str) -> Result<PathBuf> {
        Ok(self.native_target_dir()?.join(NATIVE_PROFILE).join(package))
    }

    /// The target folder of native builds, which variables and configuration files of the user's may set.
    fn native_target_dir(&self) -> Result<PathBuf> {
        let metadata =
            process::answer(
                self.cargo()
                    .args(["metadata", "--no-deps", "--format-version", "1"]),
            )?;
        let metadata: serde_json::Value =
            serde_json::from_str(&metadata).context("`cargo metadata` does not answer JSON")?;
        metadata["target_directory"]
            .as_str()
            .map(PathBuf::from)
            .context("`cargo metadata` names no target_directory")
    }
}

/// Whether cargo set this variable for the package that it runs (us), so that it says nothing to another.
fn belongs_to_this_package(name: &str) -> bool {
    name.starts_with("CARGO_PKG_")
        || name.starts_with("CARGO_MANIFEST_")
        || matches!(
            name,
            "CARGO" | "CARGO_BIN_NAME" | "CARGO_CRATE_NAME" | "CARGO_PRIMARY_PACKAGE" | "OUT_DIR"
        )
}

/// Where a program that one could type is, if it is on the `PATH`.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?)
        .map(|folder| folder.join(program))
        .find(|file| is_executable(file))
}

/// Whether this is a file that may be run.
pub(crate) fn is_executable(file: &Path) -> bool {
    file.metadata()
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_variables_of_the_package_being_run_are_dropped() {
        for name in ["CARGO_PKG_NAME", "CARGO_MANIFEST_DIR", "CARGO", "OUT_DIR"] {
            assert!(belongs_to_this_package(name), "{name}");
        }
        for name in [
            "CARGO_HOME",
            "CARGO_TARGET_DIR",
            "CARGO_TERM_COLOR",
            "RUSTUP_TOOLCHAIN",
        ] {
            assert!(!belongs_to_this_package(name), "{name}");
        }
    }

    #[test]
    fn a_program_is_found_on_the_path_and_a_missing_one_is_not() {
        assert!(on_path("sh").is_some_and(|found| found.is_absolute()));
        assert_eq!(on_path("no-such-program-anywhere"), None);
    }
}
