//! Log lines: `info request method=GET route=/v1/event-types/{key} status=200 ms=3`.
//!
//! They name what things are and what became of them, never what is in them. A path is logged as its template, because anybody can
//! write anything into one.

use std::fmt::{Display, Write as _};

/// A line in the making: its level, what it is about, and fields with names.
#[derive(Debug)]
pub struct Line(String);

impl Line {
    /// A line about something that went as it should, or was refused as it should.
    pub fn info(about: &str) -> Self {
        Self(format!("info {about}"))
    }

    /// The same line with one more field.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Display) -> Self {
        let value = value.to_string();
        let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'=';
        let written = if !value.is_empty() && value.bytes().all(plain) {
            write!(self.0, " {name}={value}")
        } else {
            write!(self.0, " {name}={value:?}")
        };
        written.expect("a text takes whatever is written");
        self
    }

    /// The same line with a field that may be missing.
    #[must_use]
    pub fn with_any(self, name: &str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The line, with its end.
    pub fn finish(mut self) -> String {
        self.0.push('\n');
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_it_is_about_and_each_field() {
        let line = Line::info("attempt")
            .with("status", 200)
            .with_any("cause", None::<&str>)
            .with_any("trace", Some("4bf9"));
        assert_eq!(line.finish(), "info attempt status=200 trace=4bf9\n");
    }

    #[test]
    fn no_value_can_look_like_another_field_or_line() {
        for value in ["a b=c", "a\nerror", "a\"b", "", "ü", "a=b", "\u{1b}[31m"] {
            let line = Line::info("x").with("value", value).finish();
            assert_eq!(line.lines().count(), 1, "{line}");
            assert!(line.starts_with("info x value=\""), "{line}");
            assert!(
                line.ends_with("\"\n") && line.is_ascii() || value == "ü",
                "{line}"
            );
        }
    }
}
