//! Filters: which events fire a trigger.

use domain::filter::{MAX_BYTES, MAX_CONDITIONS, MAX_DEPTH, MAX_LIST, MAX_PATH_BYTES};

use super::Named;
use crate::document::schema::{Schema, anything, either, flag, list, object, of, text};

pub(super) fn schemas() -> Vec<Named> {
    vec![("Filter", filter()), ("FilterOperators", operators())]
}

fn filter() -> Schema {
    let value = serde_json::json!({ "type": ["string", "number", "boolean", "null"] });
    let condition =
        serde_json::json!({ "anyOf": [value, { "$ref": "#/components/schemas/FilterOperators" }] });
    let path = r"^(type|account|data(\.([^.\\]|\\[.\\])+)+)$";
    let combined = |says: &str| list(of("Filter")).not_empty().says(says);
    object([
        ("$and?", combined("All of these filters match.")),
        ("$or?", combined("At least one of these filters matches.")),
        ("$not?", of("Filter").says("This filter does not match.")),
    ])
    .with("patternProperties", serde_json::json!({ path: condition }))
    .with("propertyNames", text().at_most(MAX_PATH_BYTES))
    .says(format!(
        "Conditions, all of which have to hold. Each names a field by its path (`type`, `account`, or \
         below `data.`) and takes a value that the field has to equal, or operators. At most \
         {MAX_BYTES} bytes, {MAX_DEPTH} levels and {MAX_CONDITIONS} operators."
    ))
}

fn operators() -> Schema {
    let values = |says: &str| list(anything()).not_empty().at_most(MAX_LIST).says(says);
    let bound = |says: &str| either([number(), text()]).says(says);
    object([
        ("$eq?", anything().says("A value equals it.")),
        ("$ne?", anything().says("`$eq` does not hold.")),
        ("$in?", values("A value equals one of these.")),
        ("$nin?", values("`$in` does not hold.")),
        ("$gt?", bound("A value of the same kind is greater.")),
        (
            "$gte?",
            bound("A value of the same kind is greater or equal."),
        ),
        ("$lt?", bound("A value of the same kind is less.")),
        ("$lte?", bound("A value of the same kind is less or equal.")),
        ("$startsWith?", text().says("A text starts with it.")),
        ("$endsWith?", text().says("A text ends with it.")),
        ("$contains?", text().says("A text contains it.")),
        (
            "$exists?",
            flag().says("There is a value, or there is none."),
        ),
        (
            "$not?",
            of("FilterOperators").says("These operators do not all hold."),
        ),
    ])
    .not_empty()
    .says("What is asked of a field. All of it has to hold.")
}

fn number() -> Schema {
    anything().with("type", "number")
}

/// A filter where there need be none.
pub(super) fn optional() -> Schema {
    of("Filter")
        .says("Which of the events fire it; all when there is none.")
        .or_null()
}
