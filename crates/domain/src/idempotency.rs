//! Idempotency keys on requests that create something: which requests are the same.

use sha2::{Digest as _, Sha256};

use crate::{event, input};

/// What tells a body from others under the same key. Bodies of the same JSON value are the same,
/// whatever the order of their members, their spacing, and the way their numbers are written.
pub fn fingerprint(body: &[u8]) -> String {
    let mut hash = Sha256::new();
    match serde_json::from_slice(input::without_mark(body)) {
        Ok(value) => event::hash_value(&value, &mut hash),
        Err(_) => hash.update(body),
    }
    let digest = hash.finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(left: &str, right: &str) -> bool {
        fingerprint(left.as_bytes()) == fingerprint(right.as_bytes())
    }

    #[test]
    fn the_same_value_has_the_same_fingerprint() {
        assert!(same(
            r#"{"a":1,"b":[true,{}]}"#,
            " { \"b\" : [ true , { } ], \"a\" : 1.0 }\n"
        ));
        assert!(same("\u{feff}{}", "{}"));
        assert!(same("\"\\u00e9\"", "\"é\""));
        assert!(same("", ""));
    }

    #[test]
    fn another_value_has_another_fingerprint() {
        let different = [
            "",
            "{}",
            "[]",
            "null",
            "{\"a\":1}",
            "{\"a\":\"1\"}",
            "{\"a\":[1]}",
            "{\"a\":{\"b\":1}}",
            "[1,[2]]",
            "[[1],2]",
            "[1,2]",
            "[2,1]",
            "100000000000000000001",
            "100000000000000000002",
            "{\"a\":null}",
            "\"a\"",
            "{",
            "[1",
        ];
        for (place, left) in different.iter().enumerate() {
            for right in different.iter().skip(place + 1) {
                assert!(!same(left, right), "{left:?} {right:?}");
            }
        }
    }
}
