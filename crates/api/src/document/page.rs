//! The page that people read the API's description on, made from the description itself.
//!
//! It takes any OpenAPI 3.1 document whose references stay inside it. Everything is found out here, in Rust;
//! the templates only lay it out, and escape whatever the document says.

mod anchors;
mod curl;
mod operation;
mod prose;
mod schema;
mod source;
#[cfg(test)]
mod tests;

use minijinja::{
    AutoEscape, Environment, Error, State, UndefinedBehavior, Value as Given, syntax::SyntaxConfig,
    value::Serde,
};
use serde::Serialize;
use serde_json::Value;

use anchors::Anchors;
use operation::{Operation, Scheme};
use prose::{Block, Line};
use schema::{Inner, Shape};
use source::{Source, member, text};

/// The page's style sheet, a file of its own: a content security policy can then do without `unsafe-inline`.
pub const STYLE: &str = include_str!("../../templates/style.css");

/// The page, in HTML.
///
/// It looks for [`STYLE`] at `docs/style.css` and for the document at `openapi.json`, both beside itself, and for
/// nothing else.
pub fn page(document: &Value) -> String {
    let templates = templates();
    let rendered = templates
        .get_template("page.html")
        .and_then(|template| template.render(Serde(Page::of(document))));
    rendered.expect("the templates fit what they are given")
}

#[derive(Serialize)]
struct Page {
    title: String,
    version: String,
    /// What it is, in a line.
    lead: Line,
    introduction: Vec<Block>,
    /// Whether `$URL` stands for the address in the examples.
    url_is_variable: bool,
    schemes: Vec<Scheme>,
    groups: Vec<Group>,
    schemas: Vec<Component>,
}

/// The operations of a tag.
#[derive(Serialize)]
struct Group {
    anchor: String,
    name: String,
    prose: Vec<Block>,
    operations: Vec<Operation>,
}

/// A schema that others refer to.
#[derive(Serialize)]
struct Component {
    anchor: String,
    name: String,
    shape: Shape,
}

impl Page {
    fn of(document: &Value) -> Self {
        let mut anchors = Anchors::default();
        let source = Source::new(document, &mut anchors);
        let info = member(document, "info");
        let schemes = operation::schemes(&source, &mut anchors);
        let groups = Group::all(&source, &schemes, &mut anchors);
        let schemas = source.schemas().map(|(name, anchor, schema)| Component {
            anchor: anchor.to_owned(),
            name: name.to_owned(),
            shape: source.shape(schema, Inner::Linked),
        });
        Self {
            title: text(info, "title").unwrap_or("API").to_owned(),
            version: text(info, "version").unwrap_or_default().to_owned(),
            lead: prose::line(text(info, "summary").unwrap_or_default()),
            introduction: prose::blocks(text(info, "description")),
            url_is_variable: curl::base(document) == curl::BASE_VARIABLE,
            schemas: schemas.collect(),
            schemes,
            groups,
        }
    }
}

impl Group {
    /// The document's tags in its order, then those that it only uses, then what has none.
    fn all(source: &Source<'_>, schemes: &[Scheme], anchors: &mut Anchors) -> Vec<Self> {
        let mut groups: Vec<Self> = source::items(member(source.document(), "tags"))
            .filter_map(|tag| Some((text(tag, "name")?, text(tag, "description"))))
            .map(|(name, description)| Self::new(anchors, name, description))
            .collect();
        let mut untagged = Vec::new();
        for (tag, operation) in operation::all(source, schemes, anchors) {
            let Some(tag) = tag else {
                untagged.push(operation);
                continue;
            };
            if let Some(group) = groups.iter_mut().find(|group| group.name == tag) {
                group.operations.push(operation);
            } else {
                let mut group = Self::new(anchors, tag, None);
                group.operations.push(operation);
                groups.push(group);
            }
        }
        if !untagged.is_empty() {
            let mut group = Self::new(anchors, "Other", None);
            group.operations = untagged;
            groups.push(group);
        }
        groups
    }

    fn new(anchors: &mut Anchors, name: &str, description: Option<&str>) -> Self {
        Self {
            anchor: anchors.claim("tag", name),
            name: name.to_owned(),
            prose: prose::blocks(description),
            operations: Vec::new(),
        }
    }
}

/// The templates, and what one of them uses of another: a function for each.
fn templates() -> Environment<'static> {
    let mut templates = Environment::empty();
    templates.set_auto_escape_callback(|_| AutoEscape::Html);
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    let mut syntax = SyntaxConfig::builder();
    syntax.trim_blocks(true).lstrip_blocks(true);
    templates.set_syntax(syntax.build().expect("the usual syntax"));
    for (name, source) in [
        ("page.html", include_str!("../../templates/page.html")),
        (
            "operation.html",
            include_str!("../../templates/operation.html"),
        ),
        ("media.html", include_str!("../../templates/media.html")),
        ("shape.html", include_str!("../../templates/shape.html")),
        ("cells.html", include_str!("../../templates/cells.html")),
        ("prose.html", include_str!("../../templates/prose.html")),
        ("line.html", include_str!("../../templates/line.html")),
    ] {
        templates
            .add_template(name, source)
            .expect("the templates are well-formed");
    }
    for (name, template) in [
        ("operation", "operation.html"),
        ("media", "media.html"),
        ("shape", "shape.html"),
        ("cells", "cells.html"),
        ("prose", "prose.html"),
        ("line", "line.html"),
    ] {
        templates.add_function(name, move |state: &State<'_, '_>, it: Given| {
            let rendered = state
                .env()
                .get_template(template)?
                .render(minijinja::context! { it })?;
            Ok::<_, Error>(Given::from_safe_string(rendered))
        });
    }
    templates
}
