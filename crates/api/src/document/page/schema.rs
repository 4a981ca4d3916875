//! What a schema asks for, as rows of a table: a row for each field, however deep.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use super::prose::{self, Block};
use super::source::{Source, flag, items, member, members, shown, text};

/// How deep fields are shown in place. What is deeper has a named schema, which the field's type leads to.
const MAX_DEPTH: usize = 6;

/// How the fields of a named schema inside of another are shown.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Inner {
    /// In place: whoever writes a request has all of it before them.
    InPlace,
    /// By a link to the schema: what is answered is read in part, and shown often.
    Linked,
}

/// A schema: what it is, and its fields.
#[derive(Serialize)]
pub(super) struct Shape {
    cells: Cells,
    rows: Vec<Row>,
}

/// What is said of a value.
#[derive(Serialize)]
pub(super) struct Cells {
    kind: Vec<Piece>,
    limits: Vec<Limit>,
    values: Vec<String>,
    default: Option<String>,
    prose: Vec<Block>,
    /// Deprecated, read only, write only.
    remarks: Vec<&'static str>,
}

/// A piece of a type's name; some lead to a named schema.
#[derive(Serialize)]
struct Piece {
    text: String,
    anchor: Option<String>,
}

/// A limit, in words and perhaps code.
#[derive(Serialize)]
struct Limit {
    text: String,
    code: Option<String>,
}

/// A row of the table of fields.
#[derive(Serialize)]
struct Row {
    /// Where a variant begins: its name, in place of a field.
    variant: Option<String>,
    /// Whose field it is, e.g. `actions[].`.
    parent: String,
    name: String,
    required: bool,
    cells: Option<Cells>,
}

impl Piece {
    fn plain(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { text, anchor: None }
    }
}

impl Cells {
    /// The same with this description, where there is one: it goes before the schema's.
    pub(super) fn described(mut self, description: Option<&str>) -> Self {
        if description.is_some() {
            self.prose = prose::blocks(description);
        }
        self
    }
}

impl<'a> Source<'a> {
    /// A schema with its fields.
    pub(super) fn shape(&self, schema: &'a Value, inner: Inner) -> Shape {
        let mut rows = Vec::new();
        let mut walk = Walk {
            source: self,
            inner,
            within: Vec::new(),
            rows: &mut rows,
        };
        walk.fields(schema, "", 0);
        Shape {
            cells: self.cells(schema),
            rows,
        }
    }

    /// What is said of the values of a schema.
    pub(super) fn cells(&self, schema: &'a Value) -> Cells {
        let effective = self.effective(schema);
        // What stands beside a reference goes before what it leads to.
        let either = |name: &str| {
            [schema, effective]
                .into_iter()
                .find_map(|schema| schema.get(name))
        };
        let description = either("description").and_then(Value::as_str);
        let remarks = [
            ("deprecated", "deprecated"),
            ("readOnly", "only in answers"),
            ("writeOnly", "only in requests"),
        ];
        let mut values: Vec<String> = items(member(effective, "enum")).map(shown).collect();
        values.extend(effective.get("const").map(shown));
        Cells {
            kind: self.kind(schema),
            limits: limits(effective),
            values,
            default: either("default").map(Value::to_string),
            prose: prose::blocks(description),
            remarks: remarks
                .into_iter()
                .filter(|(name, _)| flag(schema, name) || flag(effective, name))
                .map(|(_, remark)| remark)
                .collect(),
        }
    }

    /// The schema itself, behind references and behind "or null".
    fn effective(&self, schema: &'a Value) -> &'a Value {
        let mut schema = self.resolve(schema);
        for _ in 0..MAX_DEPTH {
            let only = match self.variants(schema).as_slice() {
                [only] => *only,
                _ => match member(schema, "allOf").as_array().map(Vec::as_slice) {
                    Some([only]) => only,
                    _ => return schema,
                },
            };
            schema = self.resolve(only);
        }
        schema
    }

    /// What `oneOf` or `anyOf` choose from, null left out.
    fn variants(&self, schema: &'a Value) -> Vec<&'a Value> {
        ["oneOf", "anyOf"]
            .into_iter()
            .flat_map(|name| items(member(schema, name)))
            .filter(|variant| !is_null(self.resolve(variant)))
            .collect()
    }

    /// The name of a schema's type.
    fn kind(&self, schema: &'a Value) -> Vec<Piece> {
        self.kind_within(schema, MAX_DEPTH)
    }

    fn kind_within(&self, schema: &'a Value, depth: usize) -> Vec<Piece> {
        if depth == 0 {
            return vec![Piece::plain("any")];
        }
        if let Some((name, anchor)) = self.reference(schema) {
            let link = Piece {
                text: name.to_owned(),
                anchor: Some(anchor.to_owned()),
            };
            let types = types(self.effective(schema));
            return if types.is_empty() || types.contains(&"object") {
                vec![link]
            } else {
                let types = types.join(" or ");
                vec![Piece::plain(format!("{types} (")), link, Piece::plain(")")]
            };
        }
        let schema = self.resolve(schema);
        let mut kinds: Vec<Vec<Piece>> = types(schema)
            .into_iter()
            .map(|name| match name {
                "array" => {
                    let mut pieces = vec![Piece::plain("array of ")];
                    pieces.extend(self.kind_within(member(schema, "items"), depth - 1));
                    pieces
                }
                "object" if schema.get("properties").is_none() => {
                    let mut pieces = vec![Piece::plain("object")];
                    let values = member(schema, "additionalProperties");
                    if members(values).next().is_some() {
                        pieces.push(Piece::plain(" of "));
                        pieces.extend(self.kind_within(values, depth - 1));
                    }
                    pieces
                }
                name => vec![Piece::plain(name)],
            })
            .collect();
        if kinds.is_empty() {
            let variants = ["oneOf", "anyOf"]
                .into_iter()
                .flat_map(|name| items(member(schema, name)));
            kinds.extend(variants.map(|variant| self.kind_within(variant, depth - 1)));
        }
        if kinds.is_empty() {
            kinds.push(match member(schema, "allOf").as_array() {
                Some(parts) if parts.len() == 1 => self.kind_within(&parts[0], depth - 1),
                Some(_) => vec![Piece::plain("object")],
                None => vec![Piece::plain("any")],
            });
        }
        let mut pieces = Vec::new();
        for kind in kinds {
            if !pieces.is_empty() {
                pieces.push(Piece::plain(" or "));
            }
            pieces.extend(kind);
        }
        pieces
    }

    /// A schema and all that `allOf` has it be as well.
    pub(super) fn parts(&self, schema: &'a Value) -> Vec<&'a Value> {
        let mut parts = vec![self.resolve(schema)];
        let mut next = 0;
        while let Some(part) = parts.get(next).copied() {
            next += 1;
            // A schema that is part of itself is looked at a few times.
            if next <= MAX_DEPTH * MAX_DEPTH {
                parts.extend(items(member(part, "allOf")).map(|part| self.resolve(part)));
            }
        }
        parts
    }
}

/// A way through a schema, which notes the fields it comes by.
struct Walk<'s, 'a> {
    source: &'s Source<'a>,
    inner: Inner,
    /// The named schemas that we are inside of: no field is shown inside itself.
    within: Vec<&'a str>,
    rows: &'s mut Vec<Row>,
}

impl<'a> Walk<'_, 'a> {
    fn fields(&mut self, schema: &'a Value, path: &str, depth: usize) {
        let name = self.source.reference(schema).map(|(name, _)| name);
        let is_elsewhere = name.is_some() && depth > 0 && self.inner == Inner::Linked;
        let is_inside_itself = name.is_some_and(|name| self.within.contains(&name));
        if depth > MAX_DEPTH || is_elsewhere || is_inside_itself {
            return;
        }
        self.within.extend(name);
        self.own_fields(schema, path, depth);
        if name.is_some() {
            self.within.pop();
        }
    }

    fn own_fields(&mut self, schema: &'a Value, path: &str, depth: usize) {
        let parts = self.source.parts(schema);
        let required: BTreeSet<&str> = parts
            .iter()
            .flat_map(|part| items(member(part, "required")))
            .filter_map(Value::as_str)
            .collect();
        let mut fields: Vec<(&str, &Value)> = Vec::new();
        for (name, field) in parts
            .iter()
            .flat_map(|part| members(member(part, "properties")))
        {
            if !fields.iter().any(|(known, _)| *known == name) {
                fields.push((name, field));
            }
        }
        // Stable: what is required comes first, each in the document's order.
        fields.sort_by_key(|(name, _)| !required.contains(name));
        let dot = if path.is_empty() { "" } else { "." };
        for (name, field) in fields {
            self.rows.push(Row {
                variant: None,
                parent: format!("{path}{dot}"),
                name: name.to_owned(),
                required: required.contains(name),
                cells: Some(self.source.cells(field)),
            });
            self.fields(field, &format!("{path}{dot}{name}"), depth + 1);
        }
        for part in parts {
            let values = member(part, "additionalProperties");
            if values.is_object() {
                self.inner(values, &format!("{path}{dot}"), "*", depth);
            }
            if part.get("items").is_some() {
                self.inner(member(part, "items"), path, "[]", depth);
            }
            self.variants(part, path, depth);
        }
    }

    /// Items of an array, or members of any name: with a row of their own where there is more to say than their type.
    fn inner(&mut self, schema: &'a Value, parent: &str, name: &str, depth: usize) {
        let cells = self.source.cells(schema);
        let is_told = self.source.reference(schema).is_none()
            && !(cells.limits.is_empty() && cells.values.is_empty() && cells.prose.is_empty());
        if is_told {
            self.rows.push(Row {
                variant: None,
                parent: parent.to_owned(),
                name: name.to_owned(),
                required: false,
                cells: Some(cells),
            });
        }
        self.fields(schema, &format!("{parent}{name}"), depth + 1);
    }

    fn variants(&mut self, schema: &'a Value, path: &str, depth: usize) {
        let variants = self.source.variants(schema);
        if let [only] = variants.as_slice() {
            return self.fields(only, path, depth);
        }
        for (number, variant) in (1..).zip(variants) {
            let before = self.rows.len();
            self.fields(variant, path, depth + 1);
            if self.rows.len() == before {
                continue;
            }
            let name = self
                .source
                .reference(variant)
                .map(|(name, _)| name)
                .or_else(|| text(variant, "title"));
            let name = name.map_or_else(|| format!("variant {number}"), str::to_owned);
            let row = Row {
                variant: Some(name),
                parent: path.to_owned(),
                name: String::new(),
                required: false,
                cells: None,
            };
            self.rows.insert(before, row);
        }
    }
}

fn is_null(schema: &Value) -> bool {
    text(schema, "type") == Some("null")
}

/// The types that a schema names, or those of the values that it lists.
fn types(schema: &Value) -> Vec<&str> {
    match member(schema, "type") {
        Value::String(name) => return vec![name],
        Value::Array(names) => return names.iter().filter_map(Value::as_str).collect(),
        _ => {}
    }
    if schema.get("properties").is_some() {
        return vec!["object"];
    }
    let mut types = Vec::new();
    for value in items(member(schema, "enum")).chain(schema.get("const")) {
        let name = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        if !types.contains(&name) {
            types.push(name);
        }
    }
    types
}

fn limits(schema: &Value) -> Vec<Limit> {
    let mut limits = Vec::new();
    let mut say = |text: String| limits.push(Limit { text, code: None });
    let number = |name: &str| schema.get(name).filter(|value| value.is_number());
    let range = |least: &str, most: &str| match (number(least), number(most)) {
        (Some(least), Some(most)) if least == most => Some((format!("exactly {least}"), most)),
        (Some(least), Some(most)) => Some((format!("{least} to {most}"), most)),
        (Some(least), None) => Some((format!("at least {least}"), least)),
        (None, Some(most)) => Some((format!("at most {most}"), most)),
        (None, None) => None,
    };
    for (least, most, one, many) in [
        ("minLength", "maxLength", " character", " characters"),
        ("minItems", "maxItems", " item", " items"),
        ("minProperties", "maxProperties", " member", " members"),
        ("minimum", "maximum", "", ""),
    ] {
        if let Some((range, last)) = range(least, most) {
            let unit = if *last == 1 { one } else { many };
            say(format!("{range}{unit}"));
        }
    }
    for (name, words) in [
        ("exclusiveMinimum", "more than"),
        ("exclusiveMaximum", "less than"),
        ("multipleOf", "a multiple of"),
    ] {
        if let Some(value) = number(name) {
            say(format!("{words} {value}"));
        }
    }
    if flag(schema, "uniqueItems") {
        say("no item twice".to_owned());
    }
    for (name, words) in [
        ("format", "format"),
        ("pattern", "matches"),
        ("contentEncoding", "encoded in"),
    ] {
        if let Some(code) = text(schema, name) {
            limits.push(Limit {
                text: words.to_owned(),
                code: Some(code.to_owned()),
            });
        }
    }
    limits
}
