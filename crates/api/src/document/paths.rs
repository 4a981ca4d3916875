//! The paths and what can be done there, a file for each kind of thing.

mod accounts;
mod actions;
mod api_keys;
mod body_templates;
mod deliveries;
mod event_types;
mod events;
mod filters;
mod monitoring;
mod portal_links;
mod signing_keys;
mod statistics;
mod triggers;

use serde_json::{Map, Value, json};

use crate::document::{operation::Path, schemas::Named};

/// A kind of thing: its name, what there is to say of it, and its paths.
type Group = (&'static str, &'static str, fn() -> Vec<Path>);

/// In the order in which people are shown them.
const GROUPS: [Group; 13] = [
    (
        "Event types",
        "What the main app can post, and what the deployment adds to it.",
        event_types::paths,
    ),
    (
        "Triggers",
        "When an event of this type happens, run these actions.",
        triggers::paths,
    ),
    (
        "Actions",
        "The webhooks of a trigger, their secrets and their tests.",
        actions::paths,
    ),
    (
        "Filters",
        "Which of a type's events fire a trigger.",
        filters::paths,
    ),
    (
        "Body templates",
        "Bodies of an action's own.",
        body_templates::paths,
    ),
    (
        "Events",
        "What happened: posted, previewed, looked at, replayed.",
        events::paths,
    ),
    (
        "Deliveries",
        "What is owed and what was sent, with its attempts.",
        deliveries::paths,
    ),
    (
        "Statistics",
        "How an account's webhooks are doing.",
        statistics::paths,
    ),
    (
        "Accounts",
        "An account as a whole: exported, imported, purged.",
        accounts::paths,
    ),
    (
        "Portal links",
        "Links by which an account's users reach its page.",
        portal_links::paths,
    ),
    (
        "Signing keys",
        "Key pairs that sign webhooks whose receivers are not to know a secret.",
        signing_keys::paths,
    ),
    (
        "API keys",
        "Keys for what needs less than everything.",
        api_keys::paths,
    ),
    (
        "Monitoring",
        "How the service itself is doing.",
        monitoring::paths,
    ),
];

pub(crate) fn tags() -> Value {
    GROUPS
        .map(|(name, description, _)| json!({ "name": name, "description": description }))
        .into_iter()
        .collect()
}

pub(crate) fn all() -> Value {
    let mut all: Map<String, Value> = Map::new();
    for (tag, _, paths) in GROUPS {
        for (template, mut item) in paths() {
            for (name, operation) in &mut item {
                if name != "parameters" {
                    operation["tags"] = json!([tag]);
                }
            }
            all.insert(template.to_owned(), item.into());
        }
    }
    all.into()
}

/// The schemas of those files that bring theirs along.
pub(crate) fn schemas() -> impl Iterator<Item = Named> {
    [
        api_keys::schemas(),
        body_templates::schemas(),
        filters::schemas(),
        monitoring::schemas(),
        portal_links::schemas(),
        signing_keys::schemas(),
        statistics::schemas(),
    ]
    .into_iter()
    .flatten()
}
