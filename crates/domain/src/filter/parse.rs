//! From JSON to conditions, with the place and the reason where that fails.

use std::{borrow::Cow, mem};

use serde_json::{Map, Value, value::RawValue};

use super::quote::quote_text;
use super::{
    Bound, Comparison, Condition, FilterError, MAX_BYTES, MAX_CONDITIONS, MAX_DEPTH, MAX_LIST,
    MAX_PATH_BYTES, Order, Path, Root, Segment, Test,
};
use crate::input::escape;

pub(super) const OPERATORS: [&str; 15] = [
    "$eq",
    "$ne",
    "$in",
    "$nin",
    "$gt",
    "$gte",
    "$lt",
    "$lte",
    "$startsWith",
    "$endsWith",
    "$contains",
    "$exists",
    "$and",
    "$or",
    "$not",
];

/// The conditions of a filter, which is compact JSON.
pub(super) fn filter(source: &RawValue) -> Result<Vec<Condition>, FilterError> {
    // First, so that everything after it may recurse. What serde_json refuses nests far deeper.
    let value = serde_json::from_str(source.get()).ok();
    let Some(value) = value.filter(|value| !deeper_than(value, MAX_DEPTH)) else {
        return Parser::default().fail(format!("a filter has at most {MAX_DEPTH} levels"));
    };
    let mut parser = Parser::default();
    if source.get().len() > MAX_BYTES {
        return parser.fail(format!("a filter has at most {MAX_BYTES} bytes"));
    }
    let Value::Object(conditions) = &value else {
        return parser.fail(format!("a filter is an object, not {}", kind(&value)));
    };
    parser.conditions(conditions)
}

/// A path that stands alone.
pub(super) fn path(written: &str) -> Result<Path, FilterError> {
    Parser::default().path(written)
}

/// Filters are parsed again whenever events are matched: what only an error needs is made when there
/// is one.
#[derive(Default)]
struct Parser<'a> {
    /// The members and elements that lead to where the parser is.
    place: Vec<Cow<'a, str>>,
    conditions: usize,
}

impl<'a> Parser<'a> {
    fn fail<T>(&self, detail: String) -> Result<T, FilterError> {
        let path = self.place.iter().map(|name| format!("/{}", escape(name)));
        Err(FilterError {
            path: path.collect(),
            detail,
        })
    }

    /// Does `parse` at the member or element `name` of where the parser is.
    fn at<T>(
        &mut self,
        name: impl Into<Cow<'a, str>>,
        parse: impl FnOnce(&mut Self) -> Result<T, FilterError>,
    ) -> Result<T, FilterError> {
        self.place.push(name.into());
        let parsed = parse(self)?;
        self.place.pop();
        Ok(parsed)
    }

    fn count(&mut self) -> Result<(), FilterError> {
        self.conditions += 1;
        if self.conditions > MAX_CONDITIONS {
            return self.fail(format!(
                "a filter has at most {MAX_CONDITIONS} conditions, and this is one more"
            ));
        }
        Ok(())
    }

    fn conditions(
        &mut self,
        object: &'a Map<String, Value>,
    ) -> Result<Vec<Condition>, FilterError> {
        object
            .iter()
            .map(|(key, value)| self.at(key, |parser| parser.condition(key, value)))
            .collect()
    }

    fn condition(&mut self, key: &'a str, value: &'a Value) -> Result<Condition, FilterError> {
        match key {
            "$and" => {
                self.count()?;
                Ok(Condition::All(self.alternatives(key, value)?))
            }
            "$or" => {
                self.count()?;
                Ok(Condition::Any(self.alternatives(key, value)?))
            }
            "$not" => {
                self.count()?;
                Ok(Condition::Not(self.nested(key, value)?))
            }
            _ if OPERATORS.contains(&key) => self.fail(format!(
                "`{key}` belongs to a field, as in {{\"data.name\": {{\"{key}\": …}}}}"
            )),
            _ if key.starts_with('$') => self.unknown_operator("", key),
            _ => {
                let path = self.path(key)?;
                let tests = self.field(key, value)?;
                Ok(Condition::Field { path, tests })
            }
        }
    }

    /// The filters that `$and` and `$or` combine.
    fn alternatives(
        &mut self,
        operator: &str,
        value: &'a Value,
    ) -> Result<Vec<Condition>, FilterError> {
        let Value::Array(filters) = value else {
            return self.fail(format!(
                "`{operator}` takes a list of filters, not {}",
                kind(value)
            ));
        };
        if filters.is_empty() {
            return self.fail(format!("`{operator}` takes at least one filter"));
        }
        filters
            .iter()
            .enumerate()
            .map(|(index, filter)| {
                self.at(index.to_string(), |parser| {
                    Ok(Condition::All(parser.nested(operator, filter)?))
                })
            })
            .collect()
    }

    /// A filter inside `operator`. An empty one would match everything, hardly on purpose.
    fn nested(&mut self, operator: &str, value: &'a Value) -> Result<Vec<Condition>, FilterError> {
        let Value::Object(object) = value else {
            return self.fail(format!(
                "a filter in `{operator}` is an object, not {}",
                kind(value)
            ));
        };
        if object.is_empty() {
            return self.fail(format!(
                "a filter in `{operator}` has at least one condition"
            ));
        }
        self.conditions(object)
    }

    fn path(&self, written: &str) -> Result<Path, FilterError> {
        let fail = |problem: &str| self.fail(format!("`{}`: {problem}", quote_text(written)));
        if written.len() > MAX_PATH_BYTES {
            return fail(&format!("a path has at most {MAX_PATH_BYTES} bytes"));
        }
        let names = match split_path(written) {
            Ok(names) => names,
            Err(problem) => return fail(problem),
        };
        let root = match (names[0].as_str(), names.len()) {
            ("type", 1) => Root::Type,
            ("account", 1) => Root::Account,
            ("data", 2..) => Root::Data,
            (root, _) => {
                let hint = match root {
                    "data" => "name a field below `data`",
                    "type" | "account" => "there is nothing below it",
                    _ => &format!("perhaps `data.{}`?", quote_text(written)),
                };
                return fail(&format!(
                    "a path is `type`, `account` or starts with `data.`; {hint}"
                ));
            }
        };
        let segments = names
            .into_iter()
            .skip(1)
            .map(|name| Segment {
                index: array_index(&name),
                name,
            })
            .collect();
        Ok(Path {
            written: written.to_owned(),
            root,
            segments,
        })
    }

    /// What stands after a path: a plain value or operators.
    fn field(&mut self, path: &str, value: &'a Value) -> Result<Vec<Test>, FilterError> {
        match value {
            Value::Object(operators) => self.operators(path, operators),
            Value::Array(_) => self.fail(format!(
                "`{path}`: write {{\"$in\": […]}} to match one of these values, or \
                 {{\"$eq\": […]}} to match the whole list"
            )),
            _ => {
                self.count()?;
                Ok(vec![Test::Some(vec![Comparison::Equal(value.clone())])])
            }
        }
    }

    fn operators(
        &mut self,
        path: &str,
        operators: &'a Map<String, Value>,
    ) -> Result<Vec<Test>, FilterError> {
        if operators.is_empty() {
            return self.fail(format!("`{path}`: takes a value or at least one operator"));
        }
        // In the order in which they are explained: what one value has to meet, then the rest.
        let mut comparisons = Vec::new();
        let mut tests = Vec::new();
        for (operator, operand) in operators {
            self.at(operator.as_str(), |parser| {
                parser.count()?;
                match operator.as_str() {
                    "$ne" => tests.push(Test::None(Comparison::Equal(operand.clone()))),
                    "$nin" => {
                        let list = parser.list(path, operator, operand)?;
                        tests.push(Test::None(Comparison::OneOf(list)));
                    }
                    "$exists" => match operand {
                        Value::Bool(wanted) => tests.push(Test::Exists(*wanted)),
                        _ => return parser.wrong_operand(path, operator, "true or false", operand),
                    },
                    "$not" => match operand {
                        Value::Object(nested) => {
                            tests.push(Test::Not(parser.operators(path, nested)?));
                        }
                        _ => {
                            return parser.wrong_operand(
                                path,
                                operator,
                                "an object of operators",
                                operand,
                            );
                        }
                    },
                    _ => comparisons.push(parser.comparison(path, operator, operand)?),
                }
                Ok(())
            })?;
        }
        if !comparisons.is_empty() {
            tests.insert(0, Test::Some(comparisons));
        }
        Ok(tests)
    }

    fn comparison(
        &self,
        path: &str,
        operator: &str,
        operand: &Value,
    ) -> Result<Comparison, FilterError> {
        match operator {
            "$eq" => Ok(Comparison::Equal(operand.clone())),
            "$in" => Ok(Comparison::OneOf(self.list(path, operator, operand)?)),
            "$gt" => self.order(path, operator, operand, Order::Greater),
            "$gte" => self.order(path, operator, operand, Order::GreaterOrEqual),
            "$lt" => self.order(path, operator, operand, Order::Less),
            "$lte" => self.order(path, operator, operand, Order::LessOrEqual),
            "$startsWith" => Ok(Comparison::StartsWith(self.text(path, operator, operand)?)),
            "$endsWith" => Ok(Comparison::EndsWith(self.text(path, operator, operand)?)),
            "$contains" => Ok(Comparison::Contains(self.text(path, operator, operand)?)),
            "$and" | "$or" => self.fail(format!(
                "`{path}`: `{operator}` combines filters and cannot stand inside a field: write \
                 {{\"{operator}\": [{{\"{path}\": …}}, …]}}"
            )),
            _ if operator.starts_with('$') => self.unknown_operator(path, operator),
            _ => self.fail(format!(
                "`{path}`: `{}` is not an operator; write the path `{path}.{}`, or \
                 {{\"$eq\": {{…}}}} to match the whole object",
                quote_text(operator),
                quote_text(operator)
            )),
        }
    }

    fn order(
        &self,
        path: &str,
        operator: &str,
        operand: &Value,
        order: Order,
    ) -> Result<Comparison, FilterError> {
        let bound = match operand {
            Value::Number(number) => Bound::Number(number.clone()),
            Value::String(text) => Bound::Text(text.clone()),
            _ => return self.wrong_operand(path, operator, "a number or a text", operand),
        };
        Ok(Comparison::Order(order, bound))
    }

    fn text(&self, path: &str, operator: &str, operand: &Value) -> Result<String, FilterError> {
        match operand {
            Value::String(text) => Ok(text.clone()),
            _ => self.wrong_operand(path, operator, "a text", operand),
        }
    }

    fn list(&self, path: &str, operator: &str, operand: &Value) -> Result<Vec<Value>, FilterError> {
        match operand {
            Value::Array(list) if (1..=MAX_LIST).contains(&list.len()) => Ok(list.clone()),
            Value::Array(list) => self.fail(format!(
                "`{path}`: `{operator}` takes a list of 1 to {MAX_LIST} values, not of {}",
                list.len()
            )),
            _ => self.wrong_operand(path, operator, "a list", operand),
        }
    }

    fn wrong_operand<T>(
        &self,
        path: &str,
        operator: &str,
        wanted: &str,
        operand: &Value,
    ) -> Result<T, FilterError> {
        self.fail(format!(
            "`{path}`: `{operator}` takes {wanted}, not {}",
            kind(operand)
        ))
    }

    fn unknown_operator<T>(&self, path: &str, operator: &str) -> Result<T, FilterError> {
        let prefix = if path.is_empty() {
            String::new()
        } else {
            format!("`{path}`: ")
        };
        let shown = quote_text(operator);
        // Comparing costs the product of both lengths.
        let nearest = OPERATORS
            .into_iter()
            .filter(|_| operator.len() <= 24)
            .map(|known| {
                let distance =
                    strsim::damerau_levenshtein(&operator.to_lowercase(), &known.to_lowercase());
                (distance, known)
            })
            .min()
            .filter(|(distance, known)| *distance <= 3 && *distance * 2 < known.len());
        self.fail(match nearest {
            Some((_, known)) => {
                format!("{prefix}unknown operator `{shown}`; perhaps `{known}`?")
            }
            None => format!(
                "{prefix}unknown operator `{shown}`; there are {}",
                OPERATORS.join(" ")
            ),
        })
    }
}

/// The names of a path, unescaped; there is at least one, and none is empty.
fn split_path(written: &str) -> Result<Vec<String>, &'static str> {
    let mut names = Vec::new();
    let mut name = String::new();
    let mut rest = written;
    while let Some(at) = rest.bytes().position(|byte| matches!(byte, b'.' | b'\\')) {
        name.push_str(&rest[..at]);
        let escapes = rest[at..].starts_with('\\');
        rest = &rest[at + 1..];
        if !escapes {
            names.push(mem::take(&mut name));
            continue;
        }
        if !rest.starts_with(['.', '\\']) {
            return Err("a backslash in a path stands before a dot or a backslash");
        }
        name.push_str(&rest[..1]);
        rest = &rest[1..];
    }
    names.push(name + rest);
    if names.iter().any(String::is_empty) {
        return Err("a path has no empty name: none at its ends, nor two dots in a row");
    }
    Ok(names)
}

/// A plain decimal number as JSON pointers write array indices: no sign, no leading zero.
fn array_index(name: &str) -> Option<usize> {
    let plain =
        name.bytes().all(|byte| byte.is_ascii_digit()) && (name == "0" || !name.starts_with('0'));
    if plain { name.parse().ok() } else { None }
}

/// Whether arrays and objects nest more than `levels` deep; looks no deeper than that.
fn deeper_than(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(elements) => {
            levels == 0
                || elements
                    .iter()
                    .any(|element| deeper_than(element, levels - 1))
        }
        Value::Object(members) => {
            levels == 0
                || members
                    .values()
                    .any(|member| deeper_than(member, levels - 1))
        }
        _ => false,
    }
}

/// A value's type, with its article.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
