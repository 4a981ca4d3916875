//! Which condition an event does not meet, in words.

use serde_json::Value;

use super::evaluate::{Budget, Exhausted, all_hold};
use super::quote::{MAX_QUOTED_BYTES, cap, quote};
use super::{Bound, Comparison, Condition, Mismatch, Order, Path, Subject, Test};

pub(super) fn explain_all(
    conditions: &[Condition],
    subject: &Subject<'_>,
    budget: &mut Budget,
) -> Result<(), Mismatch> {
    for condition in conditions {
        condition.explain(subject, budget)?;
    }
    Ok(())
}

impl Condition {
    /// Spends the same steps as [`Condition::holds`] and agrees with it, budget and all.
    fn explain(&self, subject: &Subject<'_>, budget: &mut Budget) -> Result<(), Mismatch> {
        match self {
            Condition::All(conditions) => explain_all(conditions, subject, budget),
            Condition::Any(alternatives) => {
                let mut reasons = Vec::new();
                for alternative in alternatives {
                    match alternative.explain(subject, budget) {
                        Ok(()) => return Ok(()),
                        // Not even a later alternative makes up for it.
                        Err(mismatch) if budget.exhausted => return Err(mismatch),
                        Err(mismatch) => reasons.push(mismatch.to_string()),
                    }
                }
                Err(Mismatch {
                    path: String::new(),
                    operator: "$or".to_owned(),
                    expected: format!("one of {} filters to match", alternatives.len()),
                    found: cap(reasons.join("; "), 4 * MAX_QUOTED_BYTES),
                })
            }
            Condition::Not(conditions) => {
                let mismatch = |found: &str| Mismatch {
                    path: String::new(),
                    operator: "$not".to_owned(),
                    expected: "a filter that does not match".to_owned(),
                    found: found.to_owned(),
                };
                match all_hold(conditions, subject, budget) {
                    Ok(false) => Ok(()),
                    Ok(true) => Err(mismatch("that it matches")),
                    Err(Exhausted) => Err(mismatch(TOO_LARGE)),
                }
            }
            Condition::Field { path, tests } => {
                let root = path.root(subject);
                for test in tests {
                    let found = match test.holds(path, &root, budget) {
                        Ok(true) => continue,
                        Ok(false) => path.quote(&root),
                        Err(Exhausted) => TOO_LARGE.to_owned(),
                    };
                    let (operator, expected) = test.describe_failed(path, &root);
                    return Err(Mismatch {
                        path: path.written.clone(),
                        operator,
                        expected,
                        found,
                    });
                }
                Ok(())
            }
        }
    }
}

/// What [`Mismatch::found`] says when [`MAX_STEPS`] did not suffice.
const TOO_LARGE: &str = "too many values to look at";

impl Path {
    /// The values at this path, as JSON in words.
    fn quote(&self, root: &Value) -> String {
        let mut values = Vec::new();
        // Three are enough to show, the fourth only tells that there are more.
        let looked = self.any_value(root, false, &mut Budget::new(), |value, _| {
            values.push(value);
            Ok(values.len() > 3)
        });
        let more = values.len() > 3 || looked.is_err();
        let mut words: Vec<String> = values.into_iter().take(3).map(quote).collect();
        if words.is_empty() {
            return "nothing there".to_owned();
        }
        if more {
            words.push("…".to_owned());
        }
        words.join(", ")
    }
}

impl Test {
    /// The operator to blame and its operand. Where several had to hold of one value, the first
    /// that holds of none; all of them when each holds of some.
    fn describe_failed(&self, path: &Path, root: &Value) -> (String, String) {
        match self {
            Test::Some(comparisons) => {
                let culprit = comparisons.iter().find(|comparison| {
                    let mut budget = Budget::new();
                    let held = path.any_value(root, true, &mut budget, |value, budget| {
                        comparison.holds(value, budget)
                    });
                    !held.unwrap_or(false)
                });
                let blamed = match culprit {
                    Some(culprit) => std::slice::from_ref(culprit),
                    None => comparisons.as_slice(),
                };
                let (operators, operands): (Vec<_>, Vec<_>) =
                    blamed.iter().map(Comparison::describe).unzip();
                let together = if blamed.len() > 1 {
                    " of one value"
                } else {
                    ""
                };
                (
                    operators.join(" "),
                    format!("{}{together}", operands.join(" and ")),
                )
            }
            Test::None(comparison) => {
                let (operator, operand) = comparison.describe();
                let negated = if operator == "$eq" { "$ne" } else { "$nin" };
                (negated.to_owned(), operand)
            }
            Test::Exists(wanted) => ("$exists".to_owned(), wanted.to_string()),
            Test::Not(tests) => {
                let parts: Vec<String> = tests
                    .iter()
                    .map(|test| {
                        let (operator, operand) = test.describe_failed(path, root);
                        format!("{operator} {operand}")
                    })
                    .collect();
                ("$not".to_owned(), parts.join(", "))
            }
        }
    }
}

impl Comparison {
    /// The operator and its operand.
    fn describe(&self) -> (&'static str, String) {
        match self {
            Comparison::Equal(operand) => ("$eq", quote(operand)),
            Comparison::OneOf(list) => ("$in", quote(list)),
            Comparison::Order(order, bound) => {
                let operator = match order {
                    Order::Greater => "$gt",
                    Order::GreaterOrEqual => "$gte",
                    Order::Less => "$lt",
                    Order::LessOrEqual => "$lte",
                };
                let operand = match bound {
                    Bound::Number(number) => quote(number),
                    Bound::Text(text) => quote(text),
                };
                (operator, operand)
            }
            Comparison::StartsWith(text) => ("$startsWith", quote(text)),
            Comparison::EndsWith(text) => ("$endsWith", quote(text)),
            Comparison::Contains(text) => ("$contains", quote(text)),
        }
    }
}
