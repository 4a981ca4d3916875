//! Application variables: declared in the manifest, given by the environment or a `.env` file, seen by components through
//! templates (`{{ name }}`).

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::OnceLock;

use anyhow::{Context, anyhow};

use crate::bindings::variables as wit;
use crate::manifest::{Manifest, Variable};

/// The variable `api_key` is looked up as `SPIN_VARIABLE_API_KEY`.
const PREFIX: &str = "SPIN_VARIABLE_";

/// Every variable of an application and where its value comes from.
pub(crate) struct Variables {
    declared: BTreeMap<String, Variable>,
    /// Component id, then the component's variable.
    templates: HashMap<String, HashMap<String, Template>>,
    /// Values from the command line; they go before the environment.
    given: BTreeMap<String, String>,
    dotenv: Option<PathBuf>,
    dotenv_values: OnceLock<HashMap<String, String>>,
}

/// Why a variable has no value. The texts are those that Spin gives its guests.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("invalid variable name: {0}")]
    InvalidName(String),
    #[error("invalid variable template: {0}")]
    InvalidTemplate(String),
    #[error("provider error: {0:?}")]
    Provider(anyhow::Error),
    #[error("undefined variable: {0}")]
    Undefined(String),
}

impl Variables {
    /// Checks every name and template, and that each required variable has a value.
    pub(crate) fn new(
        manifest: &Manifest,
        given: BTreeMap<String, String>,
        dotenv: Option<PathBuf>,
    ) -> Result<Self, Error> {
        let mut variables = Self {
            declared: manifest.variables.clone(),
            templates: HashMap::new(),
            given,
            dotenv,
            dotenv_values: OnceLock::new(),
        };
        for name in variables.declared.keys() {
            check_name(name)?;
        }
        for (id, component) in &manifest.components {
            let mut templates = HashMap::new();
            for (name, text) in &component.variables {
                check_name(name)?;
                templates.insert(name.clone(), variables.template(text)?);
            }
            variables.templates.insert(id.clone(), templates);
        }
        variables.check_required()?;
        Ok(variables)
    }

    /// The value of a component's variable.
    pub(crate) fn get(&self, component: &str, name: &str) -> Result<String, Error> {
        check_name(name)?;
        let template = self
            .templates
            .get(component)
            .and_then(|templates| templates.get(name))
            .ok_or_else(|| Error::Undefined(format!("no variable for {component:?}.{name:?}")))?;
        self.fill(template)
    }

    /// The value of a template from elsewhere in the manifest.
    pub(crate) fn resolve(&self, text: &str) -> Result<String, Error> {
        self.fill(&Template::parse(text)?)
    }

    fn template(&self, text: &str) -> Result<Template, Error> {
        let template = Template::parse(text)?;
        for part in &template.0 {
            if let Part::Variable(name) = part
                && !self.declared.contains_key(name)
            {
                return Err(Error::InvalidTemplate(format!("unknown variable {name:?}")));
            }
        }
        Ok(template)
    }

    fn fill(&self, template: &Template) -> Result<String, Error> {
        template
            .0
            .iter()
            .map(|part| match part {
                Part::Text(text) => Ok(text.clone()),
                Part::Variable(name) => self.value(name),
            })
            .collect()
    }

    fn value(&self, name: &str) -> Result<String, Error> {
        if let Some(value) = self.provided(name).map_err(Error::Provider)? {
            return Ok(value);
        }
        let variable = self
            .declared
            .get(name)
            .ok_or_else(|| Error::InvalidName(name.to_owned()))?;
        variable.default.clone().ok_or_else(|| {
            Error::Provider(anyhow!("no provider resolved required variable {name:?}"))
        })
    }

    fn provided(&self, name: &str) -> anyhow::Result<Option<String>> {
        if let Some(value) = self.given.get(name) {
            return Ok(Some(value.clone()));
        }
        let key = format!("{PREFIX}{}", name.to_ascii_uppercase());
        match std::env::var(&key) {
            Ok(value) => Ok(Some(value)),
            Err(std::env::VarError::NotPresent) => Ok(self.dotenv()?.get(&key).cloned()),
            Err(error) => Err(error).with_context(|| format!("failed to resolve env var {key}")),
        }
    }

    /// The `.env` file, read once; a file that is not there is an empty one.
    fn dotenv(&self) -> anyhow::Result<&HashMap<String, String>> {
        if let Some(values) = self.dotenv_values.get() {
            return Ok(values);
        }
        let mut values = HashMap::new();
        if let Some(path) = &self.dotenv
            && let Ok(lines) = dotenvy::from_path_iter(path)
        {
            for line in lines {
                let (key, value) = line?;
                values.insert(key, value);
            }
        }
        Ok(self.dotenv_values.get_or_init(|| values))
    }

    fn check_required(&self) -> Result<(), Error> {
        let missing: Vec<&str> = self
            .declared
            .iter()
            .filter(|(_, variable)| variable.default.is_none())
            // A provider that fails does not resolve the variable either.
            .filter(|(name, _)| !matches!(self.provided(name), Ok(Some(_))))
            .map(|(name, _)| name.as_str())
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(Error::Provider(anyhow!(
            "no provider resolved required variable(s): {missing:?}"
        )))
    }
}

impl From<Error> for wit::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::InvalidName(message) => Self::InvalidName(message),
            Error::Undefined(message) => Self::Undefined(message),
            Error::Provider(error) => Self::Provider(error.to_string()),
            Error::InvalidTemplate(_) => Self::Other(error.to_string()),
        }
    }
}

/// Text with `{{ name }}` in it.
struct Template(Vec<Part>);

enum Part {
    Text(String),
    Variable(String),
}

impl Template {
    fn parse(text: &str) -> Result<Self, Error> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (name, after) = after
                .split_once("}}")
                .ok_or_else(|| Error::InvalidTemplate("unmatched '{{' in template".to_owned()))?;
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(Part::Variable(name.trim().to_owned()));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self(parts))
    }
}

/// Lower snake case, so that every name has one spelling as an environment variable.
fn check_name(name: &str) -> Result<(), Error> {
    let reason = if name.is_empty() {
        "must not be empty".to_owned()
    } else if let Some(invalid) = name
        .chars()
        .find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '_'))
    {
        format!(
            "invalid character {invalid:?}. Variable names may contain only lower-case letters, numbers, and underscores."
        )
    } else if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        "must start with a lowercase ASCII letter".to_owned()
    } else if name.ends_with('_') {
        "must end with a lowercase ASCII letter or digit".to_owned()
    } else if name.contains("__") {
        "must not contain multiple consecutive underscores".to_owned()
    } else {
        return Ok(());
    };
    Err(Error::InvalidName(format!("{name:?}: {reason}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(manifest: &str, given: &[(&str, &str)]) -> Result<Variables, Error> {
        let manifest = toml::from_str(&format!(
            "spin_manifest_version = 2\ntrigger.http = []\napplication.name = \"app\"\n{manifest}"
        ))
        .expect("a manifest");
        let given = given
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Variables::new(&manifest, given, None)
    }

    const MANIFEST: &str = r#"
        [variables]
        host = { default = "localhost" }
        key = { required = true, secret = true }
        [component.one]
        source = "one.wasm"
        [component.one.variables]
        url = "https://{{ host }}/{{key}}?x"
        plain = "text"
    "#;

    #[test]
    fn a_template_takes_defaults_and_given_values() {
        let variables = variables(MANIFEST, &[("key", "k")]).expect("valid");
        assert_eq!(
            variables.get("one", "url").expect("a value"),
            "https://localhost/k?x"
        );
        assert_eq!(variables.get("one", "plain").expect("a value"), "text");
    }

    #[test]
    fn a_required_variable_without_a_value_stops_the_start() {
        let error = variables(MANIFEST, &[]).err().expect("refused");
        assert!(
            error
                .to_string()
                .contains("no provider resolved required variable(s): [\"key\"]"),
            "{error}"
        );
    }

    #[test]
    fn a_variable_the_component_does_not_have_is_undefined_even_if_the_application_has_it() {
        let variables = variables(MANIFEST, &[("key", "k")]).expect("valid");
        assert!(matches!(
            variables.get("one", "host"),
            Err(Error::Undefined(_))
        ));
        assert!(matches!(
            variables.get("one", "Not-A-Name"),
            Err(Error::InvalidName(_))
        ));
    }

    #[test]
    fn templates_name_variables_that_exist_and_close_their_braces() {
        for template in ["{{ other }}", "{{ host"] {
            let manifest = MANIFEST.replace("text", template);
            assert!(matches!(
                variables(&manifest, &[("key", "k")]),
                Err(Error::InvalidTemplate(_))
            ));
        }
    }

    #[test]
    fn names_are_lower_snake_case() {
        for name in ["", "A", "a-b", "1a", "_a", "a_", "a__b"] {
            assert!(check_name(name).is_err(), "{name}");
        }
        for name in ["a", "a1", "a_b_1"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
    }
}
