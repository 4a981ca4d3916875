//! A toolchain for WebAssembly made of Debian's packages, for machines that reach a package mirror but not rustup's server.
//!
//! Nothing is installed: packages are downloaded and unpacked into a folder of the user's cache, so neither root's rights nor a change to
//! the system is needed. Debian's own package lists are not used either, because a fresh machine has none and an old one's are stale.
//!
//! The result is a folder laid out as rustup wants a toolchain. It appears under its name only when it is complete and has built a
//! program, so a set-up that was cut off is never taken for a finished one.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::process;
use crate::project::{WASM_TARGET, on_path};
use crate::toolchain::{check, say, use_own};

/// What the toolchain is made of. Debian keeps a second, newer Rust under these names, for building browsers; the one called `rustc` is
/// too old for this project. The standard library for WebAssembly is not among the packages, only its source.
const PACKAGES: [&str; 5] = [
    "rustc-web",
    "cargo-web",
    "rust-web-clippy",
    "rust-web-src",
    // The C library that the standard library stands on.
    "wasi-libc",
];

/// The programs that are kept of the packages.
const PROGRAMS: [&str; 5] = ["cargo", "cargo-clippy", "clippy-driver", "rustc", "rustdoc"];

/// The files of `wasi-libc` that rustc links with. It looks for them in a folder `self-contained`.
const WASI_LIBC_FILES: [&str; 3] = ["crt1-command.o", "crt1-reactor.o", "libc.a"];

/// The crate that the standard library is built for.
const STD_CRATE: &str = "nothing";

/// A program that needs the standard library, the C library and the linker.
const TRIAL: &str = r#"fn main() { println!("{:?}", std::env::args().collect::<Vec<_>>()); }"#;

/// Whether this machine has the tools to fetch and unpack Debian's packages.
pub(crate) fn is_available() -> bool {
    on_path("apt-get").is_some() && on_path("dpkg-deb").is_some()
}

/// Makes the toolchain in `home`, in place of what may be there. Only one process at a time may do it.
pub(crate) fn make(home: &Path) -> Result<()> {
    say(&format!(
        "making a toolchain of Debian's packages in {} (170 MB to download, 1.5 GB while at work, 550 MB in the end; a few minutes, once)",
        home.display()
    ));
    let scratch = Scratch::make(&home.with_added_extension("part"))?;
    let tree = scratch.folder("toolchain")?;

    say("1/5 package lists");
    let apt = Apt::with_own_lists(&scratch)?;

    say("2/5 packages");
    let packages = apt.packages()?;
    let archives = apt.download(&packages)?;

    say("3/5 unpacking");
    let unpacked = scratch.folder("unpacked")?;
    extract(&archives, &unpacked)?;
    lay_out(&unpacked, &tree)?;

    say("4/5 building the standard library");
    build_std(&scratch.folder("std")?, &unpacked, &tree)?;

    say("5/5 trying it");
    check(&tree)?;
    try_out(&scratch.folder("trial")?, &tree)?;

    if home.exists() {
        fs::remove_dir_all(home).with_context(|| format!("could not remove {}", home.display()))?;
    }
    rename(&tree, home)?;
    say("the toolchain is ready");
    Ok(())
}

/// Unpacks these packages of Debian's, and nothing that they depend on, into `folder`, in place of what may be there.
pub(crate) fn unpack(packages: &[&str], folder: &Path) -> Result<()> {
    let scratch = Scratch::make(&folder.with_added_extension("part"))?;
    let packages: Vec<String> = packages
        .iter()
        .map(|package| (*package).to_owned())
        .collect();
    let archives = Apt::with_own_lists(&scratch)?.download(&packages)?;
    let unpacked = scratch.folder("unpacked")?;
    extract(&archives, &unpacked)?;
    if folder.exists() {
        fs::remove_dir_all(folder)
            .with_context(|| format!("could not remove {}", folder.display()))?;
    }
    rename(&unpacked, folder)
}

fn extract(archives: &[PathBuf], into: &Path) -> Result<()> {
    for archive in archives {
        let mut extract = Command::new("dpkg-deb");
        process::run(extract.arg("--extract").arg(archive).arg(into))?;
    }
    Ok(())
}

/// A folder for the work, beside the result so that renaming suffices, and gone in the end whatever the end was.
struct Scratch(PathBuf);

impl Scratch {
    fn make(path: &Path) -> Result<Self> {
        if path.exists() {
            // Left by a set-up that was killed.
            fs::remove_dir_all(path)
                .with_context(|| format!("could not remove {}", path.display()))?;
        }
        let scratch = Self(path.to_owned());
        make_folder(&scratch.0)?;
        Ok(scratch)
    }

    fn folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.0.join(name);
        make_folder(&folder)?;
        Ok(folder)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            say(&format!("could not remove {}: {error}", self.0.display()));
        }
    }
}

/// apt, with package lists and caches in a folder of our own.
struct Apt {
    configuration: PathBuf,
    archives: PathBuf,
}

impl Apt {
    fn with_own_lists(scratch: &Scratch) -> Result<Self> {
        let configuration = configuration(
            &scratch.folder("lists")?,
            &scratch.folder("cache")?,
            rustix::process::geteuid().is_root(),
        );
        let apt = Self {
            configuration: scratch.0.join("apt.conf"),
            archives: scratch.folder("archives")?,
        };
        write(&apt.configuration, &configuration)?;
        process::run(apt.command("apt-get").args(["--quiet", "update"])).context(
            "Debian's package lists could not be fetched; check the network and /etc/apt/sources.list",
        )?;
        Ok(apt)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .arg("--config-file")
            .arg(&self.configuration)
            // What it answers is read here, so it must not be translated.
            .env("LC_ALL", "C");
        command
    }

    /// The packages to download: [`PACKAGES`], what belongs to them by version, and the libraries that this system lacks.
    fn packages(&self) -> Result<Vec<String>> {
        let show = ["--no-all-versions", "show", "rustc-web"];
        let record = process::answer(self.command("apt-cache").args(show)).context(
            "Debian's package lists have no rustc-web, the newer of its two Rusts; Debian 12 with its security updates has it",
        )?;
        check_version(&record)?;
        let depends = [
            "--recurse",
            "--no-recommends",
            "--no-suggests",
            "--no-conflicts",
            "--no-breaks",
            "--no-replaces",
            "--no-enhances",
            "depends",
            "rustc-web",
        ];
        let depends = process::answer(self.command("apt-cache").args(depends))?;
        let mut packages: Vec<String> = PACKAGES.map(str::to_owned).into();
        packages.extend(packages_of_the_release(&depends)?);
        let plan = process::answer(
            self.command("apt-get")
                .args(["--simulate", "--no-install-recommends", "install"])
                .args(&packages),
        )?;
        for library in missing_libraries(&plan) {
            if !packages.contains(&library) {
                packages.push(library);
            }
        }
        Ok(packages)
    }

    fn download(&self, packages: &[String]) -> Result<Vec<PathBuf>> {
        process::run(
            self.command("apt-get")
                .args(["--quiet", "download"])
                .args(packages)
                .current_dir(&self.archives),
        )?;
        let archives = entries(&self.archives)?;
        ensure!(
            archives.len() == packages.len(),
            "apt-get downloaded {} of {} packages",
            archives.len(),
            packages.len()
        );
        Ok(archives)
    }
}

/// What apt is to do other than its configuration on the system says.
fn configuration(lists: &Path, cache: &Path, is_root: bool) -> String {
    let mut lines = vec![
        format!("Dir::State::Lists \"{}\";", lists.display()),
        format!("Dir::Cache \"{}\";", cache.display()),
        "Acquire::Retries \"3\";".to_owned(),
        "Acquire::http::Timeout \"30\";".to_owned(),
        "Acquire::https::Timeout \"30\";".to_owned(),
        // What the system does after an update, such as cleaning its own caches in container images, is not for this one.
        "#clear APT::Update::Post-Invoke;".to_owned(),
        "#clear APT::Update::Post-Invoke-Success;".to_owned(),
    ];
    if is_root {
        // As root, apt downloads as another user, who may not write to root's cache folder.
        lines.push("APT::Sandbox::User \"root\";".to_owned());
    }
    lines.join("\n") + "\n"
}

/// Refuses a Debian whose newer Rust is too old for this project, before 150 MB are downloaded for nothing.
fn check_version(record: &str) -> Result<()> {
    let version = record
        .lines()
        .find_map(|line| line.strip_prefix("Version: "))
        .context("apt-cache shows no version of rustc-web")?;
    let needed = env!("CARGO_PKG_RUST_VERSION");
    ensure!(
        minor_version(version) >= minor_version(needed),
        "Debian's rustc-web is {version}, and this project needs {needed}; add Debian's security updates to /etc/apt/sources.list"
    );
    Ok(())
}

/// The 96 of `1.96.0+dfsg1-1~deb12u2`.
fn minor_version(version: &str) -> Option<u32> {
    let (minor, _) = version
        .strip_prefix("1.")?
        .split_once('.')
        .unwrap_or((version.strip_prefix("1.")?, ""));
    minor.parse().ok()
}

/// The packages whose names change with each release, out of everything that `apt-cache` says rustc-web depends on: the compiler's
/// libraries, which must be in the toolchain even where they are installed, and the linker of the same LLVM. (rustup's toolchains bring a
/// linker too, but it needs their LLVM beside it.)
fn packages_of_the_release(depends: &str) -> Result<Vec<String>> {
    // Names stand at the start of a line, what they depend on is indented.
    let names: Vec<&str> = depends
        .lines()
        .filter(|line| !line.starts_with([' ', '<', '|']))
        .collect();
    let mut packages: Vec<String> = names
        .iter()
        .filter(|name| name.starts_with("libstd-rust-web-"))
        .map(|name| (*name).to_owned())
        .collect();
    ensure!(
        !packages.is_empty(),
        "rustc-web does not depend on libstd-rust-web-*; this Debian packages Rust in another way"
    );
    let llvm = names
        .iter()
        .filter_map(|name| name.strip_prefix("libllvm"))
        .find(|version| version.bytes().all(|byte| byte.is_ascii_digit()))
        .context(
            "rustc-web does not depend on libllvm*; this Debian packages Rust in another way",
        )?;
    packages.push(format!("lld-{llvm}"));
    Ok(packages)
}

/// The libraries among what apt would install (`Inst NAME (VERSION …)`). What it would merely upgrade (`Inst NAME [OLD] (NEW …)`) is
/// there already, and a second libc beside the system's would crash every program that finds it.
fn missing_libraries(plan: &str) -> Vec<String> {
    plan.lines()
        .filter_map(|line| line.strip_prefix("Inst "))
        .filter_map(|rest| rest.split_once(' '))
        .filter(|(_, rest)| !rest.starts_with('['))
        .map(|(name, _)| name)
        .filter(|name| name.starts_with("lib") && !name.ends_with("-dev"))
        .map(str::to_owned)
        .collect()
}

/// Moves what was unpacked to where a toolchain has it.
fn lay_out(unpacked: &Path, tree: &Path) -> Result<()> {
    let usr = unpacked.join("usr");
    make_folder(&tree.join("bin"))?;
    for program in PROGRAMS {
        let path = Path::new("bin").join(program);
        rename(&usr.join(&path), &tree.join(&path))?;
    }
    make_folder(&tree.join("lib"))?;
    rename(&usr.join("lib/rustlib"), &tree.join("lib/rustlib"))?;
    // The source's link in lib/rustlib is relative and finds it here too.
    rename(&usr.join("src"), &tree.join("src"))?;
    // Libraries are in usr/lib/x86_64-linux-gnu and the like; beside the compiler, rustup has them found.
    for library in shared_libraries(&usr.join("lib"))? {
        let name = library.file_name().context("a library without a name")?;
        rename(&library, &tree.join("lib").join(name))?;
    }
    let llvm = find(&usr.join("lib"), |name| name.starts_with("llvm-"))?;
    let linker = linker(tree)?;
    make_folder(linker.parent().context("a linker without a folder")?)?;
    rename(&llvm.join("bin/lld"), &linker)
}

fn shared_libraries(lib: &Path) -> Result<Vec<PathBuf>> {
    let folder = find(lib, |name| name.contains("-linux-"))?;
    let mut libraries = entries(&folder)?;
    libraries.retain(|path| {
        let name = path.file_name().map(OsStr::to_string_lossy);
        name.is_some_and(|name| name.ends_with(".so") || name.contains(".so."))
    });
    Ok(libraries)
}

/// Where rustc looks for its linker, `lld` under another name.
pub(crate) fn linker(tree: &Path) -> Result<PathBuf> {
    let mut rustc = Command::new(tree.join("bin/rustc"));
    use_own(&mut rustc, tree);
    let host_libraries = process::answer(rustc.args(["--print", "target-libdir"]))?;
    let host = Path::new(host_libraries.trim())
        .parent()
        .context("rustc names no library folder")?;
    Ok(host.join("bin/rust-lld"))
}

/// Builds the standard library and puts it where rustc looks for it.
fn build_std(work: &Path, unpacked: &Path, tree: &Path) -> Result<()> {
    // An empty workspace of its own, because a folder above might be another's.
    let manifest = format!(
        "[workspace]\n[package]\nname = \"{STD_CRATE}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n"
    );
    write(&work.join("Cargo.toml"), &manifest)?;
    make_folder(&work.join("src"))?;
    write(&work.join("src/lib.rs"), "#![no_std]\n")?;

    let source = tree.join("lib/rustlib/src/rust");
    let flags = [
        // Without bitcode in the libraries, the LTO of our release profile fails.
        "-Cembed-bitcode=yes".to_owned(),
        // The places in panic messages, as rustup's standard library has them; the folder we work in will be gone.
        format!("--remap-path-prefix={}=/rustc", source.display()),
    ];
    let mut cargo = Command::new(tree.join("bin/cargo"));
    use_own(&mut cargo, tree);
    process::run(
        cargo
            .current_dir(work)
            .args(["build", "--release", "--target", WASM_TARGET])
            .args(["-Z", "build-std=std,panic_abort,test"])
            .arg("--target-dir")
            .arg(work.join("target"))
            // `-Z` on a stable compiler.
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"))
            // Caches of compilations may not know this compiler.
            .env("RUSTC_WRAPPER", "")
            .env("RUSTC_WORKSPACE_WRAPPER", ""),
    )?;

    let target = tree.join("lib/rustlib").join(WASM_TARGET).join("lib");
    make_folder(&target)?;
    let own = format!("lib{STD_CRATE}-");
    for library in entries(&work.join("target").join(WASM_TARGET).join("release/deps"))? {
        let Some(name) = library.file_name().and_then(OsStr::to_str) else {
            continue;
        };
        if name.ends_with(".rlib") && !name.starts_with(&own) {
            rename(&library, &target.join(name))?;
        }
    }

    let self_contained = target.join("self-contained");
    make_folder(&self_contained)?;
    for file in WASI_LIBC_FILES {
        let from = unpacked.join("usr/lib/wasm32-wasi").join(file);
        rename(&from, &self_contained.join(file))?;
    }

    // 400 MB that only the build above needed.
    for source in ["src", "lib/rustlib/src"] {
        let source = tree.join(source);
        fs::remove_dir_all(&source)
            .with_context(|| format!("could not remove {}", source.display()))?;
    }
    Ok(())
}

/// Builds a program as the release profile would.
fn try_out(work: &Path, tree: &Path) -> Result<()> {
    let source = work.join("trial.rs");
    write(&source, TRIAL)?;
    let mut rustc = Command::new(tree.join("bin/rustc"));
    use_own(&mut rustc, tree);
    process::run(
        rustc
            .current_dir(work)
            .args(["--target", WASM_TARGET])
            .args(["-Copt-level=3", "-Clto=fat", "-Cpanic=abort"])
            .arg(source),
    )
}

fn find(folder: &Path, wanted: impl Fn(&str) -> bool) -> Result<PathBuf> {
    entries(folder)?
        .into_iter()
        .find(|path| {
            path.file_name()
                .and_then(OsStr::to_str)
                .is_some_and(&wanted)
        })
        .with_context(|| {
            format!(
                "Debian's packages put other folders into {} than expected",
                folder.display()
            )
        })
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    fs::read_dir(folder)
        .and_then(|entries| {
            entries
                .map(|entry| entry.map(|entry| entry.path()))
                .collect()
        })
        .with_context(|| format!("could not read {}", folder.display()))
}

/// Makes a folder that anybody may read: apt's downloading user, in particular.
fn make_folder(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)
        .and_then(|()| fs::set_permissions(folder, fs::Permissions::from_mode(0o755)))
        .with_context(|| format!("could not make {}", folder.display()))
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to)
        .with_context(|| format!("could not move {} to {}", from.display(), to.display()))
}

fn write(file: &Path, text: &str) -> Result<()> {
    fs::write(file, text).with_context(|| format!("could not write {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_missing_libraries_are_taken_from_apts_plan() {
        let plan = "\
Reading package lists...
The following additional packages will be installed:
  libgit2-1.5 libllvm22
Remv rustc [1.63.0+dfsg1-2]
Inst libc6 [2.36-9+deb12u9] (2.36-9+deb12u14 Debian:12.15/oldstable [amd64])
Inst libc6-dev (2.36-9+deb12u14 Debian:12.15/oldstable [amd64])
Inst gcc-12 (12.2.0-14+deb12u1 Debian:12.15/oldstable [amd64])
Inst libgit2-1.5 (1.5.1+ds-1+deb12u2 Debian-Security:12/oldstable-security [amd64])
Inst libllvm22 (1:22.1.8-1~deb12u1 Debian-Security:12/oldstable-security [amd64])
Inst rustc-web (1.96.0+dfsg1-1~deb12u2 Debian-Security:12/oldstable-security [amd64])
Conf libhttp-parser2.9 (2.9.4-5 Debian:12.15/oldstable [amd64])
";
        assert_eq!(missing_libraries(plan), ["libgit2-1.5", "libllvm22"]);
    }

    #[test]
    fn the_packages_of_the_release_are_found_by_what_rustc_depends_on() {
        let depends = "\
rustc-web
  Depends: libstd-rust-web-dev
  Depends: <libc-dev>
    libc6-dev
libstd-rust-web-dev
  Depends: libstd-rust-web-1.96
libstd-rust-web-1.96
  Depends: libllvm22
<libc-dev>
libllvm22
  Depends: libc6
";
        assert_eq!(
            packages_of_the_release(depends).expect("packages"),
            ["libstd-rust-web-dev", "libstd-rust-web-1.96", "lld-22"]
        );
        let error = packages_of_the_release("rustc-web\n").expect_err("must fail");
        assert!(error.to_string().contains("libstd-rust-web-"), "{error}");
    }

    #[test]
    fn a_rust_older_than_the_project_needs_is_refused() {
        check_version("Package: rustc-web\nVersion: 1.96.0+dfsg1-1~deb12u2\n").expect("new enough");
        let error = check_version("Version: 1.85.0+dfsg3-1~deb12u3\n").expect_err("too old");
        assert!(error.to_string().contains("1.85.0"), "{error}");
        assert_eq!(minor_version("1.91"), Some(91));
    }

    #[test]
    fn libraries_are_told_from_other_files_by_their_names() {
        let lib = tempfile::tempdir().expect("a folder");
        let folder = lib.path().join("riscv64-linux-gnu");
        make_folder(&folder).expect("folder");
        for name in ["liba.so", "libb.so.1.2", "libc.a", "libd.sorry"] {
            write(&folder.join(name), "").expect("file");
        }
        let mut found = shared_libraries(lib.path()).expect("libraries");
        found.sort();
        assert_eq!(found, [folder.join("liba.so"), folder.join("libb.so.1.2")]);
    }

    #[test]
    fn the_work_folder_starts_empty_and_leaves_nothing() {
        let parent = tempfile::tempdir().expect("a folder");
        let path = parent.path().join("toolchain.part");
        make_folder(&path).expect("folder");
        write(&path.join("left-over"), "").expect("file");
        let scratch = Scratch::make(&path).expect("scratch");
        assert_eq!(entries(&path).expect("entries"), Vec::<PathBuf>::new());
        drop(scratch);
        assert!(!path.exists());
    }
}
