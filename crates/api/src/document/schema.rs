//! Schemas of JSON values, made so that what describes the API reads like a table.

use std::ops::RangeInclusive;

use serde_json::{Map, Value, json};

/// A JSON Schema (2020-12, as OpenAPI 3.1 takes it).
#[derive(Debug, Clone)]
pub(crate) struct Schema(Map<String, Value>);

impl Schema {
    fn of_type(name: &str) -> Self {
        Self(Map::new()).with("type", name)
    }

    /// The same with one more keyword.
    #[must_use]
    pub(crate) fn with(mut self, keyword: &str, value: impl Into<Value>) -> Self {
        self.0.insert(keyword.to_owned(), value.into());
        self
    }

    /// What it means, in words.
    #[must_use]
    pub(crate) fn says(self, description: impl Into<String>) -> Self {
        self.with("description", description.into())
    }

    /// What holds where nothing is given.
    #[must_use]
    pub(crate) fn default(self, value: impl Into<Value>) -> Self {
        self.with("default", value)
    }

    /// At least one character, element or member.
    #[must_use]
    pub(crate) fn not_empty(self) -> Self {
        self.at_least(1)
    }

    /// At least so many characters, elements or members.
    #[must_use]
    pub(crate) fn at_least(self, count: usize) -> Self {
        let keyword = self.counting("minLength", "minItems", "minProperties");
        self.with(keyword, count)
    }

    /// At most so many characters, elements or members. Where bytes are counted, so many characters
    /// are never exceeded either.
    #[must_use]
    pub(crate) fn at_most(self, count: usize) -> Self {
        let keyword = self.counting("maxLength", "maxItems", "maxProperties");
        self.with(keyword, count)
    }

    /// A text of this form, as a regular expression.
    #[must_use]
    pub(crate) fn like(self, pattern: &str) -> Self {
        self.with("pattern", pattern)
    }

    /// The same, or null.
    #[must_use]
    pub(crate) fn or_null(mut self) -> Self {
        if let Some(Value::String(name)) = self.0.get("type")
            && !self.0.contains_key("enum")
            && !self.0.contains_key("const")
        {
            let types = json!([name, "null"]);
            return self.with("type", types);
        }
        // What is told of the member stays outside, where readers look for it.
        let outside: Vec<_> = ["description", "default"]
            .into_iter()
            .filter_map(|keyword| self.0.remove_entry(keyword))
            .collect();
        let mut either = either([self, null()]);
        either.0.extend(outside);
        either
    }

    fn counting(
        &self,
        characters: &'static str,
        elements: &'static str,
        members: &'static str,
    ) -> &'static str {
        match self.0.get("type").and_then(Value::as_str) {
            Some("array") => elements,
            Some("object") => members,
            _ => characters,
        }
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

/// Null and nothing else.
fn null() -> Schema {
    Schema::of_type("null")
}

/// A whole number in this range.
pub(crate) fn integer(range: RangeInclusive<u64>) -> Schema {
    let (least, most) = range.into_inner();
    Schema::of_type("integer")
        .with("minimum", least)
        .with("maximum", most)
}

/// A number of things.
pub(crate) fn count() -> Schema {
    Schema::of_type("integer").with("minimum", 0)
}

/// A point in time, as it is answered: RFC 3339 in UTC with three fraction digits, so that times
/// sort as text.
pub(crate) fn time() -> Schema {
    time_given().like(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$")
}

/// A point in time, as it is taken: RFC 3339 with any offset.
pub(crate) fn time_given() -> Schema {
    text().with("format", "date-time")
}

/// An id: this prefix and a ULID.
pub(crate) fn id(prefix: &str) -> Schema {
    text().like(&format!("^{prefix}[0-7][0-9A-HJKMNP-TV-Z]{{25}}$"))
}

/// One of these texts.
pub(crate) fn one_of(names: impl IntoIterator<Item = &'static str>) -> Schema {
    text().with("enum", names.into_iter().collect::<Vec<_>>())
}

/// Exactly this.
pub(crate) fn constant(value: impl Into<Value>) -> Schema {
    Schema(Map::new()).with("const", value)
}

/// An array.
pub(crate) fn list(of: Schema) -> Schema {
    Schema::of_type("array").with("items", of)
}

/// Any JSON object.
pub(crate) fn any_object() -> Schema {
    Schema::of_type("object")
}

/// Any JSON value.
pub(crate) fn anything() -> Schema {
    Schema(Map::new())
}

/// An object of whatever names, with values of one kind.
pub(crate) fn map(of: Schema) -> Schema {
    any_object().with("additionalProperties", of)
}

/// A value that meets at least one of these.
pub(crate) fn either(schemas: impl IntoIterator<Item = Schema>) -> Schema {
    let schemas: Vec<Value> = schemas.into_iter().map(Into::into).collect();
    Schema(Map::new()).with("anyOf", schemas)
}

/// The schema of this name.
pub(crate) fn of(name: &str) -> Schema {
    Schema(Map::new()).with("$ref", format!("#/components/schemas/{name}"))
}

/// An object of these members and no others. A name with a question mark is one that may be missing.
pub(crate) fn object(members: impl IntoIterator<Item = (&'static str, Schema)>) -> Schema {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (name, schema) in members {
        let optional = name.strip_suffix('?');
        if optional.is_none() {
            required.push(name);
        }
        properties.insert(optional.unwrap_or(name).to_owned(), schema.into());
    }
    let object = any_object()
        .with("properties", properties)
        .with("additionalProperties", false);
    if required.is_empty() {
        object
    } else {
        object.with("required", required)
    }
}
