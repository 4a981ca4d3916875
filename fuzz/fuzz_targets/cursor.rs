//! Cursors, ids and account ids, as they stand in paths and queries.

#![no_main]

use domain::{
    account::AccountId,
    id::{DeliveryId, EventId, TriggerId},
    page::{self, Page},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let is_id = |id: &str| DeliveryId::parse(id).is_ok();
    if let Ok(page) = Page::parse(None, Some(text), is_id) {
        // One thing has one name.
        let after = page.after.expect("a cursor was given");
        assert_eq!(page::cursor(&after), text);
    }
    if let Ok(page) = Page::parse(Some(text), None, is_id) {
        assert!((1..=page::MAX_LIMIT).contains(&page.limit));
    }
    if let Ok(id) = EventId::parse(text) {
        assert_eq!(id.to_string(), text);
    }
    if let Ok(id) = TriggerId::parse(text) {
        assert_eq!(id.to_string(), text);
    }
    if let Ok(account) = AccountId::parse(text) {
        assert!(account.as_str() == text && !text.contains(['/', '.', ':', ' ']));
    }
});
