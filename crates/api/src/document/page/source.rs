//! Reading the document: members that may be missing, and references.

use serde_json::Value;

use super::anchors::Anchors;

/// More references in a row than a sensible document has; a circle of them has more than any number.
const MAX_HOPS: usize = 16;

static NOTHING: Value = Value::Null;

/// A document, and where the page shows its schemas.
pub(super) struct Source<'a> {
    document: &'a Value,
    /// Name, anchor and schema.
    schemas: Vec<(&'a str, String, &'a Value)>,
}

impl<'a> Source<'a> {
    pub(super) fn new(document: &'a Value, anchors: &mut Anchors) -> Self {
        let schemas = member(member(document, "components"), "schemas");
        let schemas = members(schemas)
            .map(|(name, schema)| (name, anchors.claim("schema", name), schema))
            .collect();
        Self { document, schemas }
    }

    pub(super) fn document(&self) -> &'a Value {
        self.document
    }

    /// The document's named schemas: name, anchor and schema.
    pub(super) fn schemas(&self) -> impl Iterator<Item = (&'a str, &str, &'a Value)> {
        self.schemas
            .iter()
            .map(|(name, anchor, schema)| (*name, anchor.as_str(), *schema))
    }

    /// Name and anchor of the named schema that this one is a reference to, if it is one.
    pub(super) fn reference(&self, schema: &'a Value) -> Option<(&'a str, &str)> {
        let name = text(schema, "$ref")?.strip_prefix("#/components/schemas/")?;
        self.schemas()
            .find(|(known, _, _)| *known == name)
            .map(|(name, anchor, _)| (name, anchor))
    }

    /// What is there, or what the reference that is there leads to. One that leads nowhere leads to nothing.
    pub(super) fn resolve(&self, mut value: &'a Value) -> &'a Value {
        for _ in 0..MAX_HOPS {
            let Some(reference) = text(value, "$ref") else {
                return value;
            };
            let target = reference
                .strip_prefix('#')
                .and_then(|pointer| self.document.pointer(pointer));
            value = target.unwrap_or(&NOTHING);
        }
        &NOTHING
    }
}

/// The member of this name, or null.
pub(super) fn member<'a>(value: &'a Value, name: &str) -> &'a Value {
    value.get(name).unwrap_or(&NOTHING)
}

/// The member of this name, if it is text.
pub(super) fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str()
}

/// Whether the member of this name says yes.
pub(super) fn flag(value: &Value, name: &str) -> bool {
    member(value, name).as_bool().unwrap_or(false)
}

/// The members of an object; of anything else, none.
pub(super) fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.as_str(), value))
}

/// The items of an array; of anything else, none.
pub(super) fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// JSON as people read it: text without its quotes.
pub(super) fn shown(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
