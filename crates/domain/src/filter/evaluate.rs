//! Whether an event meets conditions, in a bounded number of steps.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::{Bound, Comparison, Condition, MAX_STEPS, Order, Path, Root, Subject, Test};
use crate::number;

/// The steps left of one evaluation.
pub(super) struct Budget {
    pub(super) left: usize,
    pub(super) exhausted: bool,
}

/// The steps did not suffice.
pub(super) struct Exhausted;

impl Budget {
    pub(super) fn new() -> Self {
        Self::of(MAX_STEPS)
    }

    pub(super) fn of(steps: usize) -> Self {
        Budget {
            left: steps,
            exhausted: false,
        }
    }

    fn spend(&mut self, steps: usize) -> Result<(), Exhausted> {
        match self.left.checked_sub(steps) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => {
                self.exhausted = true;
                Err(Exhausted)
            }
        }
    }

    /// For looking through this many bytes of text.
    fn spend_text(&mut self, bytes: usize) -> Result<(), Exhausted> {
        self.spend(1 + bytes / 64)
    }

    fn spend_numbers(&mut self, a: &Number, b: &Number) -> Result<(), Exhausted> {
        self.spend_text(a.as_str().len() + b.as_str().len())
    }
}

pub(super) fn all_hold(
    conditions: &[Condition],
    subject: &Subject<'_>,
    budget: &mut Budget,
) -> Result<bool, Exhausted> {
    for condition in conditions {
        if !condition.holds(subject, budget)? {
            return Ok(false);
        }
    }
    Ok(true)
}

impl Condition {
    pub(super) fn holds(
        &self,
        subject: &Subject<'_>,
        budget: &mut Budget,
    ) -> Result<bool, Exhausted> {
        match self {
            Condition::All(conditions) => all_hold(conditions, subject, budget),
            Condition::Any(alternatives) => {
                for alternative in alternatives {
                    if alternative.holds(subject, budget)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Condition::Not(conditions) => Ok(!all_hold(conditions, subject, budget)?),
            Condition::Field { path, tests } => {
                let root = path.root(subject);
                for test in tests {
                    if !test.holds(path, &root, budget)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
        }
    }
}

impl Path {
    pub(super) fn root<'a>(&self, subject: &Subject<'a>) -> Cow<'a, Value> {
        match self.root {
            Root::Account => Cow::Owned(Value::from(subject.account)),
            Root::Type => Cow::Owned(Value::from(subject.event_type)),
            Root::Data => Cow::Borrowed(subject.data),
        }
    }

    /// Calls `look` with the values at this path, in the order they are written, until it answers
    /// true. `spread` adds the elements of arrays at the path's end, after the array itself.
    pub(super) fn any_value<'v>(
        &self,
        root: &'v Value,
        spread: bool,
        budget: &mut Budget,
        mut look: impl FnMut(&'v Value, &mut Budget) -> Result<bool, Exhausted>,
    ) -> Result<bool, Exhausted> {
        // A stack and no recursion: data may nest as deep as its parser allowed. What is on it was
        // paid for, so that its size is bounded too.
        let mut waiting = vec![(root, self.segments.as_slice())];
        while let Some((value, segments)) = waiting.pop() {
            budget.spend(1)?;
            let Some((segment, below)) = segments.split_first() else {
                if look(value, budget)? {
                    return Ok(true);
                }
                if let (true, Value::Array(elements)) = (spread, value) {
                    budget.spend(elements.len())?;
                    waiting.extend(elements.iter().rev().map(|element| (element, segments)));
                }
                continue;
            };
            match (value, segment.index) {
                (Value::Object(members), _) => {
                    waiting.extend(members.get(&segment.name).map(|member| (member, below)));
                }
                (Value::Array(elements), Some(index)) => {
                    waiting.extend(elements.get(index).map(|element| (element, below)));
                }
                (Value::Array(elements), None) => {
                    budget.spend(elements.len())?;
                    waiting.extend(elements.iter().rev().map(|element| (element, segments)));
                }
                _ => {}
            }
        }
        Ok(false)
    }
}

impl Test {
    pub(super) fn holds(
        &self,
        path: &Path,
        root: &Value,
        budget: &mut Budget,
    ) -> Result<bool, Exhausted> {
        match self {
            Test::Some(comparisons) => path.any_value(root, true, budget, |value, budget| {
                for comparison in comparisons {
                    if !comparison.holds(value, budget)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }),
            Test::None(comparison) => {
                Ok(!path.any_value(root, true, budget, |value, budget| {
                    comparison.holds(value, budget)
                })?)
            }
            Test::Exists(wanted) => {
                Ok(path.any_value(root, false, budget, |_, _| Ok(true))? == *wanted)
            }
            Test::Not(tests) => {
                for test in tests {
                    if !test.holds(path, root, budget)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
        }
    }
}

impl Comparison {
    pub(super) fn holds(&self, value: &Value, budget: &mut Budget) -> Result<bool, Exhausted> {
        match (self, value) {
            (Comparison::Equal(operand), _) => equal(operand, value, budget),
            (Comparison::OneOf(list), _) => {
                for operand in list {
                    if equal(operand, value, budget)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            (Comparison::Order(order, Bound::Number(bound)), Value::Number(number)) => {
                budget.spend_numbers(number, bound)?;
                Ok(order.allows(number::compare(number, bound)))
            }
            (Comparison::Order(order, Bound::Text(bound)), Value::String(text)) => {
                budget.spend_text(bound.len())?;
                Ok(order.allows(text.as_str().cmp(bound)))
            }
            (Comparison::StartsWith(start), Value::String(text)) => {
                budget.spend_text(start.len())?;
                Ok(text.starts_with(start))
            }
            (Comparison::EndsWith(end), Value::String(text)) => {
                budget.spend_text(end.len())?;
                Ok(text.ends_with(end))
            }
            (Comparison::Contains(part), Value::String(text)) => {
                budget.spend_text(text.len())?;
                Ok(text.contains(part))
            }
            _ => Ok(false),
        }
    }
}

impl Order {
    fn allows(self, found: Ordering) -> bool {
        match self {
            Order::Greater => found.is_gt(),
            Order::GreaterOrEqual => found.is_ge(),
            Order::Less => found.is_lt(),
            Order::LessOrEqual => found.is_le(),
        }
    }
}

/// Equality with numbers by value at every level. Recurses no deeper than the operand nests.
fn equal(operand: &Value, value: &Value, budget: &mut Budget) -> Result<bool, Exhausted> {
    budget.spend(1)?;
    match (operand, value) {
        (Value::Number(a), Value::Number(b)) => {
            budget.spend_numbers(a, b)?;
            Ok(number::compare(a, b).is_eq())
        }
        (Value::String(a), Value::String(b)) => {
            budget.spend_text(a.len())?;
            Ok(a == b)
        }
        (Value::Array(a), Value::Array(b)) => {
            if a.len() != b.len() {
                return Ok(false);
            }
            for (a, b) in a.iter().zip(b) {
                if !equal(a, b, budget)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Value::Object(a), Value::Object(b)) => {
            if a.len() != b.len() {
                return Ok(false);
            }
            for (name, a) in a {
                let Some(b) = b.get(name) else {
                    return Ok(false);
                };
                if !equal(a, b, budget)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Value::Null, Value::Null) => Ok(true),
        (Value::Bool(a), Value::Bool(b)) => Ok(a == b),
        _ => Ok(false),
    }
}
