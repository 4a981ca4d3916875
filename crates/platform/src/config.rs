//! Settings: Spin variables, as spin.toml declares them.

use std::time::Duration;

use domain::{
    sealing::Sealer,
    trigger::{MAX_ACTIONS, MAX_TRIGGERS},
    url_policy::UrlPolicy,
};
use ledger::InFlightLimits;
use spin_sdk::variables;

use crate::problem::Problem;

fn read(name: &'static str) -> Result<String, Problem> {
    variables::get(name)
        .map_err(|error| Problem::misconfigured(format!("the setting {name} is not set: {error}")))
}

/// The API keys that are valid: `api_key`, several separated by commas while rotating.
///
/// # Errors
///
/// A problem that names the setting when it is missing or has no key.
pub fn api_keys() -> Result<Vec<String>, Problem> {
    let setting = read("api_key")?;
    let keys: Vec<_> = setting
        .split(',')
        .map(str::trim)
        .filter(|key| !key.is_empty())
        .map(Into::into)
        .collect();
    if keys.is_empty() {
        return Err(Problem::misconfigured(
            "the setting api_key has no key".into(),
        ));
    }
    Ok(keys)
}

/// The keys that encrypt at rest: `encryption_key`.
///
/// # Errors
///
/// A problem that says how to make one when it is missing or malformed.
pub fn sealer() -> Result<Sealer, Problem> {
    Sealer::parse(&read("encryption_key")?)
        .map_err(|error| Problem::misconfigured(error.to_string()))
}

/// Which URLs webhooks may go to: `allow_private_targets` and the service's own `public_url`.
///
/// # Errors
///
/// A problem that names the setting when `allow_private_targets` is neither true nor false.
pub fn url_policy() -> Result<UrlPolicy, Problem> {
    let allow_private_targets = match read("allow_private_targets")?.as_str() {
        "true" => true,
        "false" | "" => false,
        other => {
            return Err(Problem::misconfigured(format!(
                "the setting allow_private_targets is true or false, not {other:?}"
            )));
        }
    };
    let public_url = read("public_url")?;
    let own_host = public_url.split_once("://").map(|(_, rest)| {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        authority
            .rsplit_once('@')
            .map_or(authority, |(_, host)| host)
            .to_owned()
    });
    Ok(UrlPolicy {
        allow_private_targets,
        own_hosts: own_host.into_iter().collect(),
    })
}

/// Where people reach the service: `public_url`, without a slash at its end; `None` when it is not
/// set.
///
/// # Errors
///
/// A problem that names the setting when it is no http or https URL.
pub fn public_url() -> Result<Option<String>, Problem> {
    let setting = read("public_url")?;
    let url = setting.trim().trim_end_matches('/');
    if url.is_empty() {
        return Ok(None);
    }
    if !url.starts_with("https://") && !url.starts_with("http://") {
        return Err(Problem::misconfigured(format!(
            "the setting public_url is an http or https URL, not {setting:?}"
        )));
    }
    Ok(Some(url.to_owned()))
}

/// Whether requests and attempts are logged: `log_requests`, which is so unless it is `false`.
pub fn log_requests() -> bool {
    // What is logged is written when all is done, and nobody is there to be told of a setting gone wrong.
    variables::get("log_requests").map_or(true, |setting| setting != "false")
}

/// How long what is due may wait until the service says that it is not well: `health_backlog_seconds`.
///
/// # Errors
///
/// A problem that names the setting when it is no number of seconds from 1 to 604,800, a week.
pub fn health_backlog() -> Result<Duration, Problem> {
    let seconds = limit("health_backlog_seconds", 7 * 24 * 60 * 60)?;
    Ok(Duration::from_secs(seconds as u64))
}

/// How many requests to receivers may be made.
#[derive(Debug, Clone, Copy)]
pub struct Outbound {
    /// By all at once: `max_in_flight`; nothing where that is not limited.
    pub in_flight: Option<usize>,
    /// By an account at once: `max_in_flight_per_account`; nothing where that is not limited.
    pub in_flight_per_account: Option<usize>,
    /// By an account to one host at once: `max_in_flight_per_host`; nothing where that is not limited.
    pub in_flight_per_host: Option<usize>,
    /// By all, in an hour of the clock: `max_requests_per_hour`; nothing where that is not limited.
    pub per_hour: Option<usize>,
    /// By an account, in an hour of the clock: `max_requests_per_hour_per_account`; nothing where
    /// that is not limited.
    pub per_hour_per_account: Option<usize>,
}

impl Outbound {
    /// How many requests may be in flight at once.
    pub fn most_in_flight(&self) -> InFlightLimits {
        let most = |limit: Option<usize>| limit.unwrap_or(usize::MAX);
        InFlightLimits {
            total: most(self.in_flight),
            per_account: most(self.in_flight_per_account),
            per_host: most(self.in_flight_per_host),
        }
    }
}

/// More than runs ever have in flight.
const MAX_IN_FLIGHT: usize = 1_000;

/// More than anybody sends in an hour.
const MAX_PER_HOUR: usize = 1_000_000_000;

/// The settings `max_in_flight` and `max_requests_per_hour`, and those for an account and a host.
///
/// # Errors
///
/// A problem that names the setting when it is no number in its range.
pub fn outbound() -> Result<Outbound, Problem> {
    Ok(Outbound {
        in_flight: limit_if_any("max_in_flight", MAX_IN_FLIGHT)?,
        in_flight_per_account: limit_if_any("max_in_flight_per_account", MAX_IN_FLIGHT)?,
        in_flight_per_host: limit_if_any("max_in_flight_per_host", MAX_IN_FLIGHT)?,
        per_hour: limit_if_any("max_requests_per_hour", MAX_PER_HOUR)?,
        per_hour_per_account: limit_if_any("max_requests_per_hour_per_account", MAX_PER_HOUR)?,
    })
}

/// As many as one statement writes without holding up every other writer.
const MAX_DELIVERIES_PER_EVENT: usize = 10_000;

/// A limit, or none where the setting is `unlimited`.
fn limit_if_any(name: &'static str, most: usize) -> Result<Option<usize>, Problem> {
    match read(name)?.as_str() {
        "unlimited" => Ok(None),
        _ => limit(name, most).map(Some),
    }
}

/// How much an account may have.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The most triggers of an account: `max_triggers`.
    pub triggers: usize,
    /// The most actions of a trigger: `max_actions`.
    pub actions: usize,
}

/// The settings `max_triggers` and `max_actions`.
///
/// # Errors
///
/// A problem that names the setting when it is no number up to what the store holds.
pub fn limits() -> Result<Limits, Problem> {
    Ok(Limits {
        triggers: limit("max_triggers", MAX_TRIGGERS)?,
        actions: limit("max_actions", MAX_ACTIONS)?,
    })
}

/// The most deliveries that one event creates: `max_deliveries_per_event`.
///
/// # Errors
///
/// A problem that names the setting when it is no number in its range.
pub fn max_deliveries_per_event() -> Result<usize, Problem> {
    limit("max_deliveries_per_event", MAX_DELIVERIES_PER_EVENT)
}

fn limit(name: &'static str, most: usize) -> Result<usize, Problem> {
    let setting = read(name)?;
    let number = setting.parse().ok();
    number
        .filter(|number| (1..=most).contains(number))
        .ok_or_else(|| {
            Problem::misconfigured(format!(
                "the setting {name} is a whole number from 1 to {most}, not {setting:?}"
            ))
        })
}

/// How the ledger's database keeps what was answered 202.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Every write is on the disk before it is answered: a power cut loses nothing.
    Full,
    /// A crash of the process loses nothing, a power cut the last writes. Twice as fast.
    Normal,
    /// The engine's own way, for databases that take no such setting (libSQL servers).
    Engine,
}

/// The setting `ledger_durability`.
///
/// # Errors
///
/// A problem that names the choices when it is none of them.
pub fn durability() -> Result<Durability, Problem> {
    match read("ledger_durability")?.as_str() {
        "full" => Ok(Durability::Full),
        "normal" => Ok(Durability::Normal),
        "engine" => Ok(Durability::Engine),
        other => Err(Problem::misconfigured(format!(
            "the setting ledger_durability is full, normal or engine, not {other:?}"
        ))),
    }
}

/// How long events, deliveries and attempts are kept: `retention_days`.
///
/// # Errors
///
/// A problem that names the setting when it is no number of days from 1 to 3,650.
pub fn retention() -> Result<Duration, Problem> {
    let setting = read("retention_days")?;
    let days = setting
        .parse()
        .ok()
        .filter(|days| (1..=3_650).contains(days));
    days.map(|days: u64| Duration::from_secs(days * 24 * 60 * 60))
        .ok_or_else(|| {
            Problem::misconfigured(format!(
                "the setting retention_days is a whole number from 1 to 3650, not {setting:?}"
            ))
        })
}
