use domain::{account::AccountId, page::Page, time::Timestamp};

use crate::{Value, text};

/// The conditions of a listing, with their parameters.
pub(super) struct Conditions {
    clauses: Vec<String>,
    /// Whether a condition was given that has the fewest rows, whatever else is asked for: its index is
    /// the one to use.
    narrowed: bool,
    parameters: Vec<Value>,
}

impl Conditions {
    /// What belongs to `account`.
    pub(super) fn of(account: &AccountId) -> Self {
        Self {
            clauses: vec!["account = ?1".into()],
            narrowed: false,
            parameters: vec![text(account)],
        }
    }

    /// And has `value` in `column`, where one is asked for. The unary plus keeps SQLite from choosing
    /// the column's index where a better one is known.
    pub(super) fn equal(&mut self, column: &str, value: Option<impl ToString>) {
        let plus = if self.narrowed { "+" } else { "" };
        if let Some(value) = value {
            self.push(&format!("{plus}{column} ="), text(value));
        }
    }

    /// As [`Conditions::equal`], with a column of few rows for each value; to be said before the other
    /// columns, that of the fewest rows first.
    pub(super) fn equal_indexed(&mut self, column: &str, value: Option<impl ToString>) {
        let given = value.is_some();
        self.equal(column, value);
        self.narrowed |= given;
    }

    /// And has none of these ids in `column`.
    pub(super) fn not_among(&mut self, column: &str, ids: &[impl ToString]) {
        if !ids.is_empty() {
            let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
            let ids = serde_json::to_string(&ids).expect("texts are JSON");
            self.parameters.push(text(ids));
            let place = self.parameters.len();
            self.clauses.push(format!(
                "+{column} NOT IN (SELECT value FROM json_each(?{place}))"
            ));
        }
    }

    /// And is a test, or is none, where that is asked for; to be said before the other conditions.
    /// The word is in the statement itself, where the index of the tests is found by it.
    pub(super) fn test(&mut self, wanted: Option<bool>) {
        self.narrowed = wanted == Some(true);
        let clause = wanted.map(|test| if test { "test" } else { "NOT test" });
        self.clauses.extend(clause.map(Into::into));
    }

    /// And was created from `since` on and before `until`. Ids begin with that time, so that a
    /// range of time is a range of ids, which are indexed; `first_at` gives the first id of a
    /// time.
    pub(super) fn created<I: ToString>(
        &mut self,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
        first_at: impl Fn(Timestamp) -> I,
    ) {
        if let Some(since) = since {
            self.push("id >=", text(first_at(since)));
        }
        if let Some(until) = until {
            self.push("id <", text(first_at(until)));
        }
    }

    /// The conditions and order of a page, the newest first. One row more than the page holds
    /// tells whether there is another page.
    pub(super) fn page(mut self, page: &Page) -> (String, Vec<Value>) {
        if let Some(after) = &page.after {
            self.push("id <", text(after));
        }
        let limit = i64::try_from(page.limit)
            .unwrap_or(i64::MAX)
            .saturating_add(1);
        let (clauses, parameters) = self.all();
        (
            format!("{clauses} ORDER BY id DESC LIMIT {limit}"),
            parameters,
        )
    }

    /// The conditions alone.
    pub(super) fn all(self) -> (String, Vec<Value>) {
        (
            format!("WHERE {}", self.clauses.join(" AND ")),
            self.parameters,
        )
    }

    fn push(&mut self, comparison: &str, value: Value) {
        self.parameters.push(value);
        self.clauses
            .push(format!("{comparison} ?{}", self.parameters.len()));
    }
}
