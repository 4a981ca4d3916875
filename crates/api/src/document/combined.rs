//! Schemas that no type of their own is read or written as: lists of a type, and merge patches, of
//! which the result is read as the whole input.

use std::borrow::Cow;

use domain::{
    event::{EventInput, MAX_BATCH},
    schema::CloudEvent,
    trigger::{ActionInput, TriggerInput},
};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};

use crate::wire::{AcceptedEvent, EventType};

/// Makes the schema of one type from that of another.
macro_rules! derived {
    ($($(#[$doc:meta])* $name:ident of $input:ty: $change:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub(crate) struct $name;

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                let mut schema = <$input>::json_schema(generator);
                let change: fn(&mut Schema) = $change;
                change(&mut schema);
                schema
            }
        }
    )*};
}

derived! {
    /// Several events in one request.
    NewEvents of Vec<EventInput>: |schema| {
        schema.insert("minItems".into(), 1.into());
        limit(schema);
    };
    /// Several CloudEvents in one request.
    CloudEvents of Vec<CloudEvent>: limit;
    /// Several events that were accepted.
    AcceptedEvents of Vec<AcceptedEvent>: limit;
    /// The catalogue.
    EventTypes of Vec<EventType>: |schema| {
        describe(schema, "The catalogue, in the order in which people are shown it.");
    };
    /// A trigger's settings without its actions.
    TriggerSettings of TriggerInput: |schema| {
        describe(schema, "The settings of a trigger. Its actions have paths of their own.");
        without_actions(schema);
    };
    /// A change of a trigger.
    TriggerPatch of TriggerInput: |schema| {
        describe(schema, "A merge patch of a trigger's settings.");
        without_actions(schema);
        schema.remove("required");
    };
    /// A change of an action.
    ActionPatch of ActionInput: |schema| {
        describe(schema, "A merge patch of an action's settings. Null takes a header away.");
        schema.remove("required");
        if let Some(value) = schema.pointer_mut("/properties/headers/additionalProperties/type") {
            *value = json!(["string", "null"]);
        }
    };
}

fn limit(schema: &mut Schema) {
    schema.insert("maxItems".into(), MAX_BATCH.into());
}

fn describe(schema: &mut Schema, description: &str) {
    schema.insert("description".into(), description.into());
}

fn without_actions(schema: &mut Schema) {
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.remove("actions");
    }
}
