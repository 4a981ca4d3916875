//! The schemas of the document, derived from the types that the service reads and writes.

use domain::webhook::Payload;
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use super::combined::{
    AcceptedEvents, ActionPatch, CloudEvents, EventTypes, NewEvents, TriggerPatch, TriggerSettings,
};
use crate::wire::{
    AcceptedEvent, Action, ActionInput, ApiKey, ApiKeyInput, BodyTemplateInput, Delivery,
    DeliveryDetails, Event, EventDetails, EventType, EventTypeInput, ExportInput, FilterCheck,
    FilterCheckInput, Health, ImportInput, Imported, List, NewApiKey, PortalLink, PortalLinkInput,
    PortalLinkToken, PortalSession, Preview, PreviewInput, Problem, PublicKeys, PurgeInput, Purged,
    Recovered, Recovery, RenderedBody, Rotation, Run, Secrets, SigningKey, Statistics, TestInput,
    Trigger, TriggerInput, Unfinished, Usage,
};

/// Adds types, and the types in them, to a generator's definitions.
macro_rules! add {
    ($generator:ident: $($of:ty),* $(,)?) => {
        $($generator.subschema_for::<$of>();)*
    };
}

/// All schemas, by their names among the components.
pub(crate) fn all() -> Map<String, Value> {
    let mut sent = generator(SchemaSettings::for_deserialize);
    add!(
        sent: ActionInput, ActionPatch, ApiKeyInput, BodyTemplateInput, CloudEvents, EventTypeInput,
        ExportInput, FilterCheckInput, ImportInput, NewEvents, PortalLinkInput, PortalLinkToken,
        PreviewInput, PurgeInput, Recovery, Rotation, TestInput, TriggerInput, TriggerPatch,
        TriggerSettings,
    );
    let mut answered = generator(SchemaSettings::for_serialize);
    add!(
        answered: AcceptedEvent, AcceptedEvents, DeliveryDetails, EventDetails, EventType,
        EventTypes, FilterCheck, Health, Imported, List<Action>, List<ApiKey>, List<Delivery>,
        List<Event>, List<SigningKey>, List<Trigger>, NewApiKey, Payload<'_>, PortalLink,
        PortalSession, Preview, Problem, PublicKeys, Purged, Recovered, RenderedBody, Run, Secrets,
        Statistics, Unfinished, Usage,
    );
    let mut answered = answered.take_definitions(false);
    answered.values_mut().for_each(always_there_or_missing);
    let mut all = sent.take_definitions(false);
    all.extend(answered);
    all.values_mut().for_each(tidy);
    all
}

/// The schema of a value that stands where it is used, as a parameter.
pub(crate) fn inline<T: JsonSchema>() -> Value {
    let mut schema = generator(SchemaSettings::for_deserialize)
        .subschema_for::<T>()
        .into();
    tidy(&mut schema);
    schema
}

fn generator(contract: fn(SchemaSettings) -> SchemaSettings) -> SchemaGenerator {
    let mut settings = contract(SchemaSettings::draft2020_12());
    settings.definitions_path = "/components/schemas".into();
    settings.into_generator()
}

/// Takes null from members that are left out of answers where they have no value.
fn always_there_or_missing(schema: &mut Value) {
    let required: Vec<_> = schema["required"].as_array().cloned().unwrap_or_default();
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    for (name, property) in properties.into_iter().flatten() {
        always_there_or_missing(property);
        if required.iter().any(|required| required == name) {
            continue;
        }
        if let Some(Value::Array(types)) = property.get_mut("type") {
            types.retain(|name| name != "null");
            if let [only] = types.as_slice() {
                property["type"] = only.clone();
            }
        }
        let alternatives = property.get_mut("anyOf").and_then(Value::as_array_mut);
        if let Some(alternatives) = alternatives {
            alternatives.retain(|schema| schema["type"] != "null");
            if let [Value::Object(only)] = alternatives.as_slice() {
                let mut only = only.clone();
                let outside = property.as_object().cloned().unwrap_or_default();
                only.extend(outside.into_iter().filter(|(name, _)| name != "anyOf"));
                *property = only.into();
            }
        }
    }
    if let Some(items) = schema.get_mut("items") {
        always_there_or_missing(items);
    }
}

/// Puts a derived schema into the form that readers and generators know best.
fn tidy(schema: &mut Value) {
    if *schema == json!(true) {
        *schema = json!({});
    }
    let Value::Object(members) = schema else {
        return;
    };
    for (keyword, value) in &mut *members {
        match (keyword.as_str(), value) {
            ("properties" | "patternProperties", Value::Object(schemas)) => {
                schemas.values_mut().for_each(tidy);
            }
            ("anyOf" | "oneOf" | "allOf", Value::Array(schemas)) => {
                schemas.iter_mut().for_each(tidy);
            }
            ("items" | "propertyNames", schema)
            | ("additionalProperties", schema @ Value::Object(_)) => tidy(schema),
            _ => {}
        }
    }
    // A width is a matter of Rust.
    if let Some(Value::String(format)) = members.get("format")
        && (format.starts_with("int") || format.starts_with("uint"))
    {
        members.remove("format");
    }
    if members.get("default") == Some(&Value::Null) {
        members.remove("default");
    }
    if members.contains_key("properties") {
        members
            .entry("additionalProperties")
            .or_insert(json!(false));
    }
    one_enum(members);
}

/// Makes one enum of variants that are described one by one.
fn one_enum(members: &mut Map<String, Value>) {
    let Some(Value::Array(variants)) = members.get("oneOf") else {
        return;
    };
    let named = variants.iter().map(|variant| {
        let names = match (variant.get("const"), variant.get("enum")) {
            (Some(name), _) => vec![name.clone()],
            (None, Some(Value::Array(names))) => names.clone(),
            _ => return None,
        };
        Some((names, variant["description"].as_str().unwrap_or_default()))
    });
    let Some(named) = named.collect::<Option<Vec<_>>>() else {
        return;
    };
    let described = named.iter().filter(|(_, says)| !says.is_empty());
    let lines = described.flat_map(|(names, says)| {
        let names = names.iter().filter_map(Value::as_str);
        names.map(move |name| format!("- `{name}`: {}", says.replace('\n', " ")))
    });
    let lines: Vec<_> = lines.collect();
    let description = members
        .get("description")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let description = format!("{description}\n\n{}", lines.join("\n"));
    let names: Vec<_> = named.into_iter().flat_map(|(names, _)| names).collect();
    members.remove("oneOf");
    members.insert("type".into(), "string".into());
    members.insert("enum".into(), names.into());
    members.insert("description".into(), description.trim().into());
}
