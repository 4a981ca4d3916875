//! The time from start to ready, with and without compiled components kept from an earlier start, and the size of all components.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use serde::Deserialize;
use tempfile::TempDir;

use crate::{
    Plan,
    report::{Row, Target},
    service::{Service, State},
    statistics::Series,
};

/// Half of what it took on Spin with ten components, in milliseconds.
const FIRST_START: f64 = 4_900.0;

pub(super) fn measure(plan: &Plan) -> Result<Vec<Row>> {
    let (mut first, mut later) = (Vec::new(), Vec::new());
    for number in 1..=plan.rounds {
        // Both hosts keep compiled components in the user's cache folder.
        let cache = TempDir::with_prefix("bench-cache-")?;
        let (cold, warm) = (start(plan, cache.path())?, start(plan, cache.path())?);
        eprintln!(
            "bench:   round {number}: {} ms, then {} ms",
            cold.as_millis(),
            warm.as_millis()
        );
        first.push(cold);
        later.push(warm);
    }
    let first = row("first start", first);
    let target = first
        .p50_ms
        .as_ref()
        .map(|p50| Target::at_most("p50", p50.median, FIRST_START));
    Ok(vec![
        Row {
            targets: target.into_iter().collect(),
            note: sizes(&plan.manifest)?,
            ..first
        },
        row("start with compiled components kept", later),
    ])
}

/// How long a host with this cache folder takes until it says that it is ready.
fn start(plan: &Plan, cache: &Path) -> Result<Duration> {
    let state = State::new()?;
    let command = Service::command(plan, &state)?.env("XDG_CACHE_HOME", cache);
    let begun = Instant::now();
    let _running = command.start().context("the service does not start")?;
    Ok(begun.elapsed())
}

fn row(what: &str, times: Vec<Duration>) -> Row {
    let times = times.iter().map(|time| time.as_secs_f64() * 1_000.0);
    Row {
        what: what.to_owned(),
        p50_ms: Some(Series::new(times.collect())),
        ..Row::default()
    }
}

/// How many components an application has, and how large they are together.
fn sizes(manifest: &Path) -> Result<String> {
    #[derive(Deserialize)]
    struct Manifest {
        component: std::collections::BTreeMap<String, Component>,
    }
    #[derive(Deserialize)]
    struct Component {
        source: String,
    }
    let text = std::fs::read_to_string(manifest)?;
    let Manifest { component } = toml::from_str(&text)?;
    let folder = manifest.parent().context("the manifest is in a folder")?;
    let mut bytes = 0;
    for component in component.values() {
        let file = folder.join(&component.source);
        let found = std::fs::metadata(&file);
        bytes += found
            .with_context(|| format!("there is no {}", file.display()))?
            .len();
    }
    Ok(format!(
        "{} components, {} KiB",
        component.len(),
        bytes.div_ceil(1024)
    ))
}
