use std::cmp::Ordering;

use proptest::prelude::*;
use serde_json::{Map, json, value::to_raw_value};

use super::parse::OPERATORS;
use super::*;
use crate::{
    catalogue::{Catalogue, built_in},
    docs, number,
    trigger::TriggerInput,
    url_policy::UrlPolicy,
};

fn data() -> Value {
    json!({
        "name": "Amélie Hartwell",
        "empty": "",
        "count": 5,
        "ratio": 0.5,
        "big": 9_007_199_254_740_993_u64,
        "negative": -3,
        "yes": true,
        "nothing": null,
        "start": "2026-11-26T10:00:00Z",
        "tags": ["first-visit", "in-person"],
        "scores": [1, 9],
        "mixed": [1, "1", null, true, {"a": 1}],
        "none": [],
        "nested": [["deep"], [["deeper"]]],
        "object": {"a": 1, "b": {"c": [1, 2.0]}},
        "people": [
            {"name": "Ada", "phones": ["1", "2"]},
            {"name": "Bob", "phones": []},
            {"email": null}
        ],
        "dotted.name": {"x": 1},
        "back\\slash": 2,
        "0": "zero"
    })
}

fn checked(filter: &Value) -> Result<Filter, FilterError> {
    Filter::parse(&to_raw_value(filter).expect("JSON"))
}

fn parse(filter: &Value) -> Filter {
    checked(filter).unwrap_or_else(|error| panic!("{filter}: {error}"))
}

fn subject(data: &Value) -> Subject<'_> {
    Subject {
        account: "acme",
        event_type: "participant.confirmed",
        data,
    }
}

/// Each row: a path below `data`, what stands after it, whether it matches.
fn check(rows: &[(&str, Value, bool)]) {
    let data = data();
    for (path, condition, expected) in rows {
        let mut filter = Map::new();
        filter.insert(format!("data.{path}"), condition.clone());
        let filter = checked(&Value::Object(filter)).expect("a filter");
        let source = filter.source();
        assert_eq!(filter.matches(&subject(&data)), *expected, "{source}");
        assert_eq!(
            filter.explain(&subject(&data)).is_ok(),
            *expected,
            "{source}"
        );
    }
}

#[test]
fn a_plain_value_is_equality() {
    check(&[
        ("name", json!("Amélie Hartwell"), true),
        ("name", json!("amélie hartwell"), false),
        ("name", json!("Amélie"), false),
        ("empty", json!(""), true),
        ("count", json!(5), true),
        ("count", json!(5.0), true),
        ("count", json!("5"), false),
        ("yes", json!(true), true),
        ("yes", json!(false), false),
        ("yes", json!(1), false),
        ("nothing", json!(null), true),
        ("count", json!(null), false),
        ("missing", json!(null), false),
        ("missing", json!(""), false),
        ("none", json!(null), false),
        ("tags", json!("in-person"), true),
        ("tags", json!("person"), false),
    ]);
}

#[test]
fn eq_compares_any_json_and_reaches_into_arrays() {
    check(&[
        ("count", json!({"$eq": 5}), true),
        ("count", json!({"$eq": 6}), false),
        ("scores", json!({"$eq": 9}), true),
        ("scores", json!({"$eq": 2}), false),
        ("scores", json!({"$eq": [1, 9]}), true),
        ("scores", json!({"$eq": [1.0, 9.0]}), true),
        ("scores", json!({"$eq": [9, 1]}), false),
        ("scores", json!({"$eq": [1]}), false),
        ("none", json!({"$eq": []}), true),
        ("none", json!({"$eq": 1}), false),
        ("nested", json!({"$eq": "deep"}), true),
        ("nested", json!({"$eq": "deeper"}), true),
        ("nested", json!({"$eq": ["deep"]}), true),
        ("mixed", json!({"$eq": "1"}), true),
        ("mixed", json!({"$eq": null}), true),
        ("mixed", json!({"$eq": {"a": 1.0}}), true),
        ("mixed", json!({"$eq": {"a": 1, "b": 2}}), false),
        ("mixed", json!({"$eq": false}), false),
        (
            "object",
            json!({"$eq": {"b": {"c": [1.0, 2]}, "a": 1}}),
            true,
        ),
        (
            "object",
            json!({"$eq": {"b": {"c": [1, 3]}, "a": 1}}),
            false,
        ),
        ("object", json!({"$eq": {"a": 1}}), false),
        ("object", json!({"$eq": {"a": 1, "c": 1}}), false),
        ("object", json!({"$eq": 1}), false),
        ("nothing", json!({"$eq": null}), true),
        ("nothing", json!({"$eq": false}), false),
        ("missing", json!({"$eq": null}), false),
        ("missing", json!({"$eq": {}}), false),
    ]);
}

#[test]
fn ne_is_the_negation_of_eq() {
    check(&[
        ("count", json!({"$ne": 5}), false),
        ("count", json!({"$ne": 5.0}), false),
        ("count", json!({"$ne": "5"}), true),
        ("scores", json!({"$ne": 9}), false),
        ("scores", json!({"$ne": 2}), true),
        ("none", json!({"$ne": 1}), true),
        ("nothing", json!({"$ne": null}), false),
        ("nothing", json!({"$ne": 1}), true),
        ("missing", json!({"$ne": 5}), true),
        ("missing", json!({"$ne": null}), true),
    ]);
}

#[test]
fn in_matches_one_of_a_list() {
    check(&[
        ("count", json!({"$in": [4, 5]}), true),
        ("count", json!({"$in": ["5", null, [5]]}), false),
        ("name", json!({"$in": ["Bob", "Amélie Hartwell"]}), true),
        ("tags", json!({"$in": ["x", "first-visit"]}), true),
        (
            "tags",
            json!({"$in": ["x", ["first-visit", "in-person"]]}),
            true,
        ),
        ("tags", json!({"$in": ["x"]}), false),
        ("none", json!({"$in": [null, 1]}), false),
        ("none", json!({"$in": [[]]}), true),
        ("nothing", json!({"$in": [1, null]}), true),
        ("missing", json!({"$in": [1, null]}), false),
        ("object", json!({"$in": [1, "a"]}), false),
    ]);
}

#[test]
fn nin_is_the_negation_of_in() {
    check(&[
        ("count", json!({"$nin": [4, 5]}), false),
        ("count", json!({"$nin": [4, "5"]}), true),
        ("tags", json!({"$nin": ["x", "first-visit"]}), false),
        ("tags", json!({"$nin": ["x"]}), true),
        ("none", json!({"$nin": [1]}), true),
        ("nothing", json!({"$nin": [null]}), false),
        ("missing", json!({"$nin": [null]}), true),
    ]);
}

#[test]
fn order_compares_numbers_with_numbers_and_texts_with_texts() {
    check(&[
        ("count", json!({"$gt": 4}), true),
        ("count", json!({"$gt": 4.9}), true),
        ("count", json!({"$gt": 5}), false),
        ("count", json!({"$gte": 5}), true),
        ("count", json!({"$gte": 5.1}), false),
        ("count", json!({"$lt": 5.5}), true),
        ("count", json!({"$lt": 5}), false),
        ("count", json!({"$lte": 5.0}), true),
        ("count", json!({"$lte": 4}), false),
        ("count", json!({"$gt": "4"}), false),
        ("count", json!({"$lte": "9"}), false),
        ("ratio", json!({"$gt": 0, "$lt": 1}), true),
        ("negative", json!({"$lt": -2.5}), true),
        ("negative", json!({"$gt": -3.5}), true),
        ("start", json!({"$gte": "2026-11-26T10:00:00Z"}), true),
        ("start", json!({"$gt": "2026-11-26T10:00:00Z"}), false),
        ("start", json!({"$lt": "2026-12"}), true),
        ("start", json!({"$lte": "2026-11-26"}), false),
        ("start", json!({"$gt": 0}), false),
        ("name", json!({"$gt": "Am"}), true),
        ("name", json!({"$lt": "a"}), true),
        ("nothing", json!({"$gte": 0}), false),
        ("nothing", json!({"$lte": 0}), false),
        ("yes", json!({"$gt": 0}), false),
        ("object", json!({"$gt": 0}), false),
        ("missing", json!({"$lt": 1}), false),
        ("missing", json!({"$gte": ""}), false),
        ("none", json!({"$lt": 1}), false),
        ("scores", json!({"$gt": 8}), true),
        ("scores", json!({"$lt": 1}), false),
        ("mixed", json!({"$gte": "1"}), true),
        ("mixed", json!({"$gt": 1}), false),
    ]);
}

#[test]
fn comparisons_written_together_hold_of_one_and_the_same_value() {
    check(&[
        ("scores", json!({"$gt": 3, "$lt": 7}), false),
        ("scores", json!({"$gt": 3, "$lt": 10}), true),
        ("scores", json!({"$in": [1], "$gt": 3}), false),
        (
            "tags",
            json!({"$startsWith": "first", "$endsWith": "person"}),
            false,
        ),
        (
            "tags",
            json!({"$startsWith": "in", "$endsWith": "person"}),
            true,
        ),
        // Negations speak of all values nevertheless.
        ("scores", json!({"$gt": 3, "$ne": 1}), false),
        ("scores", json!({"$gt": 3, "$ne": 2}), true),
        ("scores", json!({"$not": {"$gt": 3, "$lt": 7}}), true),
    ]);
}

#[test]
fn texts_are_searched_at_their_start_their_end_and_within() {
    check(&[
        ("name", json!({"$startsWith": "Amé"}), true),
        ("name", json!({"$startsWith": "amé"}), false),
        ("name", json!({"$startsWith": "Hart"}), false),
        ("name", json!({"$startsWith": ""}), true),
        ("name", json!({"$endsWith": "well"}), true),
        ("name", json!({"$endsWith": "Amélie"}), false),
        ("name", json!({"$contains": "lie H"}), true),
        ("name", json!({"$contains": "xyz"}), false),
        ("empty", json!({"$contains": ""}), true),
        ("empty", json!({"$contains": "a"}), false),
        ("tags", json!({"$startsWith": "in-"}), true),
        ("tags", json!({"$endsWith": "visit"}), true),
        ("tags", json!({"$contains": "st-v"}), true),
        ("tags", json!({"$contains": "visitin"}), false),
        ("mixed", json!({"$contains": "1"}), true),
        ("count", json!({"$startsWith": "5"}), false),
        ("count", json!({"$contains": ""}), false),
        ("yes", json!({"$endsWith": "e"}), false),
        ("nothing", json!({"$contains": "null"}), false),
        ("object", json!({"$contains": "a"}), false),
        ("none", json!({"$contains": ""}), false),
        ("missing", json!({"$startsWith": ""}), false),
        ("missing", json!({"$endsWith": ""}), false),
    ]);
}

#[test]
fn exists_tells_missing_from_null() {
    check(&[
        ("count", json!({"$exists": true}), true),
        ("count", json!({"$exists": false}), false),
        ("nothing", json!({"$exists": true}), true),
        ("nothing", json!({"$exists": false}), false),
        ("none", json!({"$exists": true}), true),
        ("missing", json!({"$exists": true}), false),
        ("missing", json!({"$exists": false}), true),
        ("count.below", json!({"$exists": false}), true),
        ("none.below", json!({"$exists": false}), true),
        ("people.email", json!({"$exists": true}), true),
        ("people.fax", json!({"$exists": true}), false),
        ("scores.1", json!({"$exists": true}), true),
        ("scores.2", json!({"$exists": true}), false),
        ("missing", json!({"$exists": false, "$ne": 1}), true),
        ("missing", json!({"$exists": true, "$ne": 1}), false),
    ]);
}

#[test]
fn not_negates_the_operators_of_a_field() {
    check(&[
        ("count", json!({"$not": {"$gt": 4}}), false),
        ("count", json!({"$not": {"$gt": 5}}), true),
        ("count", json!({"$not": {"$gt": "4"}}), true),
        ("count", json!({"$not": {"$gt": 4, "$ne": 5}}), true),
        ("count", json!({"$not": {"$not": {"$eq": 5}}}), true),
        ("tags", json!({"$not": {"$contains": "visit"}}), false),
        ("none", json!({"$not": {"$eq": 1}}), true),
        ("nothing", json!({"$not": {"$eq": null}}), false),
        ("missing", json!({"$not": {"$exists": true}}), true),
        ("missing", json!({"$not": {"$startsWith": "a"}}), true),
        ("count", json!({"$gte": 5, "$not": {"$in": [6]}}), true),
    ]);
}

#[test]
fn paths_go_through_objects_and_arrays_and_pick_elements_by_number() {
    check(&[
        ("object.b.c", json!(2), true),
        ("object.b.c.0", json!(1), true),
        ("object.b.c.0", json!(2), false),
        ("object.a.b", json!(1), false),
        ("people.name", json!("Bob"), true),
        ("people.name", json!("Eve"), false),
        ("people.0.name", json!("Bob"), false),
        ("people.1.name", json!("Bob"), true),
        ("people.9.name", json!("Bob"), false),
        ("people.phones", json!("2"), true),
        ("people.0.phones.1", json!("2"), true),
        ("people.phones.0", json!("2"), false),
        ("people.email", json!(null), true),
        ("people.01", json!({"$exists": true}), false),
        ("nested.1.0.0", json!("deeper"), true),
        ("0", json!("zero"), true),
        ("dotted\\.name.x", json!(1), true),
        ("dotted.name.x", json!(1), false),
        ("back\\\\slash", json!(2), true),
        ("name.0", json!("A"), false),
    ]);
}

#[test]
fn the_type_and_the_account_are_texts() {
    let data = data();
    for (filter, expected) in [
        (json!({"type": "participant.confirmed"}), true),
        (json!({"type": "participant.replied"}), false),
        (
            json!({"type": {"$in": ["a", "participant.confirmed"]}}),
            true,
        ),
        (
            json!({"type": {"$not": {"$endsWith": ".confirmed"}}}),
            false,
        ),
        (json!({"account": "acme"}), true),
        (json!({"account": {"$ne": "acme"}}), false),
        (json!({"account": {"$exists": true}, "data.count": 5}), true),
        (json!({"account": {"$gt": 5}}), false),
    ] {
        assert_eq!(
            parse(&filter).matches(&subject(&data)),
            expected,
            "{filter}"
        );
    }
}

#[test]
fn and_or_and_not_combine_filters() {
    let data = data();
    let (yes, no) = (json!({"data.count": 5}), json!({"data.count": 6}));
    for (filter, expected) in [
        (json!({}), true),
        (json!({"data.count": 5, "data.yes": true}), true),
        (json!({"data.count": 5, "data.yes": false}), false),
        (json!({"$and": [yes, yes]}), true),
        (json!({"$and": [yes, no]}), false),
        (json!({"$or": [no, yes]}), true),
        (json!({"$or": [no, no]}), false),
        (
            json!({"$or": [{"data.count": 5, "data.yes": false}]}),
            false,
        ),
        (json!({"$not": no}), true),
        (json!({"$not": yes}), false),
        (json!({"$not": {"data.count": 5, "data.yes": false}}), true),
        (json!({"$not": {"$or": [no, {"$and": [no, yes]}]}}), true),
        (json!({"$or": [yes], "$not": yes}), false),
        (
            json!({"$not": {"$not": yes}, "data.missing": {"$exists": false}}),
            true,
        ),
    ] {
        assert_eq!(
            parse(&filter).matches(&subject(&data)),
            expected,
            "{filter}"
        );
        assert_eq!(
            parse(&filter).explain(&subject(&data)).is_ok(),
            expected,
            "{filter}"
        );
    }
}

#[test]
fn numbers_compare_exactly_where_floats_would_round() {
    check(&[
        ("big", json!(9_007_199_254_740_993_u64), true),
        ("big", json!(9_007_199_254_740_992_u64), false),
        ("big", json!(9_007_199_254_740_992.0), false),
        ("big", json!({"$gt": 9_007_199_254_740_992.0}), true),
        ("big", json!({"$lt": 1e300}), true),
        ("big", json!({"$gt": -1e300}), true),
    ]);
    let parsed = |value: Value| match value {
        Value::Number(number) => number,
        _ => panic!("not a number"),
    };
    for (a, b, expected) in [
        (json!(u64::MAX), json!(i64::MIN), Ordering::Greater),
        (
            json!(u64::MAX),
            json!(18_446_744_073_709_551_616.0),
            Ordering::Less,
        ),
        (json!(-1), json!(-1.5), Ordering::Greater),
        (json!(-2), json!(-1.5), Ordering::Less),
        (json!(1), json!(1.5), Ordering::Less),
        (json!(0), json!(-0.0), Ordering::Equal),
        (json!(0.1), json!(0.2), Ordering::Less),
    ] {
        let (a, b) = (parsed(a), parsed(b));
        assert_eq!(number::compare(&a, &b), expected, "{a} {b}");
        assert_eq!(number::compare(&b, &a), expected.reverse(), "{b} {a}");
    }
}

#[test]
fn a_wrong_filter_is_refused_where_and_why() {
    for (filter, pointer, detail) in [
        (json!(null), "", "a filter is an object, not null"),
        (
            json!([{"data.a": 1}]),
            "",
            "a filter is an object, not a list",
        ),
        (
            json!({"participant.name": 1}),
            "/participant.name",
            "`participant.name`: a path is `type`, `account` or starts with `data.`; perhaps \
             `data.participant.name`?",
        ),
        (
            json!({"data": {"$exists": true}}),
            "/data",
            "`data`: a path is `type`, `account` or starts with `data.`; name a field below \
             `data`",
        ),
        (
            json!({"type.x": 1}),
            "/type.x",
            "`type.x`: a path is `type`, `account` or starts with `data.`; there is nothing \
             below it",
        ),
        (
            json!({"data..a": 1}),
            "/data..a",
            "`data..a`: a path has no empty name: none at its ends, nor two dots in a row",
        ),
        (
            json!({"data.a\\b": 1}),
            "/data.a\\b",
            "`data.a\\b`: a backslash in a path stands before a dot or a backslash",
        ),
        (
            json!({"data.a/b~c": {"$gt": true}}),
            "/data.a~1b~0c/$gt",
            "`data.a/b~c`: `$gt` takes a number or a text, not a boolean",
        ),
        (
            json!({"data.a": {"$startswith": "x"}}),
            "/data.a/$startswith",
            "`data.a`: unknown operator `$startswith`; perhaps `$startsWith`?",
        ),
        (
            json!({"data.a": {"$regex": "x"}}),
            "/data.a/$regex",
            "`data.a`: unknown operator `$regex`; there are $eq $ne $in $nin $gt $gte $lt \
             $lte $startsWith $endsWith $contains $exists $and $or $not",
        ),
        (
            json!({"$orr": []}),
            "/$orr",
            "unknown operator `$orr`; perhaps `$or`?",
        ),
        (
            json!({"$eq": 1}),
            "/$eq",
            "`$eq` belongs to a field, as in {\"data.name\": {\"$eq\": …}}",
        ),
        (
            json!({"data.a": {"$or": [1, 2]}}),
            "/data.a/$or",
            "`data.a`: `$or` combines filters and cannot stand inside a field: write \
             {\"$or\": [{\"data.a\": …}, …]}",
        ),
        (
            json!({"data.a": {"b": 1}}),
            "/data.a/b",
            "`data.a`: `b` is not an operator; write the path `data.a.b`, or \
             {\"$eq\": {…}} to match the whole object",
        ),
        (
            json!({"data.a": {}}),
            "/data.a",
            "`data.a`: takes a value or at least one operator",
        ),
        (
            json!({"data.a": [1, 2]}),
            "/data.a",
            "`data.a`: write {\"$in\": […]} to match one of these values, or \
             {\"$eq\": […]} to match the whole list",
        ),
        (
            json!({"data.a": {"$in": "x"}}),
            "/data.a/$in",
            "`data.a`: `$in` takes a list, not a text",
        ),
        (
            json!({"data.a": {"$nin": []}}),
            "/data.a/$nin",
            "`data.a`: `$nin` takes a list of 1 to 500 values, not of 0",
        ),
        (
            json!({"data.a": {"$exists": "yes"}}),
            "/data.a/$exists",
            "`data.a`: `$exists` takes true or false, not a text",
        ),
        (
            json!({"data.a": {"$contains": 5}}),
            "/data.a/$contains",
            "`data.a`: `$contains` takes a text, not a number",
        ),
        (
            json!({"data.a": {"$not": 5}}),
            "/data.a/$not",
            "`data.a`: `$not` takes an object of operators, not a number",
        ),
        (
            json!({"data.a": {"$not": {"$lte": null}}}),
            "/data.a/$not/$lte",
            "`data.a`: `$lte` takes a number or a text, not null",
        ),
        (
            json!({"$or": {"data.a": 1}}),
            "/$or",
            "`$or` takes a list of filters, not an object",
        ),
        (
            json!({"$and": []}),
            "/$and",
            "`$and` takes at least one filter",
        ),
        (
            json!({"$or": [{"data.a": 1}, {}]}),
            "/$or/1",
            "a filter in `$or` has at least one condition",
        ),
        (
            json!({"$or": [{"data.a": 1}, 5]}),
            "/$or/1",
            "a filter in `$or` is an object, not a number",
        ),
        (
            json!({"$not": [{"data.a": 1}]}),
            "/$not",
            "a filter in `$not` is an object, not a list",
        ),
        (
            json!({"$or": [{"data.a": 1}, {"$not": {"data.b": {"$gt": []}}}]}),
            "/$or/1/$not/data.b/$gt",
            "`data.b`: `$gt` takes a number or a text, not a list",
        ),
    ] {
        let error = checked(&filter).expect_err("not a filter");
        assert_eq!(error.path, pointer, "{filter}");
        assert_eq!(error.detail, detail, "{filter}");
        if !pointer.contains('~') {
            assert!(filter.pointer(&error.path).is_some(), "{filter}");
        }
    }
}

#[test]
fn a_filter_is_bounded_in_bytes_levels_conditions_lists_and_paths() {
    let nested = |levels: usize| {
        // One level is the operand's own object, two are the filter's and the operators'.
        let operand = (0..levels - 2).fold(json!(1), |value, _| json!([value]));
        json!({"data.a": {"$eq": operand}})
    };
    let many = |count: usize| {
        let filters = (1..count).map(|_| json!({"data.a": 1})).collect::<Vec<_>>();
        json!({ "$or": filters })
    };
    let list = |count: usize| json!({"data.a": {"$in": vec![1; count]}});
    let path = |bytes: usize| json!({ format!("data.{}", "a".repeat(bytes - 5)): 1 });
    let bytes = |bytes: usize| json!({"data.a": "x".repeat(bytes - r#"{"data.a":""}"#.len())});
    for (bound, at_most, too_much) in [
        ("16 levels", nested(MAX_DEPTH), nested(MAX_DEPTH + 1)),
        (
            "100 conditions",
            many(MAX_CONDITIONS),
            many(MAX_CONDITIONS + 1),
        ),
        ("500 values", list(MAX_LIST), list(MAX_LIST + 1)),
        ("256 bytes", path(MAX_PATH_BYTES), path(MAX_PATH_BYTES + 1)),
        ("16384 bytes", bytes(MAX_BYTES), bytes(MAX_BYTES + 1)),
    ] {
        assert!(checked(&at_most).is_ok(), "{bound}");
        let error = checked(&too_much).expect_err(bound);
        assert!(error.detail.contains(bound), "{error}");
        assert!(error.detail.len() < 600, "{error}");
    }
}

#[test]
fn an_error_quotes_no_more_than_a_little_of_what_it_was_given() {
    for filter in [
        json!({ "x".repeat(10_000): 1 }),
        json!({ "$".repeat(10_000): 1 }),
        json!({"data.a": { "b\n".repeat(5_000): 1 }}),
    ] {
        let error = checked(&filter).expect_err("not a filter");
        assert!(error.detail.len() < 800, "{error}");
        assert!(!error.detail.contains('\n'), "{error}");
    }
}

#[test]
fn an_event_too_large_for_the_steps_does_not_match_whatever_the_filter() {
    let data = json!({ "a": vec![1; MAX_STEPS], "text": "x".repeat(64 * MAX_STEPS) });
    for filter in [
        json!({"data.a": 2}),
        json!({"data.a": {"$ne": 2}}),
        json!({"$not": {"data.a": 2}}),
        json!({"$or": [{"data.a": 2}, {"data.a.0": 1}]}),
        json!({"data.text": {"$not": {"$contains": "y"}}}),
    ] {
        let filter = parse(&filter);
        assert!(!filter.matches(&subject(&data)));
        let mismatch = filter.explain(&subject(&data)).expect_err("no match");
        assert_eq!(mismatch.found, "too many values to look at");
    }
    // What needs not look at all of it is answered.
    assert!(parse(&json!({"data.a.7": 1})).matches(&subject(&data)));
}

#[test]
fn the_hardest_filter_and_event_are_answered_within_the_steps() {
    let list: Vec<Value> = (0..MAX_LIST).map(|n| json!(n)).collect();
    let filter = parse(&json!({"data.a.b.c": {"$nin": list}}));
    let inner = json!({"b": vec![json!({"c": vec![-1; 100]}); 100]});
    let data = json!({"a": vec![inner; 20]});
    let mut budget = Budget::new();
    let answer = all_hold(&filter.conditions, &subject(&data), &mut budget);
    assert!(answer.is_err());
    assert!(budget.left < MAX_STEPS);
    // The same without an end to the nesting of arrays: no recursion that could overflow.
    let mut deep = json!(1);
    for _ in 0..MAX_STEPS / 4 {
        deep = Value::Array(vec![deep]);
    }
    // Not with `json!`, which would recurse, as dropping it would.
    let data = Value::Object(Map::from_iter([("a".to_owned(), deep)]));
    assert!(parse(&json!({"data.a": 1})).matches(&subject(&data)));
    std::mem::forget(data);
}

#[test]
fn a_mismatch_says_path_operator_expected_and_found() {
    let data = data();
    for (filter, words) in [
        (
            json!({"data.count": 5, "data.name": "Bob"}),
            r#"data.name: expected $eq "Bob", found "Amélie Hartwell""#,
        ),
        (
            json!({"data.missing": {"$gt": 5}}),
            "data.missing: expected $gt 5, found nothing there",
        ),
        (
            json!({"data.scores": {"$gt": 3, "$lt": 7}}),
            "data.scores: expected $gt $lt 3 and 7 of one value, found [1,9]",
        ),
        (
            json!({"data.scores": {"$gt": 3, "$lt": 1}}),
            "data.scores: expected $lt 1, found [1,9]",
        ),
        (
            json!({"data.people.name": {"$in": ["Eve"]}}),
            r#"data.people.name: expected $in ["Eve"], found "Ada", "Bob""#,
        ),
        (
            json!({"data.tags": {"$ne": "in-person"}}),
            r#"data.tags: expected $ne "in-person", found ["first-visit","in-person"]"#,
        ),
        (
            json!({"data.count": {"$nin": [5]}}),
            "data.count: expected $nin [5], found 5",
        ),
        (
            json!({"data.nothing": {"$exists": false}}),
            "data.nothing: expected $exists false, found null",
        ),
        (
            json!({"data.name": {"$not": {"$startsWith": "A", "$endsWith": "l"}}}),
            r#"data.name: expected $not $endsWith $startsWith "l" and "A" of one value, found "Amélie Hartwell""#,
        ),
        (
            json!({"type": {"$contains": "message"}}),
            r#"type: expected $contains "message", found "participant.confirmed""#,
        ),
        (
            json!({"$or": [{"data.count": 6}, {"account": "other"}]}),
            "expected $or one of 2 filters to match, found data.count: expected $eq 6, found \
             5; account: expected $eq \"other\", found \"acme\"",
        ),
        (
            json!({"$not": {"data.count": 5}}),
            "expected $not a filter that does not match, found that it matches",
        ),
    ] {
        let mismatch = parse(&filter)
            .explain(&subject(&data))
            .expect_err("no match");
        assert_eq!(mismatch.to_string(), words, "{filter}");
    }
}

#[test]
fn a_mismatch_is_short_whatever_the_event_has() {
    let long = "ä".repeat(100_000);
    let data = json!({"a": long, "b": vec![json!({"c": long}); 50]});
    for filter in [
        json!({"data.a": "x"}),
        json!({"data.b": "x"}),
        json!({"data.b.c": "x"}),
        json!({ "$or": vec![json!({"data.b.c": "x"}); 50] }),
    ] {
        let mismatch = parse(&filter)
            .explain(&subject(&data))
            .expect_err("no match");
        let words = mismatch.to_string();
        assert!(words.len() < 700, "{words}");
        assert!(words.contains('…'), "{words}");
    }
}

#[test]
fn a_filter_is_stored_as_its_source_and_checked_when_read() {
    let source = json!({"data.a": {"$gt": 1}, "type": "x"});
    let stored = serde_json::to_string(&parse(&source)).expect("JSON");
    assert_eq!(stored, source.to_string());
    let read: Filter = serde_json::from_str(&stored).expect("a filter");
    assert_eq!(read, parse(&source));
    assert_ne!(read, parse(&json!({"data.a": {"$gt": 2}, "type": "x"})));
    let error = serde_json::from_str::<Filter>(r#"{"data.a": {"$gt": null}}"#)
        .expect_err("not a filter")
        .to_string();
    assert!(error.contains("`$gt` takes"), "{error}");
    assert!(error.contains("/data.a/$gt"), "{error}");
}

/// The user documentation.
const GUIDE: &str = include_str!("../../../../docs/filters.md");

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).expect(text)
}

#[test]
fn the_guides_examples_match_as_it_says() {
    let rows = docs::rows(GUIDE, ["filter", "`data`", "matches"]);
    for [filter, data, answer] in &rows {
        let expected = answer.starts_with("yes");
        assert!(expected || answer.starts_with("no"), "{answer}");
        let data = json_of(data);
        let filter = parse(&json_of(filter));
        let matches = filter.matches(&subject(&data));
        assert_eq!(matches, expected, "{} on {data}", filter.source());
    }
    // Each operator once at least, and both answers.
    for operator in OPERATORS {
        let shown = rows.iter().any(|[filter, ..]| filter.contains(operator));
        assert!(shown, "{operator}");
    }
}

#[test]
fn the_guides_trigger_wants_the_sample() {
    let blocks = docs::blocks(GUIDE, "json");
    let [trigger] = blocks.as_slice() else {
        panic!("{blocks:?}")
    };
    let input: TriggerInput = serde_json::from_str(trigger).expect("a trigger");
    input
        .check(&Catalogue::default(), &UrlPolicy::default())
        .expect("a trigger that is in order");
    let filter = parse(&json_of(trigger)["filter"]);
    let wanted = |key: &str| {
        let sample = built_in(key).expect("a type").sample();
        let event = Subject {
            account: "acme",
            event_type: key,
            data: &json_of(sample),
        };
        filter.matches(&event)
    };
    assert!(wanted("participant.confirmed"));
    assert!(!wanted("participant.not_coming"));
}

#[test]
fn the_guides_refusals_are_those_of_the_service() {
    for [filter, pointer, detail] in docs::rows(GUIDE, ["filter", "pointer", "detail"]) {
        let error = checked(&json_of(&filter)).expect_err(&filter);
        assert_eq!(format!("/filter{}", error.path), pointer);
        assert_eq!(error.detail, detail);
    }
}

#[test]
fn the_guides_limits_are_those_of_the_service() {
    let rows = docs::rows(GUIDE, ["of a filter", "at most"]);
    let limits = rows.iter().map(|[_, limit]| limit.as_str());
    let expected = [
        format!("{MAX_BYTES} bytes"),
        MAX_DEPTH.to_string(),
        MAX_CONDITIONS.to_string(),
        MAX_LIST.to_string(),
        format!("{MAX_PATH_BYTES} bytes"),
    ];
    assert_eq!(limits.collect::<Vec<_>>(), expected);
}

#[test]
fn a_text_is_required_only_where_every_event_that_matches_has_it() {
    let required = |source: Value| {
        let stored = to_raw_value(&source).expect("JSON");
        required_text(&stored).map(str::to_owned)
    };
    assert_eq!(required(json!({"data.a": "x"})).as_deref(), Some("x"));
    let both = json!({"data.a": 1, "data.b": "x"});
    assert_eq!(required(both).as_deref(), Some("x"));
    for without in [
        json!({}),
        json!({"type": "message.sent"}),
        json!({"account": "acme"}),
        json!({"data.a": 1}),
        json!({"data.a": {"$ne": "x"}}),
        json!({"$or": [{"data.a": "x"}, {"data.b": 1}]}),
        json!({"$not": {"data.a": "x"}}),
    ] {
        assert_eq!(required(without.clone()), None, "{without}");
    }
    let data = json!({"a": ["x", {"y": "z"}], "n": 1});
    let found: Vec<_> = texts(&data).into_iter().collect();
    assert_eq!(found, ["x", "z"]);
}

// Whatever comes.

/// Scalars from few values, so that comparisons often hold.
fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        (-2_i64..3).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[ab]{0,2}".prop_map(Value::from),
        "\\PC{0,6}".prop_map(Value::from),
    ]
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof!["[ab01]", "[ab]{1,2}", "\\PC{1,3}"]
}

fn any_json() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name(), inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// JSON shaped like a filter: known operators and paths, right and wrong operands.
fn filter_like() -> impl Strategy<Value = Value> {
    let path = prop_oneof![
        4 => prop::collection::vec("[ab01]", 1..3).prop_map(|names| format!("data.{}", names.join("."))),
        1 => prop::sample::select(vec!["type", "account", "data", "data.", "x"]).prop_map(str::to_owned),
        1 => "\\PC{0,5}",
    ];
    let operator = prop_oneof![
        9 => prop::sample::select(OPERATORS.to_vec()).prop_map(str::to_owned),
        1 => "\\$?[a-z]{0,3}",
    ];
    let operand = prop_oneof![
        2 => scalar(),
        1 => any_json(),
        1 => prop::collection::vec(scalar(), 1..3).prop_map(Value::from),
    ];
    let operators = prop::collection::btree_map(operator, operand.clone(), 1..3)
        .prop_map(|operators| Value::Object(operators.into_iter().collect()));
    let field = (path, prop_oneof![operand, operators])
        .prop_map(|(path, condition)| json!({ path: condition }));
    field.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..3).prop_map(|all| json!({"$and": all})),
            prop::collection::vec(inner.clone(), 1..3).prop_map(|any| json!({"$or": any})),
            inner.clone().prop_map(|not| json!({"$not": not})),
            (inner.clone(), inner).prop_map(|(mut a, b)| {
                if let (Value::Object(a), Value::Object(b)) = (&mut a, b) {
                    a.extend(b);
                }
                a
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parsing_arbitrary_json_never_panics(source in any_json()) {
        if let Err(error) = checked(&source) {
            prop_assert!(source.pointer(&error.path).is_some(), "{error}");
        }
    }

    #[test]
    fn a_parsed_filter_answers_always_the_same_and_explain_agrees(
        source in filter_like(),
        data in any_json(),
    ) {
        match checked(&source) {
            Err(error) => {
                prop_assert!(source.pointer(&error.path).is_some(), "{error}");
                prop_assert!(!error.detail.is_empty());
            }
            Ok(filter) => {
                let subject = subject(&data);
                let answer = filter.matches(&subject);
                prop_assert_eq!(filter.matches(&subject), answer);
                prop_assert_eq!(filter.explain(&subject).is_ok(), answer);
                let stored = serde_json::to_string(&filter).expect("JSON");
                let read: Filter = serde_json::from_str(&stored).expect("a filter");
                prop_assert_eq!(read.matches(&subject), answer);
            }
        }
    }

    #[test]
    fn an_event_that_matches_has_the_text_that_the_filter_requires(
        mut source in filter_like(),
        wanted in "[ab\\\\\"]{0,2}",
        data in any_json(),
    ) {
        source["data.a"] = json!(wanted);
        let stored = to_raw_value(&source).expect("JSON");
        if let Ok(filter) = checked(&source) {
            let required = required_text(&stored);
            prop_assert!(required.is_some() || wanted.contains(['"', '\\']));
            let is_there = required.is_none_or(|text| texts(&data).contains(text));
            prop_assert!(is_there || !filter.matches(&subject(&data)));
        }
    }

    #[test]
    fn not_is_the_negation(source in filter_like(), data in any_json()) {
        let negated = checked(&json!({"$not": source}));
        if let (Ok(filter), Ok(negated)) = (checked(&source), negated) {
            prop_assert_ne!(filter.matches(&subject(&data)), negated.matches(&subject(&data)));
        }
    }

    #[test]
    fn ne_and_nin_are_the_negations_of_eq_and_in(
        operand in any_json(),
        data in any_json(),
        path in prop::sample::select(vec!["data.a", "data.b.a", "data.0", "data.a.b"]),
    ) {
        let answer = |operator: &str, operand: &Value| {
            let filter = parse(&json!({ path: { operator: operand } }));
            filter.matches(&subject(&data))
        };
        prop_assert_ne!(answer("$eq", &operand), answer("$ne", &operand));
        let list = json!([operand, 1]);
        prop_assert_ne!(answer("$in", &list), answer("$nin", &list));
        prop_assert!(!answer("$eq", &operand) || answer("$in", &list));
    }

    #[test]
    fn a_value_equals_itself_at_its_path(value in any_json()) {
        let data = json!({"a": value});
        let filter = parse(&json!({"data.a": {"$eq": value}}));
        prop_assert!(filter.matches(&subject(&data)));
    }

    #[test]
    fn looking_for_a_value_agrees_with_a_filter_that_asks_for_it(
        wanted in scalar().prop_filter("a purge looks for no null", |wanted| !wanted.is_null()),
        data in any_json(),
        path in prop::sample::select(vec!["data.a", "data.b.a", "data.0", "data.a.0.b", "data.a.b"]),
    ) {
        let filter = parse(&json!({ path: { "$eq": wanted } }));
        let text = to_raw_value(&data).expect("JSON");
        let found = ValueAt::parse(path, wanted).expect("a path").is_in(&text);
        prop_assert_eq!(found, filter.matches(&subject(&data)));
    }

    #[test]
    fn numbers_of_different_kinds_have_one_order(a in any::<i64>(), b in any::<f64>()) {
        let (a, b) = (a / 1024, b % 1e15);
        // Exact in f64, so that its order is the truth.
        let expected = (a as f64).partial_cmp(&b);
        prop_assume!(a.unsigned_abs() < 1 << 53);
        let b = Number::from_f64(b).expect("finite");
        prop_assert_eq!(Some(number::compare(&Number::from(a), &b)), expected);
    }
}

#[test]
fn a_filter_stays_as_it_was_written_but_for_white_space() {
    let json = r#" { "data.z": {"$in": [1E5, -0, 1.0, 1e20]},  "data.a": 100000000000000000001 } "#;
    let filter: Filter = serde_json::from_str(json).unwrap();
    let stored = serde_json::to_string(&filter).unwrap();
    let compact = r#"{"data.z":{"$in":[1E5,-0,1.0,1e20]},"data.a":100000000000000000001}"#;
    assert_eq!(stored, compact);
    let other = r#"{"data.a":100000000000000000001,"data.z":{"$in":[1e+5,-0,1.0,1e+20]}}"#;
    assert_eq!(serde_json::from_str::<Filter>(other).unwrap(), filter);
    let deep = format!("{{\"data.a\":{}", "[".repeat(200_000)) + &"]".repeat(200_000) + "}";
    let error = serde_json::from_str::<Filter>(&deep).unwrap_err();
    assert!(error.to_string().contains("levels"), "{error}");
}
