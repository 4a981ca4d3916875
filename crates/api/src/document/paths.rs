//! The documentation of the operations, a file for each kind of thing.

pub(crate) mod accounts;
pub(crate) mod actions;
pub(crate) mod api_keys;
pub(crate) mod body_templates;
pub(crate) mod deliveries;
pub(crate) mod event_types;
pub(crate) mod events;
pub(crate) mod filters;
pub(crate) mod monitoring;
pub(crate) mod portal_links;
pub(crate) mod signing_keys;
pub(crate) mod statistics;
pub(crate) mod triggers;

use serde_json::{Map, Value, json};

use crate::{Operation, Route as _, document::parameters, route};

/// What the entity tag of a trigger or an action stands for.
const ETAG_OF_SETTINGS: &str = "The `ETag` stands for the settings. `health` is not part of it: it moves with every \
     attempt, while the `ETag` stays.";

/// A kind of thing: what its operations are found under.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tag {
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
}

/// In the order in which people are shown them.
pub(crate) fn tags() -> Vec<Value> {
    let mut tags = Vec::new();
    for (tag, _) in Operation::ALL
        .iter()
        .filter_map(|operation| operation.describe())
    {
        let tag = json!({ "name": tag.name, "description": tag.description });
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    tags
}

pub(crate) fn all() -> Value {
    let mut all: Map<String, Value> = Map::new();
    for operation in Operation::ALL {
        let Some((tag, description)) = operation.describe() else {
            continue;
        };
        let item = all
            .entry(operation.path())
            .or_insert_with(|| path_item(operation.path()));
        let method = operation.method().as_str().to_lowercase();
        item[method] = description.of(*operation, tag);
    }
    all.into()
}

/// A path without operations: the parameters of its template.
fn path_item(template: &'static str) -> Value {
    let parameters: Vec<_> = route::names(template).map(parameters::in_path).collect();
    match parameters.as_slice() {
        [] => json!({}),
        _ => json!({ "parameters": parameters }),
    }
}
