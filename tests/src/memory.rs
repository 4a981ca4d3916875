//! The memory of the service's processes (Linux's `/proc`, proc(5)).

use std::fs;

use anyhow::{Context as _, Result, ensure};

use crate::Service;

impl Service {
    /// How much memory the service takes now, and the most that it took since the last call, both
    /// in bytes. The processes that it started count, too: Spin runs the application in one.
    ///
    /// # Errors
    ///
    /// When the processes can't be looked at.
    pub fn memory(&self) -> Result<(u64, u64)> {
        let processes = family(self.id())?;
        let mut memory = (0, 0);
        for process in &processes {
            let status = fs::read_to_string(format!("/proc/{process}/status"))?;
            memory.0 += kibibytes(&status, "VmRSS:")? * 1024;
            memory.1 += kibibytes(&status, "VmHWM:")? * 1024;
            // "5" makes the most what it is now.
            fs::write(format!("/proc/{process}/clear_refs"), "5")?;
        }
        ensure!(memory.0 > 0, "no memory in {processes:?}");
        Ok(memory)
    }
}

/// A process and all that it started, directly or not.
fn family(id: u32) -> Result<Vec<u32>> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Ok(process) = entry?.file_name().to_string_lossy().parse::<u32>() else {
            continue;
        };
        // Processes end at any time.
        let Ok(status) = fs::read_to_string(format!("/proc/{process}/status")) else {
            continue;
        };
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"));
        if let Some(parent) = parent.and_then(|parent| parent.trim().parse::<u32>().ok()) {
            parents.push((process, parent));
        }
    }
    let mut family = vec![id];
    let mut next = 0;
    while let Some(parent) = family.get(next).copied() {
        family.extend(
            parents
                .iter()
                .filter(|(_, of)| *of == parent)
                .map(|(process, _)| process),
        );
        next += 1;
    }
    Ok(family)
}

fn kibibytes(status: &str, name: &str) -> Result<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .context("no such line")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}
