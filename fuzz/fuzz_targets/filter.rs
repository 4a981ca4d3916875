//! Filters, and the data that they look at: a line of the one, the rest of the other.

#![no_main]

use domain::filter::{Filter, Subject};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|text: &str| {
    let (filter, data) = text.split_once('\n').unwrap_or((text, "{}"));
    let Ok(filter) = serde_json::from_str::<Filter>(filter) else {
        return;
    };
    let data: Value = serde_json::from_str(data).unwrap_or_default();
    let subject = Subject {
        account: "acme",
        event_type: "message.sent",
        data: &data,
    };
    // What fails says why, and what matches does not.
    assert_eq!(filter.matches(&subject), filter.explain(&subject).is_ok());
    // What is stored is read again.
    let stored = serde_json::to_string(&filter).expect("a filter is JSON");
    let again: Filter = serde_json::from_str(&stored).expect("what was stored is a filter");
    assert_eq!(again.matches(&subject), filter.matches(&subject));
});
