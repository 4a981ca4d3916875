//! Short quotations of values that may be long.

use std::io;

use serde::Serialize;

/// The most bytes of a value that an error or a mismatch quotes.
pub(super) const MAX_QUOTED_BYTES: usize = 120;

/// A value as JSON, capped; the rest of a long one is never written.
pub(super) fn quote(value: &(impl Serialize + ?Sized)) -> String {
    let mut writer = Capped::new(MAX_QUOTED_BYTES + 1);
    // The only error there is: the writer was full.
    let _ = serde_json::to_writer(&mut writer, value);
    cap(
        String::from_utf8_lossy(&writer.bytes).into_owned(),
        MAX_QUOTED_BYTES,
    )
}

/// Text from a filter, capped, on one line.
pub(super) fn quote_text(text: &str) -> String {
    let start: String = text
        .chars()
        .take(MAX_QUOTED_BYTES)
        .map(|c| if c.is_control() { '\u{FFFD}' } else { c })
        .collect();
    let whole = start.chars().count() == text.chars().count();
    if whole { start } else { start + "…" }
}

pub(super) fn cap(mut text: String, bytes: usize) -> String {
    if text.len() > bytes {
        text.truncate(text.floor_char_boundary(bytes));
        text.push('…');
    }
    text
}

/// Takes bytes up to its capacity and then fails.
struct Capped {
    bytes: Vec<u8>,
    capacity: usize,
}

impl Capped {
    fn new(capacity: usize) -> Self {
        Capped {
            bytes: Vec::new(),
            capacity,
        }
    }
}

impl io::Write for Capped {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let room = self.capacity - self.bytes.len();
        let taken = buffer.len().min(room);
        self.bytes.extend_from_slice(&buffer[..taken]);
        if taken == 0 && !buffer.is_empty() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
