//! Events in all the forms in which they are posted.

#![no_main]

use domain::{
    catalogue::Catalogue,
    event::Posted,
    hops::{self, Hops},
    pause::{never, without_waiting},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let catalogue = Catalogue::default();
    // Headers, a line each, and after an empty line the data.
    let end = body.windows(2).position(|two| two == b"\n\n");
    let (head, data) = end.map_or((body, &b"{}"[..]), |end| (&body[..end], &body[end + 2..]));
    let headers: Vec<_> = head
        .split(|byte| *byte == b'\n')
        .filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            Some((
                std::str::from_utf8(&line[..colon]).ok()?,
                &line[colon + 1..],
            ))
        })
        .collect();
    for posted in [
        Posted::plain(body),
        Posted::structured(body),
        Posted::batched(body),
        Posted::binary(headers.iter().copied(), data),
    ] {
        let Ok(posted) = posted else { continue };
        assert!(posted.event_types().count() <= 500);
        if let Ok(events) = without_waiting(posted.check(&catalogue, &never)) {
            assert_eq!(events.list.len(), events.repeats.len());
            for event in &events.list {
                assert!(event.data.get().starts_with('{'), "data is an object");
            }
        }
    }
    if let Ok(text) = std::str::from_utf8(body)
        && let Ok(hops) = Hops::of_event(Some(text))
    {
        assert!(hops.count() <= hops::MAX);
    }
});
