//! Body templates: what an action sends in place of the default body.
//!
//! A template is Jinja (rendered by the `minijinja` crate) with the whole default body as its
//! context: `id`, `type`, `timestamp`, `account`, `trigger`, `action`, `delivery` and `data`. It is
//! checked when it is saved ([`BodyTemplate::parse`]) and rendered for each attempt.
//!
//! ```
//! use domain::template::BodyTemplate;
//! use serde_json::json;
//!
//! let template = BodyTemplate::parse(
//!     r#"{"text": {{ data.participant.name|tojson }}, "tags": {{ data.tags|tojson }}}"#,
//! )?;
//! let event = json!({"data": {"participant": {"name": "Zoë \"Z\" Lee"}, "tags": ["new"]}});
//! assert_eq!(template.render(&event)?, r#"{"text": "Zoë \"Z\" Lee", "tags": ["new"]}"#);
//!
//! let error = template.render(&json!({"data": {"tags": []}})).unwrap_err();
//! assert_eq!(error.to_string(), "line 1: `data.participant` is undefined");
//! # Ok::<(), domain::template::TemplateError>(())
//! ```
//!
//! The language is told to users in `docs/templates.md`, and templates that work in
//! `docs/recipes.md`; the tests try both.
//!
//! # Why not all of Jinja
//!
//! Users' templates run beside other accounts' deliveries, in an instance whose stack and memory
//! are small and whose crash takes the others along. The engine's fuel bounds instructions and
//! texts, but not what it does with lists and objects that a template builds: `[x, x]` kept in a
//! variable, thirty times over, is a thousand million elements to print or to compare, and a long
//! enough chain of operators overflows the stack. So templates build no lists or objects, those of
//! the event are values of our own (`value`) that cost nothing to handle, every filter is ours
//! (`vocabulary`), and a check before the engine sees the template (`guard`) keeps to the
//! language that is told.
//!
//! # Bounds
//!
//! [`MAX_SOURCE_BYTES`], [`MAX_OUTPUT_BYTES`] and [`MAX_FUEL`]; [`MAX_TOKENS`], [`MAX_TAG_TOKENS`],
//! [`MAX_BRACKETS`] and [`MAX_ELIFS`] keep the engine's recursion to a third of the stack that
//! wasmtime gives by default.

mod guard;
mod value;
mod vocabulary;

use std::fmt;
use std::io;

use minijinja::{Environment, Error, ErrorKind, Template, UndefinedBehavior};
use serde::{Deserialize, Serialize};

/// The longest template.
pub const MAX_SOURCE_BYTES: usize = 64 * 1024;
/// The longest body that a template makes, and the longest text on the way to it.
pub const MAX_OUTPUT_BYTES: usize = 256 * 1024;
/// What rendering may cost, in the engine's unit: about one instruction, or 64 bytes of text made.
/// A loop over a thousand elements that prints a field of each costs about 12,000.
pub const MAX_FUEL: u64 = 20_000;
/// The most names, texts, numbers and signs in all tags of a template.
pub const MAX_TOKENS: usize = 3_000;
/// The most of them in one tag.
pub const MAX_TAG_TOKENS: usize = 500;
/// The most brackets within each other in a tag.
pub const MAX_BRACKETS: usize = 32;
/// The most `elif` in a template.
pub const MAX_ELIFS: usize = 200;

/// The engine asks the same for comparing or indexing a text whatever its length. So where an
/// event has a text longer than 200 KB, rendering may cost less: at worst half a second or so.
const MAX_FUEL_TIMES_LONGEST_TEXT: u64 = 4_000_000_000;
/// The most bytes of an error's detail.
const MAX_DETAIL_BYTES: usize = 400;

/// A template for the body of an action's requests.
///
/// Serialised it is its source. Deserialising does not compile it, so that a stored template that
/// a later version refuses does not take its trigger along: it then fails when rendered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BodyTemplate {
    source: String,
}

/// Why a template was refused, or could not be rendered for an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateError {
    /// The line of the template, counted from 1, where it is known.
    pub line: Option<usize>,
    /// What is wrong.
    pub detail: String,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.detail),
            None => f.write_str(&self.detail),
        }
    }
}

impl std::error::Error for TemplateError {}

impl BodyTemplate {
    /// Compiles a template. What depends on the event, as fields that it lacks, only
    /// [`BodyTemplate::render`] can tell.
    pub fn parse(source: &str) -> Result<BodyTemplate, TemplateError> {
        compile(&environment(), source)?;
        Ok(BodyTemplate {
            source: source.to_owned(),
        })
    }

    /// The text it was parsed from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Makes the body for an event. `event` serialises as a JSON object, whose fields are what
    /// the template can name.
    pub fn render(&self, event: &impl Serialize) -> Result<String, TemplateError> {
        let (context, longest_text) = value::context(event)?;
        let mut environment = environment();
        let affordable = MAX_FUEL_TIMES_LONGEST_TEXT / (longest_text as u64).max(1);
        environment.set_fuel(Some(affordable.min(MAX_FUEL)));
        let template = compile(&environment, &self.source)?;
        let mut output = Output(Vec::new());
        template
            .render_captured_to(context, &mut output)
            .map_err(|error| TemplateError::from(&error))?;
        Ok(String::from_utf8_lossy(&output.0).into_owned())
    }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // Names what is undefined; costs little, and only where rendering fails.
    environment.set_debug(true);
    environment.set_formatter(value::print);
    vocabulary::register(&mut environment);
    environment
}

fn compile<'env, 'source>(
    environment: &'env Environment<'source>,
    source: &'source str,
) -> Result<Template<'env, 'source>, TemplateError> {
    guard::check(source)?;
    Ok(environment.template_from_str(source)?)
}

impl TemplateError {
    fn new(line: Option<usize>, detail: impl Into<String>) -> Self {
        let mut detail = detail.into();
        if detail.len() > MAX_DETAIL_BYTES {
            detail.truncate(detail.floor_char_boundary(MAX_DETAIL_BYTES));
            detail.push('…');
        }
        TemplateError { line, detail }
    }
}

impl From<&Error> for TemplateError {
    fn from(error: &Error) -> Self {
        let detail = match (error.kind(), error.detail()) {
            (ErrorKind::OutOfFuel, _) => "the template does too much work".to_owned(),
            (ErrorKind::WriteFailure, _) => {
                format!("the body is longer than {MAX_OUTPUT_BYTES} bytes")
            }
            (ErrorKind::UndefinedError | ErrorKind::InvalidOperation, Some(detail)) => {
                detail.to_owned()
            }
            (kind, Some(detail)) => format!("{kind}: {detail}"),
            (kind, None) => kind.to_string(),
        };
        TemplateError::new(error.line(), detail)
    }
}

impl From<Error> for TemplateError {
    fn from(error: Error) -> Self {
        TemplateError::from(&error)
    }
}

/// Takes the body up to its bound and then fails.
struct Output(Vec<u8>);

impl io::Write for Output {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        if self.0.len() + buffer.len() > MAX_OUTPUT_BYTES {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.0.extend_from_slice(buffer);
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
