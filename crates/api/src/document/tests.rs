//! That the document is one: what OpenAPI 3.1 asks of it, and what readers of it count on.

use std::collections::BTreeSet;

use jsonschema::{Registry, Validator};
use serde_json::{Map, Value};

use super::document;
use crate::Route as _;

const METHODS: [&str; 5] = ["get", "put", "post", "patch", "delete"];

/// An operation with its path and method.
struct Operation<'d> {
    path: &'d str,
    method: &'d str,
    item: &'d Value,
    operation: &'d Value,
}

impl std::fmt::Display for Operation<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

fn operations(document: &Value) -> Vec<Operation<'_>> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if METHODS.contains(&method.as_str()) {
                all.push(Operation {
                    path,
                    method,
                    item,
                    operation,
                });
            }
        }
    }
    all
}

/// Follows a reference of the document, if this is one.
fn resolve<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    match value.get("$ref").and_then(Value::as_str) {
        Some(reference) => document
            .pointer(reference.strip_prefix('#').unwrap())
            .unwrap_or_else(|| panic!("{reference} leads nowhere")),
        None => value,
    }
}

/// Everything in a value, the value itself included, with the JSON pointer to it.
fn walk<'d>(value: &'d Value, pointer: &str, visit: &mut dyn FnMut(&str, &'d Value)) {
    visit(pointer, value);
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                walk(member, &format!("{pointer}/{name}"), visit);
            }
        }
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                walk(element, &format!("{pointer}/{index}"), visit);
            }
        }
        _ => {}
    }
}

/// What validates against the schema that a pointer leads to.
fn validator(document: &Value, pointer: &str) -> Validator {
    let registry = Registry::new()
        .add("urn:api", document.clone())
        .unwrap()
        .prepare()
        .unwrap();
    let fragment: String = pointer
        .chars()
        .map(|character| match character {
            '{' => "%7B".to_owned(),
            '}' => "%7D".to_owned(),
            other => other.to_string(),
        })
        .collect();
    jsonschema::options()
        .with_draft(jsonschema::Draft::Draft202012)
        .with_registry(&registry)
        .should_validate_formats(true)
        .build(&serde_json::json!({ "$ref": format!("urn:api#{fragment}") }))
        .unwrap_or_else(|error| panic!("{pointer}: {error}"))
}

/// The examples beside a schema.
fn examples(content: &Value) -> Vec<&Value> {
    let named = content.get("examples").and_then(Value::as_object);
    let named = named.into_iter().flat_map(Map::values);
    let named = named.map(|example| &example["value"]);
    content.get("example").into_iter().chain(named).collect()
}

#[test]
fn every_reference_leads_somewhere_and_every_component_is_used() {
    let document = document();
    let mut used = BTreeSet::new();
    walk(&document, "", &mut |pointer, value| {
        // A member of this name is no reference where a schema names its members.
        if let Some(Value::String(reference)) = value.get("$ref") {
            let target = reference.strip_prefix('#').unwrap();
            assert!(
                document.pointer(target).is_some(),
                "{pointer}: {reference} leads nowhere"
            );
            used.insert(target.to_owned());
        }
    });
    for kind in ["schemas", "responses", "parameters", "headers"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            // What undocumented methods are answered is no operation's.
            assert!(
                used.contains(&format!("/components/{kind}/{name}")) || name == "MethodNotAllowed",
                "nothing uses the {kind} {name}"
            );
        }
    }
}

#[test]
fn every_operation_has_a_name_of_its_own_a_summary_and_a_known_tag() {
    let document = document();
    let tags: BTreeSet<_> = document["tags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tag| tag["name"].as_str().unwrap())
        .collect();
    let mut used = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for operation in operations(&document) {
        let member = |name: &str| operation.operation[name].as_str().unwrap_or_default();
        assert!(ids.insert(member("operationId")), "{operation}: its id");
        assert!(!member("summary").is_empty(), "{operation}: no summary");
        assert!(!member("summary").ends_with('.'), "{operation}: a title");
        let tag = operation.operation["tags"][0].as_str().unwrap();
        assert!(tags.contains(tag), "{operation}: {tag}");
        used.insert(tag);
    }
    assert_eq!(used, tags);
}

#[test]
fn the_parameters_of_a_path_are_those_of_its_template() {
    let document = document();
    for operation in operations(&document) {
        let of_path = operation.item.get("parameters").and_then(Value::as_array);
        let own = operation
            .operation
            .get("parameters")
            .and_then(Value::as_array);
        let mut declared = BTreeSet::new();
        let mut names = BTreeSet::new();
        for parameter in of_path.into_iter().chain(own).flatten() {
            let parameter = resolve(&document, parameter);
            let name = parameter["name"].as_str().unwrap();
            assert!(names.insert(name), "{operation}: {name} is there twice");
            assert!(parameter["description"].is_string(), "{operation}: {name}");
            if parameter["in"] == "path" {
                assert_eq!(parameter["required"], true, "{operation}: {name}");
                declared.insert(name);
            }
        }
        let template: BTreeSet<_> = operation
            .path
            .split('/')
            .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
            .collect();
        assert_eq!(declared, template, "{operation}");
    }
}

#[test]
fn every_operation_can_succeed_and_shows_how() {
    let document = document();
    for operation in operations(&document) {
        let responses = operation.operation["responses"].as_object().unwrap();
        assert!(
            responses.keys().any(|status| status.starts_with('2')),
            "{operation}: no success"
        );
        let body = operation.operation.get("requestBody");
        let bodies = responses
            .iter()
            .map(|(status, response)| (status.as_str(), response))
            .chain(body.map(|body| ("request", body)));
        for (place, body) in bodies {
            let body = resolve(&document, body);
            assert!(body["description"].is_string(), "{operation} {place}");
            let contents = body.get("content").and_then(Value::as_object);
            for (media_type, content) in contents.into_iter().flatten() {
                assert!(
                    !examples(content).is_empty(),
                    "{operation} {place}: no example of {media_type}"
                );
                // A service that is not well says so in the words in which it says that it is.
                let unwell = (operation.path, place) == ("/v1/health", "503");
                let problem = place.starts_with(['4', '5']) && !unwell;
                assert_eq!(
                    media_type == "application/problem+json",
                    problem,
                    "{operation} {place}"
                );
            }
        }
    }
}

#[test]
fn operations_with_a_key_tell_of_a_wrong_one() {
    let document = document();
    for operation in operations(&document) {
        let open = operation.operation.get("security").is_some();
        let told = operation.operation["responses"].get("401").is_some();
        assert_ne!(open, told, "{operation}");
        let for_all = ["/v1/health", "/webhook-keys/{account}"];
        assert_eq!(open, for_all.contains(&operation.path), "{operation}");
    }
}

#[test]
fn every_example_is_in_order() {
    let document = document();
    let mut count = 0;
    walk(&document, "", &mut |pointer, value| {
        // Examples themselves may have members called so.
        let is_described = value.get("schema").is_some_and(Value::is_object);
        if pointer.contains("/example") || !is_described {
            return;
        }
        let validator = validator(&document, &format!("{pointer}/schema"));
        for example in examples(value) {
            if let Err(error) = validator.validate(example) {
                panic!("{pointer}: {error} at {}", error.instance_path());
            }
            count += 1;
        }
    });
    assert!(count > 80, "{count} examples");
}

#[test]
fn every_schema_is_one() {
    let document = document();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        if let Err(error) = jsonschema::draft202012::meta::validate(schema) {
            panic!("{name}: {error}");
        }
        // Compiles, with the schemas that it refers to.
        validator(&document, &format!("/components/schemas/{name}"));
    }
}

#[test]
fn objects_that_are_not_free_form_have_no_other_members() {
    let document = document();
    walk(
        &document["components"]["schemas"],
        "",
        &mut |pointer, value| {
            if value.get("properties").is_some_and(Value::is_object)
                && !pointer.ends_with("/properties")
            {
                assert!(
                    value.get("additionalProperties").is_some(),
                    "{pointer} is open"
                );
            }
        },
    );
}

#[test]
fn schemas_have_the_form_that_generators_read() {
    let document = document();
    walk(&document, "", &mut |pointer, value| {
        let Value::Object(schema) = value else { return };
        if pointer.contains("/example") || pointer.ends_with("/properties") {
            return;
        }
        if let Some(Value::String(pattern)) = schema.get("pattern") {
            let is_whole = pattern.starts_with('^') && pattern.ends_with('$');
            assert!(is_whole, "{pointer}: {pattern} is a pattern of a part");
        }
        if schema.contains_key("const") {
            assert!(
                schema.contains_key("type"),
                "{pointer}: a const without a type"
            );
        }
        if schema.get("type").is_some_and(|of| of == "object") {
            let says = ["properties", "additionalProperties"];
            assert!(
                says.iter().any(|keyword| schema.contains_key(*keyword)),
                "{pointer}"
            );
        }
        let types = schema.get("type").and_then(Value::as_array);
        let is_nullable = types.is_some_and(|types| types.iter().any(|of| of == "null"));
        let default = schema.get("default");
        assert!(
            !(is_nullable && default.is_some_and(Value::is_object)),
            "{pointer}"
        );
    });
    for (name, response) in document["components"]["responses"].as_object().unwrap() {
        let schema = response.pointer("/content/application~1problem+json/schema");
        let reference = schema.and_then(|schema| schema.get("$ref"));
        assert_eq!(reference.unwrap(), "#/components/schemas/Problem", "{name}");
    }
}

#[test]
fn plain_json_comes_before_other_media_types() {
    let json = super::json();
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), document());
    let post = &json[json.find("\"postEvents\"").unwrap()..];
    let [first, second] = ["application/json", "application/cloudevents+json"]
        .map(|media_type| post.find(&format!("\"{media_type}\"")).unwrap());
    assert!(first < second);
}

#[test]
fn every_link_names_an_operation_and_its_parameters() {
    let document = document();
    let all = operations(&document);
    for operation in &all {
        let responses = operation.operation["responses"].as_object().unwrap();
        let links = responses.values().filter_map(|response| {
            let links = response.get("links")?;
            links.as_object()
        });
        for link in links.flat_map(Map::values) {
            let target = all
                .iter()
                .find(|target| target.operation["operationId"] == link["operationId"]);
            let target = target.unwrap_or_else(|| panic!("{operation}: {link}"));
            let named: Vec<_> = link["parameters"].as_object().unwrap().keys().collect();
            for segment in target.path.split('/') {
                let parameter = segment.strip_prefix('{').and_then(|s| s.strip_suffix('}'));
                if let Some(parameter) = parameter {
                    assert!(
                        named.iter().any(|name| *name == parameter),
                        "{operation}: {link} lacks {parameter}"
                    );
                }
            }
        }
    }
}

#[test]
fn limits_of_the_domain_are_those_of_the_document() {
    let document = document();
    let schemas = &document["components"]["schemas"];
    let at = |pointer: &str| schemas.pointer(pointer).and_then(Value::as_u64);
    assert_eq!(
        at("/NewEvents/maxItems"),
        Some(domain::event::MAX_BATCH as u64)
    );
    assert_eq!(
        at("/ActionInput/properties/retry_schedule/maxItems"),
        Some(domain::schedule::MAX_DELAYS as u64)
    );
    assert_eq!(
        at("/ActionInput/properties/timeout_seconds/maximum"),
        Some(u64::from(domain::trigger::MAX_TIMEOUT))
    );
    let too_large = document.pointer("/components/responses/TooLarge");
    let too_large = too_large.unwrap().to_string();
    let bytes = domain::input::MAX_BODY;
    assert!(too_large.contains(&format!("larger than {bytes} bytes")));
    assert!(too_large.contains(&format!("larger than {} MiB", bytes / 1024 / 1024)));
}

#[test]
fn what_the_domain_refuses_the_document_refuses_too() {
    let document = document();
    let filter = validator(&document, "/components/schemas/Filter");
    for (text, good) in [
        (r#"{}"#, true),
        (
            r#"{"data.n": 5, "type": {"$startsWith": "message."}}"#,
            true,
        ),
        (r#"{"data.a\\.b.c": null, "account": "acme"}"#, true),
        (r#"{"$or": [{"data.n": 1}, {"$not": {"data.n": 2}}]}"#, true),
        (r#"{"data.n": {"$not": {"$gt": 5}, "$exists": true}}"#, true),
        (r#"{"data.n": {"$in": [1, [2], {"a": 3}]}}"#, true),
        (r#"{"participant.name": "A"}"#, false),
        (r#"{"data": 1}"#, false),
        (r#"{"data..n": 1}"#, false),
        (r#"{"data.n": [1]}"#, false),
        (r#"{"data.n": {}}"#, false),
        (r#"{"data.n": {"$startWith": "A"}}"#, false),
        (r#"{"data.n": {"$gt": true}}"#, false),
        (r#"{"data.n": {"$exists": 1}}"#, false),
        (r#"{"data.n": {"$in": []}}"#, false),
        (r#"{"$or": []}"#, false),
        (r#"{"$and": {"data.n": 1}}"#, false),
        (r#"{"$eq": 1}"#, false),
    ] {
        let value: Value = serde_json::from_str(text).unwrap();
        assert_eq!(filter.is_valid(&value), good, "{text}");
        assert_eq!(
            serde_json::from_str::<domain::filter::Filter>(text).is_ok(),
            good,
            "{text}"
        );
    }
}

/// The page of the docs that lists the routes. With `WRITE_ROUTES=1`, the test that compares it writes it.
const ROUTES_PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/routes.md");

fn routes_page() -> String {
    let mut page = "# Routes\n\n\
        Every operation of the API, with the scope that an [API key](api-keys.md) needs for it. `root` stands for a key of the setting \
        `api_key`. The service shows all about each at `/docs`.\n\n\
        A test of `crates/api` compares this page with the code, and writes it with \
        `WRITE_ROUTES=1 cargo test --package api --features document`.\n"
        .to_owned();
    let mut last = "";
    for operation in crate::Operation::ALL {
        let Some((tag, _)) = operation.describe() else {
            continue;
        };
        if tag.name != last {
            last = tag.name;
            page += &format!("\n## {last}\n\n| route | scope | |\n|---|---|---|\n");
        }
        let scope = match operation.access() {
            crate::Access::Open => "none".to_owned(),
            crate::Access::Root => "root".to_owned(),
            crate::Access::Scope(scope) => scope.as_str().to_owned(),
        };
        let (method, path) = (operation.method(), operation.path());
        let method_name = method.as_str().to_lowercase();
        let summary = &document()["paths"][path][method_name]["summary"];
        let summary = summary.as_str().expect("a summary");
        page += &format!("| `{method} {path}` | {scope} | {summary} |\n");
    }
    page
}

#[test]
fn the_docs_list_the_routes_as_they_are() {
    let page = routes_page();
    if std::env::var_os("WRITE_ROUTES").is_some() {
        std::fs::write(ROUTES_PAGE, &page).unwrap();
    }
    let written = std::fs::read_to_string(ROUTES_PAGE).unwrap_or_default();
    assert!(written == page, "run this test with WRITE_ROUTES=1");
}
