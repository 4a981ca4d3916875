//! Filters: which events of its type a trigger wants.
//!
//! A filter is a JSON object of conditions, all of which must hold. It is checked when it is
//! saved ([`Filter::parse`]) and evaluated for each event ([`Filter::matches`]), in bounded time
//! and without ever failing: what cannot be compared does not match.
//!
//! ```
//! use domain::filter::{Filter, Subject};
//! use serde_json::json;
//!
//! let filter: Filter = serde_json::from_value(json!({
//!     "data.appointment.calendar": "Main",
//!     "data.participant.name": {"$startsWith": "A"},
//!     "$or": [
//!         {"data.appointment.start": {"$gte": "2026-11-01", "$lt": "2026-12-01"}},
//!         {"data.appointment.tags": {"$in": ["first-visit", "urgent"]}}
//!     ]
//! }))?;
//! let data = json!({
//!     "appointment": {"calendar": "Main", "start": "2026-11-26T10:00:00Z", "tags": []},
//!     "participant": {"name": "Amélie Hartwell"}
//! });
//! let event = Subject { account: "acme", event_type: "participant.confirmed", data: &data };
//! assert!(filter.matches(&event));
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! What paths, operators, lists and missing values mean is told to users in `docs/filters.md`, whose
//! examples the tests try.
//!
//! # Bounds
//!
//! A filter has at most [`MAX_BYTES`] of JSON, [`MAX_DEPTH`] levels, [`MAX_CONDITIONS`] operators,
//! [`MAX_LIST`] values in a list and [`MAX_PATH_BYTES`] in a path. Evaluating it takes at most
//! [`MAX_STEPS`]; an event that would take more does not match, and [`Filter::explain`] says so.

mod evaluate;
mod explain;
mod parse;
mod quote;
mod required;
mod value_at;

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Number, Value, value::RawValue};

use evaluate::{Budget, all_hold};
use explain::explain_all;
pub use required::{required_text, texts};
pub use value_at::ValueAt;

use crate::input::exact;

/// The longest filter, as compact JSON.
pub const MAX_BYTES: usize = 16 * 1024;
/// The deepest nesting of objects and arrays in a filter, operands included.
pub const MAX_DEPTH: usize = 16;
/// The most operators in a filter, `$and`, `$or`, `$not` and unwritten `$eq` included.
pub const MAX_CONDITIONS: usize = 100;
/// The most values in the list of an `$in` or `$nin`.
pub const MAX_LIST: usize = 500;
/// The longest path.
pub const MAX_PATH_BYTES: usize = 256;
/// The most steps of one evaluation: values looked at, values compared, and each 64 bytes of text
/// compared. A few milliseconds of work, and a hundred times what usual events need.
pub const MAX_STEPS: usize = 100_000;

/// The steps that it takes to parse a filter of so many bytes of JSON.
pub(crate) fn parse_steps(bytes: usize) -> usize {
    1 + bytes / 4
}

/// A filter that was checked: it can be evaluated on any event.
///
/// Serialised it is the JSON it was parsed from, with its numbers as they were written; deserialising checks
/// it again.
#[derive(Debug, Clone)]
pub struct Filter {
    source: Box<RawValue>,
    conditions: Vec<Condition>,
}

/// Why a filter was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail} (at {})", if path.is_empty() { "the top" } else { path })]
pub struct FilterError {
    /// JSON pointer (RFC 6901) to the offending place inside the filter; empty for the whole.
    pub path: String,
    /// What is wrong, naming the field's path and the operator.
    pub detail: String,
}

/// The event that a filter is asked about.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The event's account.
    pub account: &'a str,
    /// The event's own type, also when an umbrella's trigger is asked.
    pub event_type: &'a str,
    /// The event's data.
    pub data: &'a Value,
}

/// What came of evaluating a filter in a bounded number of steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Whether the event meets every condition; none where the steps did not suffice.
    pub matches: Option<bool>,
    /// The steps that were taken.
    pub steps: usize,
}

/// The first condition of a filter that an event did not meet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(feature = "document", derive(schemars::JsonSchema))]
#[error("{}expected {operator} {expected}, found {found}", Prefix(path))]
pub struct Mismatch {
    /// The field's path as the filter has it; empty for `$or` and `$not` between filters.
    pub path: String,
    /// The operator; several, separated by a space, when each holds but not of one value.
    pub operator: String,
    /// What the filter asks for, capped.
    pub expected: String,
    /// What the event has instead, capped.
    pub found: String,
}

/// A path before a message, where there is one.
struct Prefix<'a>(&'a str);

impl fmt::Display for Prefix<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        write!(f, "{}: ", self.0)
    }
}

impl Filter {
    /// Checks a filter. The empty object is one: it matches every event.
    pub fn parse(source: &RawValue) -> Result<Filter, FilterError> {
        let source = exact::compact(source);
        let conditions = parse::filter(&source)?;
        Ok(Filter { source, conditions })
    }

    /// The JSON it was parsed from, without white space.
    pub fn source(&self) -> &RawValue {
        &self.source
    }

    /// Whether the event meets every condition. False where that takes more than [`MAX_STEPS`].
    pub fn matches(&self, subject: &Subject<'_>) -> bool {
        self.decide(subject, MAX_STEPS).matches.unwrap_or(false)
    }

    /// Evaluates the filter in at most so many steps.
    pub fn decide(&self, subject: &Subject<'_>, steps: usize) -> Decision {
        let mut budget = Budget::of(steps);
        let matches = all_hold(&self.conditions, subject, &mut budget).ok();
        Decision {
            matches,
            steps: steps - budget.left,
        }
    }

    /// As [`Filter::matches`], but says which condition was the first not to hold.
    pub fn explain(&self, subject: &Subject<'_>) -> Result<(), Mismatch> {
        explain_all(&self.conditions, subject, &mut Budget::new())
    }
}

impl PartialEq for Filter {
    /// Whether both are the same JSON, whatever the order of members.
    fn eq(&self, other: &Self) -> bool {
        let value = |filter: &Self| serde_json::from_str::<Value>(filter.source.get()).ok();
        self.source.get() == other.source.get() || value(self) == value(other)
    }
}

impl Serialize for Filter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.source.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Filter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let source = Box::<RawValue>::deserialize(deserializer)?;
        Filter::parse(&source).map_err(D::Error::custom)
    }
}

// What a filter is made of.

#[derive(Debug, Clone)]
enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Vec<Condition>),
    Field { path: Path, tests: Vec<Test> },
}

#[derive(Debug, Clone)]
struct Path {
    written: String,
    root: Root,
    /// The names below `data`.
    segments: Vec<Segment>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Root {
    Account,
    Type,
    Data,
}

#[derive(Debug, Clone)]
struct Segment {
    name: String,
    /// The element it picks when it meets an array.
    index: Option<usize>,
}

/// A question about all values at a path.
#[derive(Debug, Clone)]
enum Test {
    /// One value meets all of these.
    Some(Vec<Comparison>),
    /// No value meets this: `$ne`, `$nin`.
    None(Comparison),
    Exists(bool),
    Not(Vec<Test>),
}

/// A question about one value.
#[derive(Debug, Clone)]
enum Comparison {
    Equal(Value),
    OneOf(Vec<Value>),
    Order(Order, Bound),
    StartsWith(String),
    EndsWith(String),
    Contains(String),
}

#[derive(Debug, Clone, Copy)]
enum Order {
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

#[derive(Debug, Clone)]
enum Bound {
    Number(Number),
    Text(String),
}

#[cfg(test)]
mod tests;
