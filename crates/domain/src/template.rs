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
//! # Why not the engine of minijinja
//!
//! Users' templates run beside other accounts' deliveries, in an instance whose stack and memory
//! are small. minijinja's engine compares, indexes and cuts a text for one unit of fuel, whatever
//! its length, it has no numbers beyond 128 bits, and it recurses along a chain of operators. So
//! minijinja parses (`syntax`), and the tree is evaluated here (`evaluate`): each step is charged
//! (`cost`), what looks at a text or list by its length, and values stay as they were posted
//! (`value`).
//!
//! # Bounds
//!
//! [`MAX_SOURCE_BYTES`], [`MAX_OUTPUT_BYTES`] and [`MAX_STEPS`]; [`MAX_TOKENS`],
//! [`MAX_TAG_TOKENS`], [`MAX_BRACKETS`] and [`MAX_ELIFS`] keep the recursion of the parser to a
//! third of the stack that wasmtime gives by default.

mod cost;
mod evaluate;
mod json;
mod samples;
mod syntax;
mod value;
mod vocabulary;

use std::fmt;

use cost::Meter;
use evaluate::Renderer;
use serde::{Deserialize, Serialize};
use syntax::Tree;

use crate::trigger::DEFAULT_CONTENT_TYPE;

pub use samples::Tries;

/// The longest template.
pub const MAX_SOURCE_BYTES: usize = 64 * 1024;
/// The longest body that a template makes, and the longest text on the way to it.
pub const MAX_OUTPUT_BYTES: usize = 256 * 1024;
/// The most steps that rendering may take. A step is about a name, an operator or a filter, or 64
/// bytes of text that is copied. A loop over a thousand elements that prints a field of each takes
/// about 10,000.
pub const MAX_STEPS: u64 = 100_000;
/// The most names, texts, numbers and signs in all tags of a template.
pub const MAX_TOKENS: usize = 3_000;
/// The most of them in one tag.
pub const MAX_TAG_TOKENS: usize = 500;
/// The most brackets within each other in a tag.
pub const MAX_BRACKETS: usize = 32;
/// The most `elif` in a template.
pub const MAX_ELIFS: usize = 200;

const TOO_EXPENSIVE: &str = "the template does too much work: print less of long texts and lists, \
                             and put no loop into a loop";
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
    /// What kind of error it is.
    pub kind: TemplateErrorKind,
}

/// Kinds of errors, as far as they have different consequences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemplateErrorKind {
    /// The template is not in order, or does not fit the event.
    Wrong,
    /// The body has to be JSON and is not.
    NotJson,
    /// Rendering takes more than [`MAX_STEPS`].
    TooExpensive,
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
        Tree::parse(source)?;
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
        self.render_within(&Meter::new(MAX_STEPS), None, event)
    }

    /// Makes the body for an event, which is to be sent under a content type.
    ///
    /// # Errors
    ///
    /// As [`BodyTemplate::render`], and where the body has to be JSON and is not.
    pub fn render_for(
        &self,
        content_type: &str,
        event: &impl Serialize,
    ) -> Result<String, TemplateError> {
        self.render_within(&Meter::new(MAX_STEPS), Some(content_type), event)
    }

    fn render_within(
        &self,
        meter: &Meter,
        content_type: Option<&str>,
        event: &impl Serialize,
    ) -> Result<String, TemplateError> {
        let tree = Tree::parse(&self.source)?;
        let event = serde_json::to_string(event)
            .map_err(|error| TemplateError::new(None, format!("the event: {error}")))?;
        let mut renderer = Renderer::new(value::read(&event)?, meter);
        renderer.run(tree.statements())?;
        let (body, parts) = renderer.finish();
        if content_type.is_some_and(is_json) {
            json::check(&self.source, &body, &parts)?;
        }
        Ok(body)
    }
}

/// Whether bodies of this content type are JSON.
fn is_json(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case(DEFAULT_CONTENT_TYPE)
        || media_type.to_ascii_lowercase().ends_with("+json")
}

impl TemplateError {
    fn new(line: Option<usize>, detail: impl Into<String>) -> Self {
        let mut detail = detail.into();
        if detail.len() > MAX_DETAIL_BYTES {
            detail.truncate(detail.floor_char_boundary(MAX_DETAIL_BYTES));
            detail.push('…');
        }
        TemplateError {
            line,
            detail,
            kind: TemplateErrorKind::Wrong,
        }
    }

    fn too_expensive(line: Option<usize>) -> Self {
        TemplateError {
            kind: TemplateErrorKind::TooExpensive,
            ..Self::new(line, TOO_EXPENSIVE)
        }
    }
}

#[cfg(test)]
mod tests;
