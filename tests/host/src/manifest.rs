//! `spin.toml`, manifest version 2: the fields this host gives a meaning to.
//!
//! What Spin ignores while it runs an app (`build`, `tool`, `description` …) is ignored here too. A field that would change
//! how the app behaves and that this host does not know is an error, so that no test passes for want of a feature.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// The one store and the one database that exist without a runtime configuration.
pub(crate) const DEFAULT_LABEL: &str = "default";

/// A manifest, checked, with component sources made absolute.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    spin_manifest_version: u32,
    pub(crate) application: Application,
    #[serde(default)]
    pub(crate) variables: BTreeMap<String, Variable>,
    trigger: Triggers,
    #[serde(default, rename = "component")]
    pub(crate) components: BTreeMap<String, Component>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Application {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) version: String,
    #[serde(default, rename = "description")]
    _description: IgnoredAny,
    #[serde(default, rename = "authors")]
    _authors: IgnoredAny,
    #[serde(default, rename = "targets")]
    _targets: IgnoredAny,
    #[serde(default, rename = "tool")]
    _tool: IgnoredAny,
}

/// An application variable: either required, or with a default.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Variable {
    #[serde(default)]
    required: bool,
    pub(crate) default: Option<String>,
    #[serde(default, rename = "secret")]
    _secret: bool,
    #[serde(default, rename = "description")]
    _description: IgnoredAny,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Triggers {
    http: Vec<HttpTrigger>,
}

/// One `[[trigger.http]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HttpTrigger {
    #[serde(default, rename = "id")]
    _id: IgnoredAny,
    pub(crate) component: String,
    pub(crate) route: Route,
    executor: Option<Executor>,
}

/// A path pattern, or `{ private = true }`: reachable by service chaining only.
#[derive(Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub(crate) enum Route {
    Public(String),
    Private { private: bool },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Executor {
    r#type: String,
}

/// One `[component.ID]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Component {
    pub(crate) source: PathBuf,
    #[serde(default)]
    pub(crate) variables: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) environment: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) allowed_outbound_hosts: Vec<String>,
    #[serde(default)]
    pub(crate) key_value_stores: Vec<String>,
    #[serde(default)]
    pub(crate) sqlite_databases: Vec<String>,
    #[serde(default, rename = "description")]
    _description: IgnoredAny,
    #[serde(default, rename = "targets")]
    _targets: IgnoredAny,
    #[serde(default, rename = "build")]
    _build: IgnoredAny,
    #[serde(default, rename = "tool")]
    _tool: IgnoredAny,
    // What a build profile overrides counts only under `spin up --profile`.
    #[serde(default, rename = "profile")]
    _profile: IgnoredAny,
}

impl Manifest {
    /// Reads and checks the manifest at `path`.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the manifest {}", path.display()))?;
        let dir = path.parent().unwrap_or(Path::new(""));
        Self::parse(&text, dir).with_context(|| {
            format!(
                "cannot use the manifest {} (this host knows the fields of `spin.toml` that the project needs)",
                path.display()
            )
        })
    }

    fn parse(text: &str, dir: &Path) -> anyhow::Result<Self> {
        let mut manifest: Self = toml::from_str(text)?;
        ensure!(
            manifest.spin_manifest_version == 2,
            "spin_manifest_version must be 2"
        );
        for (name, variable) in &manifest.variables {
            // Spin's own sentence.
            ensure!(
                variable.required != variable.default.is_some(),
                "variable {name:?} must be `required` OR have a `default`"
            );
        }
        for trigger in &manifest.trigger.http {
            ensure!(
                manifest.components.contains_key(&trigger.component),
                "a trigger names the component {:?}, which is not defined",
                trigger.component
            );
            if let Some(executor) = &trigger.executor
                && !matches!(executor.r#type.as_str(), "http" | "spin")
            {
                bail!("the executor {:?} is not supported", executor.r#type);
            }
        }
        for (id, component) in &mut manifest.components {
            ensure!(
                is_kebab(id),
                "the component id {id:?} must be words of letters and digits, separated by '-'"
            );
            for label in &component.key_value_stores {
                ensure!(
                    label == DEFAULT_LABEL,
                    "unknown key_value_stores label {label:?} for component {id:?}"
                );
            }
            for label in &component.sqlite_databases {
                ensure!(
                    label == DEFAULT_LABEL,
                    "Component {id} uses database '{label}', which is not defined"
                );
            }
            component.source = dir.join(&component.source);
        }
        Ok(manifest)
    }

    /// The triggers in the manifest's order.
    pub(crate) fn triggers(&self) -> &[HttpTrigger] {
        &self.trigger.http
    }
}

fn is_kebab(id: &str) -> bool {
    id.split('-').all(|word| {
        word.starts_with(|c: char| c.is_ascii_alphabetic())
            && word.chars().all(|c| c.is_ascii_alphanumeric())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str = r#"
        spin_manifest_version = 2
        [application]
        name = "app"
        [[trigger.http]]
        route = "/..."
        component = "one"
        [component.one]
        source = "one.wasm"
    "#;

    fn error(text: &str) -> String {
        let error = Manifest::parse(text, Path::new("/app")).expect_err("should be refused");
        format!("{error:#}")
    }

    #[test]
    fn a_source_is_relative_to_the_manifest() {
        let manifest = Manifest::parse(MINIMAL, Path::new("/app")).expect("valid");
        assert_eq!(
            manifest.components["one"].source,
            Path::new("/app/one.wasm")
        );
    }

    #[test]
    fn what_only_builds_is_ignored() {
        let text = format!("{MINIMAL}\n[component.one.build]\ncommand = \"cargo build\"");
        assert!(Manifest::parse(&text, Path::new("")).is_ok());
    }

    #[test]
    fn a_field_that_changes_behaviour_and_is_not_supported_is_refused() {
        let message = error(&format!("{MINIMAL}\nfiles = [\"assets/*\"]"));
        assert!(message.contains("unknown field `files`"), "{message}");
    }

    #[test]
    fn a_variable_is_required_or_has_a_default() {
        for variable in ["", "required = true\ndefault = \"x\""] {
            let message = error(&format!("{MINIMAL}\n[variables.key]\n{variable}"));
            assert!(
                message.contains("must be `required` OR have a `default`"),
                "{message}"
            );
        }
    }

    #[test]
    fn only_the_default_store_and_database_exist() {
        let message = error(&format!("{MINIMAL}\nkey_value_stores = [\"other\"]"));
        assert!(
            message.contains("unknown key_value_stores label \"other\" for component \"one\""),
            "{message}"
        );
        let message = error(&format!("{MINIMAL}\nsqlite_databases = [\"other\"]"));
        assert!(message.contains("uses database 'other'"), "{message}");
    }

    #[test]
    fn a_trigger_names_a_component_that_exists() {
        let message = error(&MINIMAL.replace("component = \"one\"", "component = \"two\""));
        assert!(
            message.contains("\"two\", which is not defined"),
            "{message}"
        );
    }
}
