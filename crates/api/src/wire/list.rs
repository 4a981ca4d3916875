use serde::{Deserialize, Serialize};

/// A resource that is listed in pages.
pub trait Item {
    /// The name of a page of it, in the API's document.
    const PLURAL: &'static str;
}

/// A page of a list.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct List<T> {
    /// The items of this page.
    pub data: Vec<T>,
    /// The `cursor` of the next page; null on the last one.
    pub next_cursor: Option<String>,
}

#[cfg(feature = "document")]
impl<T: Item + schemars::JsonSchema> schemars::JsonSchema for List<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::PLURAL.into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let data = generator.subschema_for::<Vec<T>>();
        let mut next_cursor = generator.subschema_for::<Option<domain::schema::Cursor>>();
        let description = "The `cursor` of the next page; null on the last one.";
        next_cursor.insert("description".into(), description.into());
        schemars::json_schema!({
            "type": "object",
            "description": "A page of a list.",
            "properties": { "data": data, "next_cursor": next_cursor },
            "required": ["data", "next_cursor"],
        })
    }
}

/// Reads one JSON object as two structs that share its members. serde's `flatten` reads no numbers
/// where those are kept as they were posted.
pub(super) fn split<'de, A, B, D>(deserializer: D) -> Result<(A, B), D::Error>
where
    A: serde::de::DeserializeOwned,
    B: serde::de::DeserializeOwned,
    D: serde::Deserializer<'de>,
{
    let whole = Box::<serde_json::value::RawValue>::deserialize(deserializer)?;
    let read = || {
        Ok((
            serde_json::from_str(whole.get())?,
            serde_json::from_str(whole.get())?,
        ))
    };
    read().map_err(|error: serde_json::Error| serde::de::Error::custom(error))
}
