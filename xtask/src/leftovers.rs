//! What the end-to-end tests leave behind: the stores and logs of every service they start. The tests note what must not be in
//! them, and when they are done it is looked for.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::packages;
use crate::process;
use crate::project::Project;

/// The variable that tells the tests where to keep it.
const KEEP: &str = "HARNESS_KEEP";

/// How long the last service may take to be copied after its tests have ended.
const LIMIT: Duration = Duration::from_secs(20);

/// How often it is looked whether it is.
const GLANCE: Duration = Duration::from_millis(50);

/// A folder for it.
pub(crate) struct Leftovers {
    folder: PathBuf,
}

impl Leftovers {
    /// An empty folder.
    pub(crate) fn new(project: &Project) -> Result<Self> {
        let folder = project.root().join("target/leftovers");
        packages::empty(&folder)?;
        Ok(Self { folder })
    }

    /// Has the tests that a command runs keep what they leave.
    pub(crate) fn keep_for<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.env(KEEP, &self.folder)
    }

    /// Looks for what must not be there, and removes the folder when it is not.
    pub(crate) fn check(self) -> Result<()> {
        let services = self.services()?;
        ensure!(
            !services.is_empty(),
            "the tests left nothing in {}",
            self.folder.display()
        );
        let logs: Vec<_> = services.iter().map(|service| service.join("log")).collect();
        let found = [
            self.find("secrets", &services)?,
            self.find("unlogged", &logs)?,
        ]
        .concat();
        if !found.is_empty() {
            bail!("what must not be stored or logged was, in:\n{found}");
        }
        let count = services.len();
        eprintln!("xtask: no secret and no payload in the stores and logs of {count} services");
        fs::remove_dir_all(&self.folder).context("could not remove what the tests left")
    }

    /// A folder for each service, each of which is over.
    fn services(&self) -> Result<Vec<PathBuf>> {
        let mut services = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                services.push(entry.path());
            }
        }
        let end = Instant::now() + LIMIT;
        while services
            .iter()
            .any(|service| service.join("pending").exists())
        {
            ensure!(Instant::now() < end, "a service outlives its tests");
            thread::sleep(GLANCE);
        }
        Ok(services)
    }

    /// The names of those of these files, or of files in these folders, that have one of the texts in `list`.
    fn find(&self, list: &str, places: &[PathBuf]) -> Result<String> {
        let list = self.folder.join(list);
        let texts = fs::read_to_string(&list)
            .with_context(|| format!("the tests noted nothing in {}", list.display()))?;
        // An empty line is in everything.
        ensure!(
            texts.lines().all(|text| !text.is_empty()),
            "an empty text was noted"
        );
        search(&list, places)
    }
}

fn search(list: &Path, places: &[PathBuf]) -> Result<String> {
    let mut grep = Command::new("grep");
    // Bytes, whatever the language: stores are no text.
    grep.env("LC_ALL", "C")
        .args(["-r", "-l", "-a", "-F", "-f"])
        .arg(list)
        .arg("--")
        .args(places)
        .stderr(Stdio::inherit());
    process::found(&mut grep)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_among_bytes_and_what_is_not_there_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let [list, place] = ["list", "place"].map(|name| folder.path().join(name));
        fs::create_dir(&place).expect("a folder");
        fs::write(&list, "s3cr3t\nother\n").expect("a file");
        fs::write(place.join("clean"), b"\0\xffs3cr3\0t\n").expect("a file");
        let places = [place];
        assert_eq!(search(&list, &places).expect("grep"), "");
        fs::write(places[0].join("dirty"), b"\0\xffs3cr3t\0").expect("a file");
        let found = search(&list, &places).expect("grep");
        assert_eq!(found.trim(), places[0].join("dirty").display().to_string());
    }
}
