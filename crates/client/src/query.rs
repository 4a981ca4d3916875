//! Parameters of a query.

use serde::Serialize;
use serde_json::Value;

/// The members of a query that are set, as names and values.
pub(crate) fn pairs(query: &impl Serialize) -> Vec<(String, String)> {
    let Ok(Value::Object(members)) = serde_json::to_value(query) else {
        return Vec::new();
    };
    let text = |value| match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    };
    members
        .into_iter()
        .filter_map(|(name, value)| Some((name, text(value)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_set_is_not_asked() {
        let query =
            serde_json::json!({"type": "message.sent", "enabled": true, "limit": 5, "q": null});
        let mut found = pairs(&query);
        found.sort();
        let found: Vec<_> = found
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        assert_eq!(
            found,
            [
                ("enabled", "true"),
                ("limit", "5"),
                ("type", "message.sent")
            ]
        );
    }
}
