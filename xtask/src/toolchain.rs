//! The toolchain that builds for WebAssembly.
//!
//! A Rust installation has the compiler for `wasm32-wasip1` but usually not its standard library. [`WasmToolchain::ready`] sees to it, in
//! this order, and is silent where there is nothing to do:
//!
//! 1. The toolchain in use has it: use that.
//! 2. A toolchain of our own was made before ([`crate::debian`]): use that.
//! 3. `rustup target add` gets it, on nearly every machine. It is given [`RUSTUP_LIMIT`], because a firewall that drops packets would
//!    keep it waiting for ever.
//! 4. Where rustup's server is out of reach or there is no rustup, but Debian's packages can be had: make that toolchain of our own.
//! 5. Say what to do.
//!
//! There is no `rust-toolchain.toml` that lists the target, because with one every `cargo` call, this one included, would try to download it.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::debian;
use crate::process;
use crate::project::{Project, WASM_TARGET, is_executable, on_path};

/// The name by which rustup knows the toolchain of our own: `RUSTUP_TOOLCHAIN=webhook-triggers-wasm spin build`.
const LINKED_NAME: &str = "webhook-triggers-wasm";

/// How long `rustup target add` may take: enough for its 20 MB at 2 Mbit/s. What it has got by then is kept, and it goes on
/// from there the next time.
const RUSTUP_LIMIT: Duration = Duration::from_secs(120);

/// How often a set-up that another process is at is looked at.
const LOCK_GLANCE: Duration = Duration::from_millis(200);

/// A toolchain that can build for [`WASM_TARGET`].
pub(crate) enum WasmToolchain {
    /// The one that runs us.
    InUse,
    /// The one of our own, in this folder.
    Own(PathBuf),
}

impl WasmToolchain {
    /// Finds a toolchain, or makes one.
    pub(crate) fn ready(project: &Project) -> Result<Self> {
        if in_use_has_std(project) {
            return Ok(Self::InUse);
        }
        let home = own_home()?;
        if home.exists() {
            match check(&home) {
                Ok(()) => {
                    link(project, &home);
                    return Ok(Self::Own(home));
                }
                Err(error) => say(&format!(
                    "the toolchain in {} does not work any more ({error:#})",
                    home.display()
                )),
            }
        }
        say(&format!(
            "the Rust toolchain in use has no standard library for {WASM_TARGET}; getting it"
        ));
        if add_with_rustup(project) {
            return Ok(Self::InUse);
        }
        if !debian::is_available() {
            bail!(
                "there is no standard library for {WASM_TARGET}; run `rustup target add {WASM_TARGET}` where rustup (https://rustup.rs) \
                 can reach its server, or work on a Debian machine, where packages can take its place"
            );
        }
        make(&home)?;
        link(project, &home);
        Ok(Self::Own(home))
    }

    /// `cargo SUBCOMMAND --release --target wasm32-wasip1`, with the target folder that `spin.toml` names.
    pub(crate) fn cargo(&self, project: &Project, subcommand: &str) -> Command {
        let mut command = match self {
            Self::InUse => project.cargo(),
            Self::Own(home) => {
                let mut command = project.command(home.join("bin/cargo"));
                use_own(&mut command, home);
                command
            }
        };
        command
            .args([subcommand, "--release", "--target", WASM_TARGET])
            .arg("--target-dir")
            .arg(project.wasm_target_dir());
        command
    }
}

/// Says a step of the set-up.
pub(crate) fn say(message: &str) {
    eprintln!("setup: {message}");
}

/// Has `command` use the toolchain in `home` and nothing of the toolchain that runs us.
///
/// The programs are called directly, not through rustup: it works without rustup too, and the settings that cargo and rustup left in
/// our environment cannot lead elsewhere.
pub(crate) fn use_own(command: &mut Command, home: &Path) {
    command
        .env("RUSTC", home.join("bin/rustc"))
        .env("RUSTDOC", home.join("bin/rustdoc"))
        // For the libraries that came with the compiler and are not installed on the system.
        .env(
            "LD_LIBRARY_PATH",
            prepended("LD_LIBRARY_PATH", &home.join("lib")),
        )
        // `cargo clippy` looks for `cargo-clippy` here.
        .env("PATH", prepended("PATH", &home.join("bin")))
        .env_remove("RUSTUP_TOOLCHAIN")
        .env_remove("CARGO");
}

fn prepended(variable: &str, folder: &Path) -> OsString {
    let mut value = folder.as_os_str().to_owned();
    if let Some(rest) = env::var_os(variable).filter(|rest| !rest.is_empty()) {
        value.push(":");
        value.push(rest);
    }
    value
}

fn in_use_has_std(project: &Project) -> bool {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    has_std(&mut project.command(rustc)).unwrap_or(false)
}

/// Asks a `rustc` for the target's library folder and looks for the standard library in it.
fn has_std(rustc: &mut Command) -> Result<bool> {
    let answer =
        process::answer(rustc.args(["--print", "target-libdir", "--target", WASM_TARGET]))?;
    // The folder is named whether or not it is there.
    let Ok(entries) = fs::read_dir(answer.trim()) else {
        return Ok(false);
    };
    Ok(entries.filter_map(Result::ok).any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.starts_with("libstd-") && name.ends_with(".rlib")
    }))
}

/// `~/.cache/webhook-triggers/wasm-toolchain`: outside of the checkout, so that other checkouts find it too.
fn own_home() -> Result<PathBuf> {
    let cache = cache_home(env::var_os("XDG_CACHE_HOME"), env::var_os("HOME"))
        .context("neither HOME nor XDG_CACHE_HOME is set; set HOME to your home folder")?;
    Ok(cache.join("webhook-triggers").join("wasm-toolchain"))
}

/// The cache folder by the XDG Base Directory Specification, which has a relative `XDG_CACHE_HOME` ignored.
fn cache_home(xdg: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    let absolute = |path: OsString| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
    xdg.and_then(absolute)
        .or_else(|| home.and_then(absolute).map(|home| home.join(".cache")))
}

/// Whether the toolchain in `home` is whole and its programs start: the system under it may have changed since it was made.
pub(crate) fn check(home: &Path) -> Result<()> {
    let program = |name: &str| {
        let file = home.join("bin").join(name);
        ensure!(is_executable(&file), "{} is missing", file.display());
        let mut command = Command::new(file);
        use_own(&mut command, home);
        Ok(command)
    };
    ensure!(
        has_std(&mut program("rustc")?)?,
        "it has no standard library for {WASM_TARGET}"
    );
    process::answer(program("cargo")?.arg("--version"))?;
    let mut linker = Command::new(debian::linker(home)?);
    use_own(&mut linker, home);
    process::answer(linker.args(["-flavor", "wasm", "--version"]))?;
    Ok(())
}

/// Tries `rustup target add`.
///
/// # Returns
///
/// Whether the toolchain in use has the standard library now. Where it has not, why has been said.
fn add_with_rustup(project: &Project) -> bool {
    let Some(rustup) = on_path("rustup") else {
        say("there is no rustup here to get it with");
        return false;
    };
    say(&format!("rustup target add {WASM_TARGET}"));
    let added = process::run_at_most(
        project
            .command(rustup)
            .args(["target", "add", WASM_TARGET])
            // rustup's stack traces help nobody here.
            .env_remove("RUST_BACKTRACE"),
        RUSTUP_LIMIT,
    );
    match added {
        Ok(()) if in_use_has_std(project) => true,
        Ok(()) => {
            say("that added it to another toolchain than the one in use");
            false
        }
        Err(error) => {
            say(&format!("{error:#}"));
            false
        }
    }
}

/// Makes the toolchain of our own, once, however many processes are at it.
fn make(home: &Path) -> Result<()> {
    let parent = home.parent().context("the cache folder has no parent")?;
    fs::create_dir_all(parent).with_context(|| format!("could not make {}", parent.display()))?;
    let _lock = lock(&parent.join("lock"))?;
    // Another process may have made it while we waited for the lock.
    if home.exists() && check(home).is_ok() {
        return Ok(());
    }
    debian::make(home)
}

/// Waits for the lock, which the system takes back when its holder ends, however it ends.
fn lock(path: &Path) -> Result<File> {
    let file = File::create(path).with_context(|| format!("could not make {}", path.display()))?;
    let mut told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {
                if !told {
                    say("waiting for another set-up that is under way");
                    told = true;
                }
                ensure!(process::stopped_by().is_none(), "told to stop");
                thread::sleep(LOCK_GLANCE);
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("could not lock {}", path.display()));
            }
        }
    }
}

/// Makes the toolchain known to rustup, for whoever calls `spin build` or `cargo` by hand. Our own commands do without.
fn link(project: &Project, home: &Path) {
    let Some(rustup) = on_path("rustup") else {
        return;
    };
    if rustup_home().is_some_and(|rustup| {
        fs::read_link(rustup.join("toolchains").join(LINKED_NAME)).is_ok_and(|to| to == home)
    }) {
        return;
    }
    let arguments = [
        OsStr::new("toolchain"),
        OsStr::new("link"),
        OsStr::new(LINKED_NAME),
        home.as_os_str(),
    ];
    match process::run(project.command(rustup).args(arguments)) {
        Ok(()) => say(&format!(
            "rustup knows it as {LINKED_NAME}; to build by hand: RUSTUP_TOOLCHAIN={LINKED_NAME} spin build"
        )),
        Err(error) => say(&format!(
            "{error:#}; `cargo xtask` works all the same, `spin build` by hand may not"
        )),
    }
}

fn rustup_home() -> Option<PathBuf> {
    env::var_os("RUSTUP_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".rustup")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_folder_is_the_users_unless_xdg_names_an_absolute_one() {
        let home = || Some(OsString::from("/home/kim"));
        let cache = |xdg: &str| cache_home(Some(xdg.into()), home());
        assert_eq!(cache_home(None, home()), Some("/home/kim/.cache".into()));
        assert_eq!(cache("/var/cache/kim"), Some("/var/cache/kim".into()));
        assert_eq!(cache("relative"), Some("/home/kim/.cache".into()));
        assert_eq!(cache(""), Some("/home/kim/.cache".into()));
        assert_eq!(cache_home(None, None), None);
    }

    #[test]
    fn a_folder_without_programs_is_no_toolchain() {
        let folder = tempfile::tempdir().expect("a folder");
        let error = check(folder.path()).expect_err("must fail");
        assert!(
            error.to_string().ends_with("bin/rustc is missing"),
            "{error}"
        );
    }

    #[test]
    fn the_lock_is_free_again_when_its_holder_drops_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("lock");
        let held = lock(&path).expect("first");
        let other = File::open(&path).expect("open");
        assert!(matches!(other.try_lock(), Err(TryLockError::WouldBlock)));
        drop(held);
        lock(&path).expect("second");
    }
}
