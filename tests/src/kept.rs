//! What services leave behind, which `cargo xtask test` looks through when the suite is done.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use anyhow::Result;

/// What is to be in no log and in no store: a secret.
///
/// # Errors
///
/// When it can't be noted.
pub fn secret(text: &str) -> Result<()> {
    note("secrets", text)
}

/// What is to be in no log: part of a payload, which stores have.
///
/// # Errors
///
/// When it can't be noted.
pub fn unlogged(text: &str) -> Result<()> {
    note("unlogged", text)
}

/// Appends a line to a file of the folder where all is kept, if it is.
fn note(file: &str, line: &str) -> Result<()> {
    let Some(folder) = std::env::var_os(harness::KEEP).filter(|folder| !folder.is_empty()) else {
        return Ok(());
    };
    let file = Path::new(&folder).join(file);
    let mut file = OpenOptions::new().create(true).append(true).open(file)?;
    // In one piece: tests run side by side.
    file.write_all(format!("{line}\n").as_bytes())?;
    Ok(())
}

/// All that the stores in this folder hold, one after the other.
///
/// # Errors
///
/// When they can't be read.
pub fn stored(folder: &Path) -> Result<Vec<u8>> {
    let mut stored = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            stored.extend(fs::read(entry.path())?);
        }
    }
    Ok(stored)
}
