//! Body templates, on the sample of a type.

#![no_main]

use domain::{catalogue::built_in, template::BodyTemplate, webhook};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|source: &str| {
    if let Ok(template) = BodyTemplate::parse(source) {
        let sample = webhook::sample(built_in("participant.confirmed").expect("a type"));
        // It renders, or says what it can't, within its fuel.
        let rendered = template.render(&sample);
        assert_eq!(rendered, template.render(&sample));
    }
});
