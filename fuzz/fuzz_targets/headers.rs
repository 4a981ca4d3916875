//! Custom headers, `name: value` in a line each, and content types.

#![no_main]

use domain::headers::{CustomHeaders, MAX_BYTES, MAX_COUNT, parse_content_type};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let pairs = text.split('\n').filter_map(|line| line.split_once(':'));
    let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    if let Ok(headers) = CustomHeaders::parse(pairs) {
        assert!(headers.iter().len() <= MAX_COUNT);
        let mut bytes = 0;
        for (name, value) in headers.iter() {
            bytes += name.len() + value.len();
            assert!(!name.starts_with("webhook-") && name != "host" && name != "content-length");
            assert!(
                value
                    .bytes()
                    .all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte))
            );
        }
        assert!(bytes <= MAX_BYTES);
    }
    if let Ok(media_type) = parse_content_type(text) {
        // The normal form has itself for a normal form.
        assert_eq!(parse_content_type(&media_type).as_ref(), Ok(&media_type));
        assert!(!media_type.contains(['\r', '\n']));
    }
});
