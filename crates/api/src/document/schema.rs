//! Schemas of parameters and headers, and references to those of bodies.

use std::ops::RangeInclusive;

use schemars::JsonSchema;
use serde_json::{Map, Value, json};

use super::schemas;

/// A JSON Schema (2020-12, as OpenAPI 3.1 takes it).
#[derive(Debug, Clone)]
pub(crate) struct Schema(Map<String, Value>);

impl Schema {
    fn of_type(name: &str) -> Self {
        Self(Map::new()).with("type", name)
    }

    /// The same with one more keyword.
    #[must_use]
    fn with(mut self, keyword: &str, value: impl Into<Value>) -> Self {
        self.0.insert(keyword.to_owned(), value.into());
        self
    }

    /// The value where nothing is given.
    #[must_use]
    pub(crate) fn default(self, value: impl Into<Value>) -> Self {
        self.with("default", value)
    }

    /// At least one character.
    #[must_use]
    pub(crate) fn not_empty(self) -> Self {
        self.with("minLength", 1)
    }

    /// At most so many characters.
    #[must_use]
    pub(crate) fn at_most(self, count: usize) -> Self {
        self.with("maxLength", count)
    }

    /// A text of this form, as a regular expression of the whole text.
    #[must_use]
    pub(crate) fn like(self, pattern: &str) -> Self {
        self.with("pattern", pattern)
    }
}

impl From<Schema> for Value {
    fn from(schema: Schema) -> Self {
        Self::Object(schema.0)
    }
}

/// A text.
pub(crate) fn text() -> Schema {
    Schema::of_type("string")
}

/// True or false.
pub(crate) fn flag() -> Schema {
    Schema::of_type("boolean")
}

/// A whole number in this range.
pub(crate) fn integer(range: RangeInclusive<u64>) -> Schema {
    let (least, most) = range.into_inner();
    Schema::of_type("integer")
        .with("minimum", least)
        .with("maximum", most)
}

/// The schema of this name.
pub(crate) fn of(name: &str) -> Schema {
    Schema(Map::new()).with("$ref", format!("#/components/schemas/{name}"))
}

/// One resource, or several.
pub(crate) fn one_or_several(one: &str, several: &str) -> Schema {
    let alternatives = [one, several].map(|name| Value::from(of(name)));
    Schema(Map::new()).with("anyOf", json!(alternatives))
}

/// The schema of a type's values.
pub(crate) fn value<T: JsonSchema>() -> Schema {
    match schemas::inline::<T>() {
        Value::Object(schema) => Schema(schema),
        _ => Schema(Map::new()),
    }
}

/// Ids of triggers with commas between them: as many as a page can show.
pub(crate) fn trigger_ids() -> Schema {
    text().like("^trg_[0-9A-HJKMNP-TV-Z]{26}(,trg_[0-9A-HJKMNP-TV-Z]{26}){0,199}$")
}
